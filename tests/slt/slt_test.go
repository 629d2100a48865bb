package slt

import (
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/tests/harness"
)

var (
	record   = flag.Bool("record", false, "write the native server's answers into the files")
	pgzDSN   = flag.String("pgz", "", "use the pgz server at this connection string instead of starting one")
	filesArg = flag.String("files", "testdata/*.slt", "files to run")
)

// testdata/*.slt run on a fresh database each: every file cleans up after
// itself is not asked for; a file starts with its own schema.
func TestNative(t *testing.T) {
	s := harness.Native(t)
	t.Logf("native server %s on port %d", s.Version, s.Port)
	for _, path := range files(t) {
		t.Run(name(path), func(t *testing.T) { runFile(t, s.DSN(), path, Simple, *record) })
	}
}

// TestPgz runs every file in simple and in extended protocol mode.
func TestPgz(t *testing.T) {
	dsn := *pgzDSN
	if dsn == "" {
		s := harness.Pgz(t)
		t.Logf("pgz server %s on port %d", s.Version, s.Port)
		dsn = s.DSN()
	}
	for _, mode := range []Mode{Simple, Extended} {
		for _, path := range files(t) {
			t.Run(fmt.Sprintf("%s/%s", map[Mode]string{Simple: "simple", Extended: "extended"}[mode], name(path)),
				func(t *testing.T) { runFile(t, dsn, path, mode, false) })
		}
	}
}

func files(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(*filesArg)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files match %s (%v)", *filesArg, err)
	}
	return paths
}

func name(path string) string { return strings.TrimSuffix(filepath.Base(path), ".slt") }

// runFile runs a file in a schema of its own, dropped before and after.
func runFile(t *testing.T, dsn, path string, mode Mode, record bool) {
	cases, err := ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r := NewRunner(dsn, mode)
	defer r.Close()
	reset(t, r, name(path))
	var got [][]string
	failed := 0
	for _, c := range cases {
		if c.Simple || mode == Extended && strings.Contains(strings.TrimRight(c.SQL, "; \n"), ";") {
			r.mode = Simple // several statements only fit in a simple query
		} else {
			r.mode = mode
		}
		lines, err := r.Run(c)
		if err != nil {
			t.Fatalf("%s:%d: %s\n%v", path, c.Line, c.SQL, err)
		}
		got = append(got, lines)
		if !record && strings.Join(lines, "\n") != strings.Join(c.Want, "\n") {
			failed++
			if failed <= 20 {
				t.Errorf("%s:%d:\n%s\n-- got\n%s\n-- want\n%s", path, c.Line, c.SQL,
					strings.Join(lines, "\n"), strings.Join(c.Want, "\n"))
			}
		}
	}
	t.Logf("%s: %d statements, %d differ", name(path), len(cases), failed)
	if record {
		if err := Record(path, got); err != nil {
			t.Fatal(err)
		}
	}
}

// reset gives the file a clean schema: the tables of public go.
func reset(t *testing.T, r *Runner, name string) {
	t.Helper()
	r.mode = Simple
	lines, err := r.Run(Case{SQL: "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 2200"})
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lines {
		if strings.HasPrefix(l, "--") || strings.HasPrefix(l, "relname:") {
			continue
		}
		if _, err := r.Run(Case{SQL: fmt.Sprintf("DROP TABLE %q CASCADE", l)}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for _, s := range r.conns {
		s.notices = nil
	}
}
