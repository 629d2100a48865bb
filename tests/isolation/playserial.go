package isolation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// transaction is one that a play has committed: its statements without those
// that failed, which leave nothing behind, and without what was refused until
// the ROLLBACK TO after a failure.
type transaction struct {
	session int
	events  []event
}

// committed returns a play's transactions in the order of their commits. A
// statement outside a block is one by itself.
func committed(events []event) (done []transaction) {
	var open [playSessions]*transaction
	for _, e := range events {
		failed := strings.HasPrefix(e.answer, "ERROR")
		switch {
		case e.session < 0 || e.sql == cancelStep || e.answer == waits || e.answer == skipped:
		case e.sql == "BEGIN":
			if open[e.session] == nil {
				open[e.session] = &transaction{session: e.session}
			}
		case e.sql == "COMMIT" || e.sql == "ROLLBACK":
			if tx := open[e.session]; tx != nil && e.answer == "COMMIT" {
				done = append(done, *tx)
			}
			open[e.session] = nil
		case failed:
		case open[e.session] == nil:
			done = append(done, transaction{e.session, []event{e}})
		default:
			open[e.session].events = append(open[e.session].events, e)
		}
	}
	return done
}

// ordersMax bounds the serial orders that are tried; a play of three sessions
// with two transactions each has 90.
const ordersMax = 2000

// serialOrder tells whether some serial order of the committed transactions
// gives the answers and the final tables of the play. The order of commits is
// the first to be tried.
func serialOrder(s *harness.Server, p play, events []event) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	conn, err := pgconn.Connect(ctx, s.DSN())
	if err != nil {
		return false, err
	}
	defer conn.Close(ctx)
	done := committed(events)
	final := events[len(events)-len(finalState):]
	tried := 0
	// bad is the index of the transaction that cannot stand where it stands in
	// the order that was tried: no other order of those after it needs a try.
	var search func(order, rest []transaction) (ok bool, bad int, err error)
	search = func(order, rest []transaction) (bool, int, error) {
		if len(rest) == 0 {
			if tried++; tried > ordersMax {
				return false, 0, fmt.Errorf("%d transactions: more than %d serial orders", len(done), ordersMax)
			}
			return follows(ctx, conn, p, order, final)
		}
		var begun [playSessions]bool
		for i, tx := range rest {
			if begun[tx.session] { // a session's own come in their order
				continue
			}
			begun[tx.session] = true
			next := slices.Concat(rest[:i], rest[i+1:])
			ok, bad, err := search(slices.Concat(order, []transaction{tx}), next)
			if ok || err != nil || bad < len(order) {
				return ok, bad, err
			}
		}
		return false, len(order) - 1, nil
	}
	ok, _, err := search(nil, done)
	return ok, err
}

// follows runs the transactions one after the other, and tells whether all
// answers and the final tables are those of the play; if not, bad is the first
// transaction that differs, or one past the last for the tables.
func follows(ctx context.Context, conn *pgconn.PgConn, p play, order []transaction, final []event) (ok bool, bad int, err error) {
	if a := execute(ctx, conn, p.setup); strings.HasPrefix(a, "ERROR") {
		return false, 0, fmt.Errorf("setup: %s", a)
	}
	for i, tx := range order {
		execute(ctx, conn, "BEGIN")
		for _, e := range tx.events {
			if execute(ctx, conn, e.sql) != e.answer {
				execute(ctx, conn, "ROLLBACK")
				return false, i, nil
			}
		}
		if execute(ctx, conn, "COMMIT") != "COMMIT" {
			return false, i, nil
		}
	}
	for _, e := range final {
		if execute(ctx, conn, e.sql) != e.answer {
			return false, len(order), nil
		}
	}
	return true, 0, nil
}
