-- The statements of the ledger. Steps name them; they never write SQL of their own.

-- name: insert_invoice
insert into invoices (seller, number, date, currency, net_cents, tax_cents, total_cents, iban, account, document)
values (:seller, :number, :date, :currency, cast(round(:net * 100) as integer), cast(round(:tax * 100) as integer),
        cast(round(:total * 100) as integer), :iban, :account, :document);

-- name: delete_invoice
delete from invoices where seller = :seller and number = :number;

-- name: count_invoice
-- The same number from the same seller, or to the same account: sellers write their names in more than one way.
select count(*) as n from invoices where number = :number and (seller = :seller or iban = :iban);

-- name: list_invoices
select date, seller, number, currency, total_cents / 100.0 as total, account, document
from invoices where substr(date, 1, 7) = :month order by date, seller, number;

-- name: totals_by_currency
select currency, count(*) as invoices, sum(total_cents) / 100.0 as total
from invoices where substr(date, 1, 7) = :month group by currency order by currency;

-- name: totals_by_seller
select seller, sum(total_cents) / 100.0 as total
from invoices where substr(date, 1, 7) = :month and currency = :currency group by seller order by total desc, seller;

-- name: totals_by_account
select account, currency, count(*) as invoices, sum(total_cents) / 100.0 as total
from invoices where substr(date, 1, 7) = :month group by account, currency order by account, currency;

-- name: totals_by_month
select substr(date, 1, 7) as month, sum(total_cents) / 100.0 as total
from invoices where currency = :currency group by month order by month;
