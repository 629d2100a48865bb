package session

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func (s *Session) otherUtility(n ast.Node, p *portal) error {
	return pgerr.FeatureNotSupported(n.Tag())
}
