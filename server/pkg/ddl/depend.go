package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// object is a catalog object: the relation its row is in, its OID and, for
// columns, their number.
type object struct {
	class, oid uint32
	sub        int32
}

// Kinds of pg_depend rows.
const (
	dependNormal   = 'n'
	dependAuto     = 'a'
	dependInternal = 'i'
)

// depend records that one object needs another. Objects of the image need no
// rows: they cannot be dropped.
func depend(w *catalog.Writer, from, on object, kind byte) error {
	if on.oid < catalog.FirstUserOID && !(on.class == catalog.NamespaceRelation && on.oid == catalog.PublicNamespace) {
		return nil
	}
	row := catalog.PgDepend{Classid: from.class, Objid: from.oid, Objsubid: from.sub,
		Refclassid: on.class, Refobjid: on.oid, Refobjsubid: on.sub, Deptype: kind}
	return w.Insert(catalog.DependRelation, row.Row())
}

// dependOnColumns records what columns of a table an object was made from.
func dependOnColumns(w *catalog.Writer, from object, table uint32, cols []int16, kind byte) error {
	seen := map[int16]bool{}
	for _, c := range cols {
		if c <= 0 || seen[c] {
			continue
		}
		seen[c] = true
		if err := depend(w, from, object{catalog.RelationRelation, table, int32(c)}, kind); err != nil {
			return err
		}
	}
	return nil
}

// forget removes every pg_depend row in which an object needs others.
func forget(w *catalog.Writer, o object) error {
	vals := []data.Datum{catalog.OID(o.class), catalog.OID(o.oid)}
	if o.sub != 0 {
		vals = append(vals, catalog.Int4(o.sub))
	}
	return w.Rows(catalog.DependDependerIndex, func(row []data.Datum) error {
		return w.Delete(catalog.DependRelation, row)
	}, vals...)
}

// columnsOf lists the columns of varno 1 an expression reads.
func columnsOf(e query.Expr) []int16 {
	var out []int16
	query.Walk(e, func(e query.Expr) bool {
		if v, ok := e.(*query.Var); ok && v.Varno == 1 && v.Varlevelsup == 0 {
			out = append(out, v.Varattno)
		}
		return true
	})
	return out
}

// dependOnExpr records what an expression over a table's columns needs: the
// columns in the given kind, everything else normally.
func dependOnExpr(w *catalog.Writer, from object, e query.Expr, table uint32, kind byte) error {
	for _, d := range query.RelationDependencies(e, table) {
		k := byte(dependNormal)
		if uint32(d.Class) == catalog.RelationRelation && d.OID == table {
			k = kind
		}
		if err := depend(w, from, object{uint32(d.Class), d.OID, int32(d.Sub)}, k); err != nil {
			return err
		}
	}
	return dependOnNamed(w, from, e)
}

// dependOnNamed records the relations an expression has as constants of type
// regclass, as the default of a serial column has its sequence.
func dependOnNamed(w *catalog.Writer, from object, e query.Expr) (err error) {
	query.Walk(e, func(e query.Expr) bool {
		c, ok := e.(*query.Const)
		if ok && c.Consttype == types.RegClass && !c.Constisnull && err == nil {
			err = depend(w, from, object{catalog.RelationRelation, uint32(c.Constvalue.Int()), 0}, dependNormal)
		}
		return true
	})
	return err
}
