package planner

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// New plans one analysed SELECT, INSERT, UPDATE or DELETE. It does not change q.
func New(env *Env, q *query.Query) (*Plan, error) {
	b := &builder{env: env, plan: &Plan{Command: q.CommandType, Names: map[Node]*Names{}}, rels: map[relKey]*Rel{}}
	env.exprCtx()
	if err := b.root(q); err != nil {
		return nil, err
	}
	p := b.plan
	p.Deps = env.Cat.Deps()
	p.Cost = p.Root.Info().Total
	b.number(p.Root)
	for _, s := range p.Subplans {
		b.number(s.Root)
	}
	for _, c := range p.CTEs {
		b.number(c.Root)
	}
	p.ReadsOnly = !b.writes
	return p, nil
}

// builder plans one statement.
type builder struct {
	env    *Env
	plan   *Plan
	rels   map[relKey]*Rel
	nodes  int
	writes bool
}

type relKey struct {
	oid   uint32
	write bool
}

func (b *builder) number(n Node) {
	b.nodes++
	n.Info().ID = b.nodes
	for _, c := range n.Children() {
		b.number(c)
	}
}

// root plans the outermost query and describes its result.
func (b *builder) root(q *query.Query) error {
	var tlist []*query.TargetEntry
	switch q.CommandType {
	case query.CmdSelect:
		tlist = q.TargetList
	case query.CmdInsert, query.CmdUpdate, query.CmdDelete:
		tlist = q.ReturningList
		b.plan.HasReturning = len(tlist) > 0
		b.writes = true
	default:
		return pgerr.FeatureNotSupported("planning of this command")
	}
	for _, te := range tlist {
		if !te.Resjunk {
			b.plan.Columns = append(b.plan.Columns, Column{
				Name: te.Resname, Type: te.Expr.Type(), Typmod: te.Expr.Typmod(),
				Table: te.Resorigtbl, Attnum: te.Resorigcol,
			})
		}
	}
	n, _, err := b.query(q, nil)
	if err != nil {
		return err
	}
	b.plan.Root = n
	return nil
}

// rel prepares a table once per plan and notes its lock.
func (b *builder) rel(oid uint32, write bool) (*Rel, error) {
	if r := b.rels[relKey{oid, write}]; r != nil {
		return r, nil
	}
	t, err := b.env.Cat.Relation(oid)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, pgerr.Newf(pgerr.UndefinedTable, "relation with OID %d does not exist", oid)
	}
	r, err := NewRel(b.env, t, write)
	if err != nil {
		return nil, err
	}
	b.rels[relKey{oid, write}] = r
	return r, nil
}

// lock notes that the statement locks a table.
func (b *builder) lock(t *catalog.Table, mode kv.ObjectMode) {
	for i := range b.plan.Locks {
		if l := &b.plan.Locks[i]; l.Relation == t.OID {
			l.Mode = max(l.Mode, mode)
			return
		}
	}
	b.plan.Locks = append(b.plan.Locks, RelLock{Relation: t.OID, Shared: t.Shared, Mode: mode})
}

// level is the planning of one query. Subqueries have levels of their own, whose
// parent is the query they stand in.
type level struct {
	b      *builder
	q      *query.Query
	parent *level
	ctes   map[string]int // WITH queries that are materialised, by name: number in the plan
	// outer lists the values this level and those inside it read from parent's rows.
	outer      []SubplanParamExpr
	correlated bool // some value comes from outside
	used       map[int]map[int16]bool
	rtes       map[int]*source
	quals      []query.Expr // all conditions of FROM and WHERE, for re-checks
	outers     []outerCheck // LEFT JOINs, inner ones first, for re-checks
	targets    map[int]bool // range table entries whose row key is needed
	order      []orderKey   // of the rows of FROM
}

// SubplanParamExpr is an executor parameter and what it stands for in the parent.
type SubplanParamExpr struct {
	ID   int
	Expr query.Expr
}

// query plans q below parent (nil: outermost). The node's columns are the query's
// visible target entries in order.
func (b *builder) query(q *query.Query, parent *level) (Node, *level, error) {
	l := &level{b: b, q: q, parent: parent, rtes: map[int]*source{}, targets: map[int]bool{}}
	if err := l.preprocess(); err != nil {
		return nil, nil, err
	}
	var n Node
	var err error
	if q.CommandType == query.CmdSelect {
		n, err = l.selectQuery()
	} else {
		n, err = l.modify()
	}
	if n != nil && err == nil {
		if b.plan.Names[n] == nil {
			b.plan.Names[n] = l.names()
		}
	}
	return n, l, err
}

// newParam makes an executor parameter.
func (b *builder) newParam() int {
	b.plan.NumExec++
	return b.plan.NumExec - 1
}

// outerParam returns the parameter that carries e, an expression of the query
// levelsup levels out (written as in that query).
func (l *level) outerParam(e query.Expr, levelsup int) (int, error) {
	child := l
	child.correlated = true
	for range levelsup - 1 {
		child = child.parent
		if child == nil {
			break
		}
		child.correlated = true
	}
	if child == nil || child.parent == nil {
		return 0, pgerr.Internal("a variable refers to a query %d levels out", levelsup)
	}
	for _, p := range child.outer {
		if query.Equal(p.Expr, e) {
			return p.ID, nil
		}
	}
	id := l.b.newParam()
	child.outer = append(child.outer, SubplanParamExpr{id, e})
	child.parent.use(e)
	return id, nil
}

// use notes the columns an expression of this level reads.
func (l *level) use(e query.Expr) {
	query.WalkLevels(e, func(e query.Expr, level int) bool {
		if v, ok := e.(*query.Var); ok && v.Varlevelsup == level {
			l.useVar(v.Varno, v.Varattno)
		}
		return true
	})
}

func (l *level) useVar(varno int, attno int16) {
	if l.used == nil {
		l.used = map[int]map[int16]bool{}
	}
	if l.used[varno] == nil {
		l.used[varno] = map[int16]bool{}
	}
	l.used[varno][attno] = true
}

// params replaces what belongs to outer queries by executor parameters, outside of
// sublinks (those are planned with their own level). An aggregate of an outer query
// is replaced as a whole, before its arguments.
func (l *level) params(e query.Expr) (query.Expr, error) {
	var first error
	var walk func(e query.Expr) query.Expr
	walk = func(e query.Expr) query.Expr {
		var id int
		var err error
		switch v := e.(type) {
		case nil:
			return nil
		case *query.Var:
			if v.Varlevelsup == 0 {
				return e
			}
			o := *v
			o.Varlevelsup = 0
			id, err = l.outerParam(&o, v.Varlevelsup)
		case *query.Aggref:
			if v.Agglevelsup == 0 {
				return query.MutateExpr(e, walk, nil)
			}
			id, err = l.outerParam(query.IncrementVarSublevelsUp(v, -v.Agglevelsup, v.Agglevelsup), v.Agglevelsup)
		case *query.GroupingFunc:
			if v.Agglevelsup == 0 {
				return e
			}
			o := *v
			o.Agglevelsup = 0
			id, err = l.outerParam(&o, v.Agglevelsup)
		default:
			return query.MutateExpr(e, walk, nil)
		}
		if err != nil && first == nil {
			first = err
		}
		return execParam(id, e)
	}
	return walk(e), first
}

// compiler makes a compiler over rows of the given layout.
func (l *level) compiler(lay *layout) *expr.Compiler {
	return &expr.Compiler{
		Types: l.b.env.Types, Domain: l.b.env.domain, Subplan: l.subplan,
		Slot: func(e query.Expr) (int, bool) {
			if lay == nil {
				return 0, false
			}
			return lay.slot(e)
		},
	}
}

// compile compiles an expression of this level over rows of the given layout.
func (l *level) compile(e query.Expr, lay *layout) (*expr.Compiled, error) {
	e, err := l.params(e)
	if err != nil {
		return nil, err
	}
	return l.compiler(lay).Compile(e)
}

func (l *level) compileAll(list []query.Expr, lay *layout) ([]*expr.Compiled, error) {
	var out []*expr.Compiled
	for _, e := range list {
		c, err := l.compile(e, lay)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

func (l *level) filter(list []query.Expr, lay *layout) (Filter, error) {
	c, err := l.compileAll(list, lay)
	return Filter{Quals: c, Exprs: list}, err
}
