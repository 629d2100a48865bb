package types

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// sqlTypeNames maps the type names that SQL's grammar knows, without quotes and
// modifiers, to the types they stand for.
var sqlTypeNames = map[string]uint32{
	"int": Int4, "integer": Int4, "smallint": Int2, "bigint": Int8, "real": Float4,
	"double precision": Float8, "decimal": Numeric, "dec": Numeric, "numeric": Numeric,
	"boolean": Bool, "char": BpChar, "character": BpChar, "nchar": BpChar,
	"national char": BpChar, "national character": BpChar, "varchar": Varchar,
	"char varying": Varchar, "character varying": Varchar, "nchar varying": Varchar,
	"national char varying": Varchar, "national character varying": Varchar,
	"bit": Bit, "bit varying": VarBit, "time": Time, "timetz": TimeTZ,
	"timestamp": Timestamp, "interval": Interval,
	"time with time zone": TimeTZ, "time without time zone": Time,
	"timestamp with time zone": TimestampTZ, "timestamp without time zone": Timestamp,
}

// ParseIdentList splits a possibly qualified name ("a".b) as SQL reads it; ok is
// false for a syntax error.
func ParseIdentList(s string) (parts []string, ok bool) {
	s = trimSpace(s)
	for {
		part, rest, ok := scanIdent(s)
		if !ok {
			return nil, false
		}
		parts = append(parts, TruncateName(part))
		rest = trimLeft(rest)
		if rest == "" {
			return parts, true
		}
		if rest[0] != '.' {
			return nil, false
		}
		s = trimLeft(rest[1:])
	}
}

func identStart(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80 }

func scanIdent(s string) (ident, rest string, ok bool) {
	if s == "" {
		return "", "", false
	}
	if s[0] == '"' {
		var b strings.Builder
		for i := 1; i < len(s); i++ {
			if s[i] != '"' {
				b.WriteByte(s[i])
				continue
			}
			if i+1 < len(s) && s[i+1] == '"' {
				b.WriteByte('"')
				i++
				continue
			}
			return b.String(), s[i+1:], b.Len() > 0
		}
		return "", "", false
	}
	if !identStart(s[0]) {
		return "", "", false
	}
	i := 1
	for i < len(s) && (identStart(s[i]) || s[i] >= '0' && s[i] <= '9' || s[i] == '$') {
		i++
	}
	return lowerASCII(s[:i]), s[i:], true
}

func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= 'A' && s[i] <= 'Z' {
			return strings.Map(func(r rune) rune {
				if r >= 'A' && r <= 'Z' {
					return r + 'a' - 'A'
				}
				return r
			}, s)
		}
	}
	return s
}

type typeNameParser struct {
	s      string
	words  []string // unquoted words in front, in lower case
	parts  []string // qualified or quoted name, if that is what it is
	mods   []string
	array  bool
	failed bool
}

// ParseTypeName reads a type as SQL writes it, "character varying(10)[]", and gives
// its OID and typmod. A syntax error is 42601, an unknown type 42704.
func ParseTypeName(c *Ctx, s string) (oid uint32, typmod int32, err error) {
	p := typeNameParser{s: trimLeft(s)}
	p.parse()
	if p.failed || p.s != "" {
		return 0, -1, pgerr.Newf(pgerr.SyntaxError, "invalid type name \"%s\"", s)
	}
	t, err := p.resolve(c, s)
	if err != nil {
		return 0, -1, err
	}
	typmod = -1
	switch {
	case len(p.mods) > 0:
		if t.OID == Interval {
			p.mods = append([]string{itoa(rangeFull)}, p.mods...)
		}
		if typmod, err = t.TypmodIn(p.mods); err != nil {
			return 0, -1, err
		}
	case t.OID == BpChar && p.parts == nil && p.words[0] != "bpchar":
		typmod = 5 // char is char(1)
	}
	if p.array {
		if t.Array == 0 {
			return 0, -1, pgerr.Newf(pgerr.UndefinedObject, "type \"%s[]\" does not exist", t.Name)
		}
		return t.Array, typmod, nil
	}
	return t.OID, typmod, nil
}

func (p *typeNameParser) parse() {
	for p.s != "" && !p.failed {
		switch c := p.s[0]; {
		case c == '(' && p.mods == nil:
			p.modifiers()
		case c == '[':
			end := strings.IndexByte(p.s, ']')
			if end < 0 || strings.Trim(p.s[1:end], " 0123456789") != "" {
				p.failed = true
				return
			}
			p.array = true
			p.s = p.s[end+1:]
		default:
			p.name(c == '"')
		}
		p.s = trimLeft(p.s)
	}
	p.failed = p.failed || len(p.words) == 0 && len(p.parts) == 0
}

func (p *typeNameParser) name(quoted bool) {
	ident, rest, ok := scanIdent(p.s)
	rest = trimLeft(rest)
	qualified := rest != "" && rest[0] == '.'
	if !ok || p.array || (quoted || qualified) && (len(p.words) > 0 || len(p.parts) > 0) {
		p.failed = true
		return
	}
	if !quoted && !qualified {
		p.words = append(p.words, ident)
		p.s = rest
		return
	}
	p.parts = []string{ident}
	for rest != "" && rest[0] == '.' {
		if ident, rest, ok = scanIdent(trimLeft(rest[1:])); !ok {
			p.failed = true
			return
		}
		p.parts = append(p.parts, ident)
		rest = trimLeft(rest)
	}
	p.s = rest
}

func (p *typeNameParser) modifiers() {
	end := strings.IndexByte(p.s, ')')
	if end < 0 {
		p.failed = true
		return
	}
	for _, m := range strings.Split(p.s[1:end], ",") {
		p.mods = append(p.mods, trimSpace(m))
	}
	p.s = p.s[end+1:]
}

func (p *typeNameParser) resolve(c *Ctx, s string) (*Type, error) {
	if p.parts == nil {
		name := strings.Join(p.words, " ")
		if strings.HasSuffix(name, " array") {
			name, p.array = strings.TrimSuffix(name, " array"), true
		}
		if oid, ok := sqlTypeNames[name]; ok {
			return Get(oid), nil
		}
		if name == "float" {
			return p.float()
		}
		p.parts = []string{name}
	}
	schema, name := "", p.parts[len(p.parts)-1]
	if len(p.parts) > 1 {
		schema = p.parts[len(p.parts)-2]
	}
	if c != nil && c.Lookup != nil {
		oids, err := c.Lookup.RegOIDs(RegType, schema, name)
		if err != nil {
			return nil, err
		}
		if len(oids) > 0 {
			return Resolve(c, oids[0])
		}
	} else if t := ByName(name); t != nil && (schema == "" || schema == "pg_catalog") {
		return t, nil
	}
	shown := strings.Join(p.parts, ".")
	if p.array {
		shown += "[]"
	}
	return nil, pgerr.Newf(pgerr.UndefinedObject, "type \"%s\" does not exist", shown)
}

func (p *typeNameParser) float() (*Type, error) {
	if len(p.mods) == 0 {
		return Get(Float8), nil
	}
	n, err := ParseInt32(p.mods[0])
	p.mods = nil
	switch {
	case err != nil:
		return nil, err
	case n < 1:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "precision for type float must be at least 1 bit")
	case n > 53:
		return nil, pgerr.New(pgerr.InvalidParameterValue, "precision for type float must be less than 54 bits")
	case n <= 24:
		return Get(Float4), nil
	}
	return Get(Float8), nil
}
