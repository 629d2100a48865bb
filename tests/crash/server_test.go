package crash

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgzdb/pgz/tests/harness"
)

// restartLimit is what a restart may take, recovery included.
const restartLimit = 2 * time.Second

// scratchDir makes a folder that goes when the test ends, and what was started
// there with it.
func scratchDir(t *testing.T, name string) string {
	t.Helper()
	dir, err := harness.ScratchDir(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// victim is a pgz server that is killed and started again on its folder; the
// one that runs when the test ends is killed then.
type victim struct {
	*harness.Server
	flags []string
}

func startVictim(t *testing.T, dir string, flags ...string) *victim {
	t.Helper()
	s, err := harness.StartPgz(dir, flags...)
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{s, flags}
	t.Cleanup(func() { v.Kill() })
	return v
}

// again starts the server, which must be gone, on the same folder and tells
// how long that took.
func (v *victim) again(t *testing.T) time.Duration {
	t.Helper()
	start := time.Now()
	s, err := harness.StartPgz(v.Dir, v.flags...)
	if err != nil {
		t.Fatalf("restart: %v", err)
	}
	v.Server = s
	return time.Since(start)
}

// inTime is again, which must not take longer than restartLimit.
func (v *victim) inTime(t *testing.T, round int) time.Duration {
	t.Helper()
	took := v.again(t)
	if took > restartLimit {
		t.Errorf("round %d: the restart took %v", round, took)
	}
	return took
}

// stop ends the server as an operator does.
func (v *victim) stop(t *testing.T) {
	t.Helper()
	if err := v.Stop(); err != nil {
		t.Error(err)
	}
}

// dial connects; the connection is closed when the test ends.
func (v *victim) dial(t *testing.T) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), v.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}
