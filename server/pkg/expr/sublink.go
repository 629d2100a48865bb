package expr

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// subLinkNode runs a subplan. Values of an enclosing row that it reads are stored
// in Ctx.Exec first.
type subLinkNode struct {
	kind   query.SubLinkType
	id     int
	setIDs []int
	sets   []node
	hash   []node        // left sides, when the subplan may answer by hashing
	vals   []data.Datum  // their values
	test   node          // compares the left side with *row
	row    *[]data.Datum // the subquery row under test
	elem   *types.Type   // ARRAY(...): the element type
	elems  []data.Datum
}

func (k *Compiler) subLink(e *query.SubLink) (node, error) {
	if k.Subplan == nil {
		return nil, pgerr.New(pgerr.FeatureNotSupportedCode, "cannot use subquery here")
	}
	ref, err := k.Subplan(e)
	if err != nil {
		return nil, err
	}
	k.volatile = true // evaluated row by row: it costs more than an expression should
	n := &subLinkNode{kind: e.SubLinkType, id: ref.ID}
	for _, p := range ref.Params {
		v, err := k.node(p.Expr)
		if err != nil {
			return nil, err
		}
		n.setIDs = append(n.setIDs, p.ID)
		n.sets = append(n.sets, v)
	}
	if n.hash, err = k.nodes(ref.HashLeft); err != nil {
		return nil, err
	}
	n.vals = make([]data.Datum, len(n.hash))
	switch e.SubLinkType {
	case query.AnySublink, query.AllSublink, query.RowCompareSublink:
		n.row = new([]data.Datum)
		k.sublink = append(k.sublink, n.row)
		n.test, err = k.node(e.Testexpr)
		k.sublink = k.sublink[:len(k.sublink)-1]
	case query.ArraySublink:
		t, err := k.resolve(e.Resulttype)
		if err != nil {
			return nil, err
		}
		n.elem, err = elemOf(t)
		if err != nil {
			return nil, err
		}
	case query.MultiexprSublink:
		return nil, pgerr.FeatureNotSupported("UPDATE SET of several columns from one subquery")
	}
	return n, err
}

func (n *subLinkNode) eval(c *Ctx, row []data.Datum) (data.Datum, error) {
	for i, s := range n.sets {
		d, err := s.eval(c, row)
		if err != nil {
			return data.Null, err
		}
		c.Exec[n.setIDs[i]] = d
	}
	p := c.Subplans[n.id]
	switch n.kind {
	case query.ExistsSublink:
		ok, err := p.Exists(c)
		return data.Bool(ok), err
	case query.ExprSublink:
		return p.Scalar(c)
	case query.AnySublink:
		return n.any(c, p, row)
	case query.AllSublink:
		return n.compareRows(c, p, row, false)
	case query.RowCompareSublink:
		return n.rowCompare(c, p, row)
	}
	return n.array(c, p)
}

func (n *subLinkNode) any(c *Ctx, p Subplan, row []data.Datum) (data.Datum, error) {
	if n.hash != nil {
		for i, h := range n.hash {
			d, err := h.eval(c, row)
			if err != nil {
				return data.Null, err
			}
			n.vals[i] = d
		}
		if d, ok, err := p.Contains(c, n.vals); ok || err != nil {
			return d, err
		}
	}
	return n.compareRows(c, p, row, true)
}

// compareRows is ANY (stop is true) and ALL (stop is false): the first row whose
// test equals stop decides, else a null test makes the result null.
func (n *subLinkNode) compareRows(c *Ctx, p Subplan, row []data.Datum, stop bool) (data.Datum, error) {
	null, found := false, false
	err := p.Rows(c, func(sub []data.Datum) (bool, error) {
		*n.row = sub
		d, err := n.test.eval(c, row)
		if err != nil {
			return false, err
		}
		null = null || d.IsNull()
		found = !d.IsNull() && d.Bool() == stop
		return !found, nil
	})
	if err != nil {
		return data.Null, err
	}
	if !found && null {
		return data.Null, nil
	}
	return data.Bool(found == stop), nil
}

func (n *subLinkNode) rowCompare(c *Ctx, p Subplan, row []data.Datum) (data.Datum, error) {
	out, rows := data.Null, 0
	err := p.Rows(c, func(sub []data.Datum) (bool, error) {
		if rows++; rows > 1 {
			return false, pgerr.New(pgerr.CardinalityViolation,
				"more than one row returned by a subquery used as an expression")
		}
		*n.row = sub
		var err error
		out, err = n.test.eval(c, row)
		return true, err
	})
	return out, err
}

func (n *subLinkNode) array(c *Ctx, p Subplan) (data.Datum, error) {
	n.elems = n.elems[:0]
	err := p.Rows(c, func(sub []data.Datum) (bool, error) {
		n.elems = append(n.elems, c.Arena.CopyDatum(sub[0]))
		return true, nil
	})
	if err != nil {
		return data.Null, err
	}
	return buildArray(c, n.elem, n.elems), nil
}
