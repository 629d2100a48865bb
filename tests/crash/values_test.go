package crash

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgzdb/pgz/tests/harness"
)

// valueRows is how many rows each client of the test of large values has.
const valueRows = 60

// valueRow is a row as its client knows it: the version whose commit was
// acknowledged, and the one under way when the server went away; 0: none.
type valueRow struct{ acked, pending int }

// largeValue is what a row holds in a version: 4 to 64 KiB that nothing
// compresses, so that it goes to the value log at its commit.
func largeValue(row, version int) []byte {
	rng := rand.New(rand.NewSource(int64(row)<<32 | int64(version)))
	value := make([]byte, 4<<10+rng.Intn(60<<10))
	rng.Read(value)
	return value
}

// TestKillUnderLargeValues overwrites rows of 4 to 64 KiB until the server is
// killed, and looks for every acknowledged one after the restart.
func TestKillUnderLargeValues(t *testing.T) {
	s := startVictim(t, harness.Scratch(t, "values"))
	ctx := context.Background()
	c := harness.Connect(t, s.Server)
	if _, err := c.Exec(ctx, "CREATE TABLE document (id int PRIMARY KEY, version int NOT NULL, body bytea NOT NULL)"); err != nil {
		t.Fatal(err)
	}
	c.Close(ctx)
	rows := make([]valueRow, *clients*valueRows)
	for round := range *rounds {
		var wg sync.WaitGroup
		for client := range *clients {
			wg.Add(1)
			go func() {
				defer wg.Done()
				overwrite(t, s.Server, rows, client*valueRows, newRand())
			}()
		}
		time.Sleep(time.Duration(300+rand.Intn(1200)) * time.Millisecond)
		s.Kill()
		wg.Wait()
		took := s.inTime(t, round)
		versions, err := checkValues(ctx, s.Server, rows)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		t.Logf("round %d: %d versions acknowledged so far, restart in %v", round, versions, took)
	}
	s.stop(t)
}

// overwrite writes new versions of the client's rows until the connection is
// gone.
func overwrite(t *testing.T, s *harness.Server, rows []valueRow, first int, rng *rand.Rand) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close(ctx)
	for {
		id := first + rng.Intn(valueRows)
		row := &rows[id]
		row.pending = row.acked + 1
		_, err := c.Exec(ctx, "INSERT INTO document VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET version = $2, body = $3",
			id, row.pending, largeValue(id, row.pending))
		if err != nil {
			if !c.IsClosed() {
				t.Errorf("a write failed on a living connection: %v", err)
			}
			return
		}
		row.acked, row.pending = row.pending, 0
	}
}

// checkValues compares every row with what its client knows, settles what was
// pending and counts the versions.
func checkValues(ctx context.Context, s *harness.Server, rows []valueRow) (int, error) {
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return 0, err
	}
	defer c.Close(ctx)
	answer, err := c.Query(ctx, "SELECT id, version, md5(body) FROM document")
	if err != nil {
		return 0, err
	}
	found := map[int]int{}
	var id, version int
	var sum string
	_, err = pgx.ForEachRow(answer, []any{&id, &version, &sum}, func() error {
		want := md5.Sum(largeValue(id, version))
		if sum != hex.EncodeToString(want[:]) {
			return fmt.Errorf("row %d, version %d: another value", id, version)
		}
		found[id] = version
		return nil
	})
	if err != nil {
		return 0, err
	}
	total := 0
	for id := range rows {
		row := &rows[id]
		if have := found[id]; have != row.acked && (have == 0 || have != row.pending) {
			return 0, fmt.Errorf("row %d has version %d, acknowledged was %d", id, have, row.acked)
		}
		row.acked, row.pending = found[id], 0
		total += row.acked
	}
	return total, nil
}
