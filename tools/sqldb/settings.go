package sqldb

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/tuttirun/tutti/coordinator"
)

// Settings of the SQL tools, as they stand in a workspace file under tools: sql.
type Settings struct {
	Databases map[string]Database `json:"databases" validate:"required,min=1,dive"`
	Rows      int                 `json:"rows,omitempty" validate:"gte=0"` // that one statement may return; 0: 1000
}

// DefaultRows is how many rows one statement may return.
const DefaultRows = 1000

// maxOutput bounds the rows of one statement, in bytes of JSON.
const maxOutput = 8 << 20

// Database is one database and the statements that may be run on it.
type Database struct {
	URL         string `json:"url" validate:"required"` // sqlite:path/in/workspace.db or postgres://user:password@host/name
	Statements  string `json:"statements" validate:"required"`
	Init        string `json:"init,omitempty"`                         // SQL run whenever the database is opened: "create table if not exists …"
	Connections int    `json:"connections,omitempty" validate:"gte=0"` // open at a time; 0: 4
}

const defaultConnections = 4

// New returns sql.query and sql.exec for the databases of a workspace. It reads the statement files now and connects when a
// database is first used. Close either worker to close all connections.
func New(dir string, s Settings) ([]coordinator.Worker, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("sql: workspace: %w", err)
	}
	defer root.Close()
	if s.Rows == 0 {
		s.Rows = DefaultRows
	}
	set := &databases{byName: map[string]*database{}, rows: s.Rows}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(s.Databases)) {
		db, err := newDatabase(root, name, s.Databases[name])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("sql: database %s: %w", name, err))
			continue
		}
		set.byName[name] = db
	}
	if len(s.Databases) == 0 {
		wrong = append(wrong, errors.New("sql: no database is configured; name one under databases"))
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	closing := sync.OnceValue(set.close)
	return []coordinator.Worker{set.queryTool(closing), set.execTool(closing)}, nil
}

// databases are what a call may choose from.
type databases struct {
	byName map[string]*database
	rows   int
}

func (s *databases) close() error {
	var wrong []error
	for _, db := range s.byName {
		wrong = append(wrong, db.close())
	}
	return errors.Join(wrong...)
}

// find returns the database and statement that a call names. One database alone need not be named.
func (s *databases) find(c call) (*database, *statement, error) {
	if c.DB == "" && len(s.byName) == 1 {
		for name := range s.byName {
			c.DB = name
		}
	}
	db, ok := s.byName[c.DB]
	if !ok {
		return nil, nil, fmt.Errorf("db: there is no database %q; there is %s", c.DB, list(slices.Sorted(maps.Keys(s.byName))))
	}
	st, ok := db.statements[c.Statement]
	if !ok {
		return nil, nil, fmt.Errorf("statement: %s has no statement %q; it has %s", db.file, c.Statement, list(slices.Sorted(maps.Keys(db.statements))))
	}
	return db, st, nil
}

func list(names []string) string { return strings.Join(names, ", ") }

// describe lists the statements for people and planners.
func (s *databases) describe(which func(*statement) bool) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		fmt.Fprintf(&b, "\ndb %s:", name)
		db := s.byName[name]
		for _, st := range slices.Sorted(maps.Keys(db.statements)) {
			if which(db.statements[st]) {
				fmt.Fprintf(&b, " %s(%s)", st, list(db.statements[st].params))
			}
		}
	}
	return b.String()
}

// call is the input of both tools.
type call struct {
	DB        string         `json:"db,omitempty" jsonschema_description:"the database; may be left out when there is only one"`
	Statement string         `json:"statement" validate:"required" jsonschema_description:"the name of a statement in the workspace's SQL files"`
	Args      map[string]arg `json:"args,omitempty" jsonschema_description:"a value for each parameter of the statement; others are ignored"`
}
