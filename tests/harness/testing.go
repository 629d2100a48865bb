package harness

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Scratch is ScratchDir for a test: the directory goes when the test ends.
func Scratch(t testing.TB, name string) string {
	t.Helper()
	dir, err := ScratchDir(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// Pgz starts a pgz server for one test, which ends with it.
func Pgz(t testing.TB, flags ...string) *Server {
	t.Helper()
	s, err := StartPgz(Scratch(t, "test"), flags...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// Native starts a native server to compare with, which ends with the test. The
// test is skipped where none is installed.
func Native(t testing.TB, settings ...string) *Server {
	t.Helper()
	if NativeBin() == "" {
		t.Skip("no native PostgreSQL 15 to compare with (Debian package postgresql-15)")
	}
	s, err := StartNative(Scratch(t, "native"), append(settings, "fsync=off")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// Connect opens a connection that is closed when the test ends.
func Connect(t testing.TB, s *Server) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(context.Background(), s.DSN())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.Background()) })
	return c
}
