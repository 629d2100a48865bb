package expr

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Env is the world outside the statement, implemented by session. All times are
// microseconds since 2000-01-01 00:00 UTC (timestamptz's own form).
type Env interface {
	TransactionTimestamp() int64 // now(): start of the transaction
	StatementTimestamp() int64   // arrival of the statement
	ClockTimestamp() int64       // this moment

	// Setting returns a setting's value as SHOW prints it. SetSetting is set_config.
	Setting(name string) (string, error)
	SettingOK(name string) (value string, known bool)
	SetSetting(name, value string, local bool) error

	Role() RoleRef        // current_user
	SessionRole() RoleRef // session_user
	Database() DatabaseRef
	BackendPID() int32
	ApplicationName() string
	ClientAddr() (host string, port int32, ok bool) // ok is false on a Unix socket

	// XID is the transaction's 32-bit id, assigned now if assign is set; 0 if none yet.
	XID(assign bool) (uint32, error)

	NextVal(c *Ctx, seq uint32) (int64, error)
	CurrVal(c *Ctx, seq uint32) (int64, error)
	SetVal(c *Ctx, seq uint32, value int64, called bool) error
	LastVal(c *Ctx) (int64, error)

	// AdvisoryLock takes a lock; with try set it does not wait and reports whether it
	// got it. AdvisoryUnlock reports whether a session-level lock was held.
	AdvisoryLock(c *Ctx, key AdvisoryKey, shared, session, try bool) (bool, error)
	AdvisoryUnlock(c *Ctx, key AdvisoryKey, shared bool) (bool, error)
	AdvisoryUnlockAll(c *Ctx) error

	// Notice sends a NOTICE, WARNING … to the client at once.
	Notice(e *pgerr.Error)
	// Notify queues a NOTIFY for commit.
	Notify(channel, payload string) error
	// Cancel and Terminate another backend; false if there is none with that pid.
	CancelBackend(pid int32) bool
	TerminateBackend(pid int32) bool

	// Catalog is the catalog as the running statement sees it.
	Catalog() catalog.View
}

// RoleRef names a role.
type RoleRef struct {
	OID  uint32
	Name string
}

// DatabaseRef names a database.
type DatabaseRef struct {
	OID  uint32
	Name string
}

// AdvisoryKey is one 64-bit key, or two 32-bit ones (Two set, high and low halves).
type AdvisoryKey struct {
	Key int64
	Two bool
}

// Caller runs functions that are not registered natively (SQL and procedural
// languages), implemented by exec and session.
type Caller interface {
	CallFunction(c *Ctx, oid uint32, args []data.Datum) (data.Datum, error)
}

// Subplan is a plan an expression runs, implemented by exec. Parameters of a
// correlated subplan have been stored in Ctx.Exec before the call.
type Subplan interface {
	// Exists reports whether there is a row.
	Exists(c *Ctx) (bool, error)
	// Scalar returns the only row's first column, null for no row, 21000 for more.
	Scalar(c *Ctx) (data.Datum, error)
	// Rows calls f for each row until it returns false. row is borrowed for the call.
	Rows(c *Ctx, f func(row []data.Datum) (bool, error)) error
	// Contains is `values IN (subplan)` by equality, with SQL's nulls, through a hash
	// table; ok is false when this subplan must be compared row by row instead.
	Contains(c *Ctx, values []data.Datum) (result data.Datum, ok bool, err error)
}
