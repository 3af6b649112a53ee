// Package report writes pages that people look at: report.render.
//
// A step calls
//
//	{template: report/month.md, path: reports/2026-09.html, title: September, data: {…}}
//
// A Markdown template (see package page) becomes one HTML file that needs nothing else: its style is inside, it prints well,
// it loads nothing. An HTML template is written as it is. With a path that ends in .md, Markdown stays text.
//
// Beside the functions of package page there are charts, drawn as SVG into the page; in text they are tables:
//
//	{{bar .months "month" "total" "EUR"}}
//	{{line .days "date" "count"}}
//
// The first name is the field of the label, the second that of the number; a unit may follow. Bars with long labels lie on
// their side.
//
// The file is replaced in one step: a reader sees the old page or the new one. The same data gives the same bytes, so the
// effect is idempotent.
package report
