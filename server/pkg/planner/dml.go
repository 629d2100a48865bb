package planner

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// modify plans l.q, an INSERT, UPDATE or DELETE.
func (l *level) modify() (Node, error) {
	q := l.q
	if err := l.planCTEs(); err != nil {
		return nil, err
	}
	rel, err := l.b.rel(q.RTable[q.ResultRelation-1].Relid, true)
	if err != nil {
		return nil, err
	}
	if err := writable(rel.Table); err != nil {
		return nil, err
	}
	l.b.lock(rel.Table, kv.RowExclusive)
	n := &ModifyTable{Op: q.CommandType, Write: Write{Rel: rel}}
	s := &step{l: l}
	if q.CommandType == query.CmdInsert {
		err = l.insert(s, n)
	} else {
		err = l.updateDelete(s, n)
	}
	if err != nil {
		return nil, err
	}
	if err := l.returning(n, s.lay); err != nil {
		return nil, err
	}
	n.Child = s.node
	i := s.node.Info()
	n.Cost = Cost{Startup: i.Startup, Total: i.Total + i.Rows*cpuTupleCost, Rows: i.Rows, Width: i.Width}
	n.Cols = len(n.Write.Returning)
	n.RowByRow = true
	if l.parent == nil && q.CommandType == query.CmdInsert {
		err = l.pointInsert(n)
	} else if l.parent == nil {
		err = l.pointModify(n)
	}
	return n, err
}

// writable refuses what DML cannot write.
func writable(t *catalog.Table) error {
	switch {
	case t.IsCatalog:
		return pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", t.Name)
	case t.Relkind == catalog.RelkindView:
		return pgerr.FeatureNotSupported("updatable views")
	case !t.HasStorage() || t.Relkind == catalog.RelkindSequence:
		return pgerr.Newf(pgerr.WrongObjectType, "cannot change relation \"%s\"", t.Name)
	}
	for i := range t.Columns {
		if c := &t.Columns[i]; !c.Dropped && c.Generated != 0 {
			return pgerr.FeatureNotSupported("writing to a table with generated columns")
		}
	}
	for _, ix := range t.Indexes {
		if ix.Unique && !ix.Immediate {
			return pgerr.FeatureNotSupported("writing to a table with a deferrable unique constraint")
		}
	}
	return nil
}

func (l *level) insert(s *step, n *ModifyTable) error {
	q := l.q
	if err := s.from(q.JoinTree); err != nil {
		return err
	}
	if q.HasTargetSRFs {
		if err := s.projectSet(); err != nil {
			return err
		}
	} else {
		p := &Project{Child: s.node}
		for _, te := range q.TargetList {
			c, err := l.compile(te.Expr, &s.lay)
			if err != nil {
				return err
			}
			p.Exprs, p.Tree = append(p.Exprs, c), append(p.Tree, te.Expr)
			p.RowByRow = p.RowByRow || volatile(te.Expr)
		}
		vol := p.RowByRow
		s.above(p, &p.Base, 1, 0)
		p.Cols, p.RowByRow = len(p.Exprs), p.RowByRow || vol
		s.node = p
	}
	for _, te := range q.TargetList {
		n.Write.Source = append(n.Write.Source, int(te.Resno)-1)
	}
	s.lay = newLayout()
	s.lay.n = len(q.TargetList)
	return l.onConflict(n)
}

func (l *level) updateDelete(s *step, n *ModifyTable) error {
	q := l.q
	l.targets[q.ResultRelation] = true
	if err := s.from(q.JoinTree); err != nil {
		return err
	}
	n.Write.LockMode = kv.Update
	if q.CommandType == query.CmdUpdate {
		n.Write.LockMode = kv.NoKeyUpdate
		for _, te := range q.TargetList {
			if te.Resjunk {
				return pgerr.FeatureNotSupported("UPDATE SET of several columns from one subquery")
			}
			c, err := l.compile(te.Expr, &s.lay)
			if err != nil {
				return err
			}
			col := int(te.Resno) - 1
			n.Write.Set = append(n.Write.Set, SetCol{col, c})
		}
	}
	var err error
	n.Write.Target, err = l.target(q.ResultRelation, n.Write.Rel, &s.lay)
	n.Write.Repeats = len(l.rtes) > 1
	return err
}

// retLayout is the layout of a RETURNING row: the table's columns, the extras, the source row.
func (l *level) retLayout(rel *Rel, source layout) layout {
	lay := newLayout()
	rti := l.q.ResultRelation
	lay.n = len(rel.Types) + RetExtras + source.n
	for k, slot := range source.vars {
		if k.varno != rti {
			lay.setVar(k.varno, k.attno, len(rel.Types)+RetExtras+slot)
		}
	}
	for i := range rel.Types {
		lay.setVar(rti, int16(i+1), i)
	}
	lay.setVar(rti, SysCtid, len(rel.Types)+RetCtid)
	lay.setVar(rti, SysXmin, len(rel.Types)+RetXmin)
	lay.setVar(rti, SysTableOID, len(rel.Types)+RetTableOID)
	lay.setVar(rti, int16(ScanWholeRow), len(rel.Types)+RetWholeRow)
	return lay
}

func (l *level) returning(n *ModifyTable, source layout) error {
	lay := l.retLayout(n.Write.Rel, source)
	for _, te := range l.q.ReturningList {
		c, err := l.compile(te.Expr, &lay)
		if err != nil {
			return err
		}
		n.Write.Returning, n.Write.RetTree = append(n.Write.Returning, c), append(n.Write.RetTree, te.Expr)
	}
	return nil
}

// onConflict plans ON CONFLICT.
func (l *level) onConflict(n *ModifyTable) error {
	oc := l.q.OnConflict
	if oc == nil || oc.Action == query.OnConflictNone {
		return nil
	}
	rel := n.Write.Rel
	c := &Conflict{Update: oc.Action == query.OnConflictUpdate}
	n.Write.Conflict = c
	switch {
	case oc.Constraint != 0:
		for _, ix := range rel.Indexes {
			if ix.Index.Constraint == oc.Constraint {
				c.Keys = append(c.Keys, ix)
			}
		}
	case len(oc.ArbiterElems) > 0:
		for _, ix := range rel.Indexes {
			if l.infers(ix, oc) {
				c.Keys = append(c.Keys, ix)
			}
		}
	default:
		c.Any = true
	}
	if !c.Any && len(c.Keys) == 0 {
		return pgerr.New(pgerr.InvalidColumnReference,
			"there is no unique or exclusion constraint matching the ON CONFLICT specification")
	}
	if !c.Update {
		return nil
	}
	lay := newLayout()
	for i := range rel.Types {
		lay.setVar(l.q.ResultRelation, int16(i+1), i)
		lay.setVar(oc.ExclRelIndex, int16(i+1), len(rel.Types)+i)
	}
	lay.n = 2 * len(rel.Types)
	for _, te := range oc.OnConflictSet {
		v, err := l.compile(l.spreadRows(rel, te.Expr), &lay)
		if err != nil {
			return err
		}
		c.Set = append(c.Set, SetCol{int(te.Resno) - 1, v})
	}
	var err error
	c.Where, err = l.filter(conjuncts(l.spreadRows(rel, oc.OnConflictWhere)), &lay)
	return err
}

// spreadRows replaces whole rows of the target and of EXCLUDED by their columns.
func (l *level) spreadRows(rel *Rel, e query.Expr) query.Expr {
	return query.Rewrite(e, func(e query.Expr) query.Expr {
		v, ok := e.(*query.Var)
		if !ok || v.Varattno != 0 || v.Varlevelsup != 0 {
			return e
		}
		row := &query.RowExpr{RowTypeid: v.Vartype, Loc: v.Loc}
		for i := range rel.Table.Columns {
			c := &rel.Table.Columns[i]
			if c.Dropped {
				continue
			}
			row.Args = append(row.Args, &query.Var{Varno: v.Varno, Varattno: c.Num, Vartype: c.TypeOID,
				Vartypmod: c.Typmod, Varcollid: c.Collation, Loc: -1})
			row.Colnames = append(row.Colnames, c.Name)
		}
		return row
	})
}

// infers tells whether a unique index is the one that ON CONFLICT's column list means.
func (l *level) infers(ix *RelIndex, oc *query.OnConflictExpr) bool {
	if !ix.Index.Unique || !ix.Index.Ready || len(oc.ArbiterElems) != len(ix.Cols) {
		return false
	}
	for _, el := range oc.ArbiterElems {
		found := false
		for i, c := range ix.Cols {
			if c < 0 {
				found = found || query.Equal(atRti(ix.Trees[i], l.q.ResultRelation), el.Expr)
				continue
			}
			v, ok := el.Expr.(*query.Var)
			found = found || ok && int(v.Varattno) == c+1
		}
		if !found {
			return false
		}
	}
	if ix.PredTree == nil {
		return true
	}
	have := conjuncts(oc.ArbiterWhere)
	for _, p := range conjuncts(atRti(ix.PredTree, l.q.ResultRelation)) {
		found := false
		for _, h := range have {
			found = found || query.Equal(p, h)
		}
		if !found {
			return false
		}
	}
	return true
}
