package session

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Role implements expr.Env: the role in force, which SET ROLE changes.
func (s *Session) Role() expr.RoleRef {
	name := s.settings.Value("role")
	if name == "none" || name == s.role.name {
		return s.SessionRole()
	}
	if r, err := s.view().RoleByName(name); err == nil && r != nil {
		return expr.RoleRef{OID: r.OID, Name: r.Name}
	}
	return s.SessionRole()
}

// setRole is SET ROLE.
func (s *Session) setRole(name string, local bool) error {
	if name != "none" {
		r, err := s.view().RoleByName(name)
		if err != nil {
			return err
		}
		if r == nil {
			return pgerr.Newf(pgerr.InvalidParameterValue, `role "%s" does not exist`, name)
		}
		if r.OID != s.role.oid && !s.role.superuser {
			return pgerr.Newf(pgerr.InsufficientPrivilege, `permission denied to set role "%s"`, name)
		}
	}
	s.settings.Assign("role", name, local)
	return nil
}

// CallFunction implements expr.Caller for functions that are not native.
func (s *Session) CallFunction(c *expr.Ctx, oid uint32, args []data.Datum) (data.Datum, error) {
	name := "a function that is not built in"
	if p, err := s.view().Proc(oid); err == nil && p != nil {
		name = "function " + p.Name
	}
	return data.Null, pgerr.FeatureNotSupported(name)
}
