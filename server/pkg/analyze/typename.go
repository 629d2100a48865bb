package analyze

import (
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// ResolveTypeName finds the type and typmod a type name means (42704 if there is none).
func ResolveTypeName(env *Env, tn *ast.TypeName) (uint32, int32, error) {
	a := newAnalyzer(env)
	oid, typmod, err := a.typeName(tn)
	if err != nil {
		return 0, -1, a.first(err)
	}
	return oid, typmod, a.err
}

// typeName resolves a type name that must not be SETOF.
func (a *analyzer) typeName(tn *ast.TypeName) (uint32, int32, error) {
	if tn.TypeOid != 0 {
		return tn.TypeOid, tn.Typemod, nil
	}
	if tn.PctType {
		return 0, -1, unsupported(tn.Location, "%TYPE")
	}
	oid, err := a.lookupTypeName(tn)
	if err != nil {
		return 0, -1, err
	}
	if oid == 0 {
		return 0, -1, errAt(tn.Location, pgerr.UndefinedObject, "type \"%s\" does not exist", typeNameText(tn))
	}
	t := a.typ(oid)
	if !t.Defined {
		return 0, -1, errAt(tn.Location, pgerr.UndefinedObject, "type \"%s\" is only a shell", typeNameText(tn))
	}
	typmod, err := a.typeNameTypmod(tn, oid)
	return oid, typmod, err
}

// lookupTypeName is typeName without modifiers; 0 when there is no such type.
func (a *analyzer) lookupTypeName(tn *ast.TypeName) (uint32, error) {
	schema, name, err := a.deconstructName(ast.Strings(tn.Names), tn.Location)
	if err != nil {
		return 0, err
	}
	if schema != "" {
		if err := a.requireSchema(schema, tn.Location); err != nil {
			return 0, err
		}
	}
	t, err := a.cat.TypeByName(schema, name)
	if err != nil || t == nil {
		return 0, err
	}
	oid := t.OID
	a.typeDescs[oid] = t
	if len(tn.ArrayBounds) > 0 {
		oid = t.Array
	}
	return oid, nil
}

// deconstructName splits a possibly qualified name into schema ("" if none) and name.
func (a *analyzer) deconstructName(names []string, loc int32) (string, string, error) {
	switch len(names) {
	case 1:
		return "", names[0], nil
	case 2:
		return names[0], names[1], nil
	case 3:
		if err := a.requireDatabase(names[0], strings.Join(names, "."), loc); err != nil {
			return "", "", err
		}
		return names[1], names[2], nil
	}
	return "", "", errAt(loc, pgerr.SyntaxError, "improper qualified name (too many dotted names): %s",
		strings.Join(names, "."))
}

func (a *analyzer) requireDatabase(name, full string, loc int32) error {
	db, err := a.cat.DatabaseByOID(a.cat.Database())
	if err != nil {
		return err
	}
	if db == nil || db.Name != name {
		return errAt(loc, pgerr.FeatureNotSupportedCode, "cross-database references are not implemented: %s", full)
	}
	return nil
}

func (a *analyzer) requireSchema(name string, loc int32) error {
	s, err := a.cat.SchemaByName(name)
	if err != nil {
		return err
	}
	if s == nil {
		return errAt(loc, pgerr.InvalidSchemaName, "schema \"%s\" does not exist", name)
	}
	return nil
}

// typeNameTypmod turns the modifiers of a type name into a typmod.
func (a *analyzer) typeNameTypmod(tn *ast.TypeName, oid uint32) (int32, error) {
	if len(tn.Typmods) == 0 {
		return tn.Typemod, nil
	}
	mods := make([]string, len(tn.Typmods))
	for i, m := range tn.Typmods {
		s, ok := typmodText(m)
		if !ok {
			return -1, errAt(tn.Location, pgerr.SyntaxError,
				"type modifiers must be simple constants or identifiers")
		}
		mods[i] = s
	}
	t, err := types.Resolve(a.tctx, oid)
	if err != nil {
		return -1, at(err, tn.Location)
	}
	typmod, err := t.TypmodIn(mods)
	return typmod, at(err, tn.Location)
}

func typmodText(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.A_Const:
		switch v := n.Val.(type) {
		case *ast.Integer:
			return strconv.Itoa(int(v.Ival)), true
		case *ast.Float:
			return v.Fval, true
		case *ast.String:
			return v.Sval, true
		}
	case *ast.ColumnRef:
		if names := ast.Strings(n.Fields); len(names) == 1 && len(n.Fields) == 1 {
			return names[0], true
		}
	}
	return "", false
}

// typeNameText shows a type name in messages.
func typeNameText(tn *ast.TypeName) string {
	if len(tn.Names) == 0 {
		return strconv.Itoa(int(tn.TypeOid))
	}
	s := strings.Join(ast.Strings(tn.Names), ".")
	if tn.PctType {
		s += "%TYPE"
	}
	if len(tn.ArrayBounds) > 0 {
		s += "[]"
	}
	return s
}

// functionNameAsType finds the type a function name would name in a cast-like call, 0 for none.
func (a *analyzer) functionNameAsType(names []string) (uint32, error) {
	if len(names) > 2 {
		return 0, nil
	}
	schema, name, err := a.deconstructName(names, -1)
	if err != nil {
		return 0, nil
	}
	t, err := a.cat.TypeByName(schema, name)
	if err != nil || t == nil || !t.Defined || t.RelID != 0 {
		return 0, err
	}
	a.typeDescs[t.OID] = t
	return t.OID, nil
}

// at gives err the position loc if it has none and is ours to give one.
func at(err error, loc int32) error {
	if err == nil {
		return nil
	}
	if e := pgerr.As(err); e != nil {
		return e.AtByte(loc)
	}
	return err
}

// inputLiteral reads a literal by the type's input function, in memory the query owns.
func (a *analyzer) inputLiteral(oid uint32, s string, typmod int32) (data.Datum, error) {
	t, err := types.Resolve(a.tctx, oid)
	if err != nil {
		return data.Null, err
	}
	return t.In(a.tctx, s, typmod)
}
