package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"github.com/tuttirun/tutti/tools/schema"
)

// database is one configured database. It connects when it is first used, and again after a failure.
type database struct {
	name       string
	file       string // of the statements
	statements map[string]*statement
	init       string
	initFile   string
	dialect    dialect
	path       string // SQLite
	url        string // Postgres
	most       int

	mu     sync.Mutex
	reader *sql.DB
	writer *sql.DB // the same as reader on Postgres
	ready  bool    // the table tutti_done is there
	closed bool
}

type dialect int

const (
	sqlite dialect = iota
	postgres
)

func newDatabase(root *os.Root, name string, d Database) (*database, error) {
	db := &database{name: name, file: d.Statements, initFile: d.Init, most: d.Connections}
	if db.most == 0 {
		db.most = defaultConnections
	}
	if d.Statements == "" {
		return nil, errors.New("statements is missing: the file with its SQL")
	}
	text, err := readFile(root, d.Statements)
	if err != nil {
		return nil, err
	}
	if db.statements, err = parseStatements(d.Statements, text); err != nil {
		return nil, err
	}
	if d.Init != "" {
		if db.init, err = readFile(root, d.Init); err != nil {
			return nil, err
		}
	}
	return db, db.locate(root, d)
}

// locate reads the URL. What it says in errors never holds the URL of a server: there may be a password in it.
func (db *database) locate(root *os.Root, d Database) error {
	scheme, rest, _ := strings.Cut(d.URL, ":")
	switch scheme {
	case "sqlite":
		return db.locateFile(root, rest)
	case "postgres", "postgresql":
		if _, err := url.Parse(d.URL); err != nil {
			return errors.New("url: not a URL such as postgres://user@host/name")
		}
		db.dialect, db.url = postgres, d.URL
		return nil
	case "":
		return errors.New("url is missing: sqlite:path/in/workspace.db or postgres://user@host/name")
	}
	return fmt.Errorf("url: %s databases are not supported; there are sqlite and postgres", scheme)
}

// locateFile makes sure that SQLite, which opens files by itself, opens one inside the workspace: the root refuses symbolic
// links that lead out.
func (db *database) locateFile(root *os.Root, path string) error {
	if strings.HasPrefix(path, ":memory:") {
		return errors.New("url: sqlite::memory: would be another database for every connection; name a file")
	}
	if err := schema.CheckPath(path); err != nil {
		return fmt.Errorf("url: sqlite:%s: %w", path, err)
	}
	f, err := root.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("url: sqlite: %w", err)
	}
	defer f.Close()
	db.path, err = filepath.Abs(filepath.Join(root.Name(), filepath.FromSlash(path)))
	return err
}

const (
	busyTimeout = 5 * time.Second // how long SQLite waits for another writer
	idleTime    = 5 * time.Minute
	doneFor     = 90 * 24 * time.Hour // how long results of sql.exec are remembered
)

// open connects once, runs the init file, and keeps the connections.
func (db *database) open(ctx context.Context) (reader, writer *sql.DB, err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil, nil, errors.New("it is closed")
	}
	if db.reader != nil {
		return db.reader, db.writer, nil
	}
	if reader, writer, err = db.connect(); err != nil {
		return nil, nil, err
	}
	if err := db.prepare(ctx, writer); err != nil {
		return nil, nil, errors.Join(err, closeBoth(reader, writer))
	}
	db.reader, db.writer = reader, writer
	return reader, writer, nil
}

func (db *database) connect() (reader, writer *sql.DB, err error) {
	if db.dialect == postgres {
		reader, err = openPool("pgx", db.url, db.most)
		return reader, reader, err
	}
	pragmas := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()), "journal_mode(WAL)", "foreign_keys(1)", "synchronous(FULL)",
	}}
	file := url.URL{Scheme: "file", Path: db.path}
	file.RawQuery = pragmas.Encode()
	if writer, err = openPool("sqlite", file.String(), 1); err != nil {
		return nil, nil, err
	}
	pragmas["_pragma"] = append(pragmas["_pragma"], "query_only(1)")
	file.RawQuery = pragmas.Encode()
	if reader, err = openPool("sqlite", file.String(), db.most); err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	return reader, writer, nil
}

func openPool(driver, source string, most int) (*sql.DB, error) {
	pool, err := sql.Open(driver, source)
	if err != nil {
		return nil, errors.New("its URL cannot be read")
	}
	pool.SetMaxOpenConns(most)
	pool.SetMaxIdleConns(most)
	pool.SetConnMaxIdleTime(idleTime)
	return pool, nil
}

// prepare runs the init file in one transaction.
func (db *database) prepare(ctx context.Context, writer *sql.DB) error {
	tx, err := writer.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := db.lock(ctx, tx); err != nil {
		return err
	}
	if strings.TrimSpace(db.init) != "" {
		if _, err := tx.ExecContext(ctx, db.init); err != nil {
			return fmt.Errorf("init %s: %w", db.initFile, err)
		}
	}
	return tx.Commit()
}

// lock keeps other processes from creating tables at the same time: on Postgres that is an error, "if not exists" or not.
func (db *database) lock(ctx context.Context, tx *sql.Tx) error {
	if db.dialect != postgres {
		return nil // the transaction is the only writer already
	}
	_, err := tx.ExecContext(ctx, "select pg_advisory_xact_lock(7488357)")
	return err
}

// parameter writes the n-th parameter, from 1, of a statement of our own.
func (db *database) parameter(n int) string {
	if db.dialect == postgres {
		return fmt.Sprintf("$%d", n)
	}
	return fmt.Sprintf("?%d", n)
}

func (db *database) close() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	db.closed = true
	if db.reader == nil {
		return nil
	}
	return closeBoth(db.reader, db.writer)
}

func closeBoth(reader, writer *sql.DB) error {
	if reader == writer {
		return reader.Close()
	}
	return errors.Join(reader.Close(), writer.Close())
}

// bind returns a statement's text and arguments in the database's own style.
func (db *database) bind(st *statement, args map[string]arg) (string, []any, error) {
	values := make([]any, len(st.params))
	for i, p := range st.params {
		raw, ok := args[p]
		if !ok {
			return "", nil, fmt.Errorf("args.%s is missing: statement %s needs it (%s)", p, st.name, st.where)
		}
		var err error
		if db.dialect == postgres {
			values[i], err = postgresValue(raw)
		} else if values[i], err = sqliteValue(raw); err == nil {
			values[i] = sql.Named(p, values[i])
		}
		if err != nil {
			return "", nil, fmt.Errorf("args.%s: %w", p, err)
		}
	}
	if db.dialect == sqlite {
		return st.sql, values, nil
	}
	return render(st.tokens, func(p string) string {
		for i, name := range st.params {
			if name == p {
				return fmt.Sprintf("$%d", i+1)
			}
		}
		return ":" + p
	}), values, nil
}
