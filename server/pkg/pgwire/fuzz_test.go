package pgwire

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// panics counts what the server logs about panics it caught.
type panics struct {
	slog.Handler
	seen atomic.Int64
}

func (p *panics) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "panic") {
		p.seen.Add(1)
	}
	return nil
}

func fuzzServer(f *testing.F) (*testServer, *panics) {
	f.Helper()
	p := &panics{Handler: slog.DiscardHandler}
	return startServer(f, func(c *Config) { c.Log = slog.New(logging{p}) }), p
}

// in is the same server for one input's test.
func (ts *testServer) in(t *testing.T) *testServer {
	return &testServer{t: t, dir: ts.dir, server: ts.server}
}

// logging is enabled at every level, unlike what it wraps.
type logging struct{ *panics }

func (logging) Enabled(context.Context, slog.Level) bool { return true }

// converse sends bytes, says that no more will come, and reads the server's
// messages to the end of the connection.
func converse(t *testing.T, c net.Conn, front *pgproto3.Frontend, send []byte, p *panics) {
	t.Helper()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	_, err := c.Write(send)
	_ = c.(*net.UnixConn).CloseWrite()
	for err == nil {
		var m pgproto3.BackendMessage
		if m, err = front.Receive(); err != nil {
			break
		}
		if e, ok := m.(*pgproto3.ErrorResponse); ok && e.Code == "XX000" {
			t.Errorf("internal error: %s", e.Message)
		}
	}
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded)
	var broken *net.OpError // the server hung up while we were sending
	if !ended && !errors.As(err, &broken) {
		t.Errorf("the server's answer is no protocol: %v", err)
	}
	if p.seen.Load() != 0 {
		t.Fatal("the server caught a panic")
	}
}

// FuzzMessages: whatever a client sends once it is in, the server answers in
// the protocol's shape and serves the next client.
func FuzzMessages(f *testing.F) {
	ts, p := fuzzServer(f)
	sync := string(packet('S', 4, ""))
	for _, s := range []string{
		string(packet('Q', 4+9, "select 1\x00")),
		string(packet('Q', 4+14, "begin; select\x00")),
		string(packet('P', 4+1+10+2+4, "s\x00select $1\x00\x00\x01\x00\x00\x00\x17")) + sync,
		string(packet('P', 4+1+9+2, "\x00select 1\x00\x00\x00")) + string(packet('B', 4+8, "\x00\x00\x00\x00\x00\x00\x00\x00")) +
			string(packet('D', 6, "P\x00")) + string(packet('E', 9, "\x00\x00\x00\x00\x00")) + sync,
		string(packet('C', 6, "S\x00")) + string(packet('H', 4, "")) + sync,
		string(packet('Q', 4+30, "create temp table t(a int);   \x00")) + string(packet('Q', 4+18, "copy t from stdin\x00")) +
			string(packet('d', 6, "1\n")) + string(packet('c', 4, "")),
		string(packet('X', 4, "")),
		string(packet('F', 5, "x")),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, send []byte) {
		c, front := ts.in(t).login()
		defer c.Close()
		converse(t, c, front, send, p)
	})
}

// FuzzStartup: the same for a client's first bytes.
func FuzzStartup(f *testing.F) {
	ts, p := fuzzServer(f)
	for _, s := range []string{
		"\x00\x00\x00\x08\x04\xd2\x16\x2f",
		string(packet(0, 8+14+1, "\x00\x03\x00\x00user\x00postgres\x00\x00")),
		string(packet(0, 8+14+20+1, "\x00\x03\x00\x00user\x00postgres\x00options\x00-c a.b=c x\x00\x00")),
		"\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x00\x01\x00\x00\x00\x02",
		"GET / HTTP/1.1\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, send []byte) {
		c, front := ts.in(t).raw()
		defer c.Close()
		if len(send) >= 8 && (string(send[4:8]) == "\x04\xd2\x16\x2f" || string(send[4:8]) == "\x04\xd2\x16\x30") {
			_ = c.SetDeadline(time.Now().Add(time.Second))
			_, _ = c.Write(send) // answered with one letter, not a message
			_ = c.(*net.UnixConn).CloseWrite()
			_, _ = io.ReadAll(c)
			if p.seen.Load() != 0 {
				t.Fatal("the server caught a panic")
			}
			return
		}
		converse(t, c, front, send, p)
	})
}
