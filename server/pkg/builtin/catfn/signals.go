package catfn

import (
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	volatile(cancelBackend, 2171)
	volatile(terminateBackend, 2096)
}

// pgSignalBackend is the role whose members may disturb others' sessions.
const pgSignalBackend = 4200

// signalPoll is how often pg_terminate_backend looks whether the session is gone.
const signalPoll = 20 * time.Millisecond

// signal is what a function that disturbs a session calls things.
type signal struct {
	superuser, member string // messages where the right is missing
}

var (
	cancelSignal = signal{
		"must be a superuser to cancel superuser query",
		"must be a member of the role whose query is being canceled or member of pg_signal_backend",
	}
	terminateSignal = signal{
		"must be a superuser to terminate superuser process",
		"must be a member of the role whose process is being terminated or member of pg_signal_backend",
	}
)

// allowed reports whether there is a session with that process id that the
// current role may disturb. None is a warning, a missing right an error.
func (s signal) allowed(c *expr.Ctx, l BackendLister, pid int32) (bool, error) {
	owner, ok := l.BackendRole(pid)
	if !ok {
		c.Env.Notice(pgerr.Warning(pgerr.WarningCode, "PID %d is not a PostgreSQL backend process", pid))
		return false, nil
	}
	me, err := c.Env.Catalog().Role(c.Env.Role().OID)
	if err != nil {
		return false, err
	}
	if me != nil && me.Super {
		return true, nil
	}
	target, err := c.Env.Catalog().Role(owner)
	if err != nil {
		return false, err
	}
	if target != nil && target.Super {
		return false, pgerr.New(pgerr.InsufficientPrivilege, s.superuser)
	}
	for _, role := range []uint32{owner, pgSignalBackend} {
		if me == nil {
			break
		}
		if in, err := belongs(c, me, role); err != nil || in {
			return in, err
		}
	}
	return false, pgerr.New(pgerr.InsufficientPrivilege, s.member)
}

func cancelBackend(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	l, err := lister(c)
	if err != nil {
		return data.Null, err
	}
	pid := int32(a[0].Int())
	ok, err := cancelSignal.allowed(c, l, pid)
	if err != nil || !ok {
		return data.Bool(false), err
	}
	return data.Bool(c.Env.CancelBackend(pid)), nil
}

// terminateBackend is pg_terminate_backend(pid, timeout): with a timeout of
// that many milliseconds it waits for the session to be gone.
func terminateBackend(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	l, err := lister(c)
	if err != nil {
		return data.Null, err
	}
	pid, timeout := int32(a[0].Int()), a[1].Int()
	if timeout < 0 {
		return data.Null, pgerr.New(pgerr.NumericValueOutOfRange, `"timeout" must not be negative`)
	}
	ok, err := terminateSignal.allowed(c, l, pid)
	if err != nil || !ok {
		return data.Bool(false), err
	}
	if ok = c.Env.TerminateBackend(pid); !ok || timeout == 0 {
		return data.Bool(ok), nil
	}
	return awaitGone(c, l, pid, timeout)
}

func awaitGone(c *expr.Ctx, l BackendLister, pid int32, timeout int64) (data.Datum, error) {
	end := time.NewTimer(time.Duration(timeout) * time.Millisecond)
	defer end.Stop()
	look := time.NewTicker(signalPoll)
	defer look.Stop()
	for {
		if _, there := l.BackendRole(pid); !there {
			return data.Bool(true), nil
		}
		select {
		case <-look.C:
		case <-c.Context.Done():
			return data.Null, expr.CancelError(c.Context)
		case <-end.C:
			c.Env.Notice(pgerr.Warning(pgerr.WarningCode,
				"backend with PID %d did not terminate within %d milliseconds", pid, timeout))
			return data.Bool(false), nil
		}
	}
}
