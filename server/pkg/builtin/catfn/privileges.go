package catfn

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// object is what a privilege is asked about.
type object struct {
	found bool
	owner uint32
	acl   []catalog.ACLItem
	// public is what PUBLIC may do while nothing was granted or revoked.
	public uint32
}

// resolver finds the object named by an argument: by OID or by name.
type resolver func(c *expr.Ctx, d data.Datum) (object, error)

var privilegeBits = map[string]uint32{
	"SELECT": catalog.ACLSelect, "INSERT": catalog.ACLInsert, "UPDATE": catalog.ACLUpdate, "DELETE": catalog.ACLDelete,
	"TRUNCATE": catalog.ACLTruncate, "REFERENCES": catalog.ACLReferences, "TRIGGER": catalog.ACLTrigger,
	"EXECUTE": catalog.ACLExecute, "USAGE": catalog.ACLUsage, "CREATE": catalog.ACLCreate,
	"TEMPORARY": catalog.ACLCreateTemp, "TEMP": catalog.ACLCreateTemp, "CONNECT": catalog.ACLConnect,
}

func init() {
	const tableBits = catalog.ACLAllTable
	registerPrivilege(relationObject, tableBits, 1922, 1923, 1924, 1925, 1926, 1927)
	registerPrivilege(relationObject, catalog.ACLAllSequence, 2181, 2182, 2183, 2184, 2185, 2186)
	const columnBits = catalog.ACLSelect | catalog.ACLInsert | catalog.ACLUpdate | catalog.ACLReferences
	registerPrivilege(anyColumnObject, columnBits, 3024, 3025, 3026, 3027, 3028, 3029)
	registerPrivilege(schemaObject, catalog.ACLAllSchema, 2268, 2269, 2270, 2271, 2272, 2273)
	registerPrivilege(databaseObject, catalog.ACLAllDatabase, 2250, 2251, 2252, 2253, 2254, 2255)
	registerPrivilege(functionObject, catalog.ACLAllFunction, 2256, 2257, 2258, 2259, 2260, 2261)
	stable(hasRole, 2705, 2706, 2707, 2708, 2709, 2710)
}

// registerPrivilege registers the six forms ([user,] object, privilege).
func registerPrivilege(find resolver, allowed uint32, oids ...uint32) {
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		role, err := subject(c, &a)
		if err != nil {
			return data.Null, err
		}
		obj, err := find(c, a[0])
		if err != nil {
			return data.Null, err
		}
		asked, err := parsePrivileges(str(a, 1), allowed)
		if err != nil || !obj.found {
			return data.Null, err
		}
		for _, p := range asked {
			ok, err := granted(c, role, obj, p)
			if err != nil || ok {
				return data.Bool(ok), err
			}
		}
		return data.Bool(false), nil
	}, oids...)
}

// subject takes the role argument off a, if there is one; else it is the
// current role.
func subject(c *expr.Ctx, a *[]data.Datum) (*catalog.Role, error) {
	view := c.Env.Catalog()
	if len(*a) == 2 {
		return view.Role(c.Env.Role().OID)
	}
	d := (*a)[0]
	*a = (*a)[1:]
	if d.Kind() == data.KindInt64 {
		return view.Role(uint32(d.Int()))
	}
	if d.Str() == "public" {
		return &catalog.Role{}, nil
	}
	return roleByName(view, d.Str())
}

func roleByName(view catalog.View, name string) (*catalog.Role, error) {
	r, err := view.RoleByName(name)
	if err == nil && r == nil {
		err = pgerr.Newf(pgerr.UndefinedObject, "role \"%s\" does not exist", name)
	}
	return r, err
}

// privilege is one item of a list such as "SELECT, UPDATE WITH GRANT OPTION".
type privilege struct {
	bit       uint32
	grantable bool
}

func parsePrivileges(list string, allowed uint32) ([]privilege, error) {
	var out []privilege
	for _, item := range strings.Split(list, ",") {
		name := strings.ToUpper(strings.TrimSpace(item))
		p := privilege{}
		if base, ok := strings.CutSuffix(name, " WITH GRANT OPTION"); ok {
			name, p.grantable = base, true
		}
		p.bit = privilegeBits[name]
		if p.bit == 0 || p.bit&allowed == 0 {
			return nil, pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized privilege type: \"%s\"", strings.TrimSpace(item))
		}
		out = append(out, p)
	}
	return out, nil
}

// granted decides as PostgreSQL's aclmask does: superusers and owners may do
// everything, others what was granted to them, to a role they belong to, or to
// PUBLIC.
func granted(c *expr.Ctx, role *catalog.Role, obj object, p privilege) (bool, error) {
	if role == nil {
		return false, nil
	}
	if role.Super {
		return true, nil
	}
	owner, err := belongs(c, role, obj.owner)
	if err != nil || owner {
		return owner, err
	}
	if obj.acl == nil {
		return !p.grantable && obj.public&p.bit != 0, nil
	}
	for _, item := range obj.acl {
		bits := item.Privileges
		if p.grantable {
			bits = item.GrantOptions
		}
		if bits&p.bit == 0 {
			continue
		}
		if item.Grantee == 0 {
			return true, nil
		}
		if in, err := belongs(c, role, item.Grantee); err != nil || in {
			return in, err
		}
	}
	return false, nil
}

// belongs reports whether role is the other or a member of it, at any remove.
func belongs(c *expr.Ctx, role *catalog.Role, other uint32) (bool, error) {
	seen := map[uint32]bool{}
	next := []uint32{role.OID}
	for len(next) > 0 {
		oid := next[0]
		next = next[1:]
		if oid == other && oid != 0 {
			return true, nil
		}
		if seen[oid] || oid == 0 {
			continue
		}
		seen[oid] = true
		r, err := c.Env.Catalog().Role(oid)
		if err != nil {
			return false, err
		}
		if r != nil {
			next = append(next, r.MemberOf...)
		}
	}
	return false, nil
}

func relationObject(c *expr.Ctx, d data.Datum) (object, error) {
	t, err := relation(c, d)
	if err != nil || t == nil {
		return object{}, err
	}
	obj := object{found: true, owner: t.Owner, acl: t.ACL}
	if t.IsCatalog && t.ACL == nil {
		obj.public = catalog.ACLSelect
	}
	return obj, nil
}

func anyColumnObject(c *expr.Ctx, d data.Datum) (object, error) {
	t, err := relation(c, d)
	if err != nil || t == nil {
		return object{}, err
	}
	obj, err := relationObject(c, d)
	for i := range t.Columns {
		if acl := t.Columns[i].ACL; acl != nil && !t.Columns[i].Dropped {
			obj.acl = append(append([]catalog.ACLItem{}, obj.acl...), acl...)
		}
	}
	return obj, err
}

// relation finds a relation by OID (nil if there is none) or by name (an error
// if there is none).
func relation(c *expr.Ctx, d data.Datum) (*catalog.Table, error) {
	if d.Kind() != data.KindInt64 {
		var err error
		if d, err = types.Get(types.RegClass).In(c.Types, d.Str(), -1); err != nil {
			return nil, err
		}
	}
	return c.Env.Catalog().Relation(uint32(d.Int()))
}

func schemaObject(c *expr.Ctx, d data.Datum) (object, error) {
	view := c.Env.Catalog()
	var s *catalog.Schema
	var err error
	if d.Kind() == data.KindInt64 {
		s, err = view.Schema(uint32(d.Int()))
	} else if s, err = view.SchemaByName(d.Str()); err == nil && s == nil {
		err = pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", d.Str())
	}
	if err != nil || s == nil {
		return object{}, err
	}
	return object{found: true, owner: s.Owner, acl: s.ACL}, nil
}

func databaseObject(c *expr.Ctx, d data.Datum) (object, error) {
	view := c.Env.Catalog()
	var db *catalog.Database
	var err error
	if d.Kind() == data.KindInt64 {
		db, err = view.DatabaseByOID(uint32(d.Int()))
	} else if db, err = view.DatabaseByName(d.Str()); err == nil && db == nil {
		err = pgerr.Newf(pgerr.InvalidCatalogName, "database \"%s\" does not exist", d.Str())
	}
	if err != nil || db == nil {
		return object{}, err
	}
	return object{found: true, owner: db.Owner, acl: db.ACL, public: catalog.ACLConnect | catalog.ACLCreateTemp}, nil
}

func functionObject(c *expr.Ctx, d data.Datum) (object, error) {
	if d.Kind() != data.KindInt64 {
		var err error
		if d, err = types.Get(types.RegProcedure).In(c.Types, d.Str(), -1); err != nil {
			return object{}, err
		}
	}
	p, err := c.Env.Catalog().Proc(uint32(d.Int()))
	if err != nil || p == nil {
		return object{}, err
	}
	return object{found: true, owner: p.Owner, acl: p.ACL, public: catalog.ACLExecute}, nil
}

// hasRole is pg_has_role([user,] role, privilege).
func hasRole(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	role, err := subject(c, &a)
	if err != nil {
		return data.Null, err
	}
	var target *catalog.Role
	if a[0].Kind() == data.KindInt64 {
		target, err = c.Env.Catalog().Role(oidArg(a, 0))
	} else {
		target, err = roleByName(c.Env.Catalog(), str(a, 0))
	}
	if err != nil || role == nil || target == nil {
		return data.Bool(false), err
	}
	for _, p := range strings.Split(str(a, 1), ",") {
		switch strings.ToUpper(strings.TrimSpace(p)) {
		case "USAGE", "MEMBER":
			in, err := belongs(c, role, target.OID)
			if err != nil || in || role.Super {
				return data.Bool(in || role.Super), err
			}
		case "USAGE WITH GRANT OPTION", "USAGE WITH ADMIN OPTION", "MEMBER WITH GRANT OPTION", "MEMBER WITH ADMIN OPTION":
			if role.Super {
				return data.Bool(true), nil
			}
			return data.Null, pgerr.FeatureNotSupported("admin option of role memberships")
		default:
			return data.Null, pgerr.Newf(pgerr.InvalidParameterValue, "unrecognized privilege type: \"%s\"", strings.TrimSpace(p))
		}
	}
	return data.Bool(false), nil
}
