package crash

import (
	"testing"
	"time"

	"github.com/pgzdb/pgz/tests/harness"
)

// restartLimit is what a restart may take, recovery included.
const restartLimit = 2 * time.Second

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
