// Package rules decides by a table that people keep in a spreadsheet: rules.decide.
//
// A decision table is a CSV file of the workspace, with commas or semicolons. Its first line names the columns, every
// other line is a rule. The facts of the call are variables; a cell is an expression in CEL.
//
//	rule,when,when total,when country,then action,then reason
//	sums,money(net + tax) != money(total),,,ask,the sums do not add up
//	small,,<= 1000,"in ['DE', 'FR']",book,small and from a known country
//	,,,,ask,anything else
//
// called as {table: rules/invoices.csv, facts: {net: 100, tax: 19, total: 119, country: DE}} gives
// {action: book, reason: "small and from a known country", rule: small}.
//
//   - "when X" tests the value of the expression X. A cell is a comparison (> 1000, != 'EUR', in ['DE', 'FR']), a method
//     (.startsWith('NL')), any expression over value (value > 10 && value < limit), a JSON literal (1000, true, null), or
//     plain text, which must be equal. Nothing, or -, fits everything.
//   - "when" alone holds whole expressions that are true or false.
//   - "then X" is the field X of the answer: a JSON literal or plain text; nothing is null.
//   - "rule" names the rules; without it, a rule goes by its line number.
//   - A column whose name begins with # is for people, and so is a line that begins with #.
//
// The first rule whose tests all hold decides; with hit: all, every such rule is listed, in the order of the table.
// No rule at all is an error, so that nothing falls through a gap: a last line without tests is the default.
//
// Numbers behave as in plans: 10 + 0.5 is 10.5, 7 / 2 is 3.5, and money(x) reads an amount as whole cents, rounded half
// away from zero. A test that cannot be made (null > 10, a fact that is missing) is an error, not a no: ask for null in
// a rule above (null, or has(invoice.iban) in a plain when column).
package rules
