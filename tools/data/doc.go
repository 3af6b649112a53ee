// Package data reads and writes tables and trees in files of the workspace: csv.read, csv.write, json.read, json.write,
// xlsx.read, xlsx.write. They need no settings; these are the limits:
//
//	tools:
//	  data: {max_bytes: 8388608, max_rows: 20000, max_columns: 1000, max_unzipped: 67108864}
//
// # Reading tables
//
// A step calls csv.read with
//
//	{path: inbox/bookings.csv, types: {amount: number, booked: date}, decimal: comma}
//
// and gets {columns: [booked, amount], rows: [{booked: "2026-09-30", amount: -1234.5}], count: 1}. The separator and the
// character set are found by themselves. Without types every cell is text: a customer number such as 007 or a date that two
// countries read differently is nobody's guess. An error names the line and the column. xlsx.read gives the same from a sheet,
// where cells have types of their own: dates come as ISO 8601, numbers as numbers, the result of a formula in its place.
//
// # Writing
//
// Writing is idempotent by content, as files.write is: a file that is like that already is left alone, one with other content
// is only replaced with overwrite, and readers see the old file or the new one. The same rows give the same bytes, in xlsx
// too: nothing in the file depends on the time.
//
// A text such as =HYPERLINK(…) is a formula to the programs that open CSV files. csv.write puts an apostrophe before texts
// that begin with = + - @ and are no numbers, unless formulas says otherwise. In xlsx a text is a text.
package data
