package types

import (
	"slices"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// The reg types are OIDs written as the name of what they stand for. "-" is 0, and
// digits are an OID as it is.

func init() {
	f := &family{
		in: regIn, out: regOut,
		recv:    func(_ *Type, _ *Ctx, b []byte, _ int32) (data.Datum, error) { return recvInt(b, 4, false) },
		send:    func(_ *Type, _ *Ctx, dst []byte, d data.Datum) ([]byte, error) { return sendInt(dst, 4, d), nil },
		compare: intCompare,
		hash:    intHash,
	}
	setFamily(f, RegProc, RegProcedure, RegOper, RegOperator, RegClass, RegType,
		RegNamespace, RegRole, RegCollation, RegConfig, RegDictionary)
}

func regIn(t *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
	if s == "-" {
		return data.Int(0), nil
	}
	if s == "0" && t.OID == RegOper {
		return data.Int(0), nil
	}
	if s != "" && strings.Trim(s, "0123456789") == "" {
		v, err := ParseOid(s)
		return data.Int(int64(v)), err
	}
	v, err := RegLookup(c, t.OID, s)
	return data.Int(int64(v)), err
}

// RegLookup finds the object called s for the reg type with OID reg, as the reg
// type's input does, but not numbers.
func RegLookup(c *Ctx, reg uint32, s string) (uint32, error) {
	switch reg {
	case RegType:
		oid, _, err := ParseTypeName(c, s)
		return oid, err
	case RegProcedure, RegOperator:
		return regWithArgs(c, reg, s)
	}
	if c == nil || c.Lookup == nil {
		return 0, errRegMissing(reg, s)
	}
	schema, name, err := regName(reg, s)
	if err != nil {
		return 0, err
	}
	oids, err := c.Lookup.RegOIDs(reg, schema, name)
	if err != nil {
		return 0, err
	}
	switch {
	case len(oids) == 0:
		if reg == RegProc {
			return 0, errRegMissing(reg, s) // functions are named as they were written
		}
		return 0, errRegMissing(reg, qualify(schema, name))
	case len(oids) > 1 && reg == RegProc:
		return 0, pgerr.Newf(pgerr.AmbiguousFunction, "more than one function named \"%s\"", s)
	case len(oids) > 1 && reg == RegOper:
		return 0, pgerr.Newf(pgerr.AmbiguousFunction, "more than one operator named %s", s)
	}
	return oids[0], nil
}

func qualify(schema, name string) string {
	if schema == "" {
		return name
	}
	return schema + "." + name
}

func regName(reg uint32, s string) (schema, name string, err error) {
	if reg == RegOper || reg == RegOperator {
		if i := strings.LastIndexByte(s, '.'); i > 0 && identStart(s[0]) {
			return lowerASCII(s[:i]), s[i+1:], nil
		}
		return "", s, nil
	}
	parts, ok := ParseIdentList(s)
	switch {
	case !ok:
		return "", "", pgerr.New(pgerr.InvalidName, "invalid name syntax")
	case len(parts) == 1:
		return "", parts[0], nil
	case reg == RegNamespace || reg == RegRole:
		return "", "", pgerr.New(pgerr.InvalidName, "invalid name syntax")
	case len(parts) > 3:
		return "", "", pgerr.Newf(pgerr.SyntaxError,
			"improper qualified name (too many dotted names): %s", strings.Join(parts, "."))
	}
	return parts[len(parts)-2], parts[len(parts)-1], nil
}

func errRegMissing(reg uint32, s string) error {
	switch reg {
	case RegClass:
		return pgerr.Newf(pgerr.UndefinedTable, "relation \"%s\" does not exist", s)
	case RegProc, RegProcedure:
		return pgerr.Newf(pgerr.UndefinedFunction, "function \"%s\" does not exist", s)
	case RegOper, RegOperator:
		return pgerr.Newf(pgerr.UndefinedFunction, "operator does not exist: %s", s)
	case RegNamespace:
		return pgerr.Newf(pgerr.UndefinedSchema, "schema \"%s\" does not exist", s)
	case RegRole:
		return pgerr.Newf(pgerr.UndefinedObject, "role \"%s\" does not exist", s)
	case RegCollation:
		return pgerr.Newf(pgerr.UndefinedObject, "collation \"%s\" for encoding \"UTF8\" does not exist", s)
	case RegConfig:
		return pgerr.Newf(pgerr.UndefinedObject, "text search configuration \"%s\" does not exist", s)
	case RegDictionary:
		return pgerr.Newf(pgerr.UndefinedObject, "text search dictionary \"%s\" does not exist", s)
	}
	return pgerr.Newf(pgerr.UndefinedObject, "type \"%s\" does not exist", s)
}

// regWithArgs finds name(type, type); an operator's missing side is NONE.
func regWithArgs(c *Ctx, reg uint32, s string) (uint32, error) {
	trimmed := trimSpace(s)
	open := strings.IndexByte(trimmed, '(')
	if open < 0 {
		return 0, pgerr.New(pgerr.InvalidTextRepresentation, "expected a left parenthesis")
	}
	if !strings.HasSuffix(trimmed, ")") || len(trimmed) < open+2 {
		return 0, pgerr.New(pgerr.InvalidTextRepresentation, "expected a right parenthesis")
	}
	inner := trimSpace(trimmed[open+1 : len(trimmed)-1])
	var args []uint32
	if inner != "" {
		for _, a := range splitArgs(inner) {
			if reg == RegOperator && strings.EqualFold(trimSpace(a), "none") {
				args = append(args, 0)
				continue
			}
			oid, _, err := ParseTypeName(c, a)
			if err != nil {
				return 0, err
			}
			args = append(args, oid)
		}
	}
	if reg == RegOperator && len(args) == 1 {
		return 0, pgerr.New(pgerr.UndefinedParameter, "missing argument").
			WithHint("Use NONE to denote the missing argument of a unary operator.")
	}
	if c == nil || c.Lookup == nil {
		return 0, errRegMissing(reg, s)
	}
	schema, name, err := regName(reg, trimSpace(trimmed[:open]))
	if err != nil {
		return 0, err
	}
	names := RegProc
	if reg == RegOperator {
		names = RegOper
	}
	oids, err := c.Lookup.RegOIDs(names, schema, name)
	if err != nil {
		return 0, err
	}
	for _, oid := range oids {
		n, ok := c.Lookup.RegName(reg, oid)
		if ok && slices.Equal(n.Args, args) {
			return oid, nil
		}
	}
	return 0, errRegMissing(reg, s)
}

// splitArgs splits at commas outside brackets.
func splitArgs(s string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		}
	}
	return append(out, s[start:])
}

func regOut(t *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	oid := uint32(d.Int())
	if oid == 0 {
		if t.OID == RegOper || t.OID == RegOperator {
			return append(dst, '0')
		}
		return append(dst, '-')
	}
	return append(dst, regText(c, t.OID, oid)...)
}

func regText(c *Ctx, reg, oid uint32) string {
	if reg == RegType {
		if _, err := Resolve(c, oid); err != nil {
			return itoa(int64(oid))
		}
		return FormatType(c, oid, -1)
	}
	if c == nil || c.Lookup == nil {
		return itoa(int64(oid))
	}
	n, ok := c.Lookup.RegName(reg, oid)
	if !ok {
		return itoa(int64(oid))
	}
	isOper := reg == RegOper || reg == RegOperator
	name := n.Name
	if !isOper {
		name = QuoteIdent(name)
	}
	if !n.Visible && n.Schema != "" {
		name = QuoteIdent(n.Schema) + "." + name
	}
	if reg != RegProcedure && reg != RegOperator {
		return name
	}
	var b strings.Builder
	b.WriteString(name)
	b.WriteByte('(')
	for i, a := range n.Args {
		if i > 0 {
			b.WriteByte(',')
		}
		if a == 0 {
			b.WriteString("NONE")
		} else {
			b.WriteString(FormatType(c, a, -1))
		}
	}
	b.WriteByte(')')
	return b.String()
}
