package session

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// utility runs a statement that is not planned, to its end. Rows it returns
// are left in the portal.
func (s *Session) utility(p *portal) error {
	var err error
	switch n := p.st.query.UtilityStmt.(type) {
	case *ast.VariableSetStmt:
		p.tag, err = s.setStmt(n)
	case *ast.VariableShowStmt:
		p.tag = "SHOW"
		p.rows, err = s.showStmt(n)
	case *ast.PrepareStmt:
		p.tag, err = "PREPARE", s.prepareStmt(n, p.st)
	case *ast.ExecuteStmt:
		err = s.executeStmt(n, p)
	case *ast.DeallocateStmt:
		p.tag, err = s.deallocateStmt(n)
	case *ast.ExplainStmt:
		p.tag = "EXPLAIN"
		p.rows, err = s.explain(n, p)
	case *ast.DiscardStmt:
		p.tag, err = s.discard(n)
	case *ast.CopyStmt:
		p.tag, err = s.copyStmt(n, p)
	case *ast.DeclareCursorStmt:
		p.tag, err = "DECLARE CURSOR", s.declareStmt(n, p)
	case *ast.FetchStmt:
		err = s.fetchStmt(n, p)
	case *ast.ClosePortalStmt:
		p.tag, err = s.closeStmt(n)
	case *ast.LockStmt:
		p.tag, err = "LOCK TABLE", s.lockStmt(n)
	case *ast.UnlistenStmt:
		// Nothing can be listened to yet, so there is nothing to give up.
		p.tag = "UNLISTEN"
	default:
		err = s.otherUtility(n, p)
	}
	return err
}

// unsupportedUtility names statements that no room runs yet.
func unsupportedUtility(n ast.Node) error {
	names := map[string]string{
		"ListenStmt": "LISTEN", "NotifyStmt": "NOTIFY", "DoStmt": "DO", "CallStmt": "CALL",
		"CheckPointStmt": "CHECKPOINT", "ConstraintsSetStmt": "SET CONSTRAINTS", "LoadStmt": "LOAD",
		"AlterSystemStmt": "ALTER SYSTEM",
	}
	if name := names[n.Tag()]; name != "" {
		return pgerr.FeatureNotSupported(name)
	}
	return nil
}

// textColumn is the description of a text column of a utility's result.
func textColumn(name string) planner.Column {
	return planner.Column{Name: name, Type: types.Text, Typmod: -1}
}

// utilityColumns is what a utility statement returns. Of a cursor or prepared
// statement that is not there it is nothing: running it is the error.
func (s *Session) utilityColumns(n ast.Node) ([]planner.Column, error) {
	switch n := n.(type) {
	case *ast.VariableShowStmt:
		return showColumns(n), nil
	case *ast.ExplainStmt:
		return explainColumns(n)
	case *ast.FetchStmt:
		if p := s.portals[n.Portalname]; p != nil && !n.Ismove {
			return p.columns, nil
		}
	case *ast.ExecuteStmt:
		if target := s.prepared[n.Name]; target != nil {
			return target.columns, nil
		}
	}
	return nil, nil
}

// returnsTheSame tells whether a utility statement still returns what it did
// when it was prepared: FETCH and EXECUTE go by a name, which may have come to
// mean something else.
func (s *Session) returnsTheSame(st *statement) bool {
	if st.query == nil {
		return true
	}
	switch st.query.UtilityStmt.(type) {
	case *ast.FetchStmt, *ast.ExecuteStmt:
		columns, err := s.utilityColumns(st.query.UtilityStmt)
		return err == nil && sameColumns(columns, st.columns)
	}
	return true
}

// discard is DISCARD.
func (s *Session) discard(n *ast.DiscardStmt) (string, error) {
	switch n.Target {
	case ast.DISCARD_ALL:
		if s.inBlock() {
			return "", pgerr.New(pgerr.ActiveSQLTransaction, "DISCARD ALL cannot run inside a transaction block")
		}
		s.settings.ResetAll(s.role.superuser)
		s.settings.Assign("role", "none", false)
		s.dropPrepared()
		s.textPlan, s.shapes.byKey = nil, nil
		s.sequence, s.lastSeq = nil, 0
		return "DISCARD ALL", s.advisoryUnlockAll()
	case ast.DISCARD_PLANS:
		s.textPlan, s.shapes.byKey = nil, nil
		for _, st := range s.prepared {
			st.discarded = st.isQuery()
		}
		return "DISCARD PLANS", nil
	case ast.DISCARD_SEQUENCES:
		s.sequence, s.lastSeq = nil, 0
		return "DISCARD SEQUENCES", nil
	}
	return "DISCARD TEMP", nil // there are no temporary tables to drop
}

func (s *Session) dropPrepared() {
	clear(s.prepared)
	s.unnamed = nil
}

// deallocateStmt is DEALLOCATE.
func (s *Session) deallocateStmt(n *ast.DeallocateStmt) (string, error) {
	if n.Name == "" {
		clear(s.prepared)
		return "DEALLOCATE ALL", nil
	}
	if s.prepared[n.Name] == nil {
		return "", noPrepared(n.Name)
	}
	delete(s.prepared, n.Name)
	return "DEALLOCATE", nil
}
