package clients

import (
	"testing"

	"github.com/pgzdb/pgz/tests/harness"
)

// TestNamesInConstants: a statement that was sent before means what its names
// mean now, also where they are in constants of type regclass.
func TestNamesInConstants(t *testing.T) {
	const tableIs = "a SELECT relkind, relnatts FROM pg_class WHERE oid = 'thing'::regclass"
	const indexIs = "a SELECT relkind, relnatts FROM pg_class WHERE oid = 'thing_i'::regclass"
	both := []string{tableIs, tableIs, indexIs, indexIs, "a EXECUTE p", "a EXECUTE p"}
	lines := []string{"b CREATE TABLE thing (c int)", "b CREATE INDEX thing_i ON thing (c)",
		"a PREPARE p AS SELECT relnatts FROM pg_class WHERE oid = 'thing'::regclass"}
	for _, change := range []string{
		"b DROP TABLE thing; CREATE TABLE thing (c int, d int); CREATE INDEX thing_i ON thing (c, d)",
		"b ALTER TABLE thing ADD e int",
		"b ALTER TABLE thing RENAME TO other; CREATE VIEW thing AS SELECT 1",
		"b DROP INDEX thing_i; CREATE SEQUENCE thing_i",
	} {
		lines = append(append(lines, both...), change)
	}
	lines = append(lines, both...)
	compare(t, harness.Native(t), []play{{"regclass", lines}})
}
