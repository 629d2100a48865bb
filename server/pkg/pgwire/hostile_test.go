package pgwire

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

func packet(kind byte, length uint32, body string) []byte {
	var b []byte
	if kind != 0 {
		b = append(b, kind)
	}
	return append(binary.BigEndian.AppendUint32(b, length), body...)
}

// TestStartupPackets sends first packets of all kinds.
func TestStartupPackets(t *testing.T) {
	v3 := "\x00\x03\x00\x00"
	start := func(params string) []byte { return packet(0, uint32(4+len(v3)+len(params)), v3+params) }
	for _, c := range []struct {
		name string
		send []byte
		want string // begins the reply
		code string // in it
	}{
		{"ssl then startup", append(packet(0, 8, "\x04\xd2\x16\x2f"), start("user\x00postgres\x00database\x00postgres\x00\x00")...), "NR", ""},
		{"gss", append(packet(0, 8, "\x04\xd2\x16\x30"), start("user\x00postgres\x00database\x00postgres\x00\x00")...), "NR", ""},
		{"no user", start("database\x00x\x00\x00"), "E", "28000"},
		{"no end", start("user\x00x\x00"), "E", "08P01"},
		{"protocol 2", packet(0, 8, "\x00\x02\x00\x00"), "E", "0A000"},
		{"protocol 3.2", packet(0, 8+uint32(len("user\x00postgres\x00database\x00postgres\x00\x00")), "\x00\x03\x00\x02user\x00postgres\x00database\x00postgres\x00\x00"), "v", ""},
		{"too short", packet(0, 3, "abcd"), "E", "08P01"},
		{"too long", packet(0, 1<<30, ""), "E", "08P01"},
		{"bad setting", start("user\x00postgres\x00database\x00postgres\x00foo\x00bar\x00\x00"), "E", "42704"},
		{"bad value", start("user\x00postgres\x00database\x00postgres\x00work_mem\x00x\x00\x00"), "E", "22023"},
		{"options", start("user\x00postgres\x00database\x00postgres\x00options\x00-c work_mem=1MB --enable-sort=off\x00\x00"), "R", ""},
		{"bad options", start("user\x00postgres\x00database\x00postgres\x00options\x00-x\x00\x00"), "E", "42601"},
		{"http", []byte("GET / HTTP/1.1\r\n\r\n"), "E", "08P01"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := startServer(t, nil)
			conn, _ := ts.raw()
			if _, err := conn.Write(c.send); err != nil {
				t.Fatal(err)
			}
			_ = conn.(*net.UnixConn).CloseWrite()
			reply, _ := io.ReadAll(conn)
			if !strings.HasPrefix(string(reply), c.want) || c.code != "" && !strings.Contains(string(reply), "C"+c.code) {
				t.Errorf("reply %q, want %s… with %s", reply, c.want, c.code)
			}
		})
	}
}

// TestBadMessages: each ends its own connection at most, and the server goes on.
func TestBadMessages(t *testing.T) {
	ts := startServer(t, nil)
	for _, c := range []struct {
		name string
		send []byte
		want []string // of replies, before the connection ends or "Z"
	}{
		{"unknown type", packet('!', 4, ""), []string{"E08P01"}},
		{"oversized", packet('Q', 1<<31-1, ""), []string{"E08P01"}},
		{"oversized sync", packet('S', 1<<20, ""), []string{"E08P01"}},
		{"length below 4", packet('Q', 3, ""), []string{"E08P01"}},
		{"truncated", packet('Q', 100, "select"), nil},
		{"query without end", packet('Q', 7, "abc"), []string{"E08P01", "ZI"}},
		{"query with more", packet('Q', 10, "a\x00b\x00c\x00"), []string{"E08P01", "ZI"}},
		{"parse cut short", append(packet('P', 6, "a\x00"), packet('S', 4, "")...), []string{"E08P01", "ZI"}},
		{"bind with a bad length", append(packet('B', 4+2+2+2+4, "\x00\x00\x00\x00\x00\x01\xff\xff\xff\x00"), packet('S', 4, "")...), []string{"E08P01", "ZI"}},
		{"bind with negative counts", append(packet('B', 4+2+2+2+2, "\x00\x00\xff\xff\xff\xff\xff\xff"), packet('S', 4, "")...), []string{"E08P01", "ZI"}},
		{"describe nothing", append(packet('D', 6, "X\x00"), packet('S', 4, "")...), []string{"E08P01", "ZI"}},
		{"copy data out of place", append(packet('d', 7, "abc"), packet('S', 4, "")...), []string{"ZI"}},
		{"function call", packet('F', 5, "x"), []string{"E0A000", "ZI"}},
		{"invalid utf-8", packet('Q', 4+9, "show '\xff'\x00"), []string{"E22021", "ZI"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, f := ts.login()
			if _, err := conn.Write(c.send); err != nil {
				t.Fatal(err)
			}
			_ = conn.(*net.UnixConn).CloseWrite()
			var got []string
			for {
				m, err := f.Receive()
				if err != nil {
					break
				}
				got = append(got, describe(m))
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
	if c := ts.connect(); c.IsClosed() {
		t.Fatal("the server is gone")
	}
}

func TestTooManyClients(t *testing.T) {
	ts := startServer(t, func(c *Config) { c.MaxConnections = 2 })
	ts.login()
	ts.login()
	_, f := ts.raw()
	f.Send(&pgproto3.StartupMessage{ProtocolVersion: 196608, Parameters: map[string]string{"user": "postgres"}})
	ts.flush(f)
	if got := ts.until(f, 'E'); got[0] != "E53300" {
		t.Fatalf("got %v", got)
	}
}

func TestSilentClientIsDropped(t *testing.T) {
	ts := startServer(t, func(c *Config) { c.StartupTimeout = 50 * time.Millisecond })
	conn, _ := ts.raw()
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatalf("the server did not hang up: %v", err)
	}
}

func TestIdleInTransaction(t *testing.T) {
	ts := startServer(t, nil)
	_, f := ts.login()
	f.Send(&pgproto3.Query{String: "set idle_in_transaction_session_timeout = 50; begin"})
	ts.flush(f)
	ts.until(f, 'Z')
	if got := ts.until(f, 'E'); got[0] != "E25P03" {
		t.Fatalf("got %v", got)
	}
}

// TestBusyClientIsNotIdle: neither the data of a COPY nor what follows a long statement
// counts as idle time.
func TestBusyClientIsNotIdle(t *testing.T) {
	ts := startServer(t, nil)
	nc, f := ts.login()
	f.Send(&pgproto3.Query{String: "set idle_in_transaction_session_timeout = 300; set idle_session_timeout = 300; " +
		"create table c (a int); begin"})
	ts.flush(f)
	ts.until(f, 'Z')
	f.Send(&pgproto3.Query{String: "copy c from stdin"})
	ts.flush(f)
	ts.until(f, 'G')
	for range 2 {
		time.Sleep(400 * time.Millisecond)
		f.Send(&pgproto3.CopyData{Data: []byte("1\n")})
		ts.flush(f)
	}
	f.Send(&pgproto3.CopyDone{})
	ts.flush(f)
	ts.until(f, 'Z')

	// While the first query runs half of the second one comes.
	first, _ := (&pgproto3.Query{String: "select pg_sleep(0.5)"}).Encode(nil)
	second, _ := (&pgproto3.Query{String: "select count(*) from c"}).Encode(nil)
	if _, err := nc.Write(append(first, second[:10]...)); err != nil {
		t.Fatal(err)
	}
	ts.until(f, 'Z')
	if _, err := nc.Write(second[10:]); err != nil {
		t.Fatal(err)
	}
	if got := ts.until(f, 'Z'); got[0] != "T" {
		t.Fatalf("got %v", got)
	}
}

// TestTerminatedCopy: a COPY that waits for data is told why it ends.
func TestTerminatedCopy(t *testing.T) {
	ts := startServer(t, nil)
	_, f := ts.login()
	f.Send(&pgproto3.Query{String: "set application_name = 'copier'; create table c (a int)"})
	f.Send(&pgproto3.Query{String: "copy c from stdin"})
	ts.flush(f)
	ts.until(f, 'G')
	const end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'copier'"
	if _, err := ts.connect().Exec(context.Background(), end).ReadAll(); err != nil {
		t.Fatal(err)
	}
	if got := ts.until(f, 'E'); got[len(got)-1] != "E57P01" {
		t.Fatalf("got %v", got)
	}
}
