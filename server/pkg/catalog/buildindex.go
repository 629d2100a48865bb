package catalog

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Bits of pg_index.indoption.
const (
	indoptionDesc       = 1
	indoptionNullsFirst = 2
)

// readIndex makes the descriptor of one of t's indexes; nil if its pg_class row is gone.
func (t *Table) readIndex(src rowSource, r *PgIndex) (*Index, error) {
	class, err := first(src, ClassOIDIndex, ReadPgClass, datumOID(r.Indexrelid))
	if err != nil || class == nil {
		return nil, err
	}
	ix := &Index{
		OID: r.Indexrelid, Name: class.Relname, Schema: class.Relnamespace, Table: t.OID, Owner: class.Relowner,
		AM: class.Relam, Version: t.Version, Database: t.Database, StorageID: class.Relfilenode,
		Unique: r.Indisunique, NullsNotDistinct: r.Indnullsnotdistinct, Primary: r.Indisprimary,
		Immediate: r.Indimmediate, Valid: r.Indisvalid, Ready: r.Indisready, NumKeys: int(r.Indnkeyatts),
		Predicate: r.Indpred, Exprs: r.Indexprs, Fillfactor: fillfactor(class.Reloptions, 90),
		RelTuples: float64(class.Reltuples), RelPages: class.Relpages, Options: class.Reloptions,
	}
	if t.IsCatalog || ix.StorageID == 0 {
		ix.StorageID = ix.OID
	} else if ix.ValidFrom, err = src.validFrom(ix.Database, ix.StorageID); err != nil {
		return nil, err
	}
	for _, c := range t.Constraints {
		if c.Index == ix.OID && (c.Type == ConstraintPrimary || c.Type == ConstraintUnique || c.Type == ConstraintExclusion) {
			ix.Constraint = c.OID
		}
	}
	return ix, t.readIndexColumns(src, ix, r)
}

func (t *Table) readIndexColumns(src rowSource, ix *Index, r *PgIndex) error {
	atts, err := all(src, AttributeNumIndex, ReadPgAttribute, datumOID(ix.OID))
	if err != nil {
		return err
	}
	if len(atts) != int(r.Indnatts) || len(r.Indkey) != len(atts) || len(r.Indclass) < ix.NumKeys ||
		len(r.Indoption) < ix.NumKeys || len(r.Indcollation) < ix.NumKeys {
		return fmt.Errorf("catalog: index %d: pg_index and pg_attribute rows disagree", ix.OID)
	}
	ix.Entry = &rowcodec.Index{
		Database: ix.Database, Storage: ix.StorageID, Unique: ix.Unique, NullsNotDistinct: ix.NullsNotDistinct,
	}
	for i, a := range atts {
		c := IndexColumn{Name: a.Attname, TypeOID: a.Atttypid, Typmod: a.Atttypmod}
		c.Attnum = r.Indkey[i]
		if i < ix.NumKeys {
			c.Desc = r.Indoption[i]&indoptionDesc != 0
			c.NullsFirst = r.Indoption[i]&indoptionNullsFirst != 0
			c.OpClass, c.Collation = r.Indclass[i], r.Indcollation[i]
			oc, err := first(src, OpClassOIDIndex, ReadPgOpclass, datumOID(c.OpClass))
			if err != nil {
				return err
			}
			if oc != nil {
				c.OpFamily, c.InType = oc.Opcfamily, oc.Opcintype
			}
			typ, err := t.keyType(src, c)
			if err != nil {
				return err
			}
			ix.Entry.Cols = append(ix.Entry.Cols, rowcodec.KeyColumn{Type: typ, Desc: c.Desc, NullsFirst: c.NullsFirst})
		}
		ix.Columns = append(ix.Columns, c)
	}
	return nil
}

// keyType is the type whose encoding an index column's keys use: the table column's own (an index on a name column
// stores cstrings in PostgreSQL, which matters nowhere here), else the expression's.
func (t *Table) keyType(src rowSource, c IndexColumn) (*types.Type, error) {
	oid := c.TypeOID
	if c.Attnum > 0 && int(c.Attnum) <= len(t.Columns) {
		oid = t.Columns[c.Attnum-1].TypeOID
	}
	typ, err := src.typ(oid)
	if err == nil && typ == nil {
		err = fmt.Errorf("catalog: index column of table %d has unknown type %d", t.OID, oid)
	}
	return typ, err
}

// fillfactor reads the fillfactor out of reloptions.
func fillfactor(options []string, def int) int {
	for _, o := range options {
		if v, ok := strings.CutPrefix(o, "fillfactor="); ok {
			if n, err := strconv.Atoi(v); err == nil {
				return n
			}
		}
	}
	return def
}
