package session

import (
	"slices"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// statement is a parsed statement and what became of it: a prepared statement,
// or an entry of the cache by text. It belongs to one session.
type statement struct {
	name string
	text string
	raw  *ast.RawStmt // nil: an empty query

	// Filled by prepare, again whenever the catalog has changed under it.
	prepared     bool
	query        *query.Query
	paramTypes   []uint32
	declared     []uint32 // parameter types as the client gave them
	columns      []planner.Column
	colTypes     []*types.Type
	plan         *planner.Plan
	valid        planValidity
	deps         *catalog.Deps
	planSettings string
	prefix       string    // of the command tag
	fromSQL      bool      // made by PREPARE
	fixed        bool      // made by Parse or PREPARE: its columns stay as they are
	discarded    bool      // its plan, by DISCARD PLANS
	contained    bool      // it is the query inside the utility statement raw
	returns      bool      // rows, be it rows without columns
	preparedAt   int64     // when it was made
	uses         int64     // executions of its plan
	rowDesc      []byte    // RowDescription for text results
	idle         *exec.Run // of a point plan, between executions
}

// isQuery tells a planned statement from a utility one.
func (st *statement) isQuery() bool {
	return st.query != nil && st.query.CommandType != query.CmdUtility
}

// isTransaction tells BEGIN, COMMIT and their kin.
func (st *statement) isTransaction() bool {
	if st.raw == nil {
		return false
	}
	_, is := st.raw.Stmt.(*ast.TransactionStmt)
	return is
}

// prepare brings a statement to an executable state: analysed, and planned if
// it is a query. params is where parameter types are inferred; nil means that
// the statement may have none.
func (s *Session) prepare(st *statement, params *[]uint32) error {
	if st.raw == nil {
		return nil
	}
	s.beginTxn()
	if st.prepared && s.stillValid(st) {
		return nil
	}
	next := *st // st stays as it is on error
	if err := s.analyze(&next, params); err != nil {
		return err
	}
	if st.prepared && st.fixed && st.isQuery() && !sameColumns(st.columns, next.columns) {
		return errResultType()
	}
	next.prepared, next.discarded = true, false
	*st = next
	return nil
}

func errResultType() error {
	return pgerr.New(pgerr.FeatureNotSupportedCode, "cached plan must not change result type")
}

func sameColumns(a, b []planner.Column) bool {
	if len(a) != len(b) {
		return false
	}
	if len(a) == 0 || &a[0] == &b[0] {
		return true
	}
	for i := range a {
		if a[i].Type != b[i].Type || a[i].Name != b[i].Name {
			return false
		}
	}
	return true
}

// describeColumns fills in what the statement returns.
func (s *Session) describeColumns(st *statement) error {
	st.colTypes, st.rowDesc, st.idle = nil, nil, nil
	for i := range st.columns {
		c := &st.columns[i]
		if err := s.baseType(c); err != nil {
			return err
		}
		t, err := s.typeOf(c.Type)
		if err != nil {
			return err
		}
		st.colTypes = append(st.colTypes, t)
	}
	return nil
}

// baseType replaces a domain by the type below it: clients see no domains.
func (s *Session) baseType(c *planner.Column) error {
	for types.Get(c.Type) == nil {
		d, err := s.view().Type(c.Type)
		if err != nil {
			return storeError(err)
		}
		if d == nil || d.Type != 'd' {
			return nil
		}
		if c.Typmod < 0 {
			c.Typmod = d.Typmod
		}
		c.Type = d.BaseType
	}
	return nil
}

// typeOf finds a type, built in or made by DDL.
func (s *Session) typeOf(oid uint32) (*types.Type, error) {
	if t := types.Get(oid); t != nil {
		return t, nil
	}
	t, err := lookup{s}.Type(oid)
	if err == nil && t == nil {
		err = pgerr.Newf(pgerr.UndefinedObject, "type with OID %d does not exist", oid)
	}
	return t, err
}

// Parse makes a prepared statement of the extended protocol.
func (s *Session) Parse(name, text string, paramTypes []uint32) error {
	s.startStatement()
	defer s.intr.disarm()
	s.running(text)
	if name != "" {
		if _, exists := s.prepared[name]; exists {
			return duplicatePrepared(name)
		}
	} else {
		s.dropUnnamed()
	}
	st, err := s.newPrepared(name, text, paramTypes)
	if err != nil {
		return locate(err, text)
	}
	if name == "" {
		s.unnamed = st
	} else {
		s.prepared[name] = st
	}
	s.pipeline()
	s.out.Empty('1')
	return nil
}

func duplicatePrepared(name string) error {
	return pgerr.Newf(pgerr.DuplicatePstatement, `prepared statement "%s" already exists`, name)
}

func (s *Session) newPrepared(name, text string, paramTypes []uint32) (*statement, error) {
	if name == "" && s.tx.block != blockFailed {
		if st := s.textPlan.get(text); st != nil && s.parsedAlready(st) && slices.Equal(st.declared, paramTypes) {
			return st, nil
		}
	}
	stmts, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	if len(stmts) > 1 {
		return nil, pgerr.New(pgerr.SyntaxError, "cannot insert multiple commands into a prepared statement")
	}
	st := &statement{name: name, text: text, declared: paramTypes, fixed: true, preparedAt: s.stmtTime}
	if len(stmts) == 0 {
		return st, nil
	}
	st.raw = stmts[0]
	if err := s.checkFailed(st.raw.Stmt); err != nil {
		return nil, err
	}
	if st.isTransaction() {
		if name == "" {
			s.textPlan = s.textPlan.put(text, st)
		}
		return st, nil
	}
	params := append([]uint32(nil), paramTypes...)
	if err := s.prepare(st, &params); err != nil {
		return nil, err
	}
	if name == "" {
		s.textPlan = s.textPlan.put(text, st)
	}
	return st, nil
}

// parsedAlready tells whether a cached statement is what Parse would make of its
// text now. One that is out of date is not brought up to date: portals made of it
// may be running.
func (s *Session) parsedAlready(st *statement) bool {
	if st.isTransaction() {
		return true
	}
	if !st.fixed {
		return false
	}
	if s.unchanged(st) {
		return true
	}
	s.beginTxn()
	return s.stillValid(st)
}

// pipeline notes that a message of the extended protocol runs outside a block:
// everything up to Sync is one transaction.
func (s *Session) pipeline() {
	if s.tx.block == blockNone && s.tx.begun {
		s.tx.block = blockImplicit
	}
}

// findStatement returns a prepared statement by name.
func (s *Session) findStatement(name []byte) (*statement, error) {
	if len(name) == 0 {
		if s.unnamed == nil {
			return nil, pgerr.New(pgerr.InvalidSQLStatementName, "unnamed prepared statement does not exist")
		}
		return s.unnamed, nil
	}
	if st := s.prepared[string(name)]; st != nil {
		return st, nil
	}
	return nil, noPrepared(string(name))
}

func noPrepared(name string) error {
	return pgerr.Newf(pgerr.InvalidSQLStatementName, `prepared statement "%s" does not exist`, name)
}

func (s *Session) dropUnnamed() { s.unnamed = nil }

// textCache finds statements by their exact text. It is emptied when full:
// what is used often is soon back.
type textCache struct {
	byText map[string]*statement
}

// Bounds of a textCache.
const (
	textCacheEntries = 256
	textCacheBytes   = 4 << 10 // longer texts are not kept
)

func (c *textCache) get(text string) *statement {
	if c == nil || len(text) > textCacheBytes {
		return nil
	}
	return c.byText[text]
}

// put keeps a query for later, and BEGIN and its kin, of which there are two a
// transaction: parsing one takes longer than running it. Other utility statements
// are rare, and prepared anew each time.
func (c *textCache) put(text string, st *statement) *textCache {
	if !st.isQuery() && !st.isTransaction() || len(text) > textCacheBytes {
		return c
	}
	if c == nil || len(c.byText) >= textCacheEntries {
		c = &textCache{byText: make(map[string]*statement, 16)}
	}
	c.byText[text] = st
	return c
}
