package sqldb

import (
	"context"
	"database/sql"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

// QueryOutput is what sql.query returns.
type QueryOutput struct {
	Rows  []map[string]any `json:"rows" jsonschema_description:"one object per row, by column name"`
	Count int              `json:"count" jsonschema_description:"how many rows"`
}

func (s *databases) queryTool(closing func() error) coordinator.Worker {
	text := "Reads rows from a database by a statement that the workspace defines. " +
		`Example: {"db": "ledger", "statement": "list_invoices", "args": {"month": "2026-09"}} gives {"rows": [{"number": "R-1", "total": 12.5}], "count": 1}.` +
		s.describe(func(st *statement) bool { return !st.writes })
	return tools.New("sql.query", text, s.query, tools.Options{
		Effect: coordinator.EffectRead, Authority: []string{"db", "statement"}, Close: closing,
	})
}

func (s *databases) query(ctx context.Context, c call) (QueryOutput, error) {
	db, st, err := s.find(c)
	if err != nil {
		return QueryOutput{}, coordinator.Permanent(err)
	}
	if st.writes {
		return QueryOutput{}, permanent("statement %s (%s) changes the database: use sql.exec", st.name, st.where)
	}
	text, values, err := db.bind(st, c.Args)
	if err != nil {
		return QueryOutput{}, coordinator.Permanent(err)
	}
	reader, _, err := db.open(ctx)
	if err != nil {
		return QueryOutput{}, db.failure(ctx, st, err)
	}
	// Read-only by the database's word, whatever the statement's words look like.
	tx, err := reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return QueryOutput{}, db.failure(ctx, st, err)
	}
	defer tx.Rollback()
	rows, err := db.fetch(ctx, tx, text, values, s.rows)
	if err != nil {
		return QueryOutput{}, db.failure(ctx, st, err)
	}
	return QueryOutput{rows, len(rows)}, nil
}

func (db *database) fetch(ctx context.Context, tx *sql.Tx, text string, values []any, most int) ([]map[string]any, error) {
	rows, err := tx.QueryContext(ctx, text, values...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return readRows(rows, db.dialect, most)
}
