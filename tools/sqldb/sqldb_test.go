package sqldb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/sqldb"
	"github.com/tuttirun/tutti/tools/tooltest"
)

const ledgerInit = `create table if not exists invoices (
	id integer primary key, seller text not null, number text not null, total numeric, date date, at timestamp, paid boolean,
	scan blob, note text, unique (seller, number))`

const ledgerSQL = `-- The ledger.

-- name: insert_invoice
-- :this is a comment; so is ?
insert into invoices (seller, number, total, date, at, paid, scan, note)
values (:seller, :number, :total, :date, :at, :paid, x'00ff', ':text; ''?''');

-- name: insert_plain
insert into invoices (seller, number) values (:seller, :number) returning id, number

-- name: delete_invoice
delete from invoices where seller = :seller and number = :number;

-- name: list_invoices
select number, total, date, at, paid, scan, note from invoices where seller = :seller order by id;

-- name: count_all
select count(*) as n from invoices;

-- name: sneaky
with x as (select 1) insert into invoices (seller, number) select 'a', 'b';

-- name: twice
select 1 as a, 2 as a;

-- name: endless
with recursive c(n) as (select 1 union all select n + 1 from c) select n from c where n > 5000 limit :most;

-- name: wrong
select * from nowhere;

-- name: infinite
select 9e999 as x;
`

func workspace(t *testing.T) (string, sqldb.Settings) {
	t.Helper()
	dir := t.TempDir()
	tooltest.Write(t, dir, "sql/ledger.sql", ledgerSQL)
	tooltest.Write(t, dir, "sql/schema.sql", ledgerInit)
	return dir, sqldb.Settings{Databases: map[string]sqldb.Database{
		"ledger": {URL: "sqlite:ledger.db", Statements: "sql/ledger.sql", Init: "sql/schema.sql"},
	}}
}

func open(t *testing.T, dir string, s sqldb.Settings) (query, exec coordinator.Worker) {
	t.Helper()
	workers := tooltest.Open(t, sqldb.New, dir, s)
	return workers["sql.query"], workers["sql.exec"]
}

func do(ctx context.Context, w coordinator.Worker, key, input string) (string, string, error) {
	r, err := tooltest.Do(ctx, w, key, input)
	return string(r.Output), r.Note, err
}

func must(t *testing.T, w coordinator.Worker, key, input string) string {
	t.Helper()
	out, _, err := do(t.Context(), w, key, input)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const insertOne = `{"db": "ledger", "statement": "insert_invoice", "args": {
	"seller": "Örtl & Söhne'); drop table invoices; --", "number": "R-1", "total": 1044.45, "date": "2026-09-30",
	"at": "2026-09-30 12:30:00", "paid": true, "unused": [1]}}`

func TestValuesComeBackAsTheyWentIn(t *testing.T) {
	dir, s := workspace(t)
	query, exec := open(t, dir, s)
	if got, want := must(t, exec, "k1", insertOne), `{"last_insert_id":1,"rows_affected":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	got := must(t, query, "", `{"statement": "list_invoices", "args": {"seller": "Örtl & Söhne'); drop table invoices; --"}}`)
	want := `{"count":1,"rows":[{"at":"2026-09-30T12:30:00Z","date":"2026-09-30","note":":text; '?'","number":"R-1","paid":1,"scan":"AP8=","total":1044.45}]}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := must(t, query, "", `{"statement": "list_invoices", "args": {"seller": "nobody"}}`); got != `{"count":0,"rows":[]}` {
		t.Error(got)
	}
	if got := must(t, exec, "k2", `{"db": "ledger", "statement": "insert_plain", "args": {"seller": "a", "number": 9007199254740993}}`); got != `{"rows":[{"id":2,"number":"9007199254740993"}],"rows_affected":1}` {
		t.Error(got)
	}
	if got := must(t, exec, "k3", `{"db": "ledger", "statement": "delete_invoice", "args": {"seller": "a", "number": "none"}}`); got != `{"rows_affected":0}` {
		t.Error(got)
	}
}

func TestTheSameKeyExecutesOnce(t *testing.T) {
	dir, s := workspace(t)
	query, exec := open(t, dir, s)
	input := `{"db": "ledger", "statement": "insert_plain", "args": {"seller": "a", "number": "1"}}`
	first := must(t, exec, "key", input)
	again, note, err := do(t.Context(), exec, "key", input)
	if err != nil || again != first || !strings.Contains(note, "done before") {
		t.Errorf("%s then %s, %q, %v", first, again, note, err)
	}
	_, other := open(t, dir, s) // another process
	if got := must(t, other, "key", input); got != first {
		t.Errorf("another process got %s", got)
	}
	if _, _, err := do(t.Context(), exec, "key", strings.Replace(input, `"1"`, `"2"`, 1)); err == nil || !strings.Contains(err.Error(), "was used for another change") {
		t.Errorf("the key was taken for another change: %v", err)
	}
	if _, _, err := do(t.Context(), exec, "", input); err == nil || !strings.Contains(err.Error(), "no key") {
		t.Errorf("without a key: %v", err)
	}
	if got := must(t, query, "", `{"statement": "count_all"}`); got != `{"count":1,"rows":[{"n":1}]}` {
		t.Error(got)
	}
}

func TestLastInsertIDIsOfTheStatementsOwnTable(t *testing.T) {
	dir, s := workspace(t)
	tooltest.Write(t, dir, "sql/schema.sql", ledgerInit+`; create table if not exists sellers (name text primary key) without rowid`)
	tooltest.Write(t, dir, "sql/ledger.sql", `-- name: upsert
insert into invoices (seller, number, total) values ('s', :number, :total)
on conflict (seller, number) do update set total = excluded.total
-- name: add_seller
insert into sellers (name) values (:name)`)
	_, exec := open(t, dir, s)
	for i, c := range []struct{ input, want string }{
		{`{"statement": "upsert", "args": {"number": "R-1", "total": 1}}`, `{"last_insert_id":1,"rows_affected":1}`},
		{`{"statement": "upsert", "args": {"number": "R-1", "total": 2}}`, `{"rows_affected":1}`},
		{`{"statement": "add_seller", "args": {"name": "Ada"}}`, `{"rows_affected":1}`},
		{`{"statement": "upsert", "args": {"number": "R-2", "total": 3}}`, `{"last_insert_id":2,"rows_affected":1}`},
	} {
		if got := must(t, exec, fmt.Sprint("key-", i), c.input); got != c.want {
			t.Errorf("%s: %s, want %s", c.input, got, c.want)
		}
	}
}

func TestManyAttemptsUnderOneKeyExecuteOnce(t *testing.T) {
	dir, s := workspace(t)
	query, exec := open(t, dir, s)
	_, other := open(t, dir, s)
	var wg sync.WaitGroup
	for i := range 16 {
		w := []coordinator.Worker{exec, other}[i%2]
		wg.Go(func() {
			input := fmt.Sprintf(`{"statement": "insert_plain", "args": {"seller": "a", "number": "%d"}}`, i/4)
			if _, _, err := do(t.Context(), w, fmt.Sprint("key", i/4), input); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := must(t, query, "", `{"statement": "count_all"}`); got != `{"count":1,"rows":[{"n":4}]}` {
		t.Error(got)
	}
}

func TestReconcileKnowsWhatHappened(t *testing.T) {
	dir, s := workspace(t)
	_, exec := open(t, dir, s)
	input := `{"statement": "insert_plain", "args": {"seller": "a", "number": "1"}}`
	r := exec.(coordinator.Reconciler)
	a := coordinator.Attempt{Key: "key", Input: json.RawMessage(input)}
	for range 2 { // asking must not leave a trace
		if _, happened, err := r.Reconcile(t.Context(), a); err != nil || happened {
			t.Fatalf("before: %v %v", happened, err)
		}
	}
	want := must(t, exec, "key", input)
	got, happened, err := r.Reconcile(t.Context(), a)
	if err != nil || !happened || string(got.Output) != want {
		t.Errorf("after: %s %v %v", got.Output, happened, err)
	}
}

func TestFailuresSayWhatToDoAndThatNothingHappened(t *testing.T) {
	dir, s := workspace(t)
	query, exec := open(t, dir, s)
	must(t, exec, "first", `{"statement": "insert_plain", "args": {"seller": "a", "number": "1"}}`)
	for _, c := range []struct {
		w           coordinator.Worker
		input, want string
	}{
		{exec, `{"statement": "insert_plain", "args": {"seller": "a"}}`, "args.number is missing: statement insert_plain needs it (sql/ledger.sql:8)"},
		{exec, `{"statement": "insert_plain", "args": {"seller": "a", "number": "1"}}`, "UNIQUE constraint failed"},
		{exec, `{"statement": "insert_plain", "args": {"seller": null, "number": "1"}}`, "NOT NULL constraint failed"},
		{query, `{"statement": "insert_plain", "args": {"seller": "a", "number": "1"}}`, "use sql.exec"},
		{query, `{"statement": "sneaky"}`, "use sql.exec"},
		{query, `{"statement": "nothing"}`, `sql/ledger.sql has no statement "nothing"; it has count_all, delete_invoice`},
		{query, `{"db": "x", "statement": "count_all"}`, `there is no database "x"; there is ledger`},
		{query, `{"statement": "twice"}`, `two of its columns are called "a"`},
		{query, `{"statement": "endless", "args": {"most": 1001}}`, "more than 1000 rows"},
		{query, `{"statement": "wrong"}`, "ledger: statement wrong (sql/ledger.sql:29): SQL logic error: no such table: nowhere"},
		{query, `{"statement": "infinite"}`, "column x: +Inf is not a number"},
		{query, `{"statement": ""}`, "statement must not be empty"},
		{query, `{"statement": "count_all", "sql": "drop table"}`, "sql is not a known field"},
	} {
		_, _, err := do(t.Context(), c.w, c.input, c.input)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.input, err, c.want)
			continue
		}
		if f := coordinator.FailureOf(err); !f.Permanent || !f.NotDone {
			t.Errorf("%s: %+v, want permanent", c.input, f)
		}
	}
	if got := must(t, query, "", `{"statement": "endless", "args": {"most": 1000}}`); !strings.HasPrefix(got, `{"count":1000,`) {
		t.Errorf("%.40s", got)
	}
}

// What the words of a statement hide, the database itself refuses.
func TestQueryCannotWrite(t *testing.T) {
	dir, s := workspace(t)
	tooltest.Write(t, dir, "sql/ledger.sql", "-- name: hidden\n/* */ vacuum\n-- name: pragma\npragma user_version = 7")
	query, _ := open(t, dir, s)
	for _, name := range []string{"hidden", "pragma"} {
		if _, _, err := do(t.Context(), query, "", `{"statement": "`+name+`"}`); err == nil {
			t.Errorf("%s went through", name)
		}
	}
}

func TestEndedContextIsNotDone(t *testing.T) {
	dir, s := workspace(t)
	tooltest.Write(t, dir, "sql/ledger.sql", "-- name: forever\nwith recursive c(n) as (select 1 union all select n + 1 from c) insert into invoices (seller, number) select 'x', n from c;\n-- name: n\nselect count(*) as n from invoices")
	query, exec := open(t, dir, s)
	must(t, query, "", `{"statement": "n"}`) // open
	ctx, cancel := context.WithCancel(t.Context())
	started := make(chan struct{})
	go func() { <-started; cancel() }()
	close(started)
	_, _, err := do(ctx, exec, "k", `{"statement": "forever"}`)
	if f := coordinator.FailureOf(err); f == nil || !f.NotDone || f.Permanent {
		t.Errorf("%+v", f)
	}
	if got := must(t, query, "", `{"statement": "n"}`); got != `{"count":1,"rows":[{"n":0}]}` {
		t.Error(got)
	}
}

func TestSettingsThatCannotWorkAreRefusedAtStart(t *testing.T) {
	dir, _ := workspace(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	tooltest.Write(t, dir, "none.sql", "-- nothing\n")
	tooltest.Write(t, dir, "bare.sql", "-- a comment\nselect 1;\n")
	tooltest.Write(t, dir, "two.sql", "-- name: a\nselect 1; select 2;\n")
	tooltest.Write(t, dir, "same.sql", "-- name: a\nselect 1;\n-- name: a\nselect 2;\n")
	tooltest.Write(t, dir, "bad name.sql", "-- name: a b\nselect 1;\n")
	tooltest.Write(t, dir, "empty.sql", "-- name: a\n-- name: b\nselect 1;\n")
	tooltest.Write(t, dir, "mark.sql", "-- name: a\nselect ?;\n")
	tooltest.Write(t, dir, "dollar.sql", "-- name: a\nselect $1;\n")
	tooltest.Write(t, dir, "quote.sql", "-- name: a\nselect 'x;\n")
	tooltest.Write(t, dir, "large.sql", "-- name: a\nselect 1 -- "+strings.Repeat("x", 1<<20))
	t.Setenv("TUTTI_TEST_EMPTY", "")
	for _, c := range []struct {
		db   sqldb.Database
		want string
	}{
		{sqldb.Database{URL: "sqlite:l.db"}, "statements is missing"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "no.sql"}, "no.sql: no such file"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "../x.sql"}, `must not hold ".."`},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "none.sql"}, "none.sql: no statements"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "bare.sql"}, "bare.sql:2: SQL without a name"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "two.sql"}, "two.sql:1: statement a: it holds more than one statement"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "same.sql"}, "same.sql:3: statement a is there already, in line 1"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "bad name.sql"}, `bad name.sql:1: "a b" is no name`},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "empty.sql"}, "empty.sql:1: statement a: it is empty"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "mark.sql"}, "parameters are written as :name, not as ?"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "dollar.sql"}, "parameters are written as :name, not as $1"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "quote.sql"}, "text in quotes does not end"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "large.sql"}, "more than 1048576 bytes"},
		{sqldb.Database{Statements: "sql/ledger.sql"}, "url is missing"},
		{sqldb.Database{URL: "mysql://x", Statements: "sql/ledger.sql"}, "mysql databases are not supported"},
		{sqldb.Database{URL: "sqlite:/tmp/l.db", Statements: "sql/ledger.sql"}, "must be relative to the workspace"},
		{sqldb.Database{URL: "sqlite::memory:", Statements: "sql/ledger.sql"}, "name a file"},
		{sqldb.Database{URL: "sqlite:link/l.db", Statements: "sql/ledger.sql"}, "escapes"},
		{sqldb.Database{URL: "sqlite:l.db", Statements: "sql/ledger.sql", Init: "no.sql"}, "no.sql: no such file"},
	} {
		_, err := sqldb.New(dir, sqldb.Settings{Databases: map[string]sqldb.Database{"x": c.db}})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v\n got %v\nwant %s", c.db, err, c.want)
		}
	}
	if _, err := sqldb.New(dir, sqldb.Settings{}); err == nil || !strings.Contains(err.Error(), "no database is configured") {
		t.Error(err)
	}
}

func TestCardsNameTheStatementsAndTheirParameters(t *testing.T) {
	dir, s := workspace(t)
	query, exec := open(t, dir, s)
	if d := query.Card().Description; !strings.HasSuffix(d, "\ndb ledger: count_all() endless(most) infinite() list_invoices(seller) twice() wrong()") {
		t.Error(d)
	}
	if d := exec.Card().Description; !strings.HasSuffix(d, "\ndb ledger: delete_invoice(seller, number) insert_invoice(seller, number, total, date, at, paid) insert_plain(seller, number) sneaky()") {
		t.Error(d)
	}
	if query.Card().Effect != coordinator.EffectRead || exec.Card().Effect != coordinator.EffectIdempotent {
		t.Error("effects")
	}
}
