package planner

import (
	"fmt"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// DeparseOver writes an expression over a table's columns as PostgreSQL does in
// error details; ok is false for expressions that cannot be written.
func DeparseOver(view catalog.View, c *types.Ctx, t *catalog.Table, e query.Expr) (text string, ok bool) {
	if view == nil {
		return "", false
	}
	d := query.Deparser{View: view, Types: c, Table: t, Pretty: true}
	text, err := d.Expr(e)
	return text, err == nil
}

// Names says how the columns of one query level are written.
type Names struct {
	rtable  []*query.RangeTblEntry
	qualify bool // more than one table: columns carry their table's name
}

// names makes the naming of a level's query.
func (l *level) names() *Names {
	n := &Names{rtable: l.q.RTable}
	tables := 0
	for _, rte := range n.rtable {
		if rte.Rtekind != query.RTEJoin && rte.Rtekind != query.RTEResult {
			tables++
		}
	}
	n.qualify = tables > 1
	return n
}

// column names a column, "" if it has no name.
func (n *Names) column(v *query.Var, qualify bool) string {
	if n == nil || v.Varno < 1 || v.Varno > len(n.rtable) {
		return ""
	}
	rte := n.rtable[v.Varno-1]
	name := ""
	switch {
	case v.Varattno == 0:
		return types.QuoteIdent(alias(rte)) + ".*"
	case v.Varattno < 0:
		name = [...]string{"", "ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"}[-v.Varattno]
	case rte.Eref != nil && int(v.Varattno) <= len(rte.Eref.Colnames):
		name = types.QuoteIdent(rte.Eref.Colnames[v.Varattno-1])
	case rte.Rtekind == query.RTESubquery && int(v.Varattno) <= len(rte.Subquery.TargetList):
		name = types.QuoteIdent(rte.Subquery.TargetList[v.Varattno-1].Resname)
	default:
		name = fmt.Sprintf("column%d", v.Varattno)
	}
	if qualify || n.qualify {
		return types.QuoteIdent(alias(rte)) + "." + name
	}
	return name
}

// text writes an expression of a plan node.
func (x *explainer) text(n *Names, e query.Expr) string {
	d := query.Deparser{View: x.env.Cat, Types: x.env.Types}
	d.Leaf = func(e query.Expr) (string, bool) {
		switch v := e.(type) {
		case *query.Var:
			if v.Varlevelsup == 0 {
				return n.column(v, x.verbose), true
			}
			return fmt.Sprintf("$%d", v.Varno), true
		case *query.Param:
			if v.Paramkind == query.ParamExtern {
				return fmt.Sprintf("$%d", v.Paramid), true
			}
			return fmt.Sprintf("$%d", v.Paramid), true
		case *query.SubLink:
			return "(SubPlan)", true
		case *query.Aggref:
			return x.aggregate(n, v), true
		case *query.WindowFunc:
			return x.call(n, v.Winfnoid, v.Args, v.Winstar) + " OVER (?)", true
		}
		return "", false
	}
	s, err := d.Expr(e)
	if err != nil {
		return "(expression)"
	}
	return s
}

func (x *explainer) aggregate(n *Names, a *query.Aggref) string {
	var args []query.Expr
	for _, te := range a.Args {
		if !te.Resjunk {
			args = append(args, te.Expr)
		}
	}
	s := x.call(n, a.Aggfnoid, args, a.Aggstar)
	if len(a.Aggdistinct) > 0 {
		s = strings.Replace(s, "(", "(DISTINCT ", 1)
	}
	return s
}

func (x *explainer) call(n *Names, oid uint32, args []query.Expr, star bool) string {
	name := "?"
	if p, err := x.env.Cat.Proc(oid); err == nil && p != nil {
		name = types.QuoteIdent(p.Name)
	}
	if star {
		return name + "(*)"
	}
	return name + "(" + strings.Join(x.texts(n, args), ", ") + ")"
}

func (x *explainer) texts(n *Names, list []query.Expr) []string {
	var out []string
	for _, e := range list {
		out = append(out, x.text(n, e))
	}
	return out
}
