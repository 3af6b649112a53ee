// Package sqldb runs SQL statements that stand in files of the workspace: sql.query reads, sql.exec changes.
//
//	tools:
//	  sql:
//	    databases:
//	      ledger: {url: "sqlite:ledger.db", statements: sql/ledger.sql, init: sql/schema.sql}
//	      shop:   {url: {secret: shop_url}, statements: sql/shop.sql}      # postgres://…
//
// A statement file names its statements; values come in as :parameters, never as text:
//
//	-- name: insert_invoice
//	insert into invoices (number, total) values (:number, :total);
//
// A step calls {db: ledger, statement: insert_invoice, args: {number: "R-1", total: 12.5}}. A parameter without an
// argument is an error that names it; arguments that the statement doesn't use are ignored, so a whole object may be passed.
//
// # Once, although tried twice
//
// sql.exec writes the attempt's key into the table tutti_done in the transaction that does the work. The same key again
// finds it there and gives the stored result back without executing anything. So the effect is idempotent in truth, also
// when the answer of a commit was lost, and Reconcile can say what happened. Rows of that table older than 90 days are
// removed when the database is opened.
//
// # Values
//
// What comes back: integers and booleans as they are; floats and NUMERIC as JSON numbers (a NUMERIC of more than 15
// digits is an error: cast it to text); DATE as 2026-09-30; timestamps as RFC 3339 in UTC, those without a zone without
// the Z on Postgres; json as JSON; bytes as base64; everything else as text. SQLite types values, not columns: only columns
// declared DATE, DATETIME or TIMESTAMP are read as times. What goes in: strings, numbers, booleans and null; lists and
// objects go in as their JSON text.
package sqldb
