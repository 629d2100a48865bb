package session

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// explainDeadlock adds to a deadlock's error who waited for whom, and logs what
// each of them was doing: a client may not see others' statements.
func (s *Session) explainDeadlock(e *pgerr.Error) {
	var dead *kv.DeadlockError
	if e.Code != pgerr.TRDeadlockDetected || !errors.As(e, &dead) || len(dead.Cycle) == 0 {
		return
	}
	var waits, queries []string
	for i, w := range dead.Cycle {
		next := dead.Cycle[(i+1)%len(dead.Cycle)]
		waits = append(waits, fmt.Sprintf("Process %d waits for %s; blocked by process %d.", w.Owner, s.describeWait(w, next.Owner), next.Owner))
		if t := s.srv.find(int32(w.Owner)); t != nil {
			t.activity.mu.Lock()
			queries = append(queries, fmt.Sprintf("Process %d: %s", w.Owner, t.activity.query))
			t.activity.mu.Unlock()
		}
	}
	detail := strings.Join(waits, "\n")
	s.srv.log.Warn("deadlock detected", "waits", detail, "statements", strings.Join(queries, "\n"))
	e.Detail, e.Hint = detail, "See server log for query details."
}

// describeWait names a mode and what it was wanted of, as PostgreSQL does. A
// row, or a name that somebody else is making, is waited for until the
// transaction that has it ends.
func (s *Session) describeWait(w kv.LockInfo, blocker uint64) string {
	switch {
	case w.Row == nil && w.Tag.Space == kv.RelationLock:
		return fmt.Sprintf("%s on relation %d of database %d", w.Mode, w.Tag.B, w.Tag.A)
	case w.Row == nil && w.Tag.Space == kv.AdvisoryLock:
		two := w.Tag.A & 1
		return fmt.Sprintf("%s on advisory lock [%d,%d,%d,%d]", w.Mode, w.Tag.A>>1, w.Tag.B>>32, uint32(w.Tag.B), two+1)
	}
	if t := s.srv.find(int32(blocker)); t != nil {
		if xid := t.activity.xid.Load(); xid != 0 {
			return fmt.Sprintf("%s on transaction %d", kv.ShareLock, xid)
		}
		return fmt.Sprintf("%s on virtual transaction %s", kv.ShareLock, transactionName(t.pid, t.activity.serial.Load()))
	}
	return fmt.Sprintf("%s on a prepared transaction", kv.ShareLock)
}
