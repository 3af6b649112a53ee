package sqldb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"github.com/tuttirun/tutti/coordinator"
)

func permanent(format string, args ...any) error {
	return coordinator.Permanent(fmt.Errorf(format, args...))
}

// failure is an error before the commit: the transaction is rolled back, so nothing happened. What the statement or its
// values are to blame for would fail again; a lock, a lost connection or a deadline may not.
func (db *database) failure(ctx context.Context, st *statement, err error) error {
	if cause := ctx.Err(); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	named := fmt.Errorf("%s: statement %s (%s): %w", db.name, st.name, st.where, describe(err))
	if blamesStatement(err) {
		return coordinator.Permanent(named)
	}
	return coordinator.NotDone(named)
}

// commitFailure is unknown, unless the server itself refused the commit.
func (db *database) commitFailure(st *statement, err error) error {
	named := fmt.Errorf("%s: statement %s (%s): commit: %w", db.name, st.name, st.where, describe(err))
	refused := (*pgconn.PgError)(nil)
	switch {
	case blamesStatement(err):
		return coordinator.Permanent(named)
	case errors.As(err, &refused):
		return coordinator.NotDone(named)
	}
	return named
}

func blamesStatement(err error) bool {
	if e := (*driver.Error)(nil); errors.As(err, &e) {
		switch e.Code() & 0xff {
		case codes.SQLITE_ERROR, codes.SQLITE_CONSTRAINT, codes.SQLITE_MISMATCH, codes.SQLITE_READONLY, codes.SQLITE_TOOBIG, codes.SQLITE_NOTADB:
			return true
		}
	}
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) && len(e.Code) == 5 {
		switch e.Code[:2] {
		case "22", "23", "42", "0A", "25", "44": // data, constraint, syntax or rights, unsupported, read-only, check option
			return true
		}
	}
	return false
}

// describe hides what a driver says about a connection: it names the user and the host.
func describe(err error) error {
	if e := (*pgconn.ConnectError)(nil); errors.As(err, &e) {
		return errors.New("no connection to the server: " + strings.TrimSpace(lastCause(e).Error()))
	}
	return err
}

func lastCause(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
