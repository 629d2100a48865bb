package session

import (
	"sort"
	"strings"
	"sync"
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

// Idle notes that the client has its answer and is waited for.
func (s *Session) Idle(status byte) {
	a := &s.activity
	a.mu.Lock()
	a.active, a.status, a.changeAt = false, status, sqlTime(time.Now())
	if status == 'I' {
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
		active := a.active
		a.mu.Unlock()
		switch {
		case !active:
			b.WaitType, b.WaitEvent = "Client", "ClientRead"
		case len(s.srv.store.BlockedBy(uint64(t.pid))) > 0:
			b.WaitType, b.WaitEvent = "Lock", "transactionid"
		}
		out = append(out, b)
	}
	return out
}

// BlockingPIDs lists the sessions the one with that process id waits for.
func (s *Session) BlockingPIDs(pid int32) []int32 {
	var out []int32
	for _, owner := range s.srv.store.BlockedBy(uint64(uint32(pid))) {
		out = append(out, int32(owner))
	}
	return out
}
