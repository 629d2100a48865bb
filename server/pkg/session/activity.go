package session

import (
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/builtin/catfn"
)

// queryTextMax bounds the text that is shown of a statement, as
// track_activity_query_size does.
const queryTextMax = 1023

// activity is what pg_stat_activity shows of a session: written by the session,
// read by others.
type activity struct {
	serial   atomic.Uint32 // of the transaction within the session
	xid      atomic.Uint32 // 0: the transaction has none
	waitAt   atomic.Int64  // when the last wait for a lock began
	xmin     atomic.Uint32 // the newest xid when the oldest snapshot that is held was taken; 0: holds none
	mu       sync.Mutex
	active   bool
	status   byte // transaction status while idle
	query    string
	appName  string
	settings uint64 // version of the settings appName was read at
	queryAt  int64
	changeAt int64
	xactAt   int64 // 0: no transaction
}

// running notes that a statement of that text begins.
func (s *Session) running(text string) {
	text = shownText(text)
	a := &s.activity
	a.mu.Lock()
	if v := s.settings.Version(); v != a.settings || a.query == "" {
		a.settings, a.appName = v, s.ApplicationName()
	}
	a.active, a.query, a.queryAt, a.changeAt, a.xactAt = true, text, s.stmtTime, s.stmtTime, s.stmtTime
	if s.tx.begun {
		a.xactAt = s.tx.started
	}
	a.mu.Unlock()
}

// shownText cuts text to queryTextMax bytes and not within a character.
func shownText(text string) string {
	if len(text) <= queryTextMax {
		return text
	}
	n := queryTextMax
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return strings.Clone(text[:n])
}

// pins notes that the session holds a snapshot from now on.
func (s *Session) pins() {
	if a := &s.activity; a.xmin.Load() == 0 {
		a.xmin.Store(s.srv.xids.newest.Load())
	}
}

// stillPins tells whether a snapshot outlives the message that took it: that of
// the transaction, or a cursor's.
func (s *Session) stillPins() bool {
	if s.tx.snapshot != nil || s.unnamedPortal != nil && s.unnamedPortal.snapshot != nil {
		return true
	}
	for _, p := range s.portals {
		if p.snapshot != nil {
			return true
		}
	}
	return false
}

// Idle notes that the client has its answer and is waited for.
func (s *Session) Idle(status byte) {
	a := &s.activity
	a.xid.Store(s.tx.xid)
	if !s.stillPins() {
		a.xmin.Store(0)
	}
	a.mu.Lock()
	a.active, a.status, a.changeAt = false, status, sqlTime(time.Now())
	if status != 'T' { // a failed transaction is over but for its end
		a.xactAt = 0
	}
	a.mu.Unlock()
}

// Backends lists the sessions for pg_stat_activity.
func (s *Session) Backends() []catfn.Backend {
	s.srv.mu.Lock()
	all := make([]*Session, 0, len(s.srv.sessions))
	for _, t := range s.srv.sessions {
		all = append(all, t)
	}
	s.srv.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].pid < all[j].pid })
	waits := map[int32]string{}
	if awaited, err := s.srv.store.Awaited(); err == nil { // without it nobody is seen waiting
		locks, _ := s.showLocks(awaited)
		for _, l := range locks {
			if !l.Granted {
				waits[l.PID] = l.Type
			}
		}
	}
	out := make([]catfn.Backend, 0, len(all))
	for _, t := range all {
		b := catfn.Backend{
			PID: t.pid, Database: t.database.oid, Role: t.role.oid, ClientPort: int32(t.clientPort), ClientHost: t.clientHost,
			Started: sqlTime(t.startedAt), Visible: s.role.superuser || s.role.oid == t.role.oid,
		}
		a := &t.activity
		a.mu.Lock()
		b.Application, b.Query, b.QueryAt, b.ChangeAt, b.XactAt = a.appName, a.query, a.queryAt, a.changeAt, a.xactAt
		switch {
		case a.active:
			b.State = "active"
		case a.status == 'T':
			b.State = "idle in transaction"
		case a.status == 'E':
			b.State = "idle in transaction (aborted)"
		default:
			b.State = "idle"
		}
		b.XID, b.Xmin, b.Transaction = a.xid.Load(), a.xmin.Load(), transactionName(t.pid, a.serial.Load())
		active := a.active
		a.mu.Unlock()
		if !active {
			b.WaitType, b.WaitEvent = "Client", "ClientRead"
		} else if kind := waits[t.pid]; kind != "" {
			b.WaitType, b.WaitEvent = "Lock", kind
		}
		out = append(out, b)
	}
	return out
}

// transactionName is a virtual transaction id: the session and the number of
// its transaction.
func transactionName(pid int32, serial uint32) string {
	return strconv.Itoa(int(pid)) + "/" + strconv.FormatUint(uint64(serial), 10)
}

// BackendRole tells who the session with that process id belongs to.
func (s *Session) BackendRole(pid int32) (role uint32, ok bool) {
	t := s.srv.find(pid)
	if t == nil {
		return 0, false
	}
	return t.role.oid, true
}
