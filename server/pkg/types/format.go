package types

import "strconv"

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// FormatType names a type as SQL writes it: format_type(oid, NULL) for typmod -1,
// else with the modifier. 0 is "-", an OID nobody has is "???". c may be nil.
func FormatType(c *Ctx, oid uint32, typmod int32) string {
	return formatType(c, oid, typmod, false)
}

// FormatTypeGiven is format_type(oid, typmod) with a modifier that was given, so that
// -1 tells bpchar from character.
func FormatTypeGiven(c *Ctx, oid uint32, typmod int32) string {
	return formatType(c, oid, typmod, true)
}

func formatType(c *Ctx, oid uint32, typmod int32, given bool) string {
	if oid == 0 {
		return "-"
	}
	t, err := Resolve(c, oid)
	if err != nil {
		return unresolvedName(c, oid)
	}
	suffix := ""
	if t.IsArray() && t.Storage != 'p' {
		suffix = "[]"
		if e := t.ElemType(); e != nil {
			t = e
		} else {
			return "???[]"
		}
	}
	mod := ""
	if typmod >= 0 {
		mod = t.TypmodOut(typmod)
	}
	switch t.OID {
	case Bit:
		if typmod < 0 && given {
			return `"bit"` + suffix
		}
		return "bit" + mod + suffix
	case Bool:
		return "boolean" + suffix
	case BpChar:
		if typmod < 0 && given {
			return "bpchar" + suffix
		}
		return "character" + mod + suffix
	case Float4:
		return "real" + suffix
	case Float8:
		return "double precision" + suffix
	case Int2:
		return "smallint" + suffix
	case Int4:
		return "integer" + suffix
	case Int8:
		return "bigint" + suffix
	case Numeric:
		return "numeric" + mod + suffix
	case Interval:
		return "interval" + mod + suffix
	case Time:
		return "time" + withZone(mod, false) + suffix
	case TimeTZ:
		return "time" + withZone(mod, true) + suffix
	case Timestamp:
		return "timestamp" + withZone(mod, false) + suffix
	case TimestampTZ:
		return "timestamp" + withZone(mod, true) + suffix
	case VarBit:
		return "bit varying" + mod + suffix
	case Varchar:
		return "character varying" + mod + suffix
	case Char:
		return `"char"` + suffix
	}
	return qualifiedTypeName(c, t) + mod + suffix
}

// withZone puts the phrase in unless the family's typmodOut already did.
func withZone(mod string, tz bool) string {
	if mod != "" {
		return mod
	}
	if tz {
		return " with time zone"
	}
	return " without time zone"
}

func qualifiedTypeName(c *Ctx, t *Type) string {
	if c != nil && c.Lookup != nil {
		if n, ok := c.Lookup.RegName(RegType, t.OID); ok && !n.Visible {
			return QuoteIdent(n.Schema) + "." + QuoteIdent(n.Name)
		}
	}
	return QuoteIdent(t.Name)
}

// unresolvedName names a type that the catalog knows but that has no values here
// (domains, enums).
func unresolvedName(c *Ctx, oid uint32) string {
	if c == nil || c.Lookup == nil {
		return "???"
	}
	n, ok := c.Lookup.RegName(RegType, oid)
	switch {
	case !ok:
		return "???"
	case n.Visible || n.Schema == "":
		return QuoteIdent(n.Name)
	}
	return QuoteIdent(n.Schema) + "." + QuoteIdent(n.Name)
}
