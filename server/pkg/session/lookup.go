package session

import (
	"context"
	"encoding/binary"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// lookup implements types.Lookup over the statement's view of the catalog.
type lookup struct{ s *Session }

func (l lookup) view() (catalog.View, error) {
	if v := l.s.view(); v != nil {
		return v, nil
	}
	_, err := l.s.storeTxn()
	return nil, err
}

// RegOIDs finds the objects of a name, for the input of reg types.
func (l lookup) RegOIDs(reg uint32, schema, name string) ([]uint32, error) {
	v, err := l.view()
	if err != nil {
		return nil, err
	}
	if schema != "" {
		n, err := v.SchemaByName(schema)
		if err != nil {
			return nil, err
		}
		if n == nil {
			return nil, pgerr.Newf(pgerr.InvalidSchemaName, `schema "%s" does not exist`, schema)
		}
	}
	switch reg {
	case types.RegProc, types.RegProcedure:
		list, err := v.ProcsByName(schema, name)
		return oidsOf(list, err, func(p *catalog.Proc) uint32 { return p.OID })
	case types.RegOper, types.RegOperator:
		list, err := v.OperatorsByName(schema, name)
		return oidsOf(list, err, func(o *catalog.Operator) uint32 { return o.OID })
	}
	oid, err := oneOID(v, reg, schema, name)
	if err != nil || oid == 0 {
		return nil, err
	}
	return []uint32{oid}, nil
}

func oidsOf[T any](list []T, err error, oid func(T) uint32) ([]uint32, error) {
	var out []uint32
	for _, x := range list {
		out = append(out, oid(x))
	}
	return out, err
}

// oneOID finds an object of a kind that is not overloaded, 0 for none.
func oneOID(v catalog.View, reg uint32, schema, name string) (uint32, error) {
	switch reg {
	case types.RegClass:
		oid, err := v.RelationOID(schema, name)
		if err == nil && oid != 0 {
			_, err = v.Relation(oid) // a plan that keeps the OID as a constant falls with the relation
		}
		return oid, err
	case types.RegType:
		if t, err := v.TypeByName(schema, name); t != nil {
			return t.OID, err
		} else {
			return 0, err
		}
	case types.RegNamespace:
		if n, err := v.SchemaByName(name); n != nil {
			return n.OID, err
		} else {
			return 0, err
		}
	case types.RegRole:
		if r, err := v.RoleByName(name); r != nil {
			return r.OID, err
		} else {
			return 0, err
		}
	case types.RegCollation:
		if c, err := v.CollationByName(schema, name); c != nil {
			return c.OID, err
		} else {
			return 0, err
		}
	}
	return 0, pgerr.FeatureNotSupported("text search configurations and dictionaries")
}

// RegName describes an object, for the output of reg types.
func (l lookup) RegName(reg uint32, oid uint32) (types.RegName, bool) {
	v, err := l.view()
	if err != nil {
		return types.RegName{}, false
	}
	n, schema := types.RegName{}, uint32(0)
	found := false
	switch reg {
	case types.RegProc, types.RegProcedure:
		if p, _ := v.Proc(oid); p != nil {
			n.Name, schema, n.Args, found = p.Name, p.Schema, p.ArgTypes, true
		}
	case types.RegOper, types.RegOperator:
		if o, _ := v.Operator(oid); o != nil {
			n.Name, schema, n.Args, found = o.Name, o.Schema, []uint32{o.Left, o.Right}, true
		}
	case types.RegClass:
		if t, _ := v.Relation(oid); t != nil {
			n.Name, schema, found = t.Name, t.Schema, true
		} else if ix, _ := v.Index(oid); ix != nil {
			n.Name, schema, found = ix.Name, ix.Schema, true
		}
	case types.RegType:
		if t, _ := v.Type(oid); t != nil {
			n.Name, schema, found = t.Name, t.Schema, true
		}
	case types.RegCollation:
		if c, _ := v.Collation(oid); c != nil {
			n.Name, schema, found = c.Name, c.Schema, true
		}
	case types.RegNamespace:
		if s, _ := v.Schema(oid); s != nil {
			return types.RegName{Name: s.Name, Visible: true}, true
		}
	case types.RegRole:
		if r, _ := v.Role(oid); r != nil {
			return types.RegName{Name: r.Name, Visible: true}, true
		}
	}
	if !found {
		return types.RegName{}, false
	}
	if s, _ := v.Schema(schema); s != nil {
		n.Schema = s.Name
	}
	n.Visible = visible(l, reg, oid, n)
	return n, true
}

// visible tells whether the bare name finds the object: for functions and
// operators, the first one with these argument types.
func visible(l lookup, reg, oid uint32, n types.RegName) bool {
	found, err := l.RegOIDs(reg, "", n.Name)
	if err != nil {
		return false
	}
	for _, o := range found {
		if o == oid {
			return true
		}
	}
	return false
}

// Type finds a type made by DDL, nil if there is none.
func (l lookup) Type(oid uint32) (*types.Type, error) {
	v, err := l.view()
	if err != nil {
		return nil, err
	}
	t, err := v.Type(oid)
	if err != nil || t == nil {
		return nil, err
	}
	switch {
	case t.Type == 'c':
		return types.NewComposite(oid, t.Name, t.Array), nil
	case t.IsArray():
		elem, err := l.elem(t.Elem)
		if err != nil || elem == nil {
			return nil, err
		}
		return types.NewArray(oid, t.Name, elem), nil
	}
	return nil, nil
}

func (l lookup) elem(oid uint32) (*types.Type, error) {
	if t := types.Get(oid); t != nil {
		return t, nil
	}
	return l.Type(oid)
}

// Fields lists the columns of a composite type.
func (l lookup) Fields(oid uint32) ([]types.Field, error) {
	v, err := l.view()
	if err != nil {
		return nil, err
	}
	t, err := v.Type(oid)
	if err != nil || t == nil || t.RelID == 0 {
		return nil, err
	}
	rel, err := v.Relation(t.RelID)
	if err != nil || rel == nil {
		return nil, err
	}
	var out []types.Field
	for i := range rel.Columns {
		if c := &rel.Columns[i]; !c.Dropped {
			out = append(out, types.Field{Name: c.Name, Type: c.TypeOID, Typmod: c.Typmod})
		}
	}
	return out, nil
}

// StorageBytes estimates the space of a table's or index's keys, of the whole
// database with storage 0.
func (s *Session) StorageBytes(database, storage uint32) (int64, error) {
	start := binary.BigEndian.AppendUint32(nil, database)
	if storage != 0 {
		start = binary.BigEndian.AppendUint32(start, storage)
	}
	n, err := s.srv.store.ApproximateBytes(start, kv.PrefixEnd(start))
	return n, storeError(err)
}

// bootstrap writes what an empty store needs beside the image.
func bootstrap(srv *Server) error {
	return catalog.Bootstrap(context.Background(), srv.store, srv.catalog.Image(), srv.opts.OSUser)
}
