package expr

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// slotNode reads the row.
type slotNode int

func (n slotNode) eval(_ *Ctx, row []data.Datum) (data.Datum, error) { return row[n], nil }

// constNode is a constant; its memory belongs to the query tree.
type constNode struct{ value data.Datum }

func (n *constNode) eval(*Ctx, []data.Datum) (data.Datum, error) { return n.value, nil }

// paramNode is $n of the statement.
type paramNode int

func (n paramNode) eval(c *Ctx, _ []data.Datum) (data.Datum, error) {
	if int(n) >= len(c.Params) {
		return data.Null, pgerr.Newf(pgerr.UndefinedObject, "no value found for parameter %d", int(n)+1)
	}
	return c.Params[n], nil
}

// execNode is a value of an enclosing plan.
type execNode int

func (n execNode) eval(c *Ctx, _ []data.Datum) (data.Datum, error) { return c.Exec[n], nil }

// cellNode reads the value an enclosing node put there: CASE's test value, a domain's VALUE.
type cellNode struct{ cell *data.Datum }

func (n cellNode) eval(*Ctx, []data.Datum) (data.Datum, error) { return *n.cell, nil }

// sublinkParam is a column of the subquery row under test.
type sublinkParam struct {
	row *[]data.Datum
	col int
}

func (n sublinkParam) eval(*Ctx, []data.Datum) (data.Datum, error) { return (*n.row)[n.col], nil }

// nextValueNode is the default of an identity column.
type nextValueNode struct{ seq uint32 }

func (n nextValueNode) eval(c *Ctx, _ []data.Datum) (data.Datum, error) {
	v, err := c.Env.NextVal(c, n.seq)
	if err != nil {
		return data.Null, err
	}
	return data.Int(v), nil
}

// Functions that turn the transaction's timestamp into the types of SQL's value
// functions, by pg_proc OID.
const (
	procTimestamptzDate      = 1178
	procTimestamptzTimetz    = 1388
	procTimestamptzTimestamp = 2027
	procTimestampTime        = 1316
	procTimestamptzScale     = 1967
	procTimestampScale       = 1961
	procTimetzScale          = 1969
	procTimeScale            = 1968
	procCurrentSchema        = 1402
)

// valueFuncNode is CURRENT_TIMESTAMP and the like: a start value and functions
// applied to it in turn.
type valueFuncNode struct {
	op     query.SQLValueFunctionOp
	steps  []*Proc
	typmod int32 // given to the last step when scaled
	scaled bool
}

func (k *Compiler) valueFunction(e *query.SQLValueFunction) (node, error) {
	n := &valueFuncNode{op: e.Op, typmod: e.Typemod}
	var steps []uint32
	scale := uint32(0)
	switch e.Op {
	case query.SVFCurrentDate:
		steps = []uint32{procTimestamptzDate}
	case query.SVFCurrentTime, query.SVFCurrentTimeN:
		steps, scale = []uint32{procTimestamptzTimetz}, procTimetzScale
	case query.SVFCurrentTimestamp, query.SVFCurrentTimestampN:
		scale = procTimestamptzScale
	case query.SVFLocaltime, query.SVFLocaltimeN:
		steps, scale = []uint32{procTimestamptzTimestamp, procTimestampTime}, procTimeScale
	case query.SVFLocaltimestamp, query.SVFLocaltimestampN:
		steps, scale = []uint32{procTimestamptzTimestamp}, procTimestampScale
	case query.SVFCurrentSchema:
		steps = []uint32{procCurrentSchema}
	}
	if scale != 0 && e.Typemod >= 0 {
		steps = append(steps, scale)
		n.scaled = true
	}
	for _, oid := range steps {
		p := Lookup(oid)
		if p == nil {
			return nil, notRegistered(oid)
		}
		n.steps = append(n.steps, p)
	}
	return n, nil
}

func (n *valueFuncNode) eval(c *Ctx, _ []data.Datum) (data.Datum, error) {
	switch n.op {
	case query.SVFCurrentRole, query.SVFCurrentUser, query.SVFUser:
		return data.String(c.Env.Role().Name), nil
	case query.SVFSessionUser:
		return data.String(c.Env.SessionRole().Name), nil
	case query.SVFCurrentCatalog:
		return data.String(c.Env.Database().Name), nil
	case query.SVFCurrentSchema:
		return n.steps[0].Fn(c, nil)
	}
	var args [2]data.Datum
	args[0] = data.Int(c.Env.TransactionTimestamp())
	for i, p := range n.steps {
		in := args[:1]
		if n.scaled && i == len(n.steps)-1 {
			args[1] = data.Int(int64(n.typmod))
			in = args[:2]
		}
		c.Call = &Call{OID: p.OID, Typmod: -1}
		d, err := p.Fn(c, in)
		if err != nil {
			return data.Null, err
		}
		args[0] = d
	}
	return args[0], nil
}

func notRegistered(oid uint32) error {
	return pgerr.Newf(pgerr.FeatureNotSupportedCode, "function with OID %d is not supported", oid)
}
