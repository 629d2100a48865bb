package session

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// transactionStmt runs BEGIN, COMMIT and their kin; done is false for any
// other statement. The command's tag has been sent when it returns true.
func (s *Session) transactionStmt(stmt ast.Node) (done bool, err error) {
	t, ok := stmt.(*ast.TransactionStmt)
	if !ok {
		return false, nil
	}
	tag := ""
	switch t.Kind {
	case ast.TRANS_STMT_BEGIN:
		tag, err = "BEGIN", s.begin(t)
	case ast.TRANS_STMT_START:
		tag, err = "START TRANSACTION", s.begin(t)
	case ast.TRANS_STMT_COMMIT:
		tag, err = s.commit(t)
	case ast.TRANS_STMT_ROLLBACK:
		tag, err = "ROLLBACK", s.rollback(t)
	case ast.TRANS_STMT_SAVEPOINT:
		tag, err = "SAVEPOINT", s.savepoint(t.SavepointName)
	case ast.TRANS_STMT_RELEASE:
		tag, err = "RELEASE", s.release(t.SavepointName)
	case ast.TRANS_STMT_ROLLBACK_TO:
		tag, err = "ROLLBACK", s.rollbackTo(t.SavepointName)
	case ast.TRANS_STMT_PREPARE:
		tag, err = s.prepareTransaction(t.Gid)
	case ast.TRANS_STMT_COMMIT_PREPARED:
		tag, err = "COMMIT PREPARED", s.finishPrepared("COMMIT PREPARED", t.Gid, true)
	case ast.TRANS_STMT_ROLLBACK_PREPARED:
		tag, err = "ROLLBACK PREPARED", s.finishPrepared("ROLLBACK PREPARED", t.Gid, false)
	}
	if err == nil {
		s.out.Complete(tag)
	}
	return true, err
}

func (s *Session) begin(t *ast.TransactionStmt) error {
	if s.tx.block == blockOpen {
		s.Notice(pgerr.Warning(pgerr.ActiveSQLTransaction, "there is already a transaction in progress"))
		return nil
	}
	s.beginTxn()
	s.tx.block = blockOpen
	if err := s.setModes(t.Options); err != nil {
		s.tx.block = blockNone
		return err
	}
	return nil
}

func (s *Session) commit(t *ast.TransactionStmt) (tag string, err error) {
	switch s.tx.block {
	case blockFailed:
		modes := s.modes()
		s.rollbackTxn()
		s.chain(t.Chain, modes)
		return "ROLLBACK", nil
	case blockNone, blockImplicit:
		if t.Chain {
			return "", outsideBlock("COMMIT AND CHAIN")
		}
		s.Notice(pgerr.Warning(pgerr.NoActiveSQLTransaction, "there is no transaction in progress"))
		return "COMMIT", s.commitTxn()
	}
	modes := s.modes()
	if err := s.commitTxn(); err != nil {
		return "", err
	}
	s.chain(t.Chain, modes)
	return "COMMIT", nil
}

func (s *Session) rollback(t *ast.TransactionStmt) error {
	if s.tx.block == blockNone || s.tx.block == blockImplicit {
		if t.Chain {
			return outsideBlock("ROLLBACK AND CHAIN")
		}
		s.Notice(pgerr.Warning(pgerr.NoActiveSQLTransaction, "there is no transaction in progress"))
	}
	modes := s.modes()
	s.rollbackTxn()
	s.chain(t.Chain, modes)
	return nil
}

func outsideBlock(what string) error {
	return pgerr.Newf(pgerr.NoActiveSQLTransaction, "%s can only be used in transaction blocks", what)
}

// txnModes is what AND CHAIN carries over.
type txnModes struct {
	level      isolation
	readOnly   bool
	deferrable bool
}

func (s *Session) modes() txnModes { return txnModes{s.tx.level, s.tx.readOnly, s.tx.deferrable} }

func (s *Session) chain(chain bool, m txnModes) {
	if !chain {
		return
	}
	s.beginTxn()
	s.tx.block = blockOpen
	s.tx.level, s.tx.readOnly, s.tx.deferrable = m.level, m.readOnly, m.deferrable
}

// setModes applies transaction modes: isolation level, access, deferrability.
func (s *Session) setModes(options []ast.Node) error {
	for _, o := range options {
		d, ok := o.(*ast.DefElem)
		if !ok {
			continue
		}
		c, _ := d.Arg.(*ast.A_Const)
		if c == nil {
			continue
		}
		switch d.Defname {
		case "transaction_isolation":
			if str, ok := c.Val.(*ast.String); ok {
				if err := s.setIsolation(str.Sval); err != nil {
					return err
				}
			}
		case "transaction_read_only":
			if err := s.setReadOnly(constTrue(c)); err != nil {
				return err
			}
		case "transaction_deferrable":
			if err := s.setDeferrable(constTrue(c)); err != nil {
				return err
			}
		}
	}
	return nil
}

func constTrue(c *ast.A_Const) bool {
	switch v := c.Val.(type) {
	case *ast.Integer:
		return v.Ival != 0
	case *ast.Boolean:
		return v.Boolval
	case *ast.String:
		return v.Sval == "on" || v.Sval == "true"
	}
	return false
}

func (s *Session) setIsolation(name string) error {
	level := isolationNamed(name)
	if level != s.tx.level {
		if s.tx.queried {
			return pgerr.New(pgerr.ActiveSQLTransaction,
				"SET TRANSACTION ISOLATION LEVEL must be called before any query")
		}
		if len(s.tx.saves) > 0 {
			return pgerr.New(pgerr.ActiveSQLTransaction,
				"SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction")
		}
	}
	s.tx.level = level
	return nil
}

func (s *Session) setReadOnly(readOnly bool) error {
	if !readOnly && s.tx.readOnly {
		if len(s.tx.saves) > 0 {
			return pgerr.New(pgerr.ActiveSQLTransaction,
				"cannot set transaction read-write mode inside a read-only transaction")
		}
		if s.tx.queried {
			return pgerr.New(pgerr.ActiveSQLTransaction,
				"transaction read-write mode must be set before any query")
		}
	}
	s.tx.readOnly = readOnly
	return nil
}

// setDeferrable matters to SERIALIZABLE READ ONLY, and is checked always.
func (s *Session) setDeferrable(deferrable bool) error {
	if len(s.tx.saves) > 0 {
		return pgerr.New(pgerr.ActiveSQLTransaction,
			"SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction")
	}
	if s.tx.queried {
		return pgerr.New(pgerr.ActiveSQLTransaction, "SET TRANSACTION [NOT] DEFERRABLE must be called before any query")
	}
	s.tx.deferrable = deferrable
	return nil
}

// isolationName is what transaction_isolation shows.
func (s *Session) isolationName() string {
	if !s.tx.begun {
		return s.settings.Get(defDefaultIsolation)
	}
	return s.tx.level.String()
}

// inBlock reports whether a savepoint may be made here.
func (s *Session) inBlock() bool { return s.tx.block == blockOpen || s.tx.block == blockFailed }

func (s *Session) savepoint(name string) error {
	if !s.inBlock() {
		return outsideBlock("SAVEPOINT")
	}
	s.tx.saves = append(s.tx.saves, savepoint{
		name: name, op: s.nextOp(), settings: s.settings.Mark(), owned: len(s.owned),
		readOnly: s.tx.readOnly, portals: s.portalSerial,
	})
	return nil
}

// findSavepoint returns the index of the newest savepoint of that name.
func (s *Session) findSavepoint(what, name string) (int, error) {
	if !s.inBlock() {
		return 0, outsideBlock(what)
	}
	for i := len(s.tx.saves) - 1; i >= 0; i-- {
		if s.tx.saves[i].name == name {
			return i, nil
		}
	}
	return 0, pgerr.Newf(pgerr.SEInvalidSpecification, `savepoint "%s" does not exist`, name)
}

// release ends a savepoint and those within; as in PostgreSQL the access mode set
// since ends with them.
func (s *Session) release(name string) error {
	i, err := s.findSavepoint("RELEASE SAVEPOINT", name)
	if err != nil {
		return err
	}
	s.tx.readOnly = s.tx.saves[i].readOnly
	s.tx.saves = s.tx.saves[:i]
	return nil
}

// rollbackTo goes back to a savepoint, which stays.
func (s *Session) rollbackTo(name string) error {
	i, err := s.findSavepoint("ROLLBACK TO SAVEPOINT", name)
	if err != nil {
		return err
	}
	sp := s.tx.saves[i]
	s.closePortalsSince(sp.portals)
	if s.tx.txn != nil {
		if err := s.tx.txn.RollbackTo(sp.op); err != nil {
			return storeError(err)
		}
		if err := s.tx.sequences.Restore(s.tx.txn, s.nextOp()); err != nil {
			return storeError(err)
		}
	}
	s.keys.Cut(sp.op)
	s.settings.RollbackTo(sp.settings)
	s.owned = s.owned[:sp.owned]
	s.freshView()
	s.tx.readOnly = sp.readOnly
	s.tx.saves = s.tx.saves[:i+1]
	s.tx.block = blockOpen
	return nil
}
