package pgwire

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
	"github.com/pgzdb/pgz/server/pkg/session"
)

// testServer is a server on a memory store behind a Unix socket.
type testServer struct {
	t      testing.TB
	dir    string
	server *Server
}

func startServer(t testing.TB, change func(*Config)) *testServer {
	t.Helper()
	store := memkv.New()
	sessions, err := session.NewServer(session.Options{Store: store})
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Sessions: sessions}
	if change != nil {
		change(&cfg)
	}
	dir, err := os.MkdirTemp("", "pgz")
	if err != nil {
		t.Fatal(err)
	}
	l, err := ListenUnix(dir, "5432")
	if err != nil {
		t.Fatal(err)
	}
	ts := &testServer{t: t, dir: dir, server: New(cfg)}
	done := make(chan error, 1)
	go func() { done <- ts.server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := ts.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		store.Close()
		os.RemoveAll(dir)
	})
	return ts
}

// connect opens a connection with pgx's own client.
func (ts *testServer) connect() *pgconn.PgConn {
	ts.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	c, err := pgconn.Connect(ctx, "host="+ts.dir+" port=5432 user=postgres dbname=postgres sslmode=disable")
	if err != nil {
		ts.t.Fatalf("connect: %v", err)
	}
	ts.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// raw opens a connection and speaks the protocol by hand.
func (ts *testServer) raw() (net.Conn, *pgproto3.Frontend) {
	ts.t.Helper()
	c, err := net.Dial("unix", SocketPath(ts.dir, "5432"))
	if err != nil {
		ts.t.Fatal(err)
	}
	ts.t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	return c, pgproto3.NewFrontend(c, c)
}

// login starts a raw connection up to its first ReadyForQuery.
func (ts *testServer) login() (net.Conn, *pgproto3.Frontend) {
	ts.t.Helper()
	c, f := ts.raw()
	f.Send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "postgres", "database": "postgres"}})
	ts.flush(f)
	ts.until(f, 'Z')
	return c, f
}

func (ts *testServer) flush(f *pgproto3.Frontend) {
	ts.t.Helper()
	if err := f.Flush(); err != nil {
		ts.t.Fatal(err)
	}
}

// until reads messages up to one of the wanted type and returns what they
// were: the type letters, "E<code>" for errors, "Z<status>" at the end.
func (ts *testServer) until(f *pgproto3.Frontend, want byte) []string {
	ts.t.Helper()
	var got []string
	for {
		m, err := f.Receive()
		if err != nil {
			ts.t.Fatalf("after %v: %v", got, err)
		}
		got = append(got, describe(m))
		if got[len(got)-1][0] == want {
			return got
		}
	}
}

func describe(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.ErrorResponse:
		return "E" + m.Code
	case *pgproto3.NoticeResponse:
		return "N" + m.Code
	case *pgproto3.ReadyForQuery:
		return "Z" + string(m.TxStatus)
	case *pgproto3.CommandComplete:
		return "C:" + string(m.CommandTag)
	case *pgproto3.DataRow:
		s := "D"
		for _, v := range m.Values {
			if v == nil {
				s += ":null"
			} else {
				s += ":" + string(v)
			}
		}
		return s
	case *pgproto3.ParameterStatus:
		return "S" + m.Name + "=" + m.Value
	case *pgproto3.RowDescription:
		return "T"
	case *pgproto3.ParameterDescription:
		return "t"
	case *pgproto3.ParseComplete:
		return "1"
	case *pgproto3.BindComplete:
		return "2"
	case *pgproto3.CloseComplete:
		return "3"
	case *pgproto3.NoData:
		return "n"
	case *pgproto3.PortalSuspended:
		return "s"
	case *pgproto3.EmptyQueryResponse:
		return "I"
	case *pgproto3.CopyInResponse:
		return "G"
	case *pgproto3.CopyOutResponse:
		return "H"
	case *pgproto3.CopyData:
		return "d:" + string(m.Data)
	case *pgproto3.CopyDone:
		return "c"
	case *pgproto3.AuthenticationOk:
		return "R"
	case *pgproto3.BackendKeyData:
		return "K"
	}
	return "?"
}
