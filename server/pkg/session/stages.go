package session

import (
	"slices"
	"time"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// analyze takes a statement through analysis and planning. Names are looked up
// before their relations are locked, one read after the other: a change that
// commits in between can show half of itself. So a failure counts only when
// the catalog stood still, or goes on failing.
func (s *Session) analyze(st *statement, params *[]uint32) error {
	const tries = 5
	var given []uint32
	if params != nil {
		given = slices.Clone(*params)
	}
	for try := 1; ; try++ {
		err := s.analyzeOnce(st, params)
		if err == nil || try == tries || s.unchangedByOthers(st) {
			return err
		}
		time.Sleep(time.Duration(try) * time.Millisecond)
		if params != nil {
			*params = slices.Clone(given)
		}
	}
}

func (s *Session) analyzeOnce(st *statement, params *[]uint32) error {
	st.valid = s.validity()
	s.freshView()
	view := s.view()
	if view == nil {
		_, err := s.storeTxn()
		return err
	}
	env := s.analyzeEnv(st.text, params)
	env.Cat = view
	q, err := analyze.Analyze(env, st.raw)
	if err != nil {
		return err
	}
	if st.contained && q.UtilityQuery != nil {
		q = q.UtilityQuery
	}
	st.query = q
	if params != nil {
		st.paramTypes = *params
	}
	if q.CommandType == query.CmdUtility {
		if err := unsupportedUtility(q.UtilityStmt); err != nil {
			return err
		}
		if st.columns, err = s.utilityColumns(q.UtilityStmt); err != nil {
			return err
		}
		st.returns = len(st.columns) > 0
		return s.describeColumns(st)
	}
	return s.plan(st, view)
}

// plan makes the plan of st.query, which was resolved against view.
func (s *Session) plan(st *statement, view catalog.View) (err error) {
	if st.plan, err = planner.New(s.planEnv(view), st.query); err != nil {
		return err
	}
	st.prefix, _ = tagOf(st.query.CommandType)
	st.columns = st.plan.Columns
	st.returns = st.plan.Command == query.CmdSelect || st.plan.HasReturning
	st.deps, st.planSettings = st.plan.Deps, s.planSettings()
	return s.describeColumns(st)
}

// inner makes a statement of the query that a utility statement contains
// (EXPLAIN, DECLARE CURSOR, COPY), already resolved with it.
func (s *Session) inner(outer *statement) (*statement, error) {
	q := outer.query.UtilityQuery
	if q == nil {
		return nil, pgerr.Internal("%s without a resolved query", outer.query.UtilityStmt.Tag())
	}
	st := &statement{
		text: outer.text, raw: outer.raw, query: q, paramTypes: outer.paramTypes, prepared: true, contained: true,
	}
	if q.CommandType == query.CmdUtility {
		return st, nil
	}
	return st, s.plan(st, s.view())
}

func (s *Session) analyzeEnv(text string, params *[]uint32) *analyze.Env {
	return &analyze.Env{
		Cat: s.view(), Types: s.typeCtx(&s.scratch), ParamTypes: params, SourceText: text, Notice: s.Notice,
	}
}

func (s *Session) planEnv(view catalog.View) *planner.Env {
	var arena data.Arena // lives as long as the plan
	t := *s.typeCtx(&arena)
	return &planner.Env{Cat: view, Types: &t, Session: s, WorkMem: s.cachedSettings().workMem, Disable: s.disabledPlans()}
}

// verb names a statement in errors about read-only transactions.
func (st *statement) verb() string {
	switch st.query.CommandType {
	case query.CmdInsert:
		return "INSERT"
	case query.CmdUpdate:
		return "UPDATE"
	case query.CmdDelete:
		return "DELETE"
	case query.CmdMerge:
		return "MERGE"
	}
	if marks := st.query.RowMarks; len(marks) > 0 {
		return "SELECT " + marks[0].Strength.String()
	}
	return "SELECT"
}

// resolveTypeName finds the type a name in PREPARE means.
func (s *Session) resolveTypeName(n *ast.TypeName) (uint32, error) {
	t, _, err := analyze.ResolveTypeName(s.analyzeEnv("", nil), n)
	return t, err
}

// compiler compiles expressions outside plans: defaults, arguments.
func (s *Session) compiler(t *types.Ctx) *expr.Compiler { return &expr.Compiler{Types: t} }
