package catalog

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Cache keeps what views have read, for all sessions of a server. It is
// correct because of two rules: while any transaction has changed the catalog
// and not ended, nobody reads or fills the shared part; and when such a
// transaction ends, everything that DDL can change is forgotten before the
// shared part is used again. A session whose DDL is under way therefore reads
// its own changes from its transaction, and a session that waited for that
// DDL's locks can never meet what was cached before it.
type Cache struct {
	img *Image

	// epoch grows whenever a catalog change ends. An odd-even scheme is not
	// needed: changing tells whether one is under way.
	epoch    atomic.Uint64
	changing atomic.Int64

	mu  sync.RWMutex
	dbs map[uint32]*answers
}

// Names that are not there are without number, and anybody may ask for them;
// what is there can be more than is worth keeping.
const (
	cacheAnswers   = 32768 // of one database
	cacheAbsent    = 4096  // of them, at most so many that say there is nothing
	cacheDatabases = 256
	memoAbsent     = 1024 // the same for what one statement has read
)

// answers are those to questions about one database. Beyond a bound they are
// forgotten together, which costs a get nothing.
type answers struct {
	m      map[memoKey]any
	absent int // so many of them at most say that there is nothing
}

// keep adds an answer. Those that are there, and those in all, stay in bounds.
func (a *answers) keep(k memoKey, v any, most, mostAbsent int) {
	if len(a.m) >= most {
		clear(a.m)
		a.absent = 0
	}
	if isAbsent(v) {
		if a.absent >= mostAbsent {
			maps.DeleteFunc(a.m, func(_ memoKey, old any) bool { return isAbsent(old) })
			a.absent = 0
		}
		a.absent++
	}
	a.m[k] = v
}

// isAbsent tells whether an answer says that there is nothing.
func isAbsent(v any) bool { return reflect.ValueOf(v).IsZero() }

// memoKey names one answer: the kind of question and its arguments.
type memoKey struct {
	kind memoKind
	a, b uint32
	c    int32
	d    uint32
	s    string
}

type memoKind uint8

// Kinds of answers. Those before memoStable can be changed by DDL; the others
// are about functions, operators and their classes, which no DDL makes yet.
const (
	memoRelation memoKind = iota
	memoRelationName
	memoIndexTable
	memoConstraintTable
	memoType
	memoTypeName
	memoSchema
	memoSchemaName
	memoRole
	memoRoleName
	memoDatabase
	memoDatabaseName
	memoStable
	memoProc
	memoProcName
	memoOperator
	memoOperatorName
	memoCast
	memoCollation
	memoCollationName
	memoOpClass
	memoOpClassName
	memoDefaultOpClass
	memoAmOp
	memoAmProc
	memoOperatorFamilies
)

// NewCache returns an empty cache over the image.
func NewCache(img *Image) *Cache {
	return &Cache{img: img, dbs: map[uint32]*answers{}}
}

// Image returns the static part of the catalog.
func (c *Cache) Image() *Image { return c.img }

// Epoch is the fast check of a cached plan: as long as it is the same and no
// change is under way (second result), nothing has changed.
func (c *Cache) Epoch() (epoch uint64, quiet bool) { return c.epoch.Load(), c.changing.Load() == 0 }

// Changing is the number of transactions that are changing the catalog.
func (c *Cache) Changing() int { return int(c.changing.Load()) }

// Begin says that a transaction is about to change the catalog. The function
// it returns says that the transaction has ended, however; call it once.
func (c *Cache) Begin() (end func()) {
	c.changing.Add(1)
	c.epoch.Add(1)
	return func() {
		c.mu.Lock()
		for _, a := range c.dbs {
			maps.DeleteFunc(a.m, func(k memoKey, _ any) bool { return k.kind < memoStable })
		}
		c.mu.Unlock()
		c.epoch.Add(1)
		c.changing.Add(-1)
	}
}

// get returns a cached answer.
func (c *Cache) get(db uint32, k memoKey) (any, bool) {
	if k.kind < memoStable && c.changing.Load() != 0 {
		return nil, false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	a := c.dbs[db]
	if a == nil {
		return nil, false
	}
	v, ok := a.m[k]
	return v, ok
}

// put caches an answer that was read since the catalog had this epoch, unless
// something has begun to change since.
func (c *Cache) put(db uint32, k memoKey, v any, epoch uint64) {
	if len(k.s) > types.NameLen {
		return // nothing can have that name
	}
	k.s = strings.Clone(k.s) // it may be part of a large text
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.kind < memoStable && (c.changing.Load() != 0 || c.epoch.Load() != epoch) {
		return
	}
	a := c.dbs[db]
	if a == nil {
		if len(c.dbs) >= cacheDatabases {
			clear(c.dbs)
		}
		a = &answers{m: map[memoKey]any{}}
		c.dbs[db] = a
	}
	a.keep(k, v, cacheAnswers, cacheAbsent)
}

// Session says whose view it is.
type Session struct {
	Database uint32
	Role     uint32
	RoleName string
	// Path is the search_path setting, split into names; "$user" stands for the role's name.
	Path []string
}

// View returns the catalog for one statement, read through txn, which must see
// the image (Image.WithImage).
func (c *Cache) View(txn kv.Txn, who Session) View {
	v := &view{cache: c, src: &storeSource{img: c.img, txn: txn, db: who.Database}, who: who, memo: answers{m: map[memoKey]any{}}}
	v.epoch, _ = c.Epoch()
	return v
}

// NoteChanges makes txn, as WithImage returned it, call changed before every
// write into a catalog relation.
func NoteChanges(txn kv.Txn, changed func()) {
	if t, ok := txn.(*imageTxn); ok {
		t.changed = func(kv.OpNum, uint32) { changed() }
	}
}

// Valid reports whether what a plan depends on is as it was when deps were
// recorded. v is a fresh view of the session that wants to use the plan.
func (d *Deps) Valid(v View) (bool, error) {
	if d.Many {
		return false, nil
	}
	for _, o := range d.Objects {
		version, err := versionOf(v, o)
		if err != nil || version != o.Version || version == ownVersion {
			return false, err
		}
	}
	if d.Path != nil && !slices.Equal(d.Path, v.SearchPath()) {
		return false, nil
	}
	for _, n := range d.Absent {
		there, err := nameExists(v, n)
		if err != nil || there {
			return false, err
		}
	}
	return true, nil
}

// versionOf is the present version of an object, 0 if it is gone.
func versionOf(v View, o ObjectDep) (uint64, error) {
	switch o.Class {
	case RelationRelation:
		t, err := v.Relation(o.OID)
		if own, ok := v.(*view); ok && err == nil && t == nil {
			return own.src.relationVersion(o.OID) // an index, or gone
		}
		if err != nil || t == nil {
			return 0, err
		}
		return t.Version, nil
	case TypeRelation:
		t, err := v.Type(o.OID)
		if err != nil || t == nil {
			return 0, err
		}
		return t.Version, nil
	case NamespaceRelation:
		s, err := v.Schema(o.OID)
		if err != nil || s == nil {
			return 0, err
		}
		return s.Version, nil
	}
	return o.Version, nil // kinds no DDL changes
}

func nameExists(v View, n NameDep) (bool, error) {
	in, err := v.Schema(n.Schema)
	if err != nil || in == nil {
		return false, err
	}
	switch n.Class {
	case RelationRelation:
		oid, err := v.RelationOID(in.Name, n.Name)
		return oid != 0, err
	case TypeRelation:
		t, err := v.TypeByName(in.Name, n.Name)
		return t != nil, err
	}
	return false, nil
}
