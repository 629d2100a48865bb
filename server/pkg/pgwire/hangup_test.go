package pgwire

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// pipeListener accepts in-memory connections without buffers: the server's write
// blocks until the client reads.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

// watchedConn knows whether it is being written to.
type watchedConn struct {
	net.Conn
	writing atomic.Bool
}

func (c *watchedConn) Write(b []byte) (int, error) {
	c.writing.Store(true)
	defer c.writing.Store(false)
	return c.Conn.Write(b)
}

// unread starts a COPY with a table locked, for a client that stops reading, and
// returns its process id once the server's write is blocked.
func (ts *testServer) unread() (pid string) {
	ts.t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	go func() { _ = ts.server.Serve(l) }()
	client, end := net.Pipe()
	ts.t.Cleanup(func() { client.Close() })
	_ = client.SetDeadline(time.Now().Add(20 * time.Second))
	server := &watchedConn{Conn: end}
	l.conns <- server
	f := pgproto3.NewFrontend(client, client)
	f.Send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "postgres", "database": "postgres"}})
	ts.flush(f)
	ts.until(f, 'Z')
	f.Send(&pgproto3.Query{String: "SELECT pg_backend_pid()"})
	ts.flush(f)
	for _, m := range ts.until(f, 'Z') {
		if m[0] == 'D' {
			pid = m[2:]
		}
	}
	f.Send(&pgproto3.Query{String: "BEGIN; LOCK TABLE t; COPY (SELECT repeat('x', 1000) FROM generate_series(1, 2000)) TO STDOUT"})
	ts.flush(f)
	ts.until(f, 'H')
	for deadline := time.Now().Add(20 * time.Second); !server.writing.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			ts.t.Fatal("the server does not write")
		}
	}
	return pid
}

// A session whose client does not read ends all the same, and gives its locks back.
func TestTerminateUnread(t *testing.T) {
	ts := startServer(t, nil)
	_, f := ts.login()
	ask := func(sql string) []string {
		t.Helper()
		f.Send(&pgproto3.Query{String: sql})
		ts.flush(f)
		return ts.until(f, 'Z')
	}
	ask("CREATE TABLE t (id int)")
	pid := ts.unread()
	if got := ask("SELECT pg_terminate_backend(" + pid + ")"); got[1] != "D:t" {
		t.Fatalf("pg_terminate_backend: %v", got)
	}
	if got := ask("INSERT INTO t VALUES (1)"); got[len(got)-1] != "ZI" || got[0] != "C:INSERT 0 1" {
		t.Errorf("INSERT after the session has ended: %v", got)
	}
}

// A server that stops does not wait for a client that does not read.
func TestShutdownUnread(t *testing.T) {
	ts := startServer(t, nil)
	_, f := ts.login()
	f.Send(&pgproto3.Query{String: "CREATE TABLE t (id int)"})
	ts.flush(f)
	ts.until(f, 'Z')
	ts.unread()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := ts.server.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}
