package ddl

import (
	"math"
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// sequenceOptions are the options of CREATE or ALTER SEQUENCE, each at most
// once.
type sequenceOptions struct {
	as, increment, max, min, start, restart, cache, cycle, owner *ast.DefElem
}

func readSequenceOptions(list []ast.Node) (*sequenceOptions, error) {
	o := &sequenceOptions{}
	into := map[string]**ast.DefElem{"as": &o.as, "increment": &o.increment, "maxvalue": &o.max, "minvalue": &o.min,
		"start": &o.start, "restart": &o.restart, "cache": &o.cache, "cycle": &o.cycle, "owned_by": &o.owner}
	for _, n := range list {
		d := n.(*ast.DefElem)
		if d.Defname == "sequence_name" {
			return nil, pgerr.New(pgerr.SyntaxError, "invalid sequence option SEQUENCE NAME").AtByte(d.Location)
		}
		p := into[d.Defname]
		if p == nil {
			return nil, unsupported("sequence option " + d.Defname)
		}
		if *p != nil {
			return nil, pgerr.New(pgerr.SyntaxError, "conflicting or redundant options").AtByte(d.Location)
		}
		*p = d
	}
	return o, nil
}

func defInt(d *ast.DefElem) (int64, error) {
	text := defText(d)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, pgerr.Newf(pgerr.NumericValueOutOfRange, "value \"%s\" is out of range for type bigint", text)
	}
	return n, nil
}

// sequenceState is what CREATE and ALTER SEQUENCE work out.
type sequenceState struct {
	catalog.PgSequence
	last   int64
	called bool
	// reset says that the state row changes.
	reset bool
}

// apply checks and applies options, in PostgreSQL's order. create says that
// the sequence is new: what is not given gets its default.
func (q *sequenceState) apply(s *Session, v catalog.View, o *sequenceOptions, create bool) error {
	resetMax, resetMin, err := q.applyType(s, v, o, create)
	if err != nil {
		return err
	}
	if o.increment != nil {
		if q.Seqincrement, err = defInt(o.increment); err != nil {
			return err
		}
		if q.Seqincrement == 0 {
			return pgerr.New(pgerr.InvalidParameterValue, "INCREMENT must not be zero")
		}
		q.reset = true
	} else if create {
		q.Seqincrement = 1
	}
	if o.cycle != nil {
		q.Seqcycle = defText(o.cycle) == "true"
		q.reset = true
	}
	if err := q.applyBounds(o, create, resetMax, resetMin); err != nil {
		return err
	}
	if err := q.applyStart(o, create); err != nil {
		return err
	}
	if o.cache != nil {
		if q.Seqcache, err = defInt(o.cache); err != nil {
			return err
		}
		if q.Seqcache <= 0 {
			return pgerr.Newf(pgerr.InvalidParameterValue, "CACHE (%d) must be greater than zero", q.Seqcache)
		}
		q.reset = true
	} else if create {
		q.Seqcache = 1
	}
	return nil
}

var sequenceTypes = map[uint32]struct {
	name     string
	min, max int64
}{
	types.Int2: {"smallint", math.MinInt16, math.MaxInt16},
	types.Int4: {"integer", math.MinInt32, math.MaxInt32},
	types.Int8: {"bigint", math.MinInt64, math.MaxInt64},
}

// applyType sets the type of the values. A bound that was the old type's own
// becomes the new type's.
func (q *sequenceState) applyType(s *Session, v catalog.View, o *sequenceOptions, create bool) (resetMax, resetMin bool, err error) {
	if o.as == nil {
		if create {
			q.Seqtypid = types.Int8
		}
		return false, false, nil
	}
	name, ok := o.as.Arg.(*ast.TypeName)
	if !ok {
		return false, false, unsupported("this form of sequence type")
	}
	oid, _, err := analyze.ResolveTypeName(s.Analyze(v), name)
	if err != nil {
		return false, false, err
	}
	if _, ok := sequenceTypes[oid]; !ok {
		return false, false, pgerr.New(pgerr.InvalidParameterValue, "sequence type must be smallint, integer, or bigint")
	}
	if !create {
		old := sequenceTypes[q.Seqtypid]
		resetMax, resetMin = q.Seqmax == old.max, q.Seqmin == old.min
	}
	q.Seqtypid = oid
	return resetMax, resetMin, nil
}

func (q *sequenceState) applyBounds(o *sequenceOptions, create, resetMax, resetMin bool) (err error) {
	t := sequenceTypes[q.Seqtypid]
	switch {
	case o.max != nil && o.max.Arg != nil:
		if q.Seqmax, err = defInt(o.max); err != nil {
			return err
		}
		q.reset = true
	case create || o.max != nil || resetMax:
		q.reset = q.reset || o.max != nil || resetMax
		if q.Seqmax = t.max; q.Seqincrement < 0 {
			q.Seqmax = -1
		}
	}
	if q.Seqmax < t.min || q.Seqmax > t.max {
		return pgerr.Newf(pgerr.InvalidParameterValue, "MAXVALUE (%d) is out of range for sequence data type %s", q.Seqmax, t.name)
	}
	switch {
	case o.min != nil && o.min.Arg != nil:
		if q.Seqmin, err = defInt(o.min); err != nil {
			return err
		}
		q.reset = true
	case create || o.min != nil || resetMin:
		q.reset = q.reset || o.min != nil || resetMin
		if q.Seqmin = 1; q.Seqincrement < 0 {
			q.Seqmin = t.min
		}
	}
	if q.Seqmin < t.min || q.Seqmin > t.max {
		return pgerr.Newf(pgerr.InvalidParameterValue, "MINVALUE (%d) is out of range for sequence data type %s", q.Seqmin, t.name)
	}
	if q.Seqmin >= q.Seqmax {
		return pgerr.Newf(pgerr.InvalidParameterValue, "MINVALUE (%d) must be less than MAXVALUE (%d)", q.Seqmin, q.Seqmax)
	}
	return nil
}

func (q *sequenceState) applyStart(o *sequenceOptions, create bool) (err error) {
	switch {
	case o.start != nil:
		if q.Seqstart, err = defInt(o.start); err != nil {
			return err
		}
	case create:
		if q.Seqstart = q.Seqmin; q.Seqincrement < 0 {
			q.Seqstart = q.Seqmax
		}
	}
	if err := q.within("START", q.Seqstart); err != nil {
		return err
	}
	switch {
	case o.restart != nil:
		q.last = q.Seqstart
		if o.restart.Arg != nil {
			if q.last, err = defInt(o.restart); err != nil {
				return err
			}
		}
		q.called, q.reset = false, true
	case create:
		q.last, q.called, q.reset = q.Seqstart, false, true
	}
	return q.within("RESTART", q.last)
}

func (q *sequenceState) within(what string, n int64) error {
	if n < q.Seqmin {
		return pgerr.Newf(pgerr.InvalidParameterValue, "%s value (%d) cannot be less than MINVALUE (%d)", what, n, q.Seqmin)
	}
	if n > q.Seqmax {
		return pgerr.Newf(pgerr.InvalidParameterValue, "%s value (%d) cannot be greater than MAXVALUE (%d)", what, n, q.Seqmax)
	}
	return nil
}
