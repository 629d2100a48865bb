package clients

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// startFails runs a server that must refuse to start and returns what it says.
func startFails(t *testing.T, as *syscall.Credential, flags ...string) string {
	t.Helper()
	bin, err := harness.PgzBin()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, flags...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("%v: %v, want exit status 1\n%s", flags, err, &out)
	}
	return out.String()
}

// TestStartErrors: what keeps a server from starting is named, and nothing in
// the directory is touched.
func TestStartErrors(t *testing.T) {
	s := harness.Pgz(t)
	data := filepath.Join(s.Dir, "data")
	free, err := harness.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	addr := fmt.Sprint("127.0.0.1:", free)
	expect := func(want, got string) {
		t.Helper()
		if !strings.Contains(got, want) {
			t.Errorf("the server says %q, want %q in it", got, want)
		}
	}
	expect("in use by another server",
		startFails(t, nil, "--data-dir", data, "--listen-addr", addr, "--socket-dir", ""))
	expect("the port is taken",
		startFails(t, nil, "--data-dir", filepath.Join(s.Dir, "other"), "--listen-addr", fmt.Sprint("127.0.0.1:", s.Port), "--socket-dir", ""))
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	identity := filepath.Join(data, "IDENTITY")
	b, err := os.ReadFile(identity)
	if err != nil {
		t.Fatal(err)
	}
	newer := bytes.Clone(b)
	newer[8] = 99 // the format version
	if err := os.WriteFile(identity, newer, 0o644); err != nil {
		t.Fatal(err)
	}
	refusal := startFails(t, nil, "--data-dir", data, "--listen-addr", addr, "--socket-dir", "")
	expect("a newer version of pgz", refusal)
	expect(identity+": format version 99 is newer than this program's 1", refusal)
	if now, err := os.ReadFile(identity); err != nil || !bytes.Equal(now, newer) {
		t.Errorf("the refused directory was changed (%v)", err)
	}
	as := &syscall.Credential{Uid: 65534, Gid: 65534}
	if os.Getuid() != 0 {
		as = nil
	}
	closed := filepath.Join(s.Dir, "closed")
	if err := os.Mkdir(closed, 0o555); err != nil {
		t.Fatal(err)
	}
	if as != nil && !readableBy(as, s.Dir) {
		t.Skip("another user cannot reach the server program here")
	}
	expect("is not writable", startFails(t, as, "--data-dir", closed, "--listen-addr", addr, "--socket-dir", ""))
}

// readableBy tells whether the user can run the server program at all.
func readableBy(as *syscall.Credential, dir string) bool {
	bin, err := harness.PgzBin()
	if err != nil {
		return false
	}
	cmd := exec.Command(bin, "--version")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	return cmd.Run() == nil
}

// TestShutdown: SIGTERM cancels what runs, leaves nothing half done and ends
// with status 0; what was committed is there afterwards.
func TestShutdown(t *testing.T) {
	ctx := context.Background()
	s := harness.Pgz(t)
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, "CREATE TABLE kept (a int); INSERT INTO kept VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	half, err := c.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := half.Exec(ctx, "INSERT INTO kept VALUES (2)"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := half.Exec(ctx, "SELECT pg_sleep(60)")
		ended <- err
	}()
	time.Sleep(100 * time.Millisecond)
	start := time.Now()
	if err := s.Stop(); err != nil { // SIGTERM, and status 0
		t.Fatal(err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("the shutdown took %v", took)
	}
	var pe *pgconn.PgError
	if err := <-ended; !errors.As(err, &pe) || pe.Code != "57P01" {
		t.Errorf("the running statement ended with %v, want SQLSTATE 57P01", err)
	}
	if conn, err := net.Dial("tcp", fmt.Sprint("127.0.0.1:", s.Port)); err == nil {
		conn.Close()
		t.Error("somebody still listens")
	}
	again, err := harness.StartPgz(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Kill)
	c2, err := pgx.Connect(ctx, again.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer c2.Close(ctx)
	var n, sum int
	if err := c2.QueryRow(ctx, "SELECT count(*), sum(a) FROM kept").Scan(&n, &sum); err != nil || n != 1 || sum != 1 {
		t.Errorf("%d rows, sum %d, %v; want the committed row alone", n, sum, err)
	}
}

// TestSequencesAcrossRestarts: a clean stop loses no value, a crash some, and none
// comes twice.
func TestSequencesAcrossRestarts(t *testing.T) {
	s := harness.Pgz(t)
	again := func() *pgx.Conn {
		t.Helper()
		var err error
		if s, err = harness.StartPgz(s.Dir); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Kill)
		return harness.Connect(t, s)
	}
	c := harness.Connect(t, s)
	mustExec(t, c, "CREATE SEQUENCE q; CREATE SEQUENCE down INCREMENT -2; CREATE SEQUENCE unused")
	for range 5 {
		mustExec(t, c, "SELECT nextval('q'), nextval('down')")
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	c = again()
	if n := number(t, c, "SELECT nextval('q')"); n != 6 {
		t.Errorf("after a clean stop the next value is %d, want 6", n)
	}
	if n := number(t, c, "SELECT nextval('down')"); n != -11 {
		t.Errorf("after a clean stop the next value downwards is %d, want -11", n)
	}
	if n := number(t, c, "SELECT nextval('unused')"); n != 1 {
		t.Errorf("the first value is %d", n)
	}
	begin := time.Now()
	last := number(t, c, "SELECT max(nextval('q'))::int FROM generate_series(1, 20000)")
	t.Logf("20,000 values in %v", time.Since(begin))
	s.Kill()
	c = again()
	if n := number(t, c, "SELECT nextval('q')"); n <= last || n > last+5000 {
		t.Errorf("after a crash the next value is %d, the last was %d", n, last)
	}
}
