// Package invoices is the workspace of the invoice example, so that tutti demo can bring it along.
package invoices

import "embed"

// Files is the workspace without what documents it was made from.
//
//go:embed README.md tutti.yaml answers.yaml inbox mail pipelines report rules sql
var Files embed.FS
