package exec

import (
	"context"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// CopyInsert writes the rows of COPY FROM into one table. The rows of a call are
// checked and written one after the other, as INSERT would.
type CopyInsert struct {
	st  *State
	rel *planner.Rel
	c   *expr.Ctx
	w   *writer
	// N counts the rows written.
	N int64
}

// NewCopyInsert prepares inserts into rel, made with planner.NewRel for writing.
func NewCopyInsert(st *State, rel *planner.Rel) *CopyInsert {
	c := st.newCtx(&Run{st: st}, st.Account)
	return &CopyInsert{st: st, rel: rel, c: c, w: newWriter(st, c, rel)}
}

// Insert writes one row: a value per attribute of the table, dropped ones
// included. It keeps nothing of row.
func (x *CopyInsert) Insert(ctx context.Context, row []data.Datum) error {
	x.c.Context = ctx
	x.c.Arena.Reset()
	if _, err := x.w.insert(row, nil); err != nil {
		return storeError(err)
	}
	x.N++
	return nil
}

// InsertBatch writes all rows of b, whose columns are the table's attributes. On an
// error it returns how many rows of b were written before it.
func (x *CopyInsert) InsertBatch(ctx context.Context, b *data.Batch) (int, error) {
	var row data.Row
	for i := range b.Rows() {
		row = b.Row(b.Lane(i), row)
		if err := x.Insert(ctx, row); err != nil {
			return i, err
		}
	}
	return b.Rows(), nil
}

// Close releases memory.
func (x *CopyInsert) Close() { x.c.Arena.Free() }

// Context is the evaluation context of the copy, for defaults of columns not given.
func (x *CopyInsert) Context() *expr.Ctx { return x.c }
