package session

import (
	"strconv"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/settings"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Session is one client's life.
type Session struct {
	srv        *Server
	out        *Out
	copySource CopySource
	pid        int32
	cancelKey  uint32
	clientHost string
	clientPort int
	startedAt  time.Time

	role     role                // session_user and, until roles can be switched, current_user
	database dbInfo              //
	exported []*exportedSnapshot // by the transaction under way
	settings *settings.Session
	intr     interrupt
	activity activity
	tx       txnState
	stmtTime int64 // statement_timestamp

	prepared             map[string]*statement
	unnamed              *statement
	portals              map[string]*portal
	portalSerial         int
	unnamedPortal, spare *portal
	cache                cached
	hooks                struct {
		changing func()
		onWait   func()
		owned    func(uint32) bool
		behind   func([]byte, kv.RowMode) bool
	}
	advisory advisoryLocks
	hangUp   func()
	textPlan *textCache
	shapes   shapeCache
	sequence map[uint32]*sequenceState
	lastSeq  uint32 // given a value of last; 0: none

	cat          catalogState
	types        *types.Ctx
	typesVersion uint64
	planKey      string
	planKeyAt    uint64
	keys         exec.KeyQueue // what foreign keys have yet to look at
	within       innerState
	owned        []uint32 // storage ids this transaction created
	rowsWritten  uint64   // by all commands so far
	scratch      data.Arena
	closed       bool

	// HadDeadline is the connection's note that a read deadline is set.
	HadDeadline bool
}

// role is a role as the session needs it.
type role struct {
	oid       uint32
	name      string
	superuser bool
}

// dbInfo is the session's database.
type dbInfo struct {
	oid  uint32
	name string
}

// Definitions the session looks at often.
var (
	defDefaultReadOnly   = settings.Lookup("default_transaction_read_only")
	defDefaultDeferrable = settings.Lookup("default_transaction_deferrable")
	defDefaultIsolation  = settings.Lookup("default_transaction_isolation")
	defSynchronousCommit = settings.Lookup("synchronous_commit")
	defStatementTimeout  = settings.Lookup("statement_timeout")
	defLockTimeout       = settings.Lookup("lock_timeout")
	defDeadlockTimeout   = settings.Lookup("deadlock_timeout")
	defIdleInTxn         = settings.Lookup("idle_in_transaction_session_timeout")
	defIdleSession       = settings.Lookup("idle_session_timeout")
	defDateStyle         = settings.Lookup("DateStyle")
	defIntervalStyle     = settings.Lookup("IntervalStyle")
	defTimeZone          = settings.Lookup("TimeZone")
	defExtraFloatDigits  = settings.Lookup("extra_float_digits")
	defByteaOutput       = settings.Lookup("bytea_output")
	defWorkMem           = settings.Lookup("work_mem")
	defMemoryLimit       = settings.Lookup("statement_memory_limit")
	defMessages          = settings.Lookup("client_min_messages")
	defSearchPath        = settings.Lookup("search_path")
)

// Settings returns the session's settings, for reports to the client.
func (s *Session) Settings() *settings.Session { return s.settings }

// CancelKey returns what a client needs to cancel the session's statements.
func (s *Session) CancelKey() (pid int32, key uint32) { return s.pid, s.cancelKey }

// Terminate interrupts the running statement and every later one; it may be
// called from outside.
func (s *Session) Terminate(e *pgerr.Error) { s.intr.terminate(e) }

// Ending returns the error the session is to end with, nil while it goes on.
func (s *Session) Ending() error {
	if e := s.intr.ending(); e != nil {
		return e
	}
	return nil
}

// Close ends the session: its transaction is rolled back. It may be called
// again.
func (s *Session) Close() {
	if s.closed {
		return
	}
	s.closed = true
	defer s.srv.unregister(s)
	s.rollbackTxn()
	_ = s.advisoryUnlockAll()
}

// milliseconds reads a time setting.
func (s *Session) milliseconds(d *settings.Def) time.Duration {
	v := s.settings.Get(d)
	if v == "0" {
		return 0
	}
	n, _ := strconv.ParseFloat(v, 64)
	return time.Duration(n * float64(time.Millisecond))
}

// IdleTimeout is how long the client may keep silent now; 0 is for ever.
func (s *Session) IdleTimeout() time.Duration {
	if s.tx.block == blockNone {
		return s.cachedSettings().idleSession
	}
	return s.cachedSettings().idleInTxn
}

// IdleError is the error of a client that kept silent too long.
func (s *Session) IdleError() error {
	if s.tx.block == blockNone {
		return pgerr.Fatal(pgerr.IdleSessionTimeout, "terminating connection due to idle-session timeout")
	}
	return pgerr.Fatal(pgerr.IdleInTransactionSessionTimeout,
		"terminating connection due to idle-in-transaction timeout")
}

// startStatement begins the work of one message.
func (s *Session) startStatement() {
	s.stmtTime = sqlTime(time.Now())
	s.freshView()
	s.intr.arm(s.cachedSettings().statementTimeout)
}

// typeCtx returns the values the session's settings give to type input and
// output, with arena for results.
func (s *Session) typeCtx(arena *data.Arena) *types.Ctx {
	if s.types == nil {
		s.types = types.NewCtx(nil)
		s.types.TxnTime = func() int64 { return s.TransactionTimestamp() }
		s.types.Lookup = lookup{s}
		s.typesVersion = s.settings.Version() - 1
	}
	if v := s.settings.Version(); v != s.typesVersion {
		s.typesVersion = v
		s.refreshTypes()
	}
	s.types.Arena = arena
	return s.types
}

var intervalStyles = map[string]types.IntervalStyle{
	"postgres": types.IntervalPostgres, "postgres_verbose": types.IntervalPostgresVerbose,
	"sql_standard": types.IntervalSQLStandard, "iso_8601": types.IntervalISO8601,
}

func (s *Session) refreshTypes() {
	c := s.types
	style, _ := settings.ParseDateStyle(settings.DateStyle{Format: "ISO", Order: "MDY"}, s.settings.Get(defDateStyle))
	c.DateStyle = map[string]types.DateStyle{
		"ISO": types.DateISO, "SQL": types.DateSQL, "Postgres": types.DatePostgres, "German": types.DateGerman,
	}[style.Format]
	c.DateOrder = map[string]types.DateOrder{
		"MDY": types.OrderMDY, "DMY": types.OrderDMY, "YMD": types.OrderYMD,
	}[style.Order]
	c.IntervalStyle = intervalStyles[s.settings.Get(defIntervalStyle)]
	_, c.TimeZone, _ = settings.ParseTimeZone(s.settings.Get(defTimeZone))
	c.ExtraFloatDigits, _ = strconv.Atoi(s.settings.Get(defExtraFloatDigits))
	c.ByteaEscape = s.settings.Get(defByteaOutput) == "escape"
}

// noticeLevels orders the severities for client_min_messages.
var noticeLevels = map[string]int{
	"debug5": 0, "debug4": 1, "debug3": 2, "debug2": 3, "debug1": 4, "log": 5,
	"notice": 6, "warning": 7, "error": 8,
	pgerr.SeverityDebug: 4, pgerr.SeverityLog: 5, pgerr.SeverityNotice: 6, pgerr.SeverityWarning: 7,
}

// Notice implements expr.Env: a message that is no error goes to the client.
func (s *Session) Notice(e *pgerr.Error) {
	if e.Severity != pgerr.SeverityInfo && noticeLevels[e.Severity] < noticeLevels[s.settings.Get(defMessages)] {
		return
	}
	s.out.Error(e)
}
