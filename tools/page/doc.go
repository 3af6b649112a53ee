// Package page renders templates of the workspace into text and HTML, for mails and reports.
//
// A template is Markdown (.md, with tables) or HTML (.html), with Go's template actions over the data of the call:
//
//	Invoice **{{.invoice.number}}** from {{.invoice.seller}}: {{money .invoice.total "EUR"}}, due {{date .invoice.due}}.
//
//	{{table .rows "date" "seller:Supplier" "total:Total:money"}}
//
// Only the template writes markup. A value is text wherever it stands, whatever is in it: a supplier called
// "[click](https://evil.example)" or "<script>" is printed as just that. A link to a value leads to http, https, mailto or a
// place in the page, or nowhere. The author of a template may say that one value is Markdown, {{markdown .summary}}; HTML
// in it is left out all the same.
//
// A field that is not in the data is an error that names it, so that no mail says "<no value>"; null prints nothing.
//
// Functions:
//
//	money 1234.5 "EUR"               1,234.50 EUR
//	number 1234.5                    1,234.5
//	date "2026-09-30"                30 September 2026; a second argument is a layout of Go's time package
//	table .rows "a" "b:Title:money"  a table with these fields of each row; formats are money, number and date
//	markdown .text                   Markdown from the data
//
// Package report adds charts.
package page
