package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
)

func (s *Session) vacuum(*ast.VacuumStmt) (string, error) {
	return "", unsupported("VACUUM and ANALYZE")
}
