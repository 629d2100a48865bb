package session

import (
	"fmt"
	"time"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// explain is EXPLAIN. With ANALYZE the statement runs, and its rows are thrown
// away.
func (s *Session) explain(n *ast.ExplainStmt, p *portal) (*rowList, error) {
	o, err := explainOptionsOf(n)
	if err != nil {
		return nil, err
	}
	switch {
	case o.buffers:
		return nil, pgerr.FeatureNotSupported("EXPLAIN (BUFFERS)")
	case o.wal:
		return nil, pgerr.FeatureNotSupported("EXPLAIN (WAL)")
	case o.settings:
		return nil, pgerr.FeatureNotSupported("EXPLAIN (SETTINGS)")
	}
	started := time.Now()
	st, params, err := s.explained(n, p)
	if err != nil {
		return nil, err
	}
	if !st.isQuery() {
		return textRows([]string{"Utility statements have no plan structure"}), nil
	}
	planned := time.Since(started)
	inner := s.freshPortal(st)
	inner.params = params
	defer s.dropPortal(inner)
	var figures func(planner.Node) *planner.Figures
	started = time.Now()
	if o.analyze {
		instrument := exec.NewInstrument()
		if err := s.drain(inner, instrument); err != nil {
			return nil, err
		}
		figures = instrument.Node
	} else if err := s.lockPlan(st); err != nil {
		return nil, err
	}
	ran := time.Since(started)
	lines := planner.Explain(s.planEnv(s.view()), st.plan, planner.ExplainOptions{
		Costs: o.costs, Verbose: o.verbose, Analyze: o.analyze, Timing: o.timing,
	}, figures)
	if o.summary {
		lines = append(lines, milliseconds("Planning", planned))
		if o.analyze {
			lines = append(lines, milliseconds("Execution", ran))
		}
	}
	return textRows(lines), nil
}

func milliseconds(what string, d time.Duration) string {
	return fmt.Sprintf("%s Time: %.3f ms", what, float64(d.Microseconds())/1000)
}

// explained finds the statement to explain: the query inside, or the prepared
// statement that EXECUTE names.
func (s *Session) explained(n *ast.ExplainStmt, p *portal) (*statement, []data.Datum, error) {
	e, ok := n.Query.(*ast.ExecuteStmt)
	if !ok {
		st, err := s.inner(p.st)
		return st, p.params, err
	}
	st := s.prepared[e.Name]
	if st == nil {
		return nil, nil, noPrepared(e.Name)
	}
	if err := s.revalidate(st); err != nil {
		return nil, nil, err
	}
	params, err := s.executeParams(e, st, p)
	return st, params, err
}

// drain runs a portal's plan to its end without sending anything.
func (s *Session) drain(p *portal, instrument *exec.Instrument) error {
	p.started = true
	p.instrument = instrument
	if err := s.startQuery(p); err != nil {
		return err
	}
	for {
		batch, err := p.run.Next(&s.intr, data.MaxBatch)
		if err != nil {
			return storeError(err)
		}
		if batch == nil {
			return nil
		}
	}
}
