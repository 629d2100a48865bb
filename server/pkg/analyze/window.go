package analyze

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// buildWindowFunc makes a call with OVER of a resolved call.
func (ps *pstate) buildWindowFunc(c *call, lastSRF query.Expr) (query.Expr, error) {
	p := c.cand.proc
	w := &query.WindowFunc{Winfnoid: p.OID, Wintype: c.result, Args: c.args, Aggfilter: c.filter, Winstar: c.fn.AggStar,
		Winagg: p.Kind == catalog.ProkindAggregate, Loc: c.loc}
	switch {
	case p.Agg != nil && p.Agg.Kind != query.AggKindNormal:
		return nil, errAt(c.loc, pgerr.FeatureNotSupportedCode, "OVER is not supported for ordered-set aggregate %s", c.name)
	case c.fn.AggDistinct:
		return nil, errAt(c.loc, pgerr.FeatureNotSupportedCode, "DISTINCT is not implemented for window functions")
	case w.Winagg && len(c.args) == 0 && !w.Winstar:
		return nil, errAt(c.loc, pgerr.WrongObjectType, "%s(*) must be used to call a parameterless aggregate function", c.name)
	case c.fn.AggOrder != nil:
		return nil, errAt(c.loc, pgerr.FeatureNotSupportedCode, "aggregate ORDER BY is not implemented for window functions")
	case !w.Winagg && c.filter != nil:
		return nil, errAt(c.loc, pgerr.FeatureNotSupportedCode, "FILTER is not implemented for non-aggregate window functions")
	case ps.lastSRF != lastSRF:
		return nil, errAt(ps.lastSRF.Location(), pgerr.FeatureNotSupportedCode,
			"window function calls cannot contain set-returning function calls").
			WithHint("You might be able to move the set-returning function into a LATERAL FROM item.")
	case p.RetSet:
		return nil, errAt(c.loc, pgerr.InvalidFunctionDefinition, "window functions cannot return sets")
	}
	return w, ps.placeWindowFunc(w, c.fn.Over)
}

// windowFuncIn finds the first window function of an expression's own level.
func windowFuncIn(e query.Expr) *query.WindowFunc {
	var found *query.WindowFunc
	query.Walk(e, func(e query.Expr) bool {
		if w, ok := e.(*query.WindowFunc); ok && found == nil {
			found = w
		}
		return found == nil
	})
	return found
}

// placeWindowFunc checks that the clause may have a window function and finds its window.
func (ps *pstate) placeWindowFunc(w *query.WindowFunc, def *ast.WindowDef) error {
	for _, e := range append(slices.Clone(w.Args), w.Aggfilter) {
		if e == nil {
			continue
		}
		if inner := windowFuncIn(e); inner != nil {
			return errAt(inner.Loc, pgerr.WindowingError, "window function calls cannot be nested")
		}
	}
	place := ps.kind.placeName()
	switch ps.kind {
	case kindNone, kindOther, kindSelectTarget, kindOrderBy, kindDistinctOn:
		place = ""
	case kindFromFunction:
		place = "functions in FROM"
	case kindWindowPartition, kindWindowOrder, kindWindowFrameRange, kindWindowFrameRows, kindWindowFrameGroups:
		place = "window definitions"
	}
	if place != "" {
		return errAt(w.Loc, pgerr.WindowingError, "window functions are not allowed in %s", place)
	}
	ps.hasWindowFuncs = true
	if def.Name != "" {
		for i, d := range ps.windowDefs {
			if d.Name == def.Name {
				w.Winref = i + 1
				return nil
			}
		}
		return errAt(def.Location, pgerr.UndefinedObject, "window \"%s\" does not exist", def.Name)
	}
	ps.windowDefs = append(ps.windowDefs, def)
	w.Winref = len(ps.windowDefs)
	return nil
}

// windowClause resolves the windows of WINDOW and OVER.
func (ps *pstate) windowClause(q *query.Query) error {
	// Expressions of a window definition cannot add windows, so the list is final.
	for i, def := range ps.windowDefs {
		wc, err := ps.window(def, q)
		if err != nil {
			return err
		}
		wc.Winref = i + 1
		q.WindowClause = append(q.WindowClause, wc)
	}
	ps.mergeWindows(q)
	return nil
}

func (ps *pstate) window(def *ast.WindowDef, q *query.Query) (*query.WindowClause, error) {
	bad := func(format string, args ...any) *pgerr.Error {
		return errAt(def.Location, pgerr.WindowingError, format, args...)
	}
	byName := func(name string) *query.WindowClause {
		for _, wc := range q.WindowClause {
			if wc.Name == name {
				return wc
			}
		}
		return nil
	}
	if def.Name != "" && byName(def.Name) != nil {
		return nil, bad("window \"%s\" is already defined", def.Name)
	}
	var ref *query.WindowClause
	if def.Refname != "" {
		if ref = byName(def.Refname); ref == nil {
			return nil, errAt(def.Location, pgerr.UndefinedObject, "window \"%s\" does not exist", def.Refname)
		}
	}
	order, err := ps.sortClause(def.OrderClause, &q.TargetList, kindWindowOrder, true)
	if err != nil {
		return nil, err
	}
	partition, err := ps.groupClause(def.PartitionClause, &q.TargetList, order, kindWindowPartition)
	if err != nil {
		return nil, err
	}
	wc := &query.WindowClause{Name: def.Name, Refname: def.Refname, PartitionClause: partition, OrderClause: order,
		FrameOptions: int(def.FrameOptions)}
	if ref != nil {
		if partition != nil {
			return nil, bad("cannot override PARTITION BY clause of window \"%s\"", def.Refname)
		}
		if order != nil && ref.OrderClause != nil {
			return nil, bad("cannot override ORDER BY clause of window \"%s\"", def.Refname)
		}
		if ref.FrameOptions != query.FrameOptionDefaults {
			e := bad("cannot copy window \"%s\" because it has a frame clause", def.Refname)
			if def.Name == "" && order == nil && def.FrameOptions == query.FrameOptionDefaults {
				e = e.WithHint("Omit the parentheses in this OVER clause.")
			}
			return nil, e
		}
		wc.PartitionClause = ref.PartitionClause
		if order == nil {
			wc.OrderClause, wc.CopiedOrder = ref.OrderClause, true
		}
	}
	return wc, ps.frame(wc, def)
}

// frame resolves the offsets of a window's frame.
func (ps *pstate) frame(wc *query.WindowClause, def *ast.WindowDef) error {
	const offsets = query.FrameOptionStartOffsetPreceding | query.FrameOptionStartOffsetFollowing |
		query.FrameOptionEndOffsetPreceding | query.FrameOptionEndOffsetFollowing
	if wc.FrameOptions&query.FrameOptionRange != 0 && wc.FrameOptions&offsets != 0 {
		if len(wc.OrderClause) != 1 {
			return errAt(def.Location, pgerr.WindowingError,
				"RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column")
		}
		return unsupported(def.Location, "RANGE with an offset in a window frame")
	}
	if wc.FrameOptions&query.FrameOptionGroups != 0 && wc.OrderClause == nil {
		return errAt(def.Location, pgerr.WindowingError, "GROUPS mode requires an ORDER BY clause")
	}
	kind := kindWindowFrameRows
	name := "ROWS"
	if wc.FrameOptions&query.FrameOptionGroups != 0 {
		kind, name = kindWindowFrameGroups, "GROUPS"
	}
	offset := func(n ast.Node) (query.Expr, error) {
		if n == nil {
			return nil, nil
		}
		e, err := ps.exprOf(n, kind)
		if err != nil {
			return nil, err
		}
		if e, err = ps.coerceToSpecificType(e, types.Int8, name); err != nil {
			return nil, err
		}
		if containsVarOfLevel(e, 0) {
			return nil, errAt(firstVarLocation(e), pgerr.InvalidColumnReference, "argument of %s must not contain variables", name)
		}
		return e, nil
	}
	var err error
	if wc.StartOffset, err = offset(def.StartOffset); err != nil {
		return err
	}
	wc.EndOffset, err = offset(def.EndOffset)
	return err
}

// mergeWindows makes functions with the same window share one clause.
func (ps *pstate) mergeWindows(q *query.Query) {
	moved := map[int]int{}
	var kept []*query.WindowClause
	for _, wc := range q.WindowClause {
		same := slices.IndexFunc(kept, func(k *query.WindowClause) bool { return sameWindow(k, wc) })
		if same < 0 || wc.Name != "" {
			kept = append(kept, wc)
			continue
		}
		moved[wc.Winref] = kept[same].Winref
	}
	if len(moved) == 0 {
		return
	}
	q.WindowClause = kept
	for _, te := range q.TargetList {
		query.Walk(te.Expr, func(e query.Expr) bool {
			if w, ok := e.(*query.WindowFunc); ok {
				if to, ok := moved[w.Winref]; ok {
					w.Winref = to
				}
			}
			return true
		})
	}
}

func sameWindow(a, b *query.WindowClause) bool {
	items := func(x, y []*query.SortGroupClause) bool {
		return slices.EqualFunc(x, y, func(s, t *query.SortGroupClause) bool { return *s == *t })
	}
	return a.FrameOptions == b.FrameOptions && items(a.PartitionClause, b.PartitionClause) &&
		items(a.OrderClause, b.OrderClause) && query.Equal(a.StartOffset, b.StartOffset) &&
		query.Equal(a.EndOffset, b.EndOffset)
}
