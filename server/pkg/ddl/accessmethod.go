package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// accessMethod is what an index is made USING. All are stored alike, as entries in
// the order of their keys; a hash index answers = only and promises no order, as in
// PostgreSQL, so plans do not depend on how it is stored.
type accessMethod struct {
	oid  uint32
	name string
}

var (
	btreeMethod = accessMethod{catalog.BtreeAM, "btree"}
	hashMethod  = accessMethod{catalog.HashAM, "hash"}
)

// accessMethodOf checks what an index statement asks of its access method.
func accessMethodOf(n *ast.IndexStmt) (accessMethod, error) {
	switch n.AccessMethod {
	case "", "btree":
		return btreeMethod, nil
	case "hash":
	case "gist", "gin", "spgist", "brin":
		return btreeMethod, unsupported("access method " + n.AccessMethod)
	default:
		return btreeMethod, pgerr.Newf(pgerr.UndefinedObject, "access method \"%s\" does not exist", n.AccessMethod)
	}
	switch {
	case n.Unique:
		return hashMethod, hashMethod.cannot("unique indexes")
	case len(n.IndexIncludingParams) > 0:
		return hashMethod, hashMethod.cannot("included columns")
	case len(n.IndexParams) > 1:
		return hashMethod, hashMethod.cannot("multicolumn indexes")
	}
	return hashMethod, nil
}

func (m accessMethod) cannot(what string) error {
	return pgerr.Newf(pgerr.FeatureNotSupportedCode, "access method \"%s\" does not support %s", m.name, what)
}

// checkOrder refuses an order where the method knows none.
func (m accessMethod) checkOrder(el *ast.IndexElem) error {
	if el == nil || m == btreeMethod {
		return nil
	}
	if el.Ordering != ast.SORTBY_DEFAULT {
		return m.cannot("ASC/DESC options")
	}
	if el.NullsOrdering != ast.SORTBY_NULLS_DEFAULT {
		return m.cannot("NULLS FIRST/LAST options")
	}
	return nil
}

// operatorClass finds the class of an index column: the one that was written, else
// the type's default.
func (s *Session) operatorClass(v catalog.View, m accessMethod, typ uint32, el *ast.IndexElem) (*catalog.OpClass, error) {
	def, err := v.DefaultOpClass(m.oid, typ)
	if err != nil {
		return nil, err
	}
	if el == nil || len(el.Opclass) == 0 {
		if def == nil {
			return nil, pgerr.Newf(pgerr.UndefinedObject, "data type %s has no default operator class for access method \"%s\"",
				s.typeText(typ), m.name).
				WithHint("You must specify an operator class for the index or define a default operator class for the data type.")
		}
		return def, nil
	}
	schema, name := schemaAndName(ast.Strings(el.Opclass))
	oc, err := v.OpClassByName(m.oid, schema, name)
	if err != nil {
		return nil, err
	}
	if oc == nil {
		return nil, pgerr.Newf(pgerr.UndefinedObject, "operator class \"%s\" does not exist for access method \"%s\"", name, m.name)
	}
	if oc.InType != typ && (def == nil || def.InType != oc.InType) {
		return nil, pgerr.Newf(pgerr.DatatypeMismatch, "operator class \"%s\" does not accept data type %s", name, s.typeText(typ))
	}
	return oc, nil
}
