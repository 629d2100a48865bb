package session

import (
	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// analyze takes a statement through analysis and planning.
func (s *Session) analyze(st *statement, params *[]uint32) error {
	view := s.view()
	env := s.analyzeEnv(st.text, params)
	env.Cat = view
	q, err := analyze.Analyze(env, st.raw)
	if err != nil {
		return err
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
		return s.describeColumns(st)
	}
	if st.plan, err = makePlan(s.planEnv(view), q); err != nil {
		return err
	}
	st.prefix, _ = tagOf(q.CommandType)
	st.columns = st.plan.Columns
	st.view = view
	st.valid = s.validity(view)
	return s.describeColumns(st)
}

func (s *Session) analyzeEnv(text string, params *[]uint32) *analyze.Env {
	return &analyze.Env{
		Cat: s.view(), Types: s.typeCtx(&s.scratch), ParamTypes: params, SourceText: text, Notice: s.Notice,
	}
}

func (s *Session) planEnv(view catalogView) *planner.Env {
	var arena data.Arena // lives as long as the plan
	t := *s.typeCtx(&arena)
	return &planner.Env{Cat: view, Types: &t, Session: s, WorkMem: s.workMem(), Disable: s.disabledPlans()}
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
	return "SELECT"
}

// resolveTypeName finds the type a name in PREPARE means.
func (s *Session) resolveTypeName(n *ast.TypeName) (uint32, error) {
	t, _, err := analyze.ResolveTypeName(s.analyzeEnv("", nil), n)
	return t, err
}

// compiler compiles expressions outside plans: defaults, arguments.
func (s *Session) compiler(t *types.Ctx) *expr.Compiler { return &expr.Compiler{Types: t} }
