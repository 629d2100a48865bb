package crash

import (
	"context"
	"fmt"
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/pgzdb/pgz/tests/harness"
)

// check compares the tables with what the clients know, and every index with
// its table; it returns how many rows it saw. What was under way is settled by
// what is there.
func (w *world) check(s *harness.Server) (int, error) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return 0, err
	}
	defer c.Close(ctx)
	total := 0
	for _, part := range []func(context.Context, *pgx.Conn) (int, error){w.checkClaims, w.checkItems, w.checkBatches} {
		n, err := part(ctx, c)
		if err != nil {
			return 0, err
		}
		total += n
	}
	// The sequence goes on behind everything it ever gave.
	var n int64
	if err := c.QueryRow(ctx, "SELECT nextval('numbers')").Scan(&n); err != nil {
		return 0, err
	}
	for seen := range w.numbers {
		if seen >= n {
			return 0, fmt.Errorf("the sequence gave %d before the crash and %d after it", seen, n)
		}
	}
	w.numbers[n] = true
	return total, nil
}

func (w *world) checkClaims(ctx context.Context, c *pgx.Conn) (int, error) {
	rows, err := c.Query(ctx, "SELECT k, who, n FROM claim")
	if err != nil {
		return 0, err
	}
	var k, who int
	var n int64
	there := map[int]int{}
	numbers := map[int64]int{}
	_, err = pgx.ForEachRow(rows, []any{&k, &who, &n}, func() error {
		if other, ok := there[k]; ok {
			return fmt.Errorf("key %d is there twice, of clients %d and %d", k, other, who)
		}
		if other, ok := numbers[n]; ok {
			return fmt.Errorf("keys %d and %d have one number %d", k, other, n)
		}
		there[k], numbers[n] = who, k
		if of, ok := w.claims[k]; ok && of != who {
			return fmt.Errorf("key %d was given to client %d and is client %d's", k, of, who)
		} else if !ok && !w.tried[[2]int{k, who}] {
			return fmt.Errorf("client %d was refused key %d and has it", who, k)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for k, who := range w.claims {
		if _, ok := there[k]; !ok {
			return 0, fmt.Errorf("key %d was acknowledged to client %d and is lost", k, who)
		}
	}
	for n, k := range numbers {
		w.numbers[n] = true
		if err := expectInt(ctx, c, k, "SELECT k FROM claim WHERE n = $1", n); err != nil {
			return 0, err
		}
	}
	w.claims, w.tried = there, map[[2]int]bool{}
	return len(there), nil
}

func (w *world) checkItems(ctx context.Context, c *pgx.Conn) (int, error) {
	rows, err := c.Query(ctx, "SELECT owner, k, v, n FROM item")
	if err != nil {
		return 0, err
	}
	type row struct {
		owner, k int
		v        string
		n        int64
	}
	var r row
	var all []row
	there := make([]map[int]string, len(w.items))
	for i := range there {
		there[i] = map[int]string{}
	}
	_, err = pgx.ForEachRow(rows, []any{&r.owner, &r.k, &r.v, &r.n}, func() error {
		if _, ok := there[r.owner][r.k]; ok {
			return fmt.Errorf("item %d of client %d is there twice", r.k, r.owner)
		}
		there[r.owner][r.k] = r.v
		all = append(all, r)
		return nil
	})
	if err != nil {
		return 0, err
	}
	for owner, have := range there {
		with := maps.Clone(w.items[owner])
		apply(with, w.pending[owner])
		if !maps.Equal(have, w.items[owner]) && !maps.Equal(have, with) {
			return 0, fmt.Errorf("client %d has %d items, acknowledged were %d: %s", owner, len(have), len(w.items[owner]),
				difference(have, w.items[owner]))
		}
		w.items[owner], w.pending[owner] = have, nil
	}
	for _, r := range all {
		w.numbers[r.n] = true
		if err := expectInt(ctx, c, r.k, "SELECT k FROM item WHERE n = $1", r.n); err != nil {
			return 0, err
		}
		if err := expectInt(ctx, c, r.k, "SELECT k FROM item WHERE owner = $1 AND left(v, 8) = $2 AND k = $3", r.owner, r.v[:8], r.k); err != nil {
			return 0, err
		}
	}
	var entries int
	if err := c.QueryRow(ctx, "SELECT count(*) FROM item WHERE n > 0").Scan(&entries); err != nil {
		return 0, err
	}
	if entries != len(all) {
		return 0, fmt.Errorf("the index of item.n has %d entries, the table %d rows", entries, len(all))
	}
	return len(all), nil
}

// difference names a key that two sets of items do not agree on.
func difference(have, want map[int]string) string {
	for k, v := range want {
		if got, ok := have[k]; !ok {
			return fmt.Sprintf("item %d is missing", k)
		} else if got != v {
			return fmt.Sprintf("item %d is %.20q, not %.20q", k, got, v)
		}
	}
	for k, v := range have {
		if _, ok := want[k]; !ok {
			return fmt.Sprintf("item %d is there with %.20q", k, v)
		}
	}
	return "nothing"
}

func (w *world) checkBatches(ctx context.Context, c *pgx.Conn) (int, error) {
	rows, err := c.Query(ctx, "SELECT batch, count(*), sum(row) FROM bulk GROUP BY batch")
	if err != nil {
		return 0, err
	}
	var id, count, sum int
	there := map[int]bool{}
	_, err = pgx.ForEachRow(rows, []any{&id, &count, &sum}, func() error {
		if count != batchRows || sum != batchRows*(batchRows+1)/2 {
			return fmt.Errorf("batch %d has %d rows of %d: a torn transaction", id, count, batchRows)
		}
		if state, known := w.batches[id]; !known || state == batchGone {
			return fmt.Errorf("batch %d is there and should not be", id)
		}
		there[id] = true
		return nil
	})
	if err != nil {
		return 0, err
	}
	for id, state := range w.batches {
		if state == batchThere && !there[id] {
			return 0, fmt.Errorf("batch %d was acknowledged and is lost", id)
		}
		w.batches[id] = batchGone
		if there[id] {
			w.batches[id] = batchThere
		}
	}
	// Through the index: each row number once for every batch.
	for _, row := range []int{1, batchRows / 2, batchRows} {
		if err := expectInt(ctx, c, len(there), "SELECT count(*) FROM bulk WHERE row = $1", row); err != nil {
			return 0, err
		}
	}
	return len(there) * batchRows, nil
}

func expectInt(ctx context.Context, c *pgx.Conn, want int, sql string, args ...any) error {
	var got int
	if err := c.QueryRow(ctx, sql, args...).Scan(&got); err != nil {
		return fmt.Errorf("%s %v: %w", sql, args, err)
	}
	if got != want {
		return fmt.Errorf("%s %v: %d, want %d", sql, args, got, want)
	}
	return nil
}
