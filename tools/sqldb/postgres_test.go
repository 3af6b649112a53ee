//go:build postgres

// These tests start a private Postgres server. They run with -tags postgres, where initdb and postgres are on the PATH.
package sqldb_test

import (
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tuttirun/tutti/coordinator"
	"github.com/tuttirun/tutti/tools/sqldb"
	"github.com/tuttirun/tutti/tools/tooltest"
)

// server starts Postgres on a unix socket of its own. It refuses to run as root, so then it runs as nobody.
func server(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	var who *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		const nobody = 65534
		who = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command("initdb", "-D", data, "-U", "tutti", "--auth=trust", "--no-sync", "-E", "UTF8")
	initdb.SysProcAttr, initdb.Dir = who, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	postgres := exec.Command("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=off")
	postgres.SysProcAttr, postgres.Dir = who, dir
	if err := postgres.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = postgres.Process.Signal(syscall.SIGINT)
		_ = postgres.Wait()
	})
	url := fmt.Sprintf("postgres://tutti@/postgres?host=%s", dir)
	pool, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	for deadline := time.Now().Add(time.Minute); pool.Ping() != nil; {
		if time.Now().After(deadline) {
			t.Fatal("postgres does not answer")
		}
	}
	return url
}

const shopSQL = `
-- name: insert_order
insert into orders (number, total, day, at, local, paid, tags, data, scan)
values (:number, :total, :day, :at, :local, :paid, :tags, :data, '\x00ff')
returning id, total::text as exact;

-- name: list_orders
select number, total, day, at, local, paid, tags, data, scan, weight, code from orders where number = :number or :number::text is null order by id;

-- name: long
select 1234567890.1234567::numeric as x;

-- name: not_a_number
select 'NaN'::numeric as x;

-- name: quoted
select $tag$ :no 'quote $tag$ as x, ':no' as y;

-- name: count_all
select count(*) as n from orders;

-- name: hidden
select lastval_of_insert();
`

const shopInit = `
create table if not exists orders (id bigserial primary key, number text unique not null, total numeric(12,2), day date,
	at timestamptz, local timestamp, paid boolean, tags text[], data jsonb, scan bytea, weight real default 0.5,
	code uuid default '00000000-0000-0000-0000-000000000001');
create or replace function lastval_of_insert() returns int language sql as $$ insert into orders (number) values ('hidden') returning 1 $$;
`

func TestPostgres(t *testing.T) {
	dir := t.TempDir()
	tooltest.Write(t, dir, "shop.sql", shopSQL)
	tooltest.Write(t, dir, "init.sql", shopInit)
	s := sqldb.Settings{Databases: map[string]sqldb.Database{"shop": {URL: server(t), Statements: "shop.sql", Init: "init.sql"}}}
	query, execTool := open(t, dir, s)
	_, other := open(t, dir, s)

	const order = `{"statement": "insert_order", "args": {"number": "O-1", "total": 1044.45, "day": "2026-09-30", "at": "2026-09-30T12:30:00+02:00",
		"local": "2026-09-30T12:30:00", "paid": true, "tags": "{a,b}", "data": {"a": [1, 2.50]}}}`

	t.Run("values come back as they went in", func(t *testing.T) {
		if got := must(t, execTool, "k", order); got != `{"rows":[{"exact":"1044.45","id":1}],"rows_affected":1}` {
			t.Error(got)
		}
		got := must(t, query, "", `{"statement": "list_orders", "args": {"number": "O-1"}}`)
		want := `{"count":1,"rows":[{"at":"2026-09-30T10:30:00Z","code":"00000000-0000-0000-0000-000000000001","data":{"a":[1,2.5]},"day":"2026-09-30",` +
			`"local":"2026-09-30T12:30:00","number":"O-1","paid":true,"scan":"AP8=","tags":"{a,b}","total":1044.45,"weight":0.5}]}`
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := must(t, query, "", `{"statement": "quoted"}`); got != `{"count":1,"rows":[{"x":" :no 'quote ","y":":no"}]}` {
			t.Error(got)
		}
	})
	t.Run("the same key executes once", func(t *testing.T) {
		var wg sync.WaitGroup
		for i := range 12 {
			w := []coordinator.Worker{execTool, other}[i%2]
			wg.Go(func() {
				number := fmt.Sprintf("P-%d", i/4)
				if _, _, err := do(t.Context(), w, number, strings.Replace(order, "O-1", number, 1)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := must(t, query, "", `{"statement": "count_all"}`); got != `{"count":1,"rows":[{"n":4}]}` {
			t.Error(got)
		}
		r := other.(coordinator.Reconciler)
		got, happened, err := r.Reconcile(t.Context(), coordinator.Attempt{Key: "k", Input: []byte(order)})
		if err != nil || !happened || string(got.Output) != `{"rows":[{"exact":"1044.45","id":1}],"rows_affected":1}` {
			t.Errorf("%s %v %v", got.Output, happened, err)
		}
		if _, happened, err := r.Reconcile(t.Context(), coordinator.Attempt{Key: "never", Input: []byte(order)}); err != nil || happened {
			t.Errorf("%v %v", happened, err)
		}
	})
	t.Run("failures are certain and permanent", func(t *testing.T) {
		for _, c := range []struct {
			w           coordinator.Worker
			input, want string
		}{
			{execTool, order, "duplicate key value"},
			{query, `{"statement": "long"}`, "cast it to text"},
			{query, `{"statement": "not_a_number"}`, "NaN is not a number in JSON"},
			{query, `{"statement": "hidden"}`, "read-only transaction"},
			{execTool, strings.Replace(order, `"2026-09-30"`, `"soon"`, 1), "invalid input syntax for type date"},
		} {
			_, _, err := do(t.Context(), c.w, c.input+c.want, c.input)
			if err == nil || !strings.Contains(err.Error(), c.want) || !coordinator.FailureOf(err).Permanent {
				t.Errorf("got %v, want permanent %q", err, c.want)
			}
		}
	})
}

func TestPostgresThatIsAwayIsNotDoneAndKeepsItsPassword(t *testing.T) {
	dir := t.TempDir()
	tooltest.Write(t, dir, "shop.sql", shopSQL)
	s := sqldb.Settings{Databases: map[string]sqldb.Database{"shop": {URL: "postgres://tutti:secret@127.0.0.1:1/x", Statements: "shop.sql"}}}
	query, _ := open(t, dir, s)
	_, _, err := do(t.Context(), query, "", `{"statement": "count_all"}`)
	f := coordinator.FailureOf(err)
	if f == nil || !f.NotDone || f.Permanent || strings.Contains(f.Message, "secret") || !strings.Contains(f.Message, "refused") {
		t.Errorf("%+v", f)
	}
}
