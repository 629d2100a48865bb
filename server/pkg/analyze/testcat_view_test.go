package analyze

import (
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// testLookup gives package types the row types of the made-up tables.
type testLookup struct{ c *testCat }

func (l testLookup) RegOIDs(reg uint32, schema, name string) ([]uint32, error) {
	if reg == types.RegClass {
		if t := along(l.c.relByName, schema, name); t != nil {
			return []uint32{t.OID}, nil
		}
	}
	return nil, nil
}

func (l testLookup) RegName(reg uint32, oid uint32) (types.RegName, bool) {
	t := l.c.types[oid]
	if reg != types.RegType || t == nil {
		return types.RegName{}, false
	}
	return types.RegName{Schema: "public", Name: t.Name, Visible: true}, true
}

func (l testLookup) Type(oid uint32) (*types.Type, error) {
	if t := l.c.types[oid]; t != nil {
		return types.NewComposite(oid, t.Name, t.Array), nil
	}
	return nil, nil
}

func (l testLookup) Fields(oid uint32) ([]types.Field, error) { return nil, nil }

// testTypes is a Ctx with default settings over the test catalog.
func testTypes(c *testCat) *types.Ctx {
	ctx := types.NewCtx(nil)
	ctx.Lookup = testLookup{c}
	return ctx
}

// The lookups of testCat. The search path is pg_catalog, public.

func (c *testCat) Database() uint32 { return catalog.PostgresDB }
func (c *testCat) SearchPath() []uint32 {
	return []uint32{catalog.PgCatalogNamespace, catalog.PublicNamespace}
}

func (c *testCat) CreationSchema() (*catalog.Schema, error) { return c.SchemaByName("public") }

func (c *testCat) SchemaByName(name string) (*catalog.Schema, error) {
	switch name {
	case "pg_catalog":
		return &catalog.Schema{OID: catalog.PgCatalogNamespace, Name: name}, nil
	case "public":
		return &catalog.Schema{OID: catalog.PublicNamespace, Name: name}, nil
	}
	return nil, nil
}

func (c *testCat) Schema(oid uint32) (*catalog.Schema, error) {
	if oid == catalog.PublicNamespace {
		return c.SchemaByName("public")
	}
	return c.SchemaByName("pg_catalog")
}

// along looks a name up in one schema or in all of the path.
func along[T any](m map[string]*T, schema, name string) *T {
	if schema != "" {
		return m[schema+"."+name]
	}
	if t := m["pg_catalog."+name]; t != nil {
		return t
	}
	return m["public."+name]
}

func (c *testCat) RelationByName(schema, name string) (*catalog.Table, error) {
	return along(c.relByName, schema, name), nil
}
func (c *testCat) Relation(oid uint32) (*catalog.Table, error) { return c.relations[oid], nil }
func (c *testCat) IndexByName(schema, name string) (*catalog.Index, error) {
	return nil, nil
}
func (c *testCat) Index(oid uint32) (*catalog.Index, error)           { return nil, nil }
func (c *testCat) RelationOID(schema, name string) (uint32, error)    { return 0, nil }
func (c *testCat) ViewQuery(t *catalog.Table) ([]byte, error)         { return t.ViewQuery, nil }
func (c *testCat) Constraint(oid uint32) (*catalog.Constraint, error) { return nil, nil }
func (c *testCat) TypeByName(schema, name string) (*catalog.TypeDesc, error) {
	return along(c.typByName, schema, name), nil
}
func (c *testCat) Type(oid uint32) (*catalog.TypeDesc, error) { return c.types[oid], nil }

func (c *testCat) ProcsByName(schema, name string) ([]*catalog.Proc, error) {
	if schema == "public" {
		return nil, nil
	}
	return c.procs[name], nil
}
func (c *testCat) Proc(oid uint32) (*catalog.Proc, error) { return c.procByOID[oid], nil }
func (c *testCat) ProcNotYet(name string) bool            { return false }

func (c *testCat) OperatorsByName(schema, name string) ([]*catalog.Operator, error) {
	if schema == "public" {
		return nil, nil
	}
	return c.ops[name], nil
}
func (c *testCat) Operator(oid uint32) (*catalog.Operator, error) { return c.opByOID[oid], nil }
func (c *testCat) Cast(source, target uint32) (*catalog.Cast, error) {
	return c.casts[[2]uint32{source, target}], nil
}

func (c *testCat) CollationByName(schema, name string) (*catalog.Collation, error) {
	for _, x := range c.collation {
		if x.Name == name {
			return x, nil
		}
	}
	return nil, nil
}
func (c *testCat) Collation(oid uint32) (*catalog.Collation, error) { return c.collation[oid], nil }

func (c *testCat) OpClassByName(am uint32, schema, name string) (*catalog.OpClass, error) {
	for _, o := range c.opclasses {
		if o.AM == am && o.Name == name {
			return o, nil
		}
	}
	return nil, nil
}
func (c *testCat) OpClass(oid uint32) (*catalog.OpClass, error) { return nil, nil }

func (c *testCat) DefaultOpClass(am, typ uint32) (*catalog.OpClass, error) {
	t := c.types[typ]
	for t != nil && t.Type == 'd' {
		t = c.types[t.BaseType]
	}
	if t == nil {
		return nil, nil
	}
	want := []uint32{t.OID}
	switch {
	case t.IsArray():
		want = append(want, 2277)
	case t.OID == 1043:
		want = append(want, 25)
	case t.Type == 'e':
		want = append(want, 3500)
	case t.Type == 'c':
		want = append(want, 2249)
	}
	if cast := c.casts[[2]uint32{t.OID, 26}]; cast != nil && cast.Method == 'b' && t.OID != 23 {
		want = append(want, 26)
	}
	for _, w := range want {
		for _, o := range c.opclasses {
			if o.AM == am && o.InType == w && o.Default {
				return o, nil
			}
		}
	}
	return nil, nil
}

func (c *testCat) OpFamilyMember(family, left, right uint32, strategy int16) (uint32, error) {
	for _, m := range c.amops {
		if m.Family == family && m.Left == left && m.Right == right && m.Strategy == strategy {
			return m.Operator, nil
		}
	}
	return 0, nil
}

func (c *testCat) SupportProc(family, left, right uint32, num int16) (uint32, error) {
	for _, m := range c.amprocs {
		if m.Family == family && m.Left == left && m.Right == right && m.Num == num {
			return m.Proc, nil
		}
	}
	return 0, nil
}

func (c *testCat) OperatorFamilies(operator uint32) ([]catalog.AmOp, error) {
	var out []catalog.AmOp
	for _, m := range c.amops {
		if m.Operator == operator {
			out = append(out, *m)
		}
	}
	return out, nil
}

func (c *testCat) RoleByName(name string) (*catalog.Role, error) { return nil, nil }
func (c *testCat) Role(oid uint32) (*catalog.Role, error)        { return nil, nil }
func (c *testCat) DatabaseByName(name string) (*catalog.Database, error) {
	return &catalog.Database{OID: catalog.PostgresDB, Name: "postgres"}, nil
}
func (c *testCat) DatabaseByOID(oid uint32) (*catalog.Database, error) { return c.DatabaseByName("") }
func (c *testCat) Deps() *catalog.Deps                                 { return &catalog.Deps{} }
