package planner

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Rel is a table as the executor reads and writes it: descriptors turned into codecs and compiled
// constraints. It is made once per plan.
type Rel struct {
	Table   *catalog.Table
	Desc    *rowcodec.RowDesc
	Types   []*types.Type // per attribute; nil for dropped ones
	Key     []rowcodec.KeyColumn
	KeyCols []int // attribute indexes of the row key; empty: hidden row id
	Indexes []*RelIndex
	Checks  []RelCheck
	NotNull []int // attribute indexes
	// UniqueCols are the columns a foreign key may refer to: those of unique indexes over plain
	// columns and all rows. Attribute indexes.
	UniqueCols []int
}

// RelIndex is one index. A row-key index (RowKey) has no entries of its own.
type RelIndex struct {
	Index     *catalog.Index
	RowKey    bool
	Codec     *rowcodec.Index
	Cols      []int            // attribute indexes, -1 for an expression
	Exprs     []*expr.Compiled // set where Cols is -1, over the table's columns
	Trees     []query.Expr
	Predicate *expr.Compiled // partial index, over the table's columns
	PredTree  query.Expr
}

// RelCheck is one CHECK constraint over the table's columns.
type RelCheck struct {
	Name string
	Expr *expr.Compiled
}

// NewRel prepares t for execution. With write set its checks and index expressions are compiled too.
func NewRel(env *Env, t *catalog.Table, write bool) (*Rel, error) {
	r := &Rel{Table: t, Types: make([]*types.Type, len(t.Columns))}
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Dropped {
			continue
		}
		ty, err := types.Resolve(env.Types, c.TypeOID)
		if err != nil {
			return nil, err
		}
		r.Types[i] = ty
		if c.NotNull {
			r.NotNull = append(r.NotNull, i)
		}
	}
	r.Desc, r.Key = t.Row, t.RowKey
	for _, k := range t.Key {
		r.KeyCols = append(r.KeyCols, int(k.Attnum)-1)
	}
	for _, ix := range t.Indexes {
		ri, err := newRelIndex(env, r, ix)
		if err != nil {
			return nil, err
		}
		r.Indexes = append(r.Indexes, ri)
		r.addUniqueCols(ri)
	}
	if !write {
		return r, nil
	}
	for _, ck := range t.Checks {
		e, err := compileStored(env, ck.Expr)
		if err != nil {
			return nil, err
		}
		r.Checks = append(r.Checks, RelCheck{ck.Name, e})
	}
	return r, nil
}

func (r *Rel) addUniqueCols(ix *RelIndex) {
	if !ix.Index.Unique || !ix.Index.Immediate || ix.Index.Predicate != nil || ix.Index.Exprs != nil {
		return
	}
	for _, c := range ix.Cols {
		if !slices.Contains(r.UniqueCols, c) {
			r.UniqueCols = append(r.UniqueCols, c)
		}
	}
}

func newRelIndex(env *Env, r *Rel, ix *catalog.Index) (*RelIndex, error) {
	ri := &RelIndex{Index: ix, RowKey: ix.IsRowKey, Codec: ix.Entry}
	if ri.Codec == nil {
		ri.Codec = &rowcodec.Index{Database: ix.Database, Storage: ix.StorageID, Cols: r.Key, Unique: true}
	}
	var trees []query.Expr
	if len(ix.Exprs) > 0 {
		list, err := decodeStored(ix.Exprs)
		if err != nil {
			return nil, err
		}
		row, ok := list.(*query.RowExpr)
		if !ok {
			return nil, pgerr.Internal("expressions of index %s are no list", ix.Name)
		}
		trees = row.Args
	}
	for i := range ix.NumKeys {
		col := int(ix.Columns[i].Attnum) - 1
		ri.Cols = append(ri.Cols, col)
		ri.Exprs, ri.Trees = append(ri.Exprs, nil), append(ri.Trees, nil)
		if col >= 0 {
			continue
		}
		e, err := compileOver(env, trees[0])
		if err != nil {
			return nil, err
		}
		ri.Exprs[i], ri.Trees[i], trees = e, trees[0], trees[1:]
	}
	if len(ix.Predicate) > 0 {
		tree, err := decodeStored(ix.Predicate)
		if err != nil {
			return nil, err
		}
		if ri.Predicate, err = compileOver(env, tree); err != nil {
			return nil, err
		}
		ri.PredTree = tree
	}
	return ri, nil
}

// decodeStored reads a stored expression.
func decodeStored(b []byte) (query.Expr, error) {
	e, err := query.DecodeExpr(b)
	if err != nil {
		return nil, pgerr.From(err)
	}
	return e, nil
}

// compileStored compiles a stored expression over a table's columns (varno 1).
func compileStored(env *Env, b []byte) (*expr.Compiled, error) {
	e, err := decodeStored(b)
	if err != nil {
		return nil, err
	}
	return compileOver(env, e)
}

// CompileOverTable compiles an expression whose variables are columns of one table (varno 1); the row has
// one Datum per attribute.
func CompileOverTable(env *Env, e query.Expr) (*expr.Compiled, error) { return compileOver(env, e) }

func compileOver(env *Env, e query.Expr) (*expr.Compiled, error) {
	k := expr.Compiler{Types: env.Types, Domain: env.domain, Slot: func(e query.Expr) (int, bool) {
		v, ok := e.(*query.Var)
		if !ok || v.Varattno <= 0 {
			return 0, false
		}
		return int(v.Varattno) - 1, true
	}}
	return k.Compile(e)
}

// AppendRowKey appends the key of a row in the store. id is used by tables without a row key.
func (r *Rel) AppendRowKey(dst []byte, row []data.Datum, id uint64) []byte {
	dst = rowcodec.AppendPrefix(dst, r.Table.Database, r.Table.StorageID)
	if len(r.KeyCols) == 0 {
		return rowcodec.AppendRowID(dst, id)
	}
	for i, c := range r.KeyCols {
		k := &r.Key[i]
		dst = rowcodec.AppendKey(dst, k.Type, row[c], k.Desc, k.NullsFirst)
	}
	return dst
}
