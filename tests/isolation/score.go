// Package isolation runs .spec files, PostgreSQL's notation for tests with
// several sessions, through PostgreSQL's own isolationtester on a native
// server and on pgz, and counts the permutations whose transcripts are equal.
// What the native server answers is what is expected: nothing is recorded.
package isolation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pgzdb/pgz/tests/harness"
)

// specTimeout is how long a run of a file may print nothing; a permutation cut off
// by it counts as different. stepTimeout makes isolationtester itself give up before that.
const (
	specTimeout = 150 * time.Second
	stepTimeout = "PGISOLATIONTIMEOUT=8"
)

// TesterPath returns the isolationtester program of Debian's postgresql-15
// package ($PGZ_ISOLATIONTESTER names another), "" if there is none.
func TesterPath() string {
	path := os.Getenv("PGZ_ISOLATIONTESTER")
	if path == "" {
		path = filepath.Join(filepath.Dir(harness.NativeBin()), "lib/pgxs/src/test/isolation/isolationtester")
	}
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// transcript collects what isolationtester prints, and ends the run when more
// than stuckMax steps had to be cancelled (each costs stepTimeout) or nothing
// comes for specTimeout.
type transcript struct {
	strings.Builder
	stop   func()
	silent *time.Timer
	stuck  int
}

const stuckMax = 3

func (t *transcript) Write(p []byte) (int, error) {
	t.silent.Reset(specTimeout)
	t.stuck += bytes.Count(p, []byte("isolationtester: canceling step "))
	if t.stuck > stuckMax {
		t.stop()
	}
	return t.Builder.Write(p)
}

// Score is how one spec fared: permutations on the native server, and those
// equal on pgz.
type Score struct {
	Name         string
	Equal, Total int
	Why          string // the first difference, one line
}

// KeepDir, if set, is where Compare leaves both servers' transcripts.
var KeepDir string

const marker = "starting permutation: "

// Run runs one spec against a server and returns its permutations'
// transcripts; failure is what ended the run early, "" if nothing did.
func Run(tester string, s *harness.Server, spec string) (permutations []string, failure string, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	silent := time.AfterFunc(specTimeout, cancel)
	defer silent.Stop()
	cmd := exec.CommandContext(ctx, tester, s.DSN()+" options='-c client_min_messages=notice'")
	cmd.Env = append(os.Environ(), stepTimeout, "PGTZ=UTC")
	cmd.Stdin = strings.NewReader(spec)
	out, errs := &transcript{stop: cancel, silent: silent}, &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, errs
	runErr := cmd.Run()
	var exit *exec.ExitError
	if runErr != nil && !errors.As(runErr, &exit) {
		return nil, "", runErr
	}
	parts := strings.Split(out.String(), "\n"+marker)
	permutations = parts[1:]
	if runErr != nil {
		failure = firstLine(errs.String())
		if out.stuck > stuckMax {
			failure = fmt.Sprintf("given up after %d steps that never ended", out.stuck)
		} else if ctx.Err() != nil {
			failure = fmt.Sprintf("nothing happened for %v", specTimeout)
		}
		if len(permutations) > 0 { // the last one was cut off
			permutations = permutations[:len(permutations)-1]
		}
	}
	return permutations, failure, nil
}

// Compare scores pgz on one spec. A spec that native itself does not finish
// is left out: ok is false.
func Compare(tester string, native, pgz *harness.Server, path string) (sc Score, ok bool, err error) {
	sc.Name = strings.TrimSuffix(filepath.Base(path), ".spec")
	b, err := os.ReadFile(path)
	if err != nil {
		return sc, false, err
	}
	spec := string(b)
	for _, s := range []*harness.Server{native, pgz} {
		if err := Clean(s); err != nil {
			return sc, false, err
		}
	}
	type result struct {
		permutations []string
		failure      string
		err          error
	}
	ours := make(chan result, 1)
	go func() {
		var t result
		t.permutations, t.failure, t.err = Run(tester, pgz, spec)
		ours <- t
	}()
	want, failure, err := Run(tester, native, spec)
	t := <-ours
	if err != nil || failure != "" {
		return sc, false, err
	}
	if t.err != nil {
		return sc, false, t.err
	}
	got, failure := t.permutations, t.failure
	if KeepDir != "" {
		for name, perms := range map[string][]string{"native": want, "pgz": got} {
			file := filepath.Join(KeepDir, sc.Name+"."+name)
			if err := os.WriteFile(file, []byte(strings.Join(perms, "\n"+marker)+"\n"+failure), 0o644); err != nil {
				return sc, false, err
			}
		}
	}
	sc.Total, sc.Why = len(want), failure
	for i, w := range want {
		if i >= len(got) {
			break
		}
		if got[i] == w {
			sc.Equal++
		} else if sc.Why == "" {
			sc.Why = difference(got[i], w)
		}
	}
	return sc, true, nil
}

// Blocks tells whether the server can say who is blocked.
func Blocks(s *harness.Server) error {
	return query(s, "SELECT pg_isolation_test_session_is_blocked(1, '{}')")
}

// Clean gives the server an empty schema public.
func Clean(s *harness.Server) error {
	return query(s, "DROP SCHEMA IF EXISTS public CASCADE", "CREATE SCHEMA public")
}

func query(s *harness.Server, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, s.DSN())
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for _, sql := range statements {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %s: %w", s.Name, sql, err)
		}
	}
	return nil
}

// difference names the first line that differs.
func difference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(g), len(w)) {
		line := func(l []string) string {
			if i < len(l) {
				return l[i]
			}
			return "(end)"
		}
		if line(g) != line(w) {
			return clip(fmt.Sprintf("got %q, native %q", line(g), line(w)))
		}
	}
	return ""
}

func firstLine(s string) string {
	var first string
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if strings.Contains(line, "ERROR:") || strings.Contains(line, "failed:") {
			return clip(line)
		}
		if first == "" {
			first = line
		}
	}
	return clip(first)
}

func clip(s string) string {
	if len(s) > 200 {
		return s[:200]
	}
	return s
}
