package session

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// explain is EXPLAIN.
func (s *Session) explain(n *ast.ExplainStmt, p *portal) (*rowList, error) {
	return nil, pgerr.FeatureNotSupported("EXPLAIN")
}
