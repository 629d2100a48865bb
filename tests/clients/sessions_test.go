package clients

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// A play is a script for several sessions: lines of "NAME SQL" in the order in
// which the statements are sent. A statement that waits for another session is
// left waiting, and its answer noted where it comes. "NAME wait" waits for the
// answer of NAME, "sleep 150ms" lets time pass, "idle NAME" waits until the server
// shows that NAME waits for its client, which it may do a moment after an answer.
type play struct {
	name  string
	lines []string
}

// player is one session of a play.
type player struct {
	name   string
	conn   *pgconn.PgConn
	answer chan string // non-nil: a statement is under way
	waits  bool        // it was seen to wait
	notes  []string
}

// stage runs a play against one server.
type stage struct {
	t       *testing.T
	server  *harness.Server
	control *pgconn.PgConn
	players []*player
	out     []string
}

const answerTime = 20 * time.Second

// perform runs p on s and returns what the sessions were told.
func perform(t *testing.T, s *harness.Server, p play) string {
	t.Helper()
	g := &stage{t: t, server: s}
	g.control = g.open("control", nil)
	defer g.close()
	if _, err := g.control.Exec(context.Background(), "DROP TABLE IF EXISTS p, q").ReadAll(); err != nil {
		t.Fatal(err)
	}
	for _, line := range p.lines {
		who, what, _ := strings.Cut(line, " ")
		if who == "sleep" {
			d, err := time.ParseDuration(what)
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(d)
			continue
		}
		if who == "idle" {
			g.awaitIdle(g.player(what))
			continue
		}
		g.step(who, what)
	}
	for _, pl := range g.players {
		g.settle(pl, true)
	}
	return strings.Join(g.out, "\n")
}

func (g *stage) open(name string, pl *player) *pgconn.PgConn {
	g.t.Helper()
	config, err := pgconn.ParseConfig(g.server.DSN())
	if err != nil {
		g.t.Fatal(err)
	}
	if pl != nil {
		config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { pl.notes = append(pl.notes, said((*pgconn.PgError)(n))) }
	}
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	c, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		g.t.Fatalf("%s: %v", name, err)
	}
	return c
}

func (g *stage) awaitIdle(pl *player) {
	g.t.Helper()
	query := fmt.Sprintf("SELECT 1 FROM pg_stat_activity WHERE pid = %d AND wait_event = 'ClientRead'", pl.conn.PID())
	for deadline := time.Now().Add(answerTime); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		results, err := g.control.Exec(context.Background(), query).ReadAll()
		if err != nil {
			g.t.Fatal(err)
		}
		if len(results[0].Rows) > 0 {
			return
		}
	}
	g.t.Fatalf("%s does not wait for its client", pl.name)
}

func (g *stage) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	for _, pl := range g.players {
		_ = pl.conn.Close(ctx) // the play is over, or the test has failed
	}
	_ = g.control.Close(ctx)
}

func (g *stage) player(name string) *player {
	for _, pl := range g.players {
		if pl.name == name {
			return pl
		}
	}
	pl := &player{name: name}
	pl.conn = g.open(name, pl)
	g.players = append(g.players, pl)
	slices.SortFunc(g.players, func(a, b *player) int { return strings.Compare(a.name, b.name) })
	return pl
}

// step sends one statement, and then waits until every session that has one
// under way has its answer or waits for somebody.
func (g *stage) step(who, sql string) {
	g.t.Helper()
	pl := g.player(who)
	switch sql {
	case "wait":
		g.settle(pl, true)
		return
	case "leaves": // as a client does that dies
		if err := pl.conn.Conn().Close(); err != nil {
			g.t.Fatal(err)
		}
		g.players = slices.DeleteFunc(g.players, func(p *player) bool { return p == pl })
		return // what it held goes one by one, when the server has noticed
	default:
		shown := sql
		for _, other := range g.players {
			sql = strings.ReplaceAll(sql, "pid:"+other.name, fmt.Sprint(other.conn.PID()))
		}
		g.settle(pl, true) // a session does one thing at a time
		pl.answer, pl.waits = make(chan string, 1), false
		go func(answer chan<- string) { answer <- pl.ask(sql, shown) }(pl.answer)
	}
	g.settle(pl, false)
	for _, other := range g.players {
		g.settle(other, false)
	}
}

// settle waits for the answer to what pl has under way; unless it is finally
// wanted, also only until pl is seen to wait for somebody.
func (g *stage) settle(pl *player, finally bool) {
	g.t.Helper()
	if pl.answer == nil {
		return
	}
	for deadline := time.Now().Add(answerTime); ; {
		select {
		case a := <-pl.answer:
			pl.answer = nil
			g.out = append(g.out, pl.name+": "+g.anonymous(a))
			return
		case <-time.After(10 * time.Millisecond):
		}
		if !finally && g.blocked(pl) {
			if !pl.waits { // once: how soon a wait ends after its cause is not compared
				g.out = append(g.out, pl.name+": <waiting>")
			}
			pl.waits = true
			return
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("%s: %s got no answer after\n%s", g.server.Name, pl.name, strings.Join(g.out, "\n"))
		}
	}
}

func (g *stage) blocked(pl *player) bool {
	g.t.Helper()
	r := g.control.ExecParams(context.Background(), fmt.Sprintf("SELECT cardinality(pg_blocking_pids(%d)) > 0", pl.conn.PID()),
		nil, nil, nil, nil).Read()
	if r.Err != nil {
		g.t.Fatal(r.Err)
	}
	return string(r.Rows[0][0]) == "t"
}

// ask runs sql and writes down all that comes back, under the name shown.
func (pl *player) ask(sql, shown string) string {
	pl.notes = nil
	ctx, cancel := context.WithTimeout(context.Background(), 2*answerTime)
	defer cancel()
	results, err := pl.conn.Exec(ctx, sql).ReadAll()
	out := []string{shown}
	for _, r := range results {
		if r.Err != nil {
			continue // err says it
		}
		for _, row := range r.Rows {
			cells := make([]string, len(row))
			for i, c := range row {
				cells[i] = string(c)
			}
			out = append(out, "("+strings.Join(cells, ", ")+")")
		}
		out = append(out, r.CommandTag.String())
	}
	out = append(out, pl.notes...)
	var pe *pgconn.PgError
	switch {
	case errors.As(err, &pe):
		out = append(out, said(pe))
	case err != nil:
		out = append(out, "connection lost")
	}
	if pl.conn.IsClosed() {
		return strings.Join(append(out, "(closed)"), " | ")
	}
	return strings.Join(append(out, string(pl.conn.TxStatus())), " | ")
}

// said writes an error or notice as one line.
func said(e *pgconn.PgError) string {
	s := e.Severity + " " + e.Code + " " + e.Message
	if e.Detail != "" {
		s += " DETAIL: " + e.Detail
	}
	if e.Hint != "" {
		s += " HINT: " + e.Hint
	}
	if e.Where != "" {
		s += " CONTEXT: " + e.Where
	}
	return s
}

var numbers = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`transaction \d+`), "transaction N"},
	{regexp.MustCompile(`relation \d+ of database \d+`), "relation N of database N"},
	{regexp.MustCompile(`tuple \(\d+,\d+\)`), "tuple (N,N)"},
	{regexp.MustCompile(`advisory lock \[\d+,`), "advisory lock [N,"},
}

// anonymous replaces numbers that differ from run to run.
func (g *stage) anonymous(s string) string {
	for _, pl := range g.players {
		s = regexp.MustCompile(fmt.Sprintf(`rocess %d\b`, pl.conn.PID())).ReplaceAllString(s, "rocess "+pl.name)
	}
	for _, n := range numbers {
		s = n.re.ReplaceAllString(s, n.with)
	}
	return s
}

// compare runs each play on both servers and expects the same words.
func compare(t *testing.T, native *harness.Server, plays []play) {
	for _, p := range plays {
		t.Run(p.name, func(t *testing.T) {
			want := perform(t, native, p)
			got := perform(t, pgz, p)
			diff(t, got, want)
			if testing.Verbose() {
				t.Log("\n" + want)
			}
		})
	}
}
