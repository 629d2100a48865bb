package catalog

import (
	"math"
	"slices"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
)

// view implements View over the cache and, for what is not there, the store.
type view struct {
	cache *Cache
	src   *storeSource
	who   Session
	memo  answers  // what this statement has read
	epoch uint64   // of the cache when the view was made
	path  []uint32 // nil: not resolved yet
	deps  Deps
	seen  map[ObjectDep]bool
}

// ask answers a question from the statement's memo, the cache, or the store.
// A shared answer is *T; absence is cached as nil.
func ask[T any](v *view, k memoKey, load func() (T, error)) (T, error) {
	if x, ok := v.memo.m[k]; ok {
		return x.(T), nil
	}
	if x, ok := v.cache.get(v.src.db, k); ok {
		v.memo.keep(k, x, math.MaxInt, memoAbsent)
		return x.(T), nil
	}
	x, err := load()
	if err == nil {
		v.memo.keep(k, x, math.MaxInt, memoAbsent)
		v.cache.put(v.src.db, k, x, v.epoch)
	}
	return x, err
}

func (v *view) Database() uint32 { return v.src.db }

// Deps implements View. What is asked later, when a plan runs, is none of the plan's.
func (v *view) Deps() *Deps {
	d := v.deps
	d.Objects, d.Absent = slices.Clip(d.Objects), slices.Clip(d.Absent)
	return &d
}

func (v *view) depend(class, oid uint32, version uint64) {
	d := ObjectDep{class, oid, version}
	if v.seen == nil {
		v.seen = map[ObjectDep]bool{}
	}
	if !v.seen[d] {
		v.seen[d] = true
		v.deps.Objects = append(v.deps.Objects, d)
	}
}

func (v *view) absent(class, schema uint32, name string) {
	if len(v.deps.Absent) >= maxAbsent {
		v.deps.Many = true
		return
	}
	v.deps.Absent = append(v.deps.Absent, NameDep{class, schema, name})
}

// SearchPath implements View. pg_catalog comes first unless it is named.
func (v *view) SearchPath() []uint32 {
	if v.path == nil {
		v.path = v.resolvePath()
	}
	v.deps.Path = v.path
	return v.path
}

func (v *view) resolvePath() []uint32 {
	var named []uint32
	explicit := false
	for _, name := range v.who.Path {
		if name == "$user" {
			name = v.who.RoleName
		}
		s, err := v.SchemaByName(name)
		if err != nil || s == nil {
			continue // as PostgreSQL: schemas that are not there are skipped
		}
		explicit = explicit || s.OID == PgCatalogNamespace
		named = append(named, s.OID)
	}
	if explicit {
		return named
	}
	return append([]uint32{PgCatalogNamespace}, named...)
}

// CreationSchema implements View: the first schema the path names.
func (v *view) CreationSchema() (*Schema, error) {
	for _, name := range v.who.Path {
		if name == "$user" {
			name = v.who.RoleName
		}
		s, err := v.SchemaByName(name)
		if err != nil || s != nil {
			return s, err
		}
	}
	return nil, nil
}

// schemas lists where a name is looked up.
func (v *view) schemas(schema string) ([]uint32, error) {
	if schema == "" {
		return v.SearchPath(), nil
	}
	s, err := v.SchemaByName(schema)
	if err != nil || s == nil {
		return nil, err
	}
	return []uint32{s.OID}, nil
}

func readSchema(r *PgNamespace) *Schema {
	return &Schema{OID: r.OID, Name: r.Nspname, Owner: r.Nspowner, ACL: r.Nspacl, Version: 1}
}

func (v *view) SchemaByName(name string) (*Schema, error) {
	return ask(v, memoKey{kind: memoSchemaName, s: name}, func() (*Schema, error) {
		r, err := first(v.src, NamespaceNameIndex, ReadPgNamespace, datumString(name))
		if err != nil || r == nil {
			return nil, err
		}
		return readSchema(r), nil
	})
}

func (v *view) Schema(oid uint32) (*Schema, error) {
	return ask(v, memoKey{kind: memoSchema, a: oid}, func() (*Schema, error) {
		r, err := first(v.src, NamespaceOIDIndex, ReadPgNamespace, datumOID(oid))
		if err != nil || r == nil {
			return nil, err
		}
		return readSchema(r), nil
	})
}

// relationName finds the pg_class row of a name in one schema; kind 0 is none.
type relationName struct {
	oid  uint32
	kind byte
}

func (v *view) relationIn(schema uint32, name string) (relationName, error) {
	n, err := ask(v, memoKey{kind: memoRelationName, a: schema, s: name}, func() (relationName, error) {
		r, err := first(v.src, ClassNameIndex, ReadPgClass, datumString(name), datumOID(schema))
		if err != nil || r == nil {
			return relationName{}, err
		}
		return relationName{r.OID, r.Relkind}, nil
	})
	if err == nil && n.oid == 0 {
		v.absent(RelationRelation, schema, name)
	}
	return n, err
}

func (v *view) findRelation(schema, name string) (relationName, error) {
	in, err := v.schemas(schema)
	if err != nil {
		return relationName{}, err
	}
	for _, s := range in {
		n, err := v.relationIn(s, name)
		if err != nil || n.oid != 0 {
			return n, err
		}
	}
	return relationName{}, nil
}

func isIndexKind(kind byte) bool { return kind == RelkindIndex || kind == RelkindPartitionedIndex }

func (v *view) RelationByName(schema, name string) (*Table, error) {
	n, err := v.findRelation(schema, name)
	if err != nil || n.oid == 0 || isIndexKind(n.kind) {
		return nil, err
	}
	return v.Relation(n.oid)
}

func (v *view) RelationOID(schema, name string) (uint32, error) {
	n, err := v.findRelation(schema, name)
	if err == nil && n.oid != 0 && isIndexKind(n.kind) {
		var version uint64 // an index is no Relation, whose caller would note it
		if version, err = v.src.relationVersion(n.oid); err == nil {
			v.depend(RelationRelation, n.oid, version)
		}
	}
	return n.oid, err
}

func (v *view) Relation(oid uint32) (*Table, error) {
	t, err := ask(v, memoKey{kind: memoRelation, a: oid}, func() (*Table, error) {
		if t, err := v.src.img.Table(oid); err != nil || t != nil {
			return v.placed(t), err
		}
		version, err := v.src.relationVersion(oid)
		if err != nil || version == 0 {
			return nil, err
		}
		return buildTable(v.src, oid, version)
	})
	if err == nil && t != nil {
		v.depend(RelationRelation, oid, t.Version)
	}
	return t, err
}

// placed puts a catalog relation of the image into the view's database: its
// descriptor there names database 0.
func (v *view) placed(t *Table) *Table {
	if t.Shared || t.Database == v.src.db {
		return t
	}
	c := *t
	c.Database = v.src.db
	c.Indexes = make([]*Index, len(t.Indexes))
	for i, ix := range t.Indexes {
		x := *ix
		x.Database = v.src.db
		entry := *ix.Entry
		entry.Database = v.src.db
		x.Entry = &entry
		c.Indexes[i] = &x
		if t.PrimaryKey == ix {
			c.PrimaryKey = &x
		}
	}
	return &c
}

func (v *view) IndexByName(schema, name string) (*Index, error) {
	n, err := v.findRelation(schema, name)
	if err != nil || n.oid == 0 || !isIndexKind(n.kind) {
		return nil, err
	}
	return v.Index(n.oid)
}

func (v *view) Index(oid uint32) (*Index, error) {
	table, err := ask(v, memoKey{kind: memoIndexTable, a: oid}, func() (uint32, error) {
		r, err := first(v.src, IndexOIDIndex, ReadPgIndex, datumOID(oid))
		if err != nil || r == nil {
			return 0, err
		}
		return r.Indrelid, nil
	})
	if err != nil || table == 0 {
		return nil, err
	}
	t, err := v.Relation(table)
	if err != nil || t == nil {
		return nil, err
	}
	return t.Index(oid), nil
}

// ViewQuery implements View: the action of the view's _RETURN rule.
func (v *view) ViewQuery(t *Table) ([]byte, error) {
	var action []byte
	err := v.src.lookup(RewriteRelationIndex, []data.Datum{datumOID(t.OID)}, func(row []data.Datum) error {
		if r := ReadPgRewrite(row); r.Rulename == "_RETURN" {
			action = r.EvAction
		}
		return nil
	})
	return action, err
}

func (v *view) Constraint(oid uint32) (*Constraint, error) {
	r, err := first(v.src, ConstraintOIDIndex, ReadPgConstraint, datumOID(oid))
	if err != nil || r == nil {
		return nil, err
	}
	return readConstraint(r), nil
}

// Comment returns the comment on an object, from pg_description or, for
// objects of the whole cluster, pg_shdescription. class 0 means any.
func (v *view) Comment(class, oid uint32, sub int32) (string, bool, error) {
	text, found := "", false
	vals := []data.Datum{datumOID(oid)}
	if class != 0 {
		vals = append(vals, datumOID(class))
	}
	switch class {
	case DatabaseRelation, AuthIDRelation, TablespaceRelation:
		err := v.src.lookup(ShdescriptionIndex, vals, func(row []data.Datum) error {
			text, found = strings.Clone(ReadPgShdescription(row).Description), true
			return nil
		})
		return text, found, err
	}
	err := v.src.lookup(DescriptionIndex, vals, func(row []data.Datum) error {
		if r := ReadPgDescription(row); r.Objsubid == sub {
			text, found = strings.Clone(r.Description), true
		}
		return nil
	})
	return text, found, err
}

func (v *view) RoleByName(name string) (*Role, error) {
	return ask(v, memoKey{kind: memoRoleName, s: name}, func() (*Role, error) {
		return v.readRole(AuthIDNameIndex, datumString(name))
	})
}

func (v *view) Role(oid uint32) (*Role, error) {
	return ask(v, memoKey{kind: memoRole, a: oid}, func() (*Role, error) {
		return v.readRole(AuthIDOIDIndex, datumOID(oid))
	})
}

func (v *view) readRole(index uint32, key data.Datum) (*Role, error) {
	r, err := first(v.src, index, ReadPgAuthid, key)
	if err != nil || r == nil {
		return nil, err
	}
	role := &Role{OID: r.OID, Name: r.Rolname, Super: r.Rolsuper, Inherit: r.Rolinherit, CreateRole: r.Rolcreaterole,
		CreateDB: r.Rolcreatedb, CanLogin: r.Rolcanlogin, Replication: r.Rolreplication, BypassRLS: r.Rolbypassrls,
		ConnLimit: r.Rolconnlimit, Version: 1}
	if r.Rolpassword != nil {
		role.Password = *r.Rolpassword
	}
	members, err := all(v.src, AuthMembersMemberIndex, ReadPgAuthMembers, datumOID(r.OID))
	for _, m := range members {
		role.MemberOf = append(role.MemberOf, m.Roleid)
	}
	return role, err
}

func readDatabase(r *PgDatabase) *Database {
	return &Database{OID: r.OID, Name: r.Datname, Owner: r.Datdba, Encoding: r.Encoding, IsTemplate: r.Datistemplate,
		AllowConn: r.Datallowconn, ConnLimit: r.Datconnlimit, Collate: r.Datcollate, Ctype: r.Datctype, ACL: r.Datacl,
		Version: 1}
}

func (v *view) DatabaseByName(name string) (*Database, error) {
	return ask(v, memoKey{kind: memoDatabaseName, s: name}, func() (*Database, error) {
		r, err := first(v.src, DatabaseNameIndex, ReadPgDatabase, datumString(name))
		if err != nil || r == nil {
			return nil, err
		}
		return readDatabase(r), nil
	})
}

func (v *view) DatabaseByOID(oid uint32) (*Database, error) {
	return ask(v, memoKey{kind: memoDatabase, a: oid}, func() (*Database, error) {
		r, err := first(v.src, DatabaseOIDIndex, ReadPgDatabase, datumOID(oid))
		if err != nil || r == nil {
			return nil, err
		}
		return readDatabase(r), nil
	})
}

var _ kv.Txn = (*imageTxn)(nil)

// RelationOfStorage finds the relation of the current database whose rows or entries
// have that storage id; oid 0 where there is none.
func RelationOfStorage(v View, storage uint32) (oid uint32, kind byte, err error) {
	of, ok := v.(*view)
	if !ok {
		return 0, 0, nil
	}
	// A table and the primary key it is organised by may share one.
	rows, err := all(of.src, ClassStorageIndex, ReadPgClass, datumOID(0), datumOID(storage))
	for _, r := range rows {
		if oid == 0 || r.Relkind == RelkindTable {
			oid, kind = r.OID, r.Relkind
		}
	}
	return oid, kind, err
}
