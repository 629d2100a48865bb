package isolation

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/tests/harness"
)

var (
	corpus = flag.String("corpus", "../shared/corpora", "folder of PostgreSQL's own tests, relative to the repository's top")
	all    = flag.Bool("all", false, "run every spec of the corpus instead of the subset that takes seconds")
	update = flag.Bool("update", false, "write what native says to testdata/own/*.out, with -all the score to testdata/score.txt")
	keep   = flag.String("keep", "", "leave both servers' transcripts in this folder")
	only   = flag.String("only", "", "run the specs whose name has this in it")
)

// scoreFile keeps, one spec a line, the permutations that were equal.
const scoreFile = "testdata/score.txt"

// subset are specs that take a second or two.
var subset = strings.Fields(`nowait nowait-2 nowait-3 skip-locked skip-locked-2 skip-locked-3
	delete-abort-savept tuplelock-conflict lock-update-delete propagate-lock-delete
	insert-conflict-do-nothing insert-conflict-do-nothing-2 insert-conflict-do-update
	fk-contention fk-deadlock update-locked-tuple
	simple-write-skew read-only-anomaly read-only-anomaly-2 read-write-unique total-cash`)

// servers starts both servers, or skips the test and says why.
func servers(t *testing.T) (tester string, native, pgz *harness.Server) {
	t.Helper()
	if tester = TesterPath(); tester == "" {
		t.Skip("no isolationtester (Debian package postgresql-15)")
	}
	native = harness.Native(t, "max_prepared_transactions=5")
	pgz = harness.Pgz(t, "--set", "max_prepared_transactions=5")
	if err := Blocks(pgz); err != nil {
		t.Fatal(err)
	}
	return tester, native, pgz
}

// levels are what ":level" in a spec of ours stands for, one run each;
// ":weaklevel" leaves out the last.
var levels = []string{"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"}

// TestOwn runs testdata/own/*.spec. Beside each lies what PostgreSQL prints,
// one file per level where the spec names one; both servers must print it.
func TestOwn(t *testing.T) {
	paths, err := filepath.Glob("testdata/own/*.spec")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no testdata/own/*.spec (%v)", err)
	}
	tester, native, pgz := servers(t)
	for _, path := range paths {
		if !strings.Contains(path, *only) {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spec, base := string(b), strings.TrimSuffix(path, ".spec")
		at := levels
		if strings.Contains(spec, ":weaklevel") {
			at, spec = levels[:2], strings.ReplaceAll(spec, ":weaklevel", ":level")
		}
		if !strings.Contains(spec, ":level") {
			ownSpec(t, tester, native, pgz, spec, base+".out")
			continue
		}
		for _, level := range at {
			name := base + "." + strings.ToLower(strings.ReplaceAll(level, " ", "-")) + ".out"
			ownSpec(t, tester, native, pgz, strings.ReplaceAll(spec, ":level", level), name)
		}
	}
}

func ownSpec(t *testing.T, tester string, native, pgz *harness.Server, spec, expected string) {
	t.Helper()
	for _, s := range []*harness.Server{native, pgz} {
		if err := Clean(s); err != nil {
			t.Fatal(err)
		}
		permutations, failure, err := Run(tester, s, spec)
		if err != nil || failure != "" {
			t.Fatalf("%s on %s: %s %v", expected, s.Name, failure, err)
		}
		got := marker + strings.Join(permutations, "\n"+marker)
		if s == native && *update {
			if err := os.WriteFile(expected, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(expected)
		if err != nil {
			t.Fatal(err)
		}
		if *keep != "" {
			file := filepath.Join(*keep, filepath.Base(expected)+"."+s.Name)
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got != string(want) {
			t.Errorf("%s: %s differs: %s", expected, s.Name, difference(got, string(want)))
		}
	}
}

// TestCorpus scores PostgreSQL's specs and fails when a spec has fewer equal
// permutations than the score file says.
func TestCorpus(t *testing.T) {
	dir := *corpus
	if !filepath.IsAbs(dir) {
		root, err := harness.RepoRoot()
		if err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(root, dir)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "postgresql-15*/isolation/specs/*.spec"))
	if err != nil || len(paths) == 0 {
		t.Skipf("no postgresql-15*/isolation/specs in %s: unpack Debian's postgresql-15 source package there (-corpus DIR)", dir)
	}
	tester, native, pgz := servers(t)
	KeepDir = *keep
	known := readScores(t)
	var table strings.Builder
	equal, total := 0, 0
	for _, path := range paths {
		name := strings.TrimSuffix(filepath.Base(path), ".spec")
		if *only != "" && !strings.Contains(name, *only) || *only == "" && !*all && !in(subset, name) {
			continue
		}
		sc, ok, err := Compare(tester, native, pgz, path)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			t.Logf("%-34s left out: native does not finish it here", name)
			continue
		}
		equal, total = equal+sc.Equal, total+sc.Total
		t.Logf("%-34s %3d of %3d  %s", name, sc.Equal, sc.Total, sc.Why)
		fmt.Fprintf(&table, "%s %d %d\n", name, sc.Equal, sc.Total)
		if *all && *update { // after each spec: a run that is cut off leaves what it knows
			if err := os.WriteFile(scoreFile, []byte(table.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if was, ok := known[name]; ok && sc.Equal < was && !*update {
			t.Errorf("%s: %d permutations equal, %s says %d: %s", name, sc.Equal, scoreFile, was, sc.Why)
		}
	}
	t.Logf("%d of %d permutations equal", equal, total)
}

func in(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func readScores(t *testing.T) map[string]int {
	t.Helper()
	b, err := os.ReadFile(scoreFile)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]int{}
	for line := range strings.Lines(string(b)) {
		var name string
		var equal, total int
		if _, err := fmt.Sscan(line, &name, &equal, &total); err != nil {
			t.Fatalf("%s: %q: %v", scoreFile, line, err)
		}
		known[name] = equal
	}
	return known
}
