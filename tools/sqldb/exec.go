package sqldb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools"
)

// ExecOutput is what sql.exec returns.
type ExecOutput struct {
	RowsAffected int64            `json:"rows_affected"`
	LastInsertID *int64           `json:"last_insert_id,omitempty" jsonschema_description:"of an insert on SQLite; on Postgres use returning"`
	Rows         []map[string]any `json:"rows,omitempty" jsonschema_description:"what a statement with returning returns"`
}

func (s *databases) execTool(closing func() error) coordinator.Worker {
	text := "Changes a database by a statement that the workspace defines, in one transaction, once per attempt key. " +
		`Example: {"db": "ledger", "statement": "insert_invoice", "args": {"number": "R-1", "total": 12.5}} gives {"rows_affected": 1, "last_insert_id": 7}.` +
		s.describe(func(st *statement) bool { return st.writes })
	return tools.New("sql.exec", text, s.exec, tools.Options{
		Effect: coordinator.EffectIdempotent, Authority: []string{"db", "statement"}, Close: closing, Reconcile: s.reconcile,
	})
}

func (s *databases) exec(ctx context.Context, c call) (ExecOutput, error) {
	db, st, err := s.find(c)
	if err != nil {
		return ExecOutput{}, coordinator.Permanent(err)
	}
	text, values, err := db.bind(st, c.Args)
	if err != nil {
		return ExecOutput{}, coordinator.Permanent(err)
	}
	key := coordinator.KeyFrom(ctx)
	if key == "" {
		return ExecOutput{}, permanent("the attempt has no key, so nobody could tell a repetition")
	}
	tx, err := db.begin(ctx)
	if err != nil {
		return ExecOutput{}, db.failure(ctx, st, err)
	}
	defer tx.Rollback()
	digest := digestOf(c)
	if earlier, err := db.claim(ctx, tx, key, digest); err != nil || earlier != nil {
		if err != nil {
			return ExecOutput{}, db.failure(ctx, st, err)
		}
		tools.Note(ctx, "it was done before under the same key; nothing was executed again")
		return *earlier, nil
	}
	out, err := s.run(ctx, db, tx, st, text, values)
	if err == nil {
		err = db.remember(ctx, tx, key, out)
	}
	if err != nil {
		return ExecOutput{}, db.failure(ctx, st, err)
	}
	if err := tx.Commit(); err != nil {
		return ExecOutput{}, db.commitFailure(st, err)
	}
	return out, nil
}

func (s *databases) run(ctx context.Context, db *database, tx *sql.Tx, st *statement, text string, values []any) (ExecOutput, error) {
	if st.returning() {
		rows, err := db.fetch(ctx, tx, text, values, s.rows)
		return ExecOutput{RowsAffected: int64(len(rows)), Rows: rows}, err
	}
	result, err := tx.ExecContext(ctx, text, values...)
	if err != nil {
		return ExecOutput{}, err
	}
	var out ExecOutput
	if out.RowsAffected, err = result.RowsAffected(); err != nil {
		return ExecOutput{}, err
	}
	// SQLite keeps the id of the connection's last insert. That is claim's where the statement gave none: an upsert that
	// updated, a table without row ids.
	if id, err := result.LastInsertId(); err == nil && st.inserts() && out.RowsAffected > 0 && id > claimIDs {
		out.LastInsertID = &id
	}
	return out, nil
}

// reconcile claims the key and lets it go again. A transaction in flight holds it, so the answer waits for its end.
func (s *databases) reconcile(ctx context.Context, a coordinator.Attempt) (any, bool, error) {
	var c call
	if err := json.Unmarshal(a.Input, &c); err != nil {
		return nil, false, err
	}
	db, st, err := s.find(c)
	if err != nil {
		return nil, false, err
	}
	tx, err := db.begin(ctx)
	if err != nil {
		return nil, false, db.failure(ctx, st, err)
	}
	defer tx.Rollback()
	earlier, err := db.claim(ctx, tx, a.Key, digestOf(c))
	if err != nil || earlier == nil {
		return nil, false, err
	}
	return *earlier, true, nil
}

// digestOf tells a repetition from another change under a reused key.
func digestOf(c call) string {
	raw, err := json.Marshal(c)
	if err == nil {
		raw, err = coordinator.Canonical(raw)
	}
	if err != nil { // it was JSON before
		raw = []byte(fmt.Sprint(c))
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// begin opens a writing transaction in a database that has the table of what was done.
func (db *database) begin(ctx context.Context) (*sql.Tx, error) {
	_, writer, err := db.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := db.createDone(ctx, writer); err != nil {
		return nil, err
	}
	return writer.BeginTx(ctx, nil)
}

func (db *database) createDone(ctx context.Context, writer *sql.DB) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.ready {
		return nil
	}
	tx, err := writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := db.lock(ctx, tx); err != nil {
		return err
	}
	const table = `create table if not exists tutti_done (
		key text primary key, digest text not null, result text not null, at text not null)`
	if _, err := tx.ExecContext(ctx, table); err != nil {
		return fmt.Errorf("table tutti_done: %w", err)
	}
	old := `delete from tutti_done where at < ` + db.parameter(1)
	if _, err := tx.ExecContext(ctx, old, stamp(time.Now().Add(-doneFor))); err != nil {
		return fmt.Errorf("table tutti_done: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	db.ready = true
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// claimIDs is above every row id of tutti_done on SQLite and below those that other tables have, so that last_insert_rowid
// tells whose it is.
const claimIDs = math.MinInt64 / 2

// claim takes the key for this transaction. Whoever comes second waits for the first one's end, and then either gets its
// result, or the key, if it was rolled back.
func (db *database) claim(ctx context.Context, tx *sql.Tx, key, digest string) (*ExecOutput, error) {
	insert := fmt.Sprintf(`insert into tutti_done (key, digest, result, at) values (%s, %s, '', %s) on conflict (key) do nothing`,
		db.parameter(1), db.parameter(2), db.parameter(3))
	values := []any{key, digest, stamp(time.Now())}
	if db.dialect == sqlite {
		insert = `insert into tutti_done (key, digest, result, at, rowid) values (?1, ?2, '', ?3, ?4) on conflict (key) do nothing`
		values = append(values, claimIDs-rand.Int64N(-claimIDs)) //nolint:gosec // names a row, guards nothing
	}
	result, err := tx.ExecContext(ctx, insert, values...)
	if err != nil {
		return nil, err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return nil, err
	}
	var stored, was string
	row := tx.QueryRowContext(ctx, `select result, digest from tutti_done where key = `+db.parameter(1), key)
	if err := row.Scan(&stored, &was); err != nil {
		return nil, err
	}
	if was != digest {
		return nil, permanent("the key %s was used for another change", key)
	}
	var out ExecOutput
	d := json.NewDecoder(bytes.NewReader([]byte(stored)))
	d.UseNumber() // ids in rows keep their digits
	if err := d.Decode(&out); err != nil {
		return nil, errors.Join(errors.New("tutti_done holds a result that cannot be read"), err)
	}
	return &out, nil
}

func (db *database) remember(ctx context.Context, tx *sql.Tx, key string, out ExecOutput) error {
	raw, err := json.Marshal(out)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, fmt.Sprintf(`update tutti_done set result = %s where key = %s`, db.parameter(1), db.parameter(2)), string(raw), key)
	return err
}
