package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
)

// columnType is ALTER COLUMN TYPE.
func (a *alteration) columnType(*ast.AlterTableCmd) error {
	return unsupported("ALTER COLUMN TYPE")
}
