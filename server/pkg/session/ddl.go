package session

import (
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/ddl"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
)

// otherUtility runs what defines, changes and maintains objects.
func (s *Session) otherUtility(n ast.Node, p *portal) (err error) {
	if !ddl.Handles(n) {
		return pgerr.FeatureNotSupported(utilityName(n))
	}
	if s.tx.readOnly && !readOnlyUtility(n) {
		return pgerr.Newf(pgerr.ReadOnlySQLTransaction, "cannot execute %s in a read-only transaction", utilityName(n))
	}
	d, err := s.ddlSession(p)
	if err != nil {
		return err
	}
	p.tag, err = ddl.Execute(d, n)
	s.freshView()
	return storeError(err)
}

func (s *Session) ddlSession(p *portal) (*ddl.Session, error) {
	txn, err := s.storeTxn()
	if err != nil {
		return nil, err
	}
	s.tx.queried = true
	if s.tx.level == serializable { // what it writes is watched from here on
		if _, _, err := s.takeSnapshot(); err != nil {
			return nil, err
		}
	}
	xid, err := s.XID(true)
	if err != nil {
		return nil, err
	}
	kb, _ := strconv.ParseInt(s.settings.Value("maintenance_work_mem"), 10, 64)
	return &ddl.Session{
		Ctx: &s.intr, Store: s.srv.store, Txn: txn, Op: s.nextOp(), XID: xid, Lock: s.lockOptions(),
		Img: s.srv.catalog.Image(), Database: s.database.oid, Role: s.Role(), RowIDs: s.srv.rowIDs,
		InBlock: s.inBlock() || s.tx.shared, TempDir: s.srv.opts.TempDir, MaintenanceMem: kb << 10,
		View: func() catalog.View {
			s.freshView()
			return s.view()
		},
		Analyze: func(v catalog.View) *analyze.Env {
			env := s.analyzeEnv(p.st.text, nil)
			env.Cat = v
			return env
		},
		Plan: func(v catalog.View) *planner.Env { return s.planEnv(v) },
		EvalCtx: func() *expr.Ctx {
			t := *s.typeCtx(&p.arena)
			return &expr.Ctx{Arena: &p.arena, Types: &t, Env: s, Context: &s.intr, Caller: s}
		},
		Notice:       s.Notice,
		CheckForeign: s.checkForeign,
		Own:          func(storage uint32) { s.owned = append(s.owned, storage) },
	}, nil
}

// readOnlyUtility tells what a read-only transaction may run.
func readOnlyUtility(n ast.Node) bool {
	_, vacuum := n.(*ast.VacuumStmt)
	return vacuum
}

// utilityName is a statement's name in messages.
func utilityName(n ast.Node) string {
	switch n := n.(type) {
	case *ast.VacuumStmt:
		if !n.IsVacuumcmd {
			return "ANALYZE"
		}
		return "VACUUM"
	case *ast.DropStmt:
		return "DROP " + objectKind(n.RemoveType, 0)
	case *ast.AlterTableStmt:
		return "ALTER " + objectKind(n.Objtype, 0)
	case *ast.RenameStmt:
		return "ALTER " + objectKind(n.RenameType, n.RelationType)
	case *ast.AlterObjectSchemaStmt:
		return "ALTER " + objectKind(n.ObjectType, 0)
	case *ast.AlterOwnerStmt:
		return "ALTER " + objectKind(n.ObjectType, 0)
	}
	if name := utilityNames[n.Tag()]; name != "" {
		return name
	}
	return n.Tag()
}

// objectKind is a kind of object in a command's name. What is part of a relation goes
// by the relation's kind.
func objectKind(kind, relation ast.ObjectType) string {
	switch kind {
	case ast.OBJECT_COLUMN, ast.OBJECT_ATTRIBUTE, ast.OBJECT_TABCONSTRAINT:
		if relation == 0 {
			relation = ast.OBJECT_TABLE
		}
		return relation.Words()
	}
	return kind.Words()
}

// utilityNames are the commands of the nodes whose names do not tell.
var utilityNames = map[string]string{
	"CreateStmt": "CREATE TABLE", "IndexStmt": "CREATE INDEX", "TruncateStmt": "TRUNCATE TABLE",
	"CreateSchemaStmt": "CREATE SCHEMA",
	"CommentStmt":      "COMMENT", "CreateSeqStmt": "CREATE SEQUENCE", "ViewStmt": "CREATE VIEW",
	"CreateTableAsStmt": "CREATE TABLE AS", "CreateFunctionStmt": "CREATE FUNCTION",
	"CreateTrigStmt": "CREATE TRIGGER", "CreateRoleStmt": "CREATE ROLE", "AlterRoleStmt": "ALTER ROLE",
	"DropRoleStmt": "DROP ROLE", "GrantStmt": "GRANT", "GrantRoleStmt": "GRANT", "CreatedbStmt": "CREATE DATABASE",
	"DropdbStmt": "DROP DATABASE", "CreateExtensionStmt": "CREATE EXTENSION", "CreateEnumStmt": "CREATE TYPE",
	"CompositeTypeStmt": "CREATE TYPE", "CreateDomainStmt": "CREATE DOMAIN", "ClusterStmt": "CLUSTER",
	"ReindexStmt": "REINDEX", "RefreshMatViewStmt": "REFRESH MATERIALIZED VIEW", "RuleStmt": "CREATE RULE",
	"DefineStmt": "CREATE AGGREGATE, OPERATOR or TYPE", "CreatePolicyStmt": "CREATE POLICY",
	"AlterSeqStmt": "ALTER SEQUENCE", "AlterDatabaseStmt": "ALTER DATABASE",
	"AlterDatabaseSetStmt": "ALTER DATABASE ... SET", "AlterRoleSetStmt": "ALTER ROLE ... SET",
	"CreateStatsStmt": "CREATE STATISTICS", "CreatePublicationStmt": "CREATE PUBLICATION",
	"CreateSubscriptionStmt": "CREATE SUBSCRIPTION", "CreateTableSpaceStmt": "CREATE TABLESPACE",
	"CreateCastStmt": "CREATE CAST", "DropOwnedStmt": "DROP OWNED", "ReassignOwnedStmt": "REASSIGN OWNED",
	"SecLabelStmt": "SECURITY LABEL", "AlterDefaultPrivilegesStmt": "ALTER DEFAULT PRIVILEGES",
	"CreateForeignTableStmt": "CREATE FOREIGN TABLE", "CreateFdwStmt": "CREATE FOREIGN DATA WRAPPER",
	"CreateForeignServerStmt": "CREATE SERVER", "CreateEventTrigStmt": "CREATE EVENT TRIGGER",
}
