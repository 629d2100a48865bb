package exec

import (
	"fmt"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// build makes the operator of a plan node, with its children.
func (r *Run) build(n planner.Node) (operator, error) {
	op, err := r.buildNode(n)
	if err != nil || r.st.Instrument == nil {
		return op, err
	}
	return &timedOp{in: op, f: r.st.Instrument.figures(n)}, nil
}

func (r *Run) buildNode(n planner.Node) (operator, error) {
	switch n := n.(type) {
	case *planner.Result:
		return newResult(r, n)
	case *planner.SeqScan:
		return newSeqScan(r, n)
	case *planner.IndexScan:
		return newIndexScan(r, n)
	case *planner.ValuesScan:
		return newValues(r, n)
	case *planner.FunctionScan:
		return newFunctionScan(r, n)
	case *planner.SubqueryScan:
		return newFilter(r, n.Child, &n.Filter)
	case *planner.FilterNode:
		return newFilter(r, n.Child, &n.Filter)
	case *planner.Project:
		return newProject(r, n)
	case *planner.ProjectSet:
		return newProjectSet(r, n)
	case *planner.NestLoop:
		return newNestLoop(r, n)
	case *planner.HashJoin:
		return newHashJoin(r, n)
	case *planner.Materialize:
		return newMaterialize(r, n)
	case *planner.Agg:
		return newAgg(r, n)
	case *planner.Sort:
		return newSort(r, n)
	case *planner.Limit:
		return newLimit(r, n)
	case *planner.LockRows:
		return newLockRows(r, n)
	case *planner.ModifyTable:
		return newModifyTable(r, n)
	}
	return r.buildRare(n)
}

func (r *Run) buildRare(n planner.Node) (operator, error) {
	switch n := n.(type) {
	case *planner.Unique:
		return newUnique(r, n)
	case *planner.Distinct:
		return newDistinct(r, n)
	case *planner.Append:
		return newAppend(r, n)
	case *planner.SetOp:
		return newSetOp(r, n)
	case *planner.WindowAgg:
		return newWindowAgg(r, n)
	case *planner.CTEScan:
		return newCTEScan(r, n)
	case *planner.RecursiveUnion:
		return newRecursive(r, n)
	}
	return nil, pgerr.FeatureNotSupported(fmt.Sprintf("plan node %T", n))
}

// Instrument collects figures per plan node.
type Instrument struct {
	nodes map[planner.Node]*Figures
}

// Figures are what EXPLAIN ANALYZE shows of one node.
type Figures = planner.Figures

// NewInstrument returns an empty collection.
func NewInstrument() *Instrument { return &Instrument{nodes: map[planner.Node]*Figures{}} }

func (i *Instrument) figures(n planner.Node) *Figures {
	f := i.nodes[n]
	if f == nil {
		f = &Figures{}
		i.nodes[n] = f
	}
	return f
}

// Node returns a node's figures, nil if it never ran.
func (i *Instrument) Node(n planner.Node) *Figures { return i.nodes[n] }

// timedOp measures another operator.
type timedOp struct {
	in      operator
	f       *Figures
	started bool
}

func (op *timedOp) next(want int) (*data.Batch, error) {
	start := time.Now()
	b, err := op.in.next(want)
	d := time.Since(start)
	if !op.started {
		op.started = true
		op.f.Loops++
		op.f.First += d
	}
	op.f.Elapsed += d
	if b != nil {
		op.f.Rows += int64(b.Rows())
	}
	return b, err
}

func (op *timedOp) rescan() error { op.started = false; return op.in.rescan() }
func (op *timedOp) close()        { op.in.close() }
