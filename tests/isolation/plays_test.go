package isolation

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pgzdb/pgz/tests/harness"
)

var (
	plays     = flag.Int("plays", 8, "random plays per isolation level")
	playSeed  = flag.Uint64("play-seed", 1, "seed of the first play; the next ones follow")
	playLevel = flag.String("play-level", "", "play at this isolation level only")
)

// TestRandomPlays lets three sessions do random things side by side, on both
// servers at the same time. Below SERIALIZABLE all answers must be equal, with
// waits, errors and the final tables. At SERIALIZABLE the servers may choose
// different transactions to fail, and at different steps: PostgreSQL remembers
// what was read by pages, pgz by ranges of keys. There each server is judged by
// itself: what it has committed must be what some serial order gives.
func TestRandomPlays(t *testing.T) {
	_, native, pgz := servers(t)
	for _, level := range levels {
		if *playLevel != "" && !strings.EqualFold(*playLevel, level) {
			continue
		}
		t.Run(strings.ToLower(strings.ReplaceAll(level, " ", "-")), func(t *testing.T) {
			for seed := *playSeed; seed < *playSeed+uint64(*plays); seed++ {
				p := newPlay(seed, level)
				if level == "SERIALIZABLE" {
					playSerially(t, native, pgz, p)
				} else {
					playEqually(t, native, pgz, p)
				}
			}
		})
	}
}

// both plays on both servers at the same time. An error fails the test.
func both(t *testing.T, native, pgz *harness.Server, p play, patience time.Duration) (want, got []event) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		var err error
		got, err = perform(pgz, p, patience)
		done <- err
	}()
	want, wantErr := perform(native, p, patience)
	if err := <-done; err != nil {
		t.Fatalf("%s%s%v", heading(p), lines(got), err)
	}
	if wantErr != nil {
		t.Fatalf("%s%s%v", heading(p), lines(want), wantErr)
	}
	return want, got
}

// slowRuns is how often a play that differs is played again with more
// patience. It differs only if native says the same each time.
const slowRuns = 3

func playEqually(t *testing.T, native, pgz *harness.Server, p play) {
	want, got := both(t, native, pgz, p, patience)
	if slices.Equal(want, got) {
		return
	}
	first, differs := want, false
	for n := range slowRuns {
		w, g := both(t, native, pgz, p, morePatience)
		if n > 0 && !slices.Equal(w, first) {
			t.Logf("%snative itself does not always say the same:\n%s", heading(p), comparison(first, w))
			return
		}
		if first = w; !slices.Equal(w, g) {
			differs, want, got = true, w, g
		}
	}
	if why := known(want, got); differs && why != "" {
		t.Logf("%sas README.md says, %s:\n%s", heading(p), why, comparison(want, got))
		return
	}
	if !differs {
		t.Logf("%sdiffered once, and not in %d slow runs:\n%s", heading(p), slowRuns, comparison(want, got))
		return
	}
	t.Errorf("%s%s", heading(p), comparison(want, got))
	short := shrink(p, func(less play) bool {
		w, g := both(t, native, pgz, less, 2*patience)
		if slices.Equal(w, g) || known(w, g) != "" {
			return false
		}
		want, got = w, g
		return true
	})
	t.Errorf("the same in %d steps:\n%s", len(short.steps), comparison(want, got))
}

// known returns which of the differences of README.md a play shows that no
// choice of statements avoids, or "". They are differences of who waits: what
// comes after is not looked at, a wrong answer before it is found.
func known(want, got []event) string {
	n := equalUntil(want, got)
	if n >= len(want) || n >= len(got) {
		return ""
	}
	w, g := want[n], got[n]
	sameStep := w.session == g.session && w.sql == g.sql
	others := slices.ContainsFunc([]int{0, 1, 2}, func(k int) bool { return k != w.session && waited(want[:n], k) })
	switch {
	case sameStep && w.answer == waits:
		if strings.HasPrefix(w.sql, "UPDATE c SET w") {
			return "PostgreSQL checks the reference of a row it has changed before"
		}
		return ""
	case sameStep && g.answer != waits, !sameStep && !waited(want[:n], w.session):
		return ""
	case strings.HasPrefix(w.answer, "ERROR 40001"):
		return "pgz waits for a lock before it fails with 40001"
	case sameStep && others:
		return "pgz queues behind one who waits"
	}
	return ""
}

// waited tells whether a session waits after the events.
func waited(events []event, session int) bool {
	for _, e := range slices.Backward(events) {
		if e.session == session && e.answer != skipped && e.sql != cancelStep {
			return e.answer == waits
		}
	}
	return false
}

// shrinkTries bounds the plays that look for a shorter one.
const shrinkTries = 80

// shrink leaves out steps as long as the play still differs, as differs says.
func shrink(p play, differs func(play) bool) play {
	tries := 0
	for size := len(p.steps) / 2; size > 0; {
		some := false
		for at := 0; at+size <= len(p.steps) && tries < shrinkTries; {
			less := p
			less.steps = slices.Concat(p.steps[:at], p.steps[at+size:])
			if tries++; differs(less) {
				p, some = less, true
			} else {
				at += size
			}
		}
		if !some || size > 1 {
			size /= 2
		}
	}
	return p
}

// playSerially plays p, and looks for a serial order on each server.
func playSerially(t *testing.T, native, pgz *harness.Server, p play) {
	want, got := both(t, native, pgz, p, patience)
	if odd := notSerial(t, native, p, want); odd != "" { // then the test is wrong, or PostgreSQL
		t.Errorf("%son native %s:\n%s", heading(p), odd, lines(want))
	}
	odd := notSerial(t, pgz, p, got)
	if odd == "" {
		return
	}
	t.Errorf("%son pgz %s:\n%s", heading(p), odd, lines(got))
	short := shrink(p, func(less play) bool {
		_, g := both(t, native, pgz, less, patience)
		if notSerial(t, pgz, less, g) == "" {
			return false
		}
		got = g
		return true
	})
	t.Errorf("the same in %d steps:\n%s", len(short.steps), lines(got))
}

// notSerial says what a serializable play must not do, or "".
func notSerial(t *testing.T, s *harness.Server, p play, events []event) string {
	t.Helper()
	if slices.ContainsFunc(events, func(e event) bool { return strings.HasPrefix(e.answer, "ERROR XX") }) {
		return "something is wrong inside"
	}
	ok, err := serialOrder(s, p, events)
	if err != nil {
		t.Fatalf("%s%s%s: %v", heading(p), lines(events), s.Name, err)
	}
	if !ok {
		return "no serial order gives what was committed"
	}
	return ""
}

func heading(p play) string {
	return fmt.Sprintf("play: -play-level %q -play-seed %d -plays 1\n%s\n", strings.ToLower(p.level), p.seed, p.setup)
}

func lines(events []event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintln(&b, e)
	}
	return b.String()
}

// comparison shows the events until the two sides differ, and there both.
func comparison(want, got []event) string {
	n := equalUntil(want, got)
	at := func(events []event) string {
		if n < len(events) {
			return events[n].String()
		}
		return "nothing more"
	}
	return lines(want[:n]) + "native: " + at(want) + "\npgz:    " + at(got) + "\n"
}

// equalUntil returns the index of the first event that differs.
func equalUntil(want, got []event) (n int) {
	for n < len(want) && n < len(got) && want[n] == got[n] {
		n++
	}
	return n
}
