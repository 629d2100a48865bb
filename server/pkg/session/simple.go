package session

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// Query runs the statements of a simple-protocol message. Replies of what
// succeeded stand before the error it returns.
func (s *Session) Query(text string) error {
	s.startStatement()
	defer s.intr.disarm()
	s.running(text)
	s.dropUnnamed()
	if st := s.textPlan.get(text); st != nil && (!st.fixed || st.isTransaction()) { // fixed: by Parse
		return locate(s.endImplicit(s.runSimple(st, true)), text)
	}
	if done, err := s.runShape(text); done {
		return locate(err, text)
	}
	stmts, err := s.parse(text)
	if err != nil {
		return err
	}
	if len(stmts) == 0 {
		s.out.Empty('I')
		return s.endImplicit(nil)
	}
	if len(stmts) == 1 {
		st := &statement{text: text, raw: stmts[0]}
		err = s.endImplicit(s.runSimple(st, true))
		if err == nil && !s.learnShape(st, text) {
			s.textPlan = s.textPlan.put(text, st)
		}
		return locate(err, text)
	}
	timeout := s.cachedSettings().statementTimeout
	for i, raw := range stmts {
		if t := s.cachedSettings().statementTimeout; t != timeout {
			timeout = t // a SET before it in the same message
			s.intr.disarm()
			s.intr.arm(t)
		}
		if s.tx.block == blockNone && i < len(stmts)-1 {
			s.tx.block, s.tx.shared, s.tx.script = blockImplicit, true, true
		}
		if err := s.runSimple(&statement{text: text, raw: raw}, i == len(stmts)-1); err != nil {
			return locate(err, text)
		}
		if err := s.out.FlushFull(); err != nil {
			return err
		}
	}
	return locate(s.endImplicit(nil), text)
}

// parse is parser.Parse in a failed block, too: PostgreSQL reports syntax
// errors there as elsewhere.
func (s *Session) parse(text string) ([]*ast.RawStmt, error) {
	stmts, err := parser.Parse(text)
	if err != nil {
		return nil, err
	}
	return stmts, nil
}

// locate turns tree locations of an error into positions in text.
func locate(err error, text string) error {
	if e := pgerr.As(err); e != nil {
		e.ResolvePosition(text)
		return e
	}
	return err
}

// endImplicit commits what runs outside a block, if err is nil.
func (s *Session) endImplicit(err error) error {
	if err != nil {
		return err
	}
	if s.tx.block == blockNone || s.tx.block == blockImplicit {
		return s.commitTxn()
	}
	return nil
}

// runSimple runs one statement to its end, with text results. The last one of
// a message is committed before its reply, so that an error of the commit is
// not preceded by a success.
func (s *Session) runSimple(st *statement, last bool) error {
	if err := s.checkFailed(st.raw.Stmt); err != nil {
		return err
	}
	if done, err := s.transactionStmt(st.raw.Stmt); done || err != nil {
		return err
	}
	if err := s.prepare(st, nil); err != nil {
		return err
	}
	p := s.freshPortal(st)
	defer s.dropPortal(p)
	p.describe = true
	if _, err := s.runPortal(p, 0); err != nil {
		return err
	}
	s.dropPortal(p)
	if last {
		if err := s.endImplicit(nil); err != nil {
			return err
		}
	}
	s.completePortal(p)
	return nil
}

// checkFailed refuses, in a failed block, all but what ends it.
func (s *Session) checkFailed(stmt ast.Node) error {
	if s.tx.block != blockFailed {
		return nil
	}
	if t, ok := stmt.(*ast.TransactionStmt); ok {
		switch t.Kind {
		case ast.TRANS_STMT_COMMIT, ast.TRANS_STMT_ROLLBACK, ast.TRANS_STMT_ROLLBACK_TO,
			ast.TRANS_STMT_PREPARE:
			return nil
		}
	}
	return errFailedBlock()
}

func errFailedBlock() *pgerr.Error {
	return pgerr.New(pgerr.InFailedSQLTransaction,
		"current transaction is aborted, commands ignored until end of transaction block")
}

// Sync ends a pipeline: what ran outside a block is committed.
func (s *Session) Sync() error {
	if s.tx.block != blockNone && s.tx.block != blockImplicit {
		return nil
	}
	if !s.tx.begun {
		if len(s.portals) > 0 || s.unnamedPortal != nil {
			s.closeTxnPortals()
		}
		s.tx.block = blockNone
		return nil
	}
	s.startStatement()
	defer s.intr.disarm()
	return s.commitTxn()
}

// tagOf is the command tag of a query with n rows.
func tagOf(cmd query.CmdType) (prefix string, counted bool) {
	switch cmd {
	case query.CmdSelect:
		return "SELECT ", true
	case query.CmdInsert:
		return "INSERT 0 ", true
	case query.CmdUpdate:
		return "UPDATE ", true
	case query.CmdDelete:
		return "DELETE ", true
	case query.CmdMerge:
		return "MERGE ", true
	}
	return "", false
}
