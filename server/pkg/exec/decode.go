package exec

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// decoder reads the wanted columns of a table's rows.
type decoder struct {
	rel    *planner.Rel
	cols   []planner.ScanCol
	attrs  []int // wanted attribute indexes
	at     []int // where each goes
	extras []int // places in cols that are no attributes
	vals   []data.Datum
}

func newDecoder(rel *planner.Rel, cols []planner.ScanCol) decoder {
	d := decoder{rel: rel, cols: cols}
	for i, c := range cols {
		if c > 0 {
			d.attrs = append(d.attrs, int(c)-1)
			d.at = append(d.at, i)
		} else {
			d.extras = append(d.extras, i)
		}
	}
	if len(d.extras) > 0 {
		d.vals = make([]data.Datum, len(d.attrs))
	}
	return d
}

// plain tells whether only attributes are wanted.
func (d *decoder) plain() bool { return len(d.extras) == 0 }

// row fills out, which has one place per column. Values borrow key and val.
func (d *decoder) row(c *expr.Ctx, key, val []byte, out []data.Datum) error {
	if d.plain() {
		return rowcodec.DecodeColumns(d.rel.Desc, val, d.attrs, out)
	}
	if err := rowcodec.DecodeColumns(d.rel.Desc, val, d.attrs, d.vals); err != nil {
		return err
	}
	for i, at := range d.at {
		out[at] = d.vals[i]
	}
	for _, at := range d.extras {
		v, err := sysColumn(c, d.rel, d.cols[at], key, val)
		if err != nil {
			return err
		}
		out[at] = v
	}
	return nil
}

// sysColumn computes a column that is not an attribute.
func sysColumn(c *expr.Ctx, rel *planner.Rel, col planner.ScanCol, key, val []byte) (data.Datum, error) {
	switch col {
	case planner.ScanRowKey:
		return data.Bytes(key), nil
	case planner.SysTableOID:
		return data.Int(int64(rel.Table.OID)), nil
	case planner.ScanWholeRow:
		row := make([]data.Datum, len(rel.Types))
		if err := rowcodec.DecodeRow(rel.Desc, val, row); err != nil {
			return data.Null, err
		}
		return wholeRow(c, rel, row), nil
	case planner.SysCtid, planner.SysXmin:
		h, err := rowcodec.ReadHeader(val)
		if err != nil {
			return data.Null, err
		}
		if col == planner.SysXmin {
			return data.Int(int64(h.XID)), nil
		}
		return data.Int(int64(h.RowID)), nil
	}
	return data.Int(0), nil // xmax, cmin, cmax: row locks and commands are not kept in rows
}

// wholeRow makes the composite value of a row.
func wholeRow(c *expr.Ctx, rel *planner.Rel, row []data.Datum) data.Datum {
	fields := make([]*types.Type, 0, len(row))
	vals := make([]data.Datum, 0, len(row))
	for i, t := range rel.Types {
		if t != nil {
			fields, vals = append(fields, t), append(vals, row[i])
		}
	}
	return types.BuildRecord(c.Arena, fields, vals)
}
