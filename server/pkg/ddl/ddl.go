// Package ddl executes utility statements that define, change and maintain
// objects: CREATE, ALTER, DROP, TRUNCATE, COMMENT, ANALYZE, VACUUM.
//
// DDL is transactional. Catalog rows are written with catalog.Writer in the
// statement's transaction; tables and indexes that it creates or rewrites get
// storage ids of their own, which are loaded in bulk (kv.Txn.OwnRange), and
// what they replace is dropped by range at commit. Locks, notices, command
// tags, errors and pg_depend rows are PostgreSQL's.
//
// What is not there yet answers 0A000 with its name; no clause is ignored.
package ddl

import (
	"context"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// Session is what a statement needs of the session that runs it. The session
// makes one for each statement; all functions are set.
type Session struct {
	Ctx      context.Context
	Store    kv.Store
	Txn      kv.Txn // sees the image
	Op       kv.OpNum
	XID      uint32
	Lock     kv.LockOptions
	Img      *catalog.Image
	Database uint32
	Role     expr.RoleRef
	RowIDs   *exec.RowIDs
	// InBlock says that the statement runs inside a transaction block.
	InBlock bool
	TempDir string // for sorts; "": the system's
	// MaintenanceMem is how much memory a build may take, in bytes.
	MaintenanceMem int64

	View    func() catalog.View // a fresh view: sees what was written so far
	Analyze func(v catalog.View) *analyze.Env
	Plan    func(v catalog.View) *planner.Env
	EvalCtx func() *expr.Ctx // evaluates defaults, checks and index expressions
	Notice  func(e *pgerr.Error)
	// CheckForeign makes sure that the rows of t pass a foreign key: 23503.
	CheckForeign func(t, ref *catalog.Table, con *catalog.Constraint) error
	// Own notes a storage id that this transaction has created.
	Own func(storage uint32)
}

func (s *Session) writer() *catalog.Writer {
	return &catalog.Writer{Ctx: s.Ctx, Store: s.Store, Txn: s.Txn, Op: s.Op, XID: s.XID, Lock: s.Lock, Img: s.Img, DB: s.Database}
}

// notice sends a NOTICE.
func (s *Session) notice(code, format string, args ...any) {
	e := pgerr.Newf(code, format, args...)
	e.Severity = pgerr.SeverityNotice
	s.Notice(e)
}

// lockTable locks a relation in a mode.
func (s *Session) lockTable(oid uint32, mode kv.ObjectMode) error {
	_, err := s.Txn.LockObject(s.Ctx, s.Op, kv.ObjectTag{Space: kv.RelationLock, A: uint64(s.Database), B: uint64(oid)}, mode, s.Lock)
	return err
}

// newStorage makes an object id to store rows or entries under, loaded in bulk
// by this transaction.
func (s *Session) newStorage(w *catalog.Writer) (uint32, error) {
	id, err := w.NewOID()
	if err != nil {
		return 0, err
	}
	return id, s.ownStorage(w, id)
}

func (s *Session) ownStorage(w *catalog.Writer, id uint32) error {
	start := rowcodec.AppendPrefix(nil, s.Database, id)
	if err := s.Txn.OwnRange(s.Op, start, rowcodec.AppendPrefixEnd(nil, s.Database, id)); err != nil {
		return err
	}
	s.Own(id)
	return w.Mark(s.Database, id)
}

// dropStorage drops everything under a storage id at commit.
func (s *Session) dropStorage(id uint32) error {
	return s.Txn.DropRange(s.Op, rowcodec.AppendPrefix(nil, s.Database, id), rowcodec.AppendPrefixEnd(nil, s.Database, id))
}

// Handles reports whether Execute takes a statement.
func Handles(n ast.Node) bool {
	switch n.(type) {
	case *ast.CreateStmt, *ast.IndexStmt, *ast.DropStmt, *ast.TruncateStmt, *ast.AlterTableStmt, *ast.RenameStmt,
		*ast.CreateSchemaStmt, *ast.CommentStmt, *ast.VacuumStmt, *ast.CreateSeqStmt, *ast.ViewStmt,
		*ast.AlterSeqStmt, *ast.AlterObjectSchemaStmt, *ast.AlterOwnerStmt:
		return true
	}
	return false
}

// Execute runs a statement and returns its command tag.
func Execute(s *Session, n ast.Node) (tag string, err error) {
	switch n := n.(type) {
	case *ast.CreateStmt:
		return "CREATE TABLE", s.createTable(n)
	case *ast.IndexStmt:
		return "CREATE INDEX", s.createIndex(n)
	case *ast.DropStmt:
		return s.drop(n)
	case *ast.TruncateStmt:
		return "TRUNCATE TABLE", s.truncate(n)
	case *ast.AlterTableStmt:
		return alterTag(n), s.alterTable(n)
	case *ast.RenameStmt:
		return s.rename(n)
	case *ast.CreateSchemaStmt:
		return "CREATE SCHEMA", s.createSchema(n)
	case *ast.CommentStmt:
		return "COMMENT", s.comment(n)
	case *ast.CreateSeqStmt:
		return "CREATE SEQUENCE", s.createSequence(n)
	case *ast.AlterObjectSchemaStmt:
		return s.setSchema(n)
	case *ast.AlterOwnerStmt:
		return s.alterOwner(n)
	case *ast.AlterSeqStmt:
		return "ALTER SEQUENCE", s.alterSequence(n)
	case *ast.ViewStmt:
		return "CREATE VIEW", s.createView(n)
	case *ast.VacuumStmt:
		return s.vacuum(n)
	}
	return "", pgerr.FeatureNotSupported(n.Tag())
}

// unsupported is 0A000 for a clause.
func unsupported(what string) error { return pgerr.FeatureNotSupported(what) }

// evalRow evaluates stored-style expressions over one row.
func evalTrue(c *expr.Ctx, e *expr.Compiled, row []data.Datum) (bool, error) {
	d, err := e.Eval(c, row)
	if err != nil {
		return false, err
	}
	return d.IsNull() || d.Bool(), nil
}
