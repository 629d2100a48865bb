package planner

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/query"
)

// path is one way to compute a source or a join, with its cost. Plans are built
// only for the path that wins.
type path struct {
	set   relset
	rows  float64
	start float64 // cost before the first row
	cost  float64
	width int
	// rescan is the cost of running again with other parameters.
	rescan float64
	order  []orderKey // the order rows come in, if any
	// build makes the plan node and the layout of its rows.
	build func() (Node, layout, error)
	// params are values of other relations the path needs (an inner side of a nested loop).
	params []SubplanParamExpr
	needs  relset
}

// orderKey is one column of an order.
type orderKey struct {
	rti        int
	attno      int16
	desc       bool
	nullsFirst bool
}

// Cost constants, PostgreSQL's defaults; a look-up by key stands for its descent and page.
const (
	seqPageCost     = 1.0
	cpuTupleCost    = 0.01
	cpuIndexCost    = 0.005
	cpuOperatorCost = 0.0025
	lookupCost      = 1.0
	fetchCost       = 0.5
	defaultRows     = 1000
	defaultEqSel    = 0.005
	defaultRangeSel = 1.0 / 3
	defaultMatchSel = 0.005
	defaultOtherSel = 0.5
	pageBytes       = 8192
	disabledCost    = 1e10
)

// tableRows estimates a table's rows.
func tableRows(r *Rel) float64 {
	if r.Table.RelTuples >= 0 {
		return math.Max(1, r.Table.RelTuples)
	}
	return defaultRows
}

// rowWidth estimates the bytes of the columns read.
func rowWidth(r *Rel, cols []ScanCol) int {
	w := 0
	for _, c := range cols {
		if c <= 0 {
			w += 8
			continue
		}
		col := &r.Table.Columns[c-1]
		switch {
		case col.Len > 0:
			w += int(col.Len)
		case col.Typmod > 4:
			w += int(col.Typmod-4)/2 + 4
		default:
			w += 32
		}
	}
	return w
}

// selectivity estimates the share of rows for which a condition holds.
func (l *level) selectivity(q query.Expr) float64 {
	switch n := q.(type) {
	case *query.OpExpr:
		return l.opSelectivity(n)
	case *query.BoolExpr:
		return l.boolSelectivity(n)
	case *query.ScalarArrayOpExpr:
		if n.UseOr {
			return math.Min(1, 5*defaultEqSel)
		}
	case *query.NullTest:
		if n.Nulltesttype == query.IsNull {
			return defaultEqSel
		}
		return 1 - defaultEqSel
	case *query.Const:
		if isTrue(n) {
			return 1
		}
		return 0
	}
	return defaultOtherSel
}

func (l *level) boolSelectivity(n *query.BoolExpr) float64 {
	switch n.Boolop {
	case query.AndExpr:
		s := 1.0
		for _, a := range n.Args {
			s *= l.selectivity(a)
		}
		return s
	case query.OrExpr:
		s := 0.0
		for _, a := range n.Args {
			t := l.selectivity(a)
			s += t - s*t
		}
		return s
	}
	return 1 - l.selectivity(n.Args[0])
}

func (l *level) opSelectivity(n *query.OpExpr) float64 {
	if len(n.Args) != 2 {
		return defaultOtherSel
	}
	op, err := l.b.env.Cat.Operator(n.Opno)
	if err != nil || op == nil {
		return defaultOtherSel
	}
	switch op.Name {
	case "=":
		s := defaultEqSel
		for _, a := range n.Args {
			if v, ok := stripRelabel(a).(*query.Var); ok && v.Varlevelsup == 0 {
				s = math.Min(s, 1/math.Max(1, l.distinct(v)))
			}
		}
		return s
	case "<>":
		return 1 - defaultEqSel
	case "<", "<=", ">", ">=":
		return defaultRangeSel
	case "~~", "~", "~*", "~~*":
		return defaultMatchSel
	}
	return defaultOtherSel
}

// distinct estimates the number of different values of a column.
func (l *level) distinct(v *query.Var) float64 {
	src := l.rtes[v.Varno]
	if src == nil {
		return 200
	}
	if src.rel == nil {
		if src.node != nil {
			return math.Min(200, math.Max(1, src.node.Info().Rows))
		}
		return 200
	}
	rows := tableRows(src.rel)
	for _, ix := range src.rel.Indexes {
		if ix.Index.Unique && len(ix.Cols) == 1 && ix.Cols[0] == int(v.Varattno)-1 {
			return rows
		}
	}
	return math.Min(200, rows)
}
