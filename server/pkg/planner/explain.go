package planner

import (
	"fmt"
	"strings"
	"time"

	"github.com/pgzdb/pgz/server/pkg/query"
)

// ExplainOptions are EXPLAIN's.
type ExplainOptions struct {
	Costs, Verbose, Analyze, Timing bool
}

// Figures are what EXPLAIN ANALYZE shows of one node.
type Figures struct {
	Rows, Loops    int64
	First, Elapsed time.Duration // until the first row, and in all
}

// Explain describes a plan in PostgreSQL's text form, a line each. figures gives what
// was measured (nil without ANALYZE, or for a node that never ran).
func Explain(env *Env, p *Plan, o ExplainOptions, figures func(Node) *Figures) []string {
	x := &explainer{env: env, plan: p, o: o, figures: figures, verbose: o.Verbose}
	x.node(p.Root, 0, "", nil)
	for i, c := range p.CTEs {
		if c.Root != nil {
			x.lines = append(x.lines, fmt.Sprintf("  CTE %s", p.CTEs[i].Name))
			x.node(c.Root, 4, "->  ", nil)
		}
	}
	for _, s := range p.Subplans {
		x.lines = append(x.lines, "  "+s.Label)
		x.node(s.Root, 4, "->  ", nil)
	}
	return x.lines
}

type explainer struct {
	env     *Env
	plan    *Plan
	o       ExplainOptions
	figures func(Node) *Figures
	verbose bool
	lines   []string
}

// node writes a node and those below it. Projections are part of the node below them.
func (x *explainer) node(n Node, indent int, arrow string, names *Names) {
	if own := x.plan.Names[n]; own != nil {
		names = own
	}
	if p, ok := n.(*Project); ok {
		x.node(p.Child, indent, arrow, names)
		return
	}
	pad := strings.Repeat(" ", indent)
	x.lines = append(x.lines, pad+arrow+x.label(n)+x.cost(n))
	pad = strings.Repeat(" ", indent+len(arrow)) + "  "
	for _, l := range x.details(n, names) {
		x.lines = append(x.lines, pad+l)
	}
	if h, ok := n.(*HashJoin); ok {
		x.node(h.Outer, len(pad), "->  ", names)
		in := h.Inner.Info()
		x.lines = append(x.lines, pad+"->  Hash"+x.figuresOf(h.Inner, Cost{in.Total, in.Total, in.Rows, in.Width}))
		x.node(h.Inner, len(pad)+6, "->  ", names)
		return
	}
	for _, c := range n.Children() {
		if r, ok := c.(*Result); ok && r.Child == nil && r.Base.Cols == 0 && len(r.OneTime.Exprs) == 0 {
			if _, ok := n.(*ModifyTable); !ok {
				continue
			}
		}
		x.node(c, len(pad), "->  ", names)
	}
}

func (x *explainer) cost(n Node) string { return x.figuresOf(n, n.Info().Cost) }

func (x *explainer) figuresOf(n Node, c Cost) string {
	s := ""
	if x.o.Costs {
		s = fmt.Sprintf("  (cost=%.2f..%.2f rows=%.0f width=%d)", c.Startup, max(c.Startup, c.Total), c.Rows, c.Width)
	}
	if !x.o.Analyze {
		return s
	}
	f := x.figures(n)
	if f == nil || f.Loops == 0 {
		return s + " (never executed)"
	}
	rows := float64(f.Rows) / float64(f.Loops)
	if x.o.Timing {
		ms := func(d time.Duration) float64 { return float64(d) / float64(f.Loops) / 1e6 }
		return s + fmt.Sprintf(" (actual time=%.3f..%.3f rows=%.0f loops=%d)", ms(f.First), ms(f.Elapsed), rows, f.Loops)
	}
	return s + fmt.Sprintf(" (actual rows=%.0f loops=%d)", rows, f.Loops)
}

func on(name, alias string) string {
	if alias != "" && alias != name {
		return " on " + name + " " + alias
	}
	return " on " + name
}

var joinNames = map[query.JoinType]string{
	query.JoinInner: "", query.JoinLeft: " Left", query.JoinFull: " Full", query.JoinRight: " Right",
	query.JoinSemi: " Semi", query.JoinAnti: " Anti",
}

func (x *explainer) label(n Node) string {
	switch n := n.(type) {
	case *SeqScan:
		return "Seq Scan" + on(x.table(&n.Scan), n.Alias)
	case *IndexScan:
		s := "Index Scan"
		if n.Only {
			s = "Index Only Scan"
		}
		if n.Reverse {
			s += " Backward"
		}
		return s + " using " + n.Index.Index.Name + on(x.table(&n.Scan), n.Alias)
	case *ValuesScan:
		return "Values Scan on \"*VALUES*\""
	case *FunctionScan:
		return "Function Scan" + on(strings.Join(n.Names, ", "), n.Alias)
	case *SubqueryScan:
		return "Subquery Scan on " + n.Alias
	case *CTEScan:
		if n.Work {
			return "WorkTable Scan" + on(n.Name, n.Alias)
		}
		return "CTE Scan" + on(n.Name, n.Alias)
	case *NestLoop:
		if n.Type == query.JoinInner {
			return "Nested Loop"
		}
		return "Nested Loop" + joinNames[n.Type] + " Join"
	case *HashJoin:
		return "Hash" + joinNames[n.Type] + " Join"
	case *Agg:
		return map[AggStrategy]string{AggPlain: "Aggregate", AggHashed: "HashAggregate", AggSorted: "GroupAggregate"}[n.Strategy]
	case *Distinct:
		return "HashAggregate"
	case *SetOp:
		s := "HashSetOp Intersect"
		if n.Op == query.SetOpExcept {
			s = "HashSetOp Except"
		}
		if n.All {
			s += " All"
		}
		return s
	case *ModifyTable:
		return map[query.CmdType]string{query.CmdInsert: "Insert", query.CmdUpdate: "Update", query.CmdDelete: "Delete"}[n.Op] +
			" on " + n.Write.Rel.Table.Name
	}
	return plainLabel(n)
}

func plainLabel(n Node) string {
	switch n.(type) {
	case *Result, *FilterNode:
		return "Result"
	case *RecursiveUnion:
		return "Recursive Union"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", n), "*planner.")
}

func (x *explainer) table(s *Scan) string {
	if x.verbose {
		return s.Rel.Table.SchemaName + "." + s.Rel.Table.Name
	}
	return s.Rel.Table.Name
}

// details are the lines below a node's first.
func (x *explainer) details(n Node, names *Names) []string {
	var out []string
	cond := func(label string, list []query.Expr) {
		if len(list) == 0 {
			return
		}
		t := x.texts(names, list)
		if len(t) > 1 {
			out = append(out, label+": ("+strings.Join(t, " AND ")+")")
			return
		}
		out = append(out, label+": "+t[0])
	}
	keys := func(label string, list []query.Expr) {
		if len(list) > 0 {
			out = append(out, label+": "+strings.Join(x.texts(names, list), ", "))
		}
	}
	switch n := n.(type) {
	case *SeqScan:
		cond("Filter", n.Filter.Exprs)
	case *IndexScan:
		cond("Index Cond", n.Cond)
		cond("Filter", n.Filter.Exprs)
	case *ValuesScan:
		cond("Filter", n.Filter.Exprs)
	case *FunctionScan:
		cond("Filter", n.Filter.Exprs)
	case *SubqueryScan:
		cond("Filter", n.Filter.Exprs)
	case *CTEScan:
		cond("Filter", n.Filter.Exprs)
	case *FilterNode:
		cond("Filter", n.Filter.Exprs)
	case *Result:
		cond("One-Time Filter", n.OneTime.Exprs)
	case *NestLoop:
		cond("Join Filter", n.JoinQual.Exprs)
		cond("Filter", n.Other.Exprs)
	case *HashJoin:
		cond("Hash Cond", n.Cond)
		cond("Join Filter", n.JoinQual.Exprs)
		cond("Filter", n.Other.Exprs)
	case *Agg:
		keys("Group Key", n.GroupTree)
		cond("Filter", n.Having.Exprs)
	case *Sort:
		if len(n.KeyTree) > 0 {
			t := x.texts(names, n.KeyTree)
			for i := range t {
				t[i] += direction(n.Keys[i])
			}
			out = append(out, "Sort Key: "+strings.Join(t, ", "))
		}
	}
	return out
}

func direction(k SortKey) string {
	switch {
	case k.Desc && !k.NullsFirst:
		return " DESC NULLS LAST"
	case k.Desc:
		return " DESC"
	case k.NullsFirst:
		return " NULLS FIRST"
	}
	return ""
}
