package planner

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// DeparseOver writes an expression over a table's columns as PostgreSQL does in
// error details; ok is false for expressions that cannot be written yet.
func DeparseOver(t *catalog.Table, e query.Expr) (text string, ok bool) { return "", false }
