package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Env is what one analysis reads.
type Env struct {
	Cat catalog.View
	// Types carries the settings literals are read with. Its arena is not used: constants live in
	// memory of their own, as long as the query does.
	Types *types.Ctx
	// ParamTypes are the types of $1, $2, ...; 0 asks for inference, which fills the slice in (and
	// lengthens it). Nil means that the statement has no parameters.
	ParamTypes *[]uint32
	// SourceText is the text the tree was parsed from.
	SourceText string
	// Notice receives notices and warnings; nil drops them.
	Notice func(*pgerr.Error)
}

// analyzer is the state all levels of one statement share.
type analyzer struct {
	env  *Env
	cat  catalog.View
	tctx *types.Ctx
	// err is the first error of a catalog lookup: lookups that go wrong answer "not there", and the
	// statement fails with err in the end.
	err       error
	typeDescs map[uint32]*catalog.TypeDesc

	sublinks int // MULTIEXPR SubLinks numbered so far
	inferred []*query.Param
}

func newAnalyzer(env *Env) *analyzer {
	a := &analyzer{env: env, cat: env.Cat, typeDescs: map[uint32]*catalog.TypeDesc{}}
	if env.Types != nil {
		c := *env.Types
		a.tctx = &c
	} else {
		a.tctx = types.NewCtx(nil)
	}
	a.tctx.Arena = &data.Arena{}
	return a
}

// Analyze resolves one statement. Statements that are no queries come back as CmdUtility with the
// raw statement in UtilityStmt, and the query they contain, if any, in UtilityQuery.
func Analyze(env *Env, raw *ast.RawStmt) (*query.Query, error) {
	a := newAnalyzer(env)
	ps := a.newState(nil)
	q, err := ps.topLevelStmt(raw.Stmt)
	if err != nil {
		return nil, a.first(err)
	}
	if err := a.checkParams(); err != nil {
		return nil, a.first(err)
	}
	if a.err != nil {
		return nil, a.err
	}
	q.StmtLocation, q.StmtLen = raw.StmtLocation, raw.StmtLen
	return q, nil
}

// first prefers the error of a failed catalog lookup, which made everything after it untrustworthy.
func (a *analyzer) first(err error) error {
	if a.err != nil {
		return a.err
	}
	return err
}

// errAt makes an error with an SQLSTATE at a byte location of the source, -1 for none.
func errAt(loc int32, code, format string, args ...any) *pgerr.Error {
	return pgerr.Newf(code, format, args...).AtByte(loc)
}

func unsupported(loc int32, feature string) error {
	return pgerr.FeatureNotSupported(feature).AtByte(loc)
}
