package catalog

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
)

// cachedView is the view of a statement of database postgres.
func cachedView(t *testing.T, c *Cache) *view {
	store := memkv.New()
	txn, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { txn.Rollback(); store.Close() })
	return c.View(c.img.WithImage(txn), Session{Database: PostgresDB, Path: []string{"public"}}).(*view)
}

// However many names are asked for that are not there, what the server, the
// statement and its plan remember of them is bounded, and what is there stays.
func TestAbsentNamesAreForgotten(t *testing.T) {
	c := NewCache(testImage(t))
	v := cachedView(t, c)
	there := memoKey{kind: memoSchemaName, s: "pg_catalog"}
	if s, err := v.SchemaByName(there.s); err != nil || s == nil {
		t.Fatal(s, err)
	}
	v.RelationOID("", "before")
	early := v.Deps()
	for i := range 3 * cacheAbsent {
		if oid, err := v.RelationOID("", fmt.Sprint("x", i)); err != nil || oid != 0 {
			t.Fatal(oid, err)
		}
		if s, err := v.SchemaByName(fmt.Sprint(strings.Repeat("s", 80), i)); err != nil || s != nil {
			t.Fatal(s, err)
		}
	}
	if _, ok := c.get(PostgresDB, there); !ok {
		t.Error("the schema that is there was forgotten")
	}
	if n := len(c.dbs[PostgresDB].m); n > cacheAbsent+10 {
		t.Errorf("%d answers are cached", n)
	}
	for k := range c.dbs[PostgresDB].m {
		if len(k.s) > 63 {
			t.Fatalf("cached: a name of %d bytes", len(k.s))
		}
	}
	if n := len(v.memo.m); n > memoAbsent+10 {
		t.Errorf("the statement remembers %d answers", n)
	}
	late := v.Deps()
	if len(late.Absent) > maxAbsent {
		t.Errorf("the plan depends on %d absent names", len(late.Absent))
	}
	if ok, err := late.Valid(cachedView(t, c)); ok || err != nil {
		t.Errorf("a plan that depends on more names than it knows is valid: %v", err)
	}
	if len(early.Absent) == 0 || len(early.Absent) > 2 {
		t.Errorf("what was asked after the plan was made changed its %d absent names", len(early.Absent))
	}
	if ok, err := early.Valid(cachedView(t, c)); !ok || err != nil {
		t.Errorf("the early plan is not valid: %v", err)
	}
}

// What is there is bounded too, and so are databases.
func TestCacheIsBounded(t *testing.T) {
	c := NewCache(nil)
	for i := range uint32(2*cacheAnswers + 10) {
		c.put(1, memoKey{kind: memoRelation, a: i}, &Table{OID: i + 1}, 0)
	}
	if n := len(c.dbs[1].m); n != 10 {
		t.Errorf("%d answers, want 10", n)
	}
	for db := range uint32(2*cacheDatabases + 3) {
		c.put(db, memoKey{kind: memoRelation}, &Table{OID: 1}, 0)
	}
	if n := len(c.dbs); n > cacheDatabases {
		t.Errorf("%d databases", n)
	}
}
