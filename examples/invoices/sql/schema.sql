-- The ledger: one row per booked invoice. Amounts are whole cents, so that sums are exact.
create table if not exists invoices (
    seller      text    not null,
    number      text    not null,
    date        text    not null check (date glob '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    currency    text    not null check (length(currency) = 3),
    net_cents   integer,
    tax_cents   integer,
    total_cents integer not null,
    iban        text,
    account     text    not null,
    document    text    not null,
    primary key (seller, number)
);

-- What was booked before this demo starts. One of them comes in again.
insert or ignore into invoices (seller, number, date, currency, net_cents, tax_cents, total_cents, iban, account, document) values
    ('Rietveen Verpakkingen B.V.',      'F2026-0714', '2026-07-06', 'EUR',  84000, 17640, 101640, 'NL94RVPX0932416078',          '4600 packaging', 'archive/rietveen-F2026-0714.pdf'),
    ('Waterstede Energie N.V.',         '7719-1203',  '2026-07-29', 'EUR',  98116, 20604, 118720, 'NL48WSEX0772019463',          '4200 energy',    'archive/waterstede-7719-1203.txt'),
    ('Lindhorster Glanz GmbH',          'R-2026-5217','2026-07-31', 'EUR', 144000, 27360, 171360, 'DE41999620000055201830',      '4300 premises',  'archive/lindhorst-R-2026-5217.pdf'),
    ('Rietveen Verpakkingen B.V.',      'F2026-0827', '2026-08-10', 'EUR',  62500, 13125,  75625, 'NL94RVPX0932416078',          '4600 packaging', 'archive/rietveen-F2026-0827.pdf'),
    ('Transports Verlaine-Ardoise SAS', 'TV-26-0781', '2026-08-24', 'EUR',  41250,  8250,  49500, 'FR7699725000320078155290448', '4700 freight',   'archive/verlaine-TV-26-0781.pdf'),
    ('Waterstede Energie N.V.',         '7719-1588',  '2026-08-28', 'EUR', 101120, 21235, 122355, 'NL48WSEX0772019463',          '4200 energy',    'archive/waterstede-7719-1588.txt'),
    ('Lindhorster Glanz GmbH',          'R-2026-5369','2026-08-31', 'EUR', 165000, 31350, 196350, 'DE41999620000055201830',      '4300 premises',  'archive/lindhorst-R-2026-5369.pdf');
