package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
)

func (s *Session) alterTable(*ast.AlterTableStmt) error { return unsupported("ALTER TABLE") }

func (s *Session) vacuum(*ast.VacuumStmt) (string, error) {
	return "", unsupported("VACUUM and ANALYZE")
}
