package isolation

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// step is a statement of one session. cancelStep in place of a statement
// cancels what the session waits for; it is left out when it does not wait.
type step struct {
	session int
	sql     string
}

const cancelStep = "(cancel)"

// play is what some sessions do, one step after the other, on the tables of
// setup. It is made from the seed and the level alone.
type play struct {
	seed  uint64
	level string
	setup string
	steps []step
}

const playSessions = 3

// playSetup makes the tables. %s is what happens to c when its row of a goes.
const playSetup = `DROP SCHEMA IF EXISTS public CASCADE; CREATE SCHEMA public;
CREATE TABLE a (id int PRIMARY KEY, v int, k int UNIQUE, t text);
INSERT INTO a SELECT g, g * 10, g, 't' || g FROM generate_series(1, 6) g;
CREATE TABLE c (id int PRIMARY KEY, aid int REFERENCES a ON DELETE %s ON UPDATE CASCADE, w int);
INSERT INTO c VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3);
CREATE TABLE n (x int, y int);
INSERT INTO n SELECT g, g FROM generate_series(1, 5) g;
CREATE INDEX ON n (x);
CREATE VIEW va AS SELECT id, v FROM a WHERE v < 45;
CREATE SEQUENCE s`

// finalState is read when all have ended.
var finalState = []string{
	"SELECT * FROM a ORDER BY id",
	"SELECT * FROM c ORDER BY id",
	"SELECT * FROM n ORDER BY x, y",
}

// placeholders are what may stand for a {name} in a statement. 7 and 8 are
// keys that no row of a has at the start and that nobody locks or deletes.
var placeholders = map[string][]string{
	"row":    {"1", "2", "3", "4", "5", "6"},
	"child":  {"1", "2", "3"},
	"new":    {"7", "8"},
	"pair":   {"7, 7", "8, 8"},
	"x":      {"1", "2", "3", "4", "5"},
	"v":      {"5", "12", "15", "21", "25", "32", "45", "55"},
	"lock":   {"FOR UPDATE", "FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE", "FOR SHARE", "FOR KEY SHARE"},
	"strong": {"FOR UPDATE", "FOR UPDATE", "FOR NO KEY UPDATE", "FOR SHARE"},
	"weak":   {"FOR NO KEY UPDATE", "FOR SHARE", "FOR SHARE", "FOR KEY SHARE"},
	"policy": {"", "", "", "NOWAIT", "SKIP LOCKED"},
	"side":   {"a", "c"},
	"table":  {"a", "c", "n"},
	"mode":   {"ACCESS SHARE", "ROW EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE"},
	"maybe":  {"", "NOWAIT"},
	"number": {"1", "2"},
}

// A family is a group of statements; a theme says which of them a play takes.
type family []string

var (
	blocks = family{"SAVEPOINT p", "SAVEPOINT p", "ROLLBACK TO p", "ROLLBACK TO p", "RELEASE p",
		"COMMIT", "COMMIT", "ROLLBACK", "BEGIN", "BEGIN", cancelStep, cancelStep}

	// plain leaves the keys of a, and what c refers to, as they are.
	plain = family{
		"UPDATE a SET v = v + 1 WHERE id = {row}",
		"UPDATE a SET v = v + 1 WHERE id = {row} AND v < {v}",
		"UPDATE a SET v = v + {v} WHERE v < {v} AND id < 7",
		"UPDATE a SET k = k + 10 WHERE id = {row}",
		"INSERT INTO a (id, k, v) VALUES ({pair}, {v})",
		"INSERT INTO a (id, k, v) VALUES ({pair}, {v}) ON CONFLICT (id) DO UPDATE SET v = a.v + excluded.v RETURNING id, v",
		"INSERT INTO a (id, k, v) VALUES ({pair}, {v}) ON CONFLICT DO NOTHING RETURNING id",
		"SELECT * FROM a ORDER BY id",
		"UPDATE a SET v = c.w * 100 FROM c WHERE c.aid = a.id AND c.id = {child} RETURNING a.id, a.v",
		"UPDATE a SET v = a.v + 1 FROM c WHERE c.aid = a.id AND a.v < {v} RETURNING a.id, a.v", // which row of c joins is open
		"UPDATE c SET w = w + 1 WHERE id = {child}",
		"SELECT * FROM c ORDER BY id",
		"UPDATE n SET y = y + 1 WHERE x = {x}",
		"UPDATE n SET x = x + 1 WHERE x = {x}",
		"UPDATE n SET y = y + 1 WHERE y > {x}",
		"UPDATE n SET y = (SELECT max(v) FROM a) WHERE x = {x}",
		"DELETE FROM n WHERE x = {x}",
		"DELETE FROM n WHERE y = {x} RETURNING x, y",
		"INSERT INTO n VALUES ({x}, {row})",
		"SELECT * FROM n ORDER BY x, y",
	}

	// references lock keys of a FOR KEY SHARE.
	references = family{
		"INSERT INTO c VALUES (3 + {child}, {row}, {row})",
		"INSERT INTO c VALUES (3 + {child}, {row}, {row}) ON CONFLICT (id) DO UPDATE SET w = c.w + 1 RETURNING id, w",
	}

	// takenKeys inserts keys that rows have.
	takenKeys = family{
		"INSERT INTO a VALUES ({row}, {v}, {row}, 'x')",
		"INSERT INTO a VALUES ({row}, {v}, {new}, 'x') ON CONFLICT (id) DO UPDATE SET v = a.v + excluded.v RETURNING id, v",
		"INSERT INTO a VALUES ({row}, {v}, {row}, 'x') ON CONFLICT DO NOTHING RETURNING id",
		"INSERT INTO a VALUES ({row}, {v}, {row}, 'x') ON CONFLICT (id) DO UPDATE SET v = a.v + 1 WHERE a.v < {v} RETURNING id, v",
		"INSERT INTO a VALUES ({row}, {v}, {row}, 'x') ON CONFLICT (k) DO NOTHING RETURNING id",
		"INSERT INTO a VALUES ({new}, {v}, {row}, 'x') ON CONFLICT (k) DO UPDATE SET v = -1, t = 'c' RETURNING id, v",
	}

	// dropsKeys takes keys of a away.
	dropsKeys = family{
		"UPDATE a SET id = id + 10 WHERE id = {row}",
		"UPDATE a SET id = {row} + 10 WHERE id = {row}",
		"DELETE FROM a WHERE id = {row}",
		"DELETE FROM a WHERE v = {row} * 10 AND id < 7",
		"DELETE FROM a USING c WHERE c.aid = a.id AND c.w = {child} RETURNING a.id",
	}

	// secondKey finds rows by the other unique key, and takes the first away.
	secondKey = family{
		"UPDATE a SET v = v + 1 WHERE k = {row}",
		"UPDATE a SET v = v + 1 WHERE k = {row} AND v < {v} RETURNING id, v",
		"UPDATE a SET id = id + 20 WHERE k = {row}",
		"UPDATE a SET k = k + 10 WHERE k = {row}",
		"DELETE FROM a WHERE k = {row} RETURNING id",
		"SELECT id, v FROM a WHERE k = {row} {strong}",
		"INSERT INTO a (id, k, v) VALUES ({new}, {row}, {v}) ON CONFLICT (k) DO UPDATE SET v = a.v + excluded.v RETURNING id, v",
	}

	// movesReferences changes what c refers to.
	movesReferences = family{
		"UPDATE c SET aid = {row} WHERE id = {child}",
		"UPDATE c SET aid = NULL WHERE id = {child}",
		"DELETE FROM c WHERE id = {child}",
	}

	// rowLocks are SELECTs that lock, with what to do instead of waiting.
	rowLocks = family{
		"SELECT id, v, k FROM a WHERE id = {row} {lock} {policy}",
		"SELECT id, v FROM a WHERE id IN ({row}, {row}) ORDER BY id {lock} {policy}",
		"SELECT id, v FROM a WHERE v > {v} AND id < 7 ORDER BY id LIMIT 2 {lock} {policy}",
		"SELECT a.id, c.id, a.v FROM a JOIN c ON c.aid = a.id WHERE a.id < {row} ORDER BY 1, 2 {lock} OF {side} {policy}",
		"SELECT a.id, c.id, a.v FROM a LEFT JOIN c ON c.aid = a.id WHERE a.id < {row} ORDER BY 1, 2 {lock} OF a {policy}",
		"SELECT * FROM va WHERE id = {row} {lock} {policy}",
		"WITH q AS (SELECT id FROM a WHERE id = {row} {lock}) SELECT count(*) FROM q",
		"SELECT id, aid FROM c WHERE aid = {row} ORDER BY id {lock} {policy}",
		"SELECT * FROM n WHERE x = {x} {lock} {policy}",
	}

	// plainLocks wait, so that they change no answer but by failing.
	plainLocks = family{
		"SELECT id, v, k FROM a WHERE id = {row} {lock}",
		"SELECT id, v FROM a WHERE id IN ({row}, {row}) ORDER BY id {lock}",
		"SELECT * FROM va WHERE id = {row} {lock}",
		"SELECT * FROM n WHERE x = {x} {lock}",
	}

	// skews write what they have read elsewhere.
	skews = family{
		"UPDATE n SET y = (SELECT max(y) + 1 FROM n) WHERE x = {x}",
		"INSERT INTO n SELECT {x}, count(*) FROM n WHERE x = {x}",
		"UPDATE n SET y = (SELECT sum(w) FROM c) WHERE x = {x}",
		"UPDATE a SET v = (SELECT sum(y) FROM n) WHERE id = {row}",
		"UPDATE c SET w = (SELECT sum(v) FROM a) WHERE id = {child}",
		"SELECT count(*), sum(w) FROM c",
		"SELECT sum(v) FROM a WHERE id < {row}",
		"SELECT * FROM n ORDER BY x, y",
		"COMMIT", "BEGIN",
	}

	// others are locks of no table, and what no transaction undoes.
	others = family{
		"SELECT pg_advisory_xact_lock({number})",
		"SELECT pg_try_advisory_xact_lock({number})",
		"SELECT nextval('s')",
	}

	// tableLocks stop everybody else's work on a table.
	tableLocks = family{"LOCK TABLE {table} IN {mode} MODE {maybe}", "TRUNCATE n"}
)

// under returns the family with only some of the lock modes.
func (f family) under(modes string) (g family) {
	for _, sql := range f {
		g = append(g, strings.ReplaceAll(sql, "{lock}", modes))
	}
	return g
}

// themes returns the families a play at the level may take. Kept apart are
// those that together show the differences README.md lists:
//   - above READ COMMITTED a row inserted under a key that was taken away
//     replaces the one the snapshot had: no takenKeys with dropsKeys there;
//   - an ON UPDATE or ON DELETE action above READ COMMITTED fails for a row
//     that referred to the key: no dropsKeys with movesReferences there;
//   - PostgreSQL takes an UPDATE of a row that its transaction has locked FOR
//     UPDATE for one of the key, and fails who waits for the key above READ
//     COMMITTED: no FOR UPDATE with FOR KEY SHARE or references there;
//   - an INSERT that waits for one unique key has on PostgreSQL taken those
//     before it: where both keys are new, they are a pair;
//   - a snapshot is taken after the wait for a table's lock: no tableLocks
//     above READ COMMITTED;
//   - IN (SELECT ...) over a table that changes is evaluated anew in a
//     re-check: no family has it.
//
// SERIALIZABLE is not compared, so that it takes all families but those whose
// answers depend on more than what other transactions have committed.
func themes(level string) [][]family {
	with := func(more ...family) []family { return append(more, plain, blocks, others) }
	weak, strong := rowLocks.under("{weak}"), rowLocks.under("{strong}")
	switch level {
	case "SERIALIZABLE":
		return [][]family{{skews}, {skews, plain, references, blocks},
			{plain, blocks, references, takenKeys, dropsKeys, movesReferences, plainLocks}}
	case "READ COMMITTED":
		return [][]family{with(references, takenKeys, movesReferences), with(tableLocks, rowLocks, references),
			with(tableLocks, rowLocks, references, dropsKeys, movesReferences),
			with(takenKeys, rowLocks, references), with(takenKeys, dropsKeys), with(takenKeys, rowLocks, dropsKeys),
			with(secondKey, dropsKeys), with(secondKey, dropsKeys, rowLocks)}
	}
	return [][]family{with(references, takenKeys, movesReferences), with(weak, references, movesReferences),
		with(weak, references, takenKeys),
		with(weak, references, dropsKeys), with(strong, dropsKeys), with(secondKey, dropsKeys)}
}

// newPlay makes the play of a seed: every session begins, then some steps.
func newPlay(seed uint64, level string) play {
	r := rand.New(rand.NewPCG(seed, 0))
	actions := []string{"CASCADE", "SET NULL", "NO ACTION", "RESTRICT"}
	p := play{seed: seed, level: level, setup: fmt.Sprintf(playSetup, pick(r, actions))}
	var pool []string
	for _, f := range pick(r, themes(level)) {
		pool = append(pool, f...)
	}
	for k := range playSessions {
		p.steps = append(p.steps, step{k, "BEGIN"})
	}
	for range 6 + r.IntN(11) {
		p.steps = append(p.steps, step{r.IntN(playSessions), fill(r, pick(r, pool))})
	}
	return p
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// fill puts something into each {name} of a statement.
func fill(r *rand.Rand, template string) string {
	var sql strings.Builder
	for {
		before, rest, found := strings.Cut(template, "{")
		sql.WriteString(before)
		if !found {
			return strings.TrimSpace(sql.String())
		}
		name, after, _ := strings.Cut(rest, "}")
		sql.WriteString(pick(r, placeholders[name]))
		template = after
	}
}
