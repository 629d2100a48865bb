package clients

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// alive checks that the server still answers a well-behaved client.
func alive(t *testing.T) {
	t.Helper()
	var n int
	if err := connect(t).QueryRow(context.Background(), "SELECT 40 + 2").Scan(&n); err != nil || n != 42 {
		t.Fatalf("the server answers %d, %v", n, err)
	}
}

// TestBadStatements sends text no parser likes; each must end in an error for
// its sender only, with PostgreSQL's SQLSTATE.
func TestBadStatements(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct{ name, sql, code string }{
		{"unknown syntax", "FROBNICATE THE TABLE", "42601"},
		{"nested parentheses", "SELECT " + strings.Repeat("(", 100_000) + "1" + strings.Repeat(")", 100_000), "42601 54001"},
		{"operator chain", "SELECT 1" + strings.Repeat("+1", 100_000), "54001"},
		{"cast chain", "SELECT 1" + strings.Repeat("::int", 50_000), "54001"},
		{"set operation chain", "SELECT 1" + strings.Repeat(" UNION ALL SELECT 1", 30_000), "54001"},
		{"a megabyte of noise", strings.Repeat("x7@# ", 200_000), "42601 54001"},
		{"unterminated string", "SELECT 'abc", "42601"},
		{"unterminated comment", "SELECT /* /* */ 1", "42601"},
		{"a NUL byte", "SELECT 1\x00 + 1", "08P01"},
		{"an escaped NUL byte", `SELECT E'a\000b'`, "22021"},
		{"invalid UTF-8", "SELECT '\xff\xfe'", "22021"},
		{"a feature of later", "CREATE EXTENSION hstore", "0A000"},
	} {
		conn := connect(t).PgConn()
		_, err := conn.Exec(ctx, c.sql).ReadAll()
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || !strings.Contains(c.code, pe.Code) {
			t.Errorf("%s: %.200v, want SQLSTATE %s", c.name, err, c.code)
		}
	}
	alive(t)
}

// TestMemoryReturns sends large bad statements again and again: once the first
// round has grown what is kept for reuse, further rounds add next to nothing.
func TestMemoryReturns(t *testing.T) {
	ctx := context.Background()
	round := func() {
		for range 10 {
			conn := connect(t)
			for _, sql := range []string{
				strings.Repeat("x7@# ", 200_000),
				"SELECT " + strings.Repeat("(", 100_000) + "1",
				"SELECT '" + strings.Repeat("y", 1<<20) + "'::int",
			} {
				if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err == nil {
					t.Errorf("%.40s... was accepted", sql)
				}
			}
			conn.Close(ctx)
		}
	}
	memory := func() int64 {
		n, err := pgz.MemoryBytes("VmRSS")
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	round()
	round()
	before := memory()
	for range 5 {
		round()
	}
	after := memory()
	for deadline := time.Now().Add(20 * time.Second); after > before+32<<20 && time.Now().Before(deadline); after = memory() {
		time.Sleep(500 * time.Millisecond)
	}
	t.Logf("resident memory %d MiB, five rounds later %d MiB", before>>20, after>>20)
	if after > before+32<<20 {
		t.Errorf("resident memory grew from %d to %d MiB", before>>20, after>>20)
	}
	alive(t)
}

// raw opens a connection without a protocol library.
func raw(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", pgz.Port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// startUp sends a start-up message and reads up to ReadyForQuery.
func startUp(t *testing.T, c net.Conn) {
	t.Helper()
	body := "\x00\x03\x00\x00user\x00postgres\x00database\x00postgres\x00\x00"
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)); err != nil {
		t.Fatal(err)
	}
	for {
		head := make([]byte, 5)
		if _, err := io.ReadFull(c, head); err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, c, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			t.Fatal(err)
		}
		if head[0] == 'Z' {
			return
		}
	}
}

// TestBadMessages breaks the protocol in several ways; the connection may end,
// the server may not.
func TestBadMessages(t *testing.T) {
	for _, c := range []struct {
		name    string
		ready   bool
		message string
	}{
		{"noise instead of a start-up", false, "GET / HTTP/1.1\r\n\r\n"},
		{"a start-up of 2 GB", false, "\x7f\xff\xff\xff\x00\x03\x00\x00"},
		{"a start-up without end", false, "\x00\x00\x00\x10\x00\x03\x00\x00userxxxx"},
		{"a message of 2 GB", true, "Q\x7f\xff\xff\xff"},
		{"a negative length", true, "Q\xff\xff\xff\xff"},
		{"an unknown type", true, "\x01\x00\x00\x00\x04"},
		{"a Bind with too many formats", true, "B\x00\x00\x00\x0a\x00\x00\x7f\xff\x00\x01"},
		{"a query without a zero byte", true, "Q\x00\x00\x00\x09abcde"},
		{"a truncated message", true, "Q\x00\x00\x00\xff"},
	} {
		conn := raw(t)
		if c.ready {
			startUp(t, conn)
		}
		if _, err := io.WriteString(conn, c.message); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil && errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the server neither answers nor hangs up", c.name)
		}
	}
	alive(t)
}

// TestVanishDuringCopy goes away in the middle of a COPY; nothing of it stays.
func TestVanishDuringCopy(t *testing.T) {
	ctx := context.Background()
	c := connect(t)
	if _, err := c.Exec(ctx, "CREATE TABLE vanish (a int, b text)"); err != nil {
		t.Fatal(err)
	}
	conn := raw(t)
	startUp(t, conn)
	sql := "COPY vanish FROM STDIN\x00"
	msg := append([]byte{'Q'}, binary.BigEndian.AppendUint32(nil, uint32(len(sql)+4))...)
	rows := strings.Repeat("1\tsome text\n", 10_000)
	msg = append(append(msg, sql...), 'd')
	msg = append(binary.BigEndian.AppendUint32(msg, uint32(len(rows)+4)), rows...)
	if _, err := conn.Write(msg); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	conn.Close()
	// The vanished session's lock is given back, so this does not wait for ever.
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if _, err := c.Exec(ctx, "TRUNCATE vanish"); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := c.QueryRow(ctx, "SELECT count(*) FROM vanish").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows, %v", n, err)
	}
	alive(t)
}

// TestManyConnections opens 1,000 connections at once; each works, or is told
// that there are too many.
func TestManyConnections(t *testing.T) {
	before, err := pgz.MemoryBytes("VmRSS")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for range 1000 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			c, err := pgx.Connect(ctx, pgz.DSN())
			if err == nil {
				defer c.Close(ctx)
				_, err = c.Exec(ctx, "SELECT 1")
			}
			var pe *pgconn.PgError
			mu.Lock()
			defer mu.Unlock()
			if errors.As(err, &pe) && pe.Code == "53300" {
				refused++
			} else if err != nil {
				t.Errorf("%v", err)
			}
		}()
	}
	wg.Wait()
	after, err := pgz.MemoryBytes("VmRSS")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d of 1000 refused; resident memory %d MiB before, %d MiB after", refused, before>>20, after>>20)
	alive(t)
}
