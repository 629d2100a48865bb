package catalog

import (
	"sort"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// rowSource is where descriptors are built from: the image alone (for the catalog relations themselves) or the merged
// catalog.
type rowSource interface {
	// lookup calls f for each row whose leading columns in the catalog index equal vals, in index order. The row is
	// borrowed for the call.
	lookup(index uint32, vals []data.Datum, f func(row []data.Datum) error) error
	// validFrom returns the commit timestamp of a storage id's mark, 0 if it has none.
	validFrom(database, storage uint32) (uint64, error)
	// typ finds a column's type, nil if values of it cannot be stored.
	typ(oid uint32) (*types.Type, error)
	database() uint32
}

// first returns the only row of a unique lookup, converted by read; nil when there is none.
func first[T any](src rowSource, index uint32, read func([]data.Datum) *T, vals ...data.Datum) (*T, error) {
	var found *T
	err := src.lookup(index, vals, func(row []data.Datum) error {
		found = read(row)
		return nil
	})
	return found, err
}

// all returns every row of a lookup.
func all[T any](src rowSource, index uint32, read func([]data.Datum) *T, vals ...data.Datum) ([]*T, error) {
	var rows []*T
	err := src.lookup(index, vals, func(row []data.Datum) error {
		rows = append(rows, read(row))
		return nil
	})
	return rows, err
}

// buildTable makes a relation's descriptor from its rows; nil when there is no such relation.
func buildTable(src rowSource, oid uint32, version uint64) (*Table, error) {
	class, err := first(src, ClassOIDIndex, ReadPgClass, datumOID(oid))
	if err != nil || class == nil {
		return nil, err
	}
	if class.Relkind == RelkindIndex || class.Relkind == RelkindPartitionedIndex {
		return nil, nil
	}
	t := &Table{
		OID: oid, Name: class.Relname, Schema: class.Relnamespace, Owner: class.Relowner, Relkind: class.Relkind,
		Persistence: class.Relpersistence, TypeOID: class.Reltype, Shared: class.Relisshared, Version: version,
		Database: src.database(), StorageID: class.Relfilenode, Fillfactor: fillfactor(class.Reloptions, 100),
		RelTuples: float64(class.Reltuples), RelPages: class.Relpages, RowSecurity: class.Relrowsecurity,
		ForceRowSecurity: class.Relforcerowsecurity, HasTriggers: class.Relhastriggers, ACL: class.Relacl,
		Options: class.Reloptions, IsCatalog: oid < FirstUserOID,
	}
	if t.IsCatalog && t.Relkind == RelkindView {
		t.ViewText = systemView(t.Schema, t.Name)
	}
	if t.Shared {
		t.Database = 0
	}
	if t.IsCatalog || t.StorageID == 0 {
		t.StorageID = oid // mapped relations have no relfilenode
	}
	if !t.IsCatalog && t.HasStorage() {
		if t.ValidFrom, err = src.validFrom(t.Database, t.StorageID); err != nil {
			return nil, err
		}
	}
	schema, err := first(src, NamespaceOIDIndex, ReadPgNamespace, datumOID(t.Schema))
	if err != nil {
		return nil, err
	}
	if schema != nil {
		t.SchemaName = schema.Nspname
	}
	if err := t.readColumns(src); err != nil {
		return nil, err
	}
	if t.Relkind == RelkindSequence {
		return t, t.readSequence(src)
	}
	if !t.HasStorage() && t.Relkind != RelkindPartitionedTable {
		return t, nil
	}
	if err := t.readConstraints(src); err != nil {
		return nil, err
	}
	return t, t.readIndexes(src)
}

func (t *Table) readColumns(src rowSource) error {
	atts, err := all(src, AttributeNumIndex, ReadPgAttribute, datumOID(t.OID))
	if err != nil {
		return err
	}
	defaults := map[int16][]byte{}
	if !t.IsCatalog {
		rows, err := all(src, AttrDefaultIndex, ReadPgAttrdef, datumOID(t.OID))
		if err != nil {
			return err
		}
		for _, d := range rows {
			defaults[d.Adnum] = d.Adbin
		}
	}
	var layout []rowcodec.Column
	for _, a := range atts {
		if a.Attnum < 1 {
			continue
		}
		c, typ, err := readColumn(src, a)
		if err != nil {
			return err
		}
		c.Default = defaults[a.Attnum]
		if t.ViewText != "" {
			if err := c.seeThroughDomain(src); err != nil {
				return err
			}
		}
		t.Columns = append(t.Columns, c)
		layout = append(layout, rowcodec.Column{Type: typ, Len: c.Len, Missing: c.Missing})
	}
	t.Row = rowcodec.NewRowDesc(layout)
	return nil
}

// seeThroughDomain gives a system view's column the base type of its domain: the domains of information_schema only
// name types, and the views' definitions produce the base types.
func (c *Column) seeThroughDomain(src rowSource) error {
	if types.Get(c.TypeOID) != nil {
		return nil
	}
	row, err := first(src, TypeOIDIndex, ReadPgType, datumOID(c.TypeOID))
	if err != nil || row == nil || row.Typtype != TyptypeDomain {
		return err
	}
	c.TypeOID, c.Typmod = row.Typbasetype, row.Typtypmod
	return nil
}

func readColumn(src rowSource, a *PgAttribute) (Column, *types.Type, error) {
	c := Column{
		Name: a.Attname, Num: a.Attnum, TypeOID: a.Atttypid, Typmod: a.Atttypmod, Len: a.Attlen, ByVal: a.Attbyval,
		Align: a.Attalign, Storage: a.Attstorage, Compression: a.Attcompression, NDims: a.Attndims,
		Collation: a.Attcollation, NotNull: a.Attnotnull, Dropped: a.Attisdropped, HasDefault: a.Atthasdef,
		Identity: a.Attidentity, Generated: a.Attgenerated, HasMissing: a.Atthasmissing,
		StatsTarget: a.Attstattarget, ACL: a.Attacl,
	}
	if c.Dropped {
		return c, nil, nil
	}
	typ, err := src.typ(c.TypeOID)
	if err != nil {
		return c, nil, err
	}
	c.Type = typ
	if c.HasMissing && a.Attmissingval != nil && typ != nil {
		c.Missing = arrayFirst(typ, a.Attmissingval)
	}
	return c, typ, nil
}

func (t *Table) readSequence(src rowSource) error {
	s, err := first(src, SequenceIndex, ReadPgSequence, datumOID(t.OID))
	if err != nil || s == nil {
		return err
	}
	t.Sequence = &Sequence{
		TypeOID: s.Seqtypid, Start: s.Seqstart, Increment: s.Seqincrement, Max: s.Seqmax, Min: s.Seqmin,
		Cache: s.Seqcache, Cycle: s.Seqcycle,
	}
	return nil
}

func (t *Table) readConstraints(src rowSource) error {
	if t.IsCatalog {
		return nil // primary and unique constraints only, which the indexes tell
	}
	rows, err := all(src, ConstraintRelidIndex, ReadPgConstraint, datumOID(t.OID))
	if err != nil {
		return err
	}
	for _, r := range rows {
		c := readConstraint(r)
		switch c.Type {
		case ConstraintCheck:
			t.Checks = append(t.Checks, c)
		case ConstraintForeign:
			t.ForeignKeys = append(t.ForeignKeys, c)
		}
		t.Constraints = append(t.Constraints, c)
	}
	if !t.HasTriggers {
		return nil
	}
	return t.readReferences(src)
}

// readReferences finds the foreign keys that point here, among what depends on the table.
func (t *Table) readReferences(src rowSource) error {
	deps, err := all(src, DependReferenceIndex, ReadPgDepend, datumOID(RelationRelation), datumOID(t.OID))
	if err != nil {
		return err
	}
	seen := map[uint32]bool{}
	for _, d := range deps {
		if d.Classid != ConstraintRelation || seen[d.Objid] {
			continue
		}
		seen[d.Objid] = true
		r, err := first(src, ConstraintOIDIndex, ReadPgConstraint, datumOID(d.Objid))
		if err != nil {
			return err
		}
		if r != nil && r.Contype == ConstraintForeign && r.Confrelid == t.OID {
			t.Referenced = append(t.Referenced, readConstraint(r))
		}
	}
	return nil
}

func readConstraint(r *PgConstraint) *Constraint {
	return &Constraint{
		OID: r.OID, Name: r.Conname, Schema: r.Connamespace, Table: r.Conrelid, Type: r.Contype,
		Deferrable: r.Condeferrable, Deferred: r.Condeferred, Validated: r.Convalidated, Local: r.Conislocal,
		NoInherit: r.Connoinherit, Index: r.Conindid, Columns: r.Conkey, Expr: r.Conbin, RefTable: r.Confrelid,
		RefColumns: r.Confkey, UpdateAction: r.Confupdtype, DeleteAction: r.Confdeltype, MatchType: r.Confmatchtype,
		EqualOps: r.Conpfeqop,
	}
}

func (t *Table) readIndexes(src rowSource) error {
	rows, err := all(src, IndexRelidIndex, ReadPgIndex, datumOID(t.OID))
	if err != nil {
		return err
	}
	sort.Slice(rows, func(i, j int) bool { return rows[i].Indexrelid < rows[j].Indexrelid })
	for _, r := range rows {
		ix, err := t.readIndex(src, r)
		if err != nil {
			return err
		}
		if ix == nil {
			continue
		}
		t.Indexes = append(t.Indexes, ix)
		if ix.Primary {
			t.PrimaryKey = ix
		}
	}
	if pk := t.PrimaryKey; pk != nil && pk.Immediate && (t.IsCatalog || pk.StorageID == t.StorageID) {
		pk.IsRowKey = true
		pk.StorageID, pk.ValidFrom = t.StorageID, t.ValidFrom
		pk.Entry.Storage = t.StorageID
		for _, c := range pk.Columns[:pk.NumKeys] {
			t.Key = append(t.Key, c.KeyColumn)
		}
		t.RowKey = pk.Entry.Cols
	}
	return nil
}
