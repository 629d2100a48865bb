package pgwire

import (
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/session"
)

// conn is one client's connection. Everything but stop is its own goroutine's.
type conn struct {
	srv     *Server
	nc      net.Conn
	in      reader
	out     session.Out
	surplus bool // one too many: say so after start-up
	sess    atomic.Pointer[session.Session]

	// skipping: an error was reported in the extended protocol; everything up
	// to Sync is passed over.
	skipping bool

	hungUp atomic.Bool // writes from now on have only farewell to go out
}

// farewell is how long a client that does not read may keep a session that is to
// end: beyond it what the client has not taken is dropped, its FATAL message too.
const farewell = 2 * time.Second

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, in: newReader(nc)}
	c.out.Write = c.write
	return c
}

func (c *conn) write(b []byte) error {
	if c.hungUp.Load() {
		_ = c.nc.SetWriteDeadline(time.Now().Add(farewell))
	}
	_, err := c.nc.Write(b)
	return err
}

// run serves the client to its end.
func (c *conn) run() {
	defer c.nc.Close()
	defer c.recover()
	s, err := c.startUp()
	if err != nil {
		c.out.Error(fatal(pgerr.From(err)))
		_ = c.out.Flush()
		return
	}
	if s == nil {
		return
	}
	c.sess.Store(s)
	defer s.Close()
	if c.srv.stopping() {
		c.shutdown() // it may have come while start-up held the deadline
	}
	if err := c.serve(s); err != nil {
		c.out.Error(fatal(pgerr.From(err)))
	}
	_ = c.out.Flush()
}

// recover turns a panic into the end of this connection: the deferred
// Session.Close has rolled its transaction back by the time it runs.
func (c *conn) recover() {
	p := recover()
	if p == nil {
		return
	}
	c.srv.cfg.Log.Error("panic while serving a client", "panic", p, "stack", string(debug.Stack()))
	c.out.Error(pgerr.Fatal(pgerr.InternalError, "internal error: the server's log has the details"))
	c.hungUp.Store(true)
	_ = c.out.Flush()
}

// shutdown tells the connection why the server stops; called from outside.
func (c *conn) shutdown() {
	why := pgerr.Fatal(pgerr.AdminShutdown, "terminating connection due to administrator command")
	if c.srv.crashed.Load() {
		why = pgerr.Fatal(pgerr.CrashShutdown, "terminating connection because the store has stopped after a failure").
			WithHint("In a moment you should be able to reconnect to the database and repeat your command.")
	}
	if s := c.sess.Load(); s != nil {
		s.Terminate(why)
	}
	c.hangUp()
}

// hangUp ends the read that is under way, or the next one, at once, and a write to
// a client that does not read soon; the loop then finds out why. Called from outside.
func (c *conn) hangUp() {
	c.hungUp.Store(true) // first: a write that has not seen it has the deadline set below
	now := time.Now()
	_ = c.nc.SetWriteDeadline(now.Add(farewell))
	_ = c.nc.SetReadDeadline(now)
}

// serve is the message loop. An error it returns ends the connection and is
// reported as FATAL; nil is the client's own farewell.
func (c *conn) serve(s *session.Session) error {
	for {
		if !c.in.buffered() {
			if c.out.Flush() != nil {
				return nil
			}
			c.pause(s)
			// Asked after the deadline is set: a later hangUp overrides it.
			if err := s.Ending(); err != nil {
				return err
			}
		}
		kind, msg, err := c.in.message()
		if err == errGone {
			if err := s.Ending(); err != nil {
				return err
			}
			return c.timeout(s)
		}
		if err != nil {
			return err
		}
		if kind == 'X' {
			return nil
		}
		if err := c.handle(s, kind, msg); err != nil {
			return err
		}
		if err := s.Ending(); err != nil {
			return err
		}
	}
}

// pause prepares for a wait on the client: idle timeouts become a deadline.
func (c *conn) pause(s *session.Session) {
	d := s.IdleTimeout()
	if d > 0 {
		_ = c.nc.SetReadDeadline(time.Now().Add(d))
	} else if s.HadDeadline {
		_ = c.nc.SetReadDeadline(time.Time{})
	}
	s.HadDeadline = d > 0
}

// unpause takes back pause's deadline before reads that do not wait for an idle client.
func (c *conn) unpause(s *session.Session) {
	if s.HadDeadline {
		_ = c.nc.SetReadDeadline(time.Time{})
		s.HadDeadline = false
	}
}

// timeout tells a client that took too long from one that is gone.
func (c *conn) timeout(s *session.Session) error {
	if !s.HadDeadline {
		return nil
	}
	return s.IdleError()
}

// handle serves one message. Only what ends the connection is returned.
func (c *conn) handle(s *session.Session, kind byte, msg []byte) error {
	if c.skipping && kind != 'S' {
		return nil
	}
	var err error
	switch kind {
	case 'Q':
		b := body{b: msg}
		text := b.str()
		if err = b.end(); err == nil {
			err = s.Query(string(text))
		}
		if fatalErr := c.report(s, err); fatalErr != nil {
			return fatalErr
		}
		c.ready(s)
		return nil
	case 'S':
		c.skipping = false
		if fatalErr := c.report(s, s.Sync()); fatalErr != nil {
			return fatalErr
		}
		c.ready(s)
		return nil
	case 'H':
		_ = c.out.Flush()
		return nil
	case 'c', 'd', 'f': // what is left of a COPY that failed
		return nil
	case 'p':
		return pgerr.Fatal(pgerr.ProtocolViolation, "invalid frontend message type %d", kind)
	case 'F':
		if fatalErr := c.report(s, pgerr.FeatureNotSupported("the function call message")); fatalErr != nil {
			return fatalErr
		}
		c.ready(s)
		return nil
	}
	if err = c.extended(s, kind, msg); err != nil {
		c.skipping = true
	}
	return c.report(s, err)
}

// report sends a statement's error and tells the session; errors that end the
// connection come back.
func (c *conn) report(s *session.Session, err error) error {
	if err == nil {
		return nil
	}
	e := s.Error(err)
	s.Failed(e)
	if e.Severity == pgerr.SeverityFatal {
		return e
	}
	if c.out.Err != nil {
		return pgerr.Fatal(pgerr.ConnectionFailure, "connection to client lost")
	}
	if e.Code == pgerr.InternalError {
		c.srv.cfg.Log.Error("internal error", "error", e.Message)
	}
	c.out.Error(e)
	return nil
}

func (c *conn) ready(s *session.Session) {
	s.Settings().Report(c.out.Parameter)
	status := s.Status()
	c.out.Ready(status)
	s.Idle(status)
}
