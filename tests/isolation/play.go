package isolation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// An event is what a step came to: its answer, or that it waits. A step that
// waited has a second event when it ends.
type event struct {
	session int // -1: nobody's; read at the end
	sql     string
	answer  string
}

const (
	waits   = "waits"
	skipped = "left out: the session waits"
	idle    = "left out: the session does not wait"
)

func (e event) String() string { return fmt.Sprintf("%2d  %s  ->  %s", e.session, e.sql, e.answer) }

// Which session a deadlock ends must not depend on who is faster. Only session
// 0 looks for one, once, deadlockTimeout after its wait began. Between two steps
// every wait is left alone until it is settled; for session 0 that includes
// patience, in which its look takes place. So it finds a deadlock if and only if
// its own wait completed one, and one that others complete lasts until a cancel.
// A machine so slow that patience is over before the look shows as a
// difference; the test plays such a play again with more patience.
const (
	deadlockTimeout = 20 * time.Millisecond
	patience        = 90 * time.Millisecond
	morePatience    = time.Second
	stuckTimeout    = 30 * time.Second // a step that neither ends nor is blocked for so long is an error
)

// actor is one session of a play.
type actor struct {
	conn   *pgconn.PgConn
	sql    string // what it does; "" when it has answered
	answer chan string
}

// stage is a play on one server.
type stage struct {
	admin    *pgconn.PgConn
	actors   [playSessions]*actor
	patience time.Duration
	events   []event
}

// perform plays p on a server with an empty or old schema public, and returns
// all events and the final tables. An error says that the play cannot go on.
func perform(s *harness.Server, p play, patience time.Duration) (events []event, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	st := &stage{patience: patience}
	defer st.close()
	if st.admin, err = pgconn.Connect(ctx, s.DSN()); err != nil {
		return nil, err
	}
	if a := execute(ctx, st.admin, p.setup); strings.HasPrefix(a, "ERROR") {
		return nil, fmt.Errorf("%s: setup: %s", s.Name, a)
	}
	for k := range st.actors {
		if st.actors[k], err = newActor(ctx, s, k, p.level); err != nil {
			return nil, err
		}
	}
	for _, step := range p.steps {
		if err := st.step(ctx, step.session, step.sql); err != nil {
			return st.events, fmt.Errorf("%s: %w", s.Name, err)
		}
	}
	if err := st.finish(ctx); err != nil {
		return st.events, fmt.Errorf("%s: %w", s.Name, err)
	}
	for _, sql := range finalState {
		st.note(-1, sql, execute(ctx, st.admin, sql))
	}
	return st.events, nil
}

func newActor(ctx context.Context, s *harness.Server, k int, level string) (*actor, error) {
	conn, err := pgconn.Connect(ctx, s.DSN())
	if err != nil {
		return nil, err
	}
	look := deadlockTimeout
	if k != 0 {
		look = time.Hour
	}
	setup := fmt.Sprintf("SET deadlock_timeout = '%dms'; SET default_transaction_isolation = '%s'", look.Milliseconds(), level)
	if a := execute(ctx, conn, setup); strings.HasPrefix(a, "ERROR") {
		return nil, fmt.Errorf("%s: %s: %s", s.Name, setup, a)
	}
	return &actor{conn: conn, answer: make(chan string, 1)}, nil
}

// close ends the sessions; one that still waits is cancelled first.
func (st *stage) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, a := range st.actors {
		if a == nil {
			continue
		}
		if a.sql != "" {
			_ = a.conn.CancelRequest(ctx) // the error that matters is the one that ended the play
			select {
			case <-a.answer:
			case <-ctx.Done():
			}
		}
		_ = a.conn.Close(ctx)
	}
	if st.admin != nil {
		_ = st.admin.Close(ctx)
	}
}

func (st *stage) note(session int, sql, answer string) {
	st.events = append(st.events, event{session, sql, answer})
}

// step lets a session do something, and waits until every session has
// answered or waits for another.
func (st *stage) step(ctx context.Context, k int, sql string) error {
	a := st.actors[k]
	switch {
	case sql == cancelStep && a.sql == "":
		st.note(k, sql, idle)
		return nil
	case sql == cancelStep:
		st.note(k, sql, "sent")
		if err := st.cancel(ctx, k); err != nil {
			return err
		}
		return st.settle(ctx, -1)
	case a.sql != "":
		st.note(k, sql, skipped)
		return nil
	}
	a.sql = sql
	go func() { a.answer <- execute(ctx, a.conn, sql) }()
	return st.settle(ctx, k)
}

// cancel ends what a session waits for; it answers before anything else is
// looked at.
func (st *stage) cancel(ctx context.Context, k int) error {
	a := st.actors[k]
	if err := a.conn.CancelRequest(ctx); err != nil {
		return err
	}
	select {
	case answer := <-a.answer:
		st.note(k, a.sql, answer)
		a.sql = ""
		return nil
	case <-time.After(stuckTimeout):
		return fmt.Errorf("session %d goes on %v after it was cancelled: %s", k, stuckTimeout, st.state(ctx))
	}
}

// finish commits all sessions, in their order. Where all that are left wait
// for each other, the last of them is cancelled.
func (st *stage) finish(ctx context.Context) error {
	var committed [playSessions]bool
	for slices.Contains(committed[:], false) {
		before, last := committed, 0
		for k, a := range st.actors {
			if a.sql != "" {
				last = k
			} else if !committed[k] {
				committed[k] = true
				if err := st.step(ctx, k, "COMMIT"); err != nil {
					return err
				}
			}
		}
		if committed == before {
			if err := st.step(ctx, last, cancelStep); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle waits until every session has answered or is blocked by another, and
// notes what came; k is the session that has just begun a step, or -1.
func (st *stage) settle(ctx context.Context, k int) error {
	started := st.actors
	answers := [playSessions]string{}
	begun, calm, calmSince, last := time.Now(), 0, time.Now(), ""
	for {
		if st.collect(&answers) { // something moved: look at all anew
			calm = 0
		}
		state, busy, blocked, err := st.blocked(ctx, &answers)
		if err != nil {
			return err
		}
		if busy == 0 {
			break
		}
		if !blocked || state != last {
			calm, calmSince, last = 0, time.Now(), state
		}
		// More than one look: what was blocked when its turn came may go on before the last one's.
		if calm++; blocked && calm > 2 && !st.collect(&answers) &&
			(st.actors[0].sql == "" || answers[0] != "" || time.Since(calmSince) > st.patience) {
			break
		}
		if !blocked && time.Since(begun) > stuckTimeout {
			return fmt.Errorf("a step neither ends nor is blocked for %v: %s", stuckTimeout, st.state(ctx))
		}
		time.Sleep(time.Duration(min(calm, 5)) * time.Millisecond)
	}
	order := []int{0, 1, 2}
	if k >= 0 { // its own answer first
		order = append([]int{k}, slices.DeleteFunc(order, func(o int) bool { return o == k })...)
	}
	for _, o := range order {
		switch a := started[o]; {
		case answers[o] != "":
			st.note(o, a.sql, answers[o])
			a.sql = ""
		case o == k:
			st.note(o, a.sql, waits)
		}
	}
	return nil
}

// collect takes the answers that have come.
func (st *stage) collect(answers *[playSessions]string) (some bool) {
	for k, a := range st.actors {
		select {
		case answers[k] = <-a.answer:
			some = true
		default:
		}
	}
	return some
}

// blocked tells how many sessions have not answered, whether each of them is
// blocked by another, and by whom.
func (st *stage) blocked(ctx context.Context, answers *[playSessions]string) (state string, busy int, all bool, err error) {
	var pids, looks []string
	for _, a := range st.actors {
		pids = append(pids, fmt.Sprint(a.conn.PID()))
	}
	for k, a := range st.actors {
		if a.sql != "" && answers[k] == "" {
			busy++
			looks = append(looks, fmt.Sprintf("pg_isolation_test_session_is_blocked(%d, '{%s}'), pg_blocking_pids(%d)",
				a.conn.PID(), strings.Join(pids, ","), a.conn.PID()))
		}
	}
	if busy == 0 {
		return "", 0, true, nil
	}
	state = execute(ctx, st.admin, "SELECT "+strings.Join(looks, ", "))
	if strings.HasPrefix(state, "ERROR") {
		return state, busy, false, errors.New(state)
	}
	return state, busy, strings.Count(state, "t|") == busy, nil
}

// state describes the sessions for an error.
func (st *stage) state(ctx context.Context) string {
	var b strings.Builder
	for k, a := range st.actors {
		fmt.Fprintf(&b, "session %d is pid %d, does %q; ", k, a.conn.PID(), a.sql)
	}
	b.WriteString(execute(ctx, st.admin, "SELECT pid, state, wait_event_type, wait_event, pg_blocking_pids(pid), query "+
		"FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"))
	b.WriteString("; " + execute(ctx, st.admin, "SELECT pid, locktype, mode, relation::regclass FROM pg_locks WHERE NOT granted"))
	return b.String()
}

// execute returns a statement's rows or its tag, or its error, as one line.
func execute(ctx context.Context, conn *pgconn.PgConn, sql string) string {
	results, err := conn.Exec(ctx, sql).ReadAll()
	if err != nil {
		return failureText(err)
	}
	var answers []string
	for _, r := range results {
		if len(r.FieldDescriptions) == 0 {
			answers = append(answers, r.CommandTag.String())
			continue
		}
		rows := []string{}
		for _, row := range r.Rows {
			rows = append(rows, string(joinRow(row)))
		}
		if !strings.Contains(sql, "ORDER BY") {
			slices.Sort(rows) // any order is right
		}
		answers = append(answers, "("+strings.Join(rows, ") (")+")")
	}
	return strings.Join(answers, "; ")
}

func joinRow(row [][]byte) (line []byte) {
	for i, v := range row {
		if i > 0 {
			line = append(line, '|')
		}
		if v == nil {
			line = append(line, "null"...)
		}
		line = append(line, v...)
	}
	return line
}

// failureText shows an error; a deadlock's detail has process ids.
func failureText(err error) string {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return "ERROR " + err.Error()
	}
	detail := e.Detail
	if e.Code == "40P01" {
		detail = ""
	}
	return strings.TrimSpace(fmt.Sprintf("ERROR %s %s %s", e.Code, e.Message, detail))
}
