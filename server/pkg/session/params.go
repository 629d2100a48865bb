package session

import (
	"strconv"
	"time"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// evalParams evaluates EXECUTE's arguments, converted to the parameters' types.
func (s *Session) evalParams(args []ast.Node, want []uint32, p *portal) ([]data.Datum, error) {
	env := s.analyzeEnv(p.st.text, nil)
	t := *s.typeCtx(&p.arena)
	c := &expr.Ctx{Arena: &p.arena, Types: &t, Env: s, Context: &s.intr, Params: p.params}
	out := make([]data.Datum, len(args))
	for i, a := range args {
		e, err := analyze.AnalyzeExpr(env, a, analyze.PlaceExecuteParameter,
			analyze.ExprTarget{Column: "$" + strconv.Itoa(i+1), Type: want[i], Typmod: -1})
		if err != nil {
			return nil, err
		}
		compiled, err := s.compiler(&t).Compile(e)
		if err != nil {
			return nil, err
		}
		if out[i], err = compiled.Eval(c, nil); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// cached are settings in the form the hot path needs them.
type cached struct {
	version                                        uint64
	valid                                          bool
	statementTimeout, lockTimeout, deadlockTimeout time.Duration
	idleSession, idleInTxn                         time.Duration
	workMem, memoryLimit                           int64 // bytes
}

// cachedSettings reads them again when any setting has changed.
func (s *Session) cachedSettings() *cached {
	c := &s.cache
	if v := s.settings.Version(); !c.valid || c.version != v {
		kb, _ := strconv.ParseInt(s.settings.Get(defWorkMem), 10, 64)
		limit, _ := strconv.ParseInt(s.settings.Get(defMemoryLimit), 10, 64)
		*c = cached{
			version: v, valid: true, workMem: kb << 10, memoryLimit: limit << 10,
			statementTimeout: s.milliseconds(defStatementTimeout),
			lockTimeout:      s.milliseconds(defLockTimeout),
			deadlockTimeout:  s.milliseconds(defDeadlockTimeout),
			idleSession:      s.milliseconds(defIdleSession),
			idleInTxn:        s.milliseconds(defIdleInTxn),
		}
	}
	return c
}

// disabledPlans reads the enable_* settings.
func (s *Session) disabledPlans() planner.Disable {
	off := func(name string) bool { return s.settings.Value(name) == "off" }
	return planner.Disable{
		SeqScan: off("enable_seqscan"), IndexScan: off("enable_indexscan"),
		IndexOnlyScan: off("enable_indexonlyscan"), NestLoop: off("enable_nestloop"),
		HashJoin: off("enable_hashjoin"), HashAgg: off("enable_hashagg"), Sort: off("enable_sort"),
		Material: off("enable_material"),
	}
}
