package types

import (
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func TestParseTypeName(t *testing.T) {
	for in, want := range map[string]string{
		"int": "integer", "varchar(10)": "character varying(10)", "character varying": "character varying",
		"char": "character(1)", "bpchar": "character", "timestamp(3) with time zone": "timestamp(3) with time zone",
		"time without time zone": "time without time zone", "double precision": "double precision",
		"int[]": "integer[]", "numeric(5,2)[]": "numeric(5,2)[]", `"char"`: `"char"`,
		"pg_catalog.int4": "integer", "float(10)": "real", "float(30)": "double precision",
		"text ARRAY": "text[]", "national character varying(3)": "character varying(3)",
		"bit varying": "bit varying", "dec": "numeric", "INT4": "integer", "_int4": "integer[]",
		"timestamptz[3]": "timestamp with time zone[]", `"int4"`: "integer", "record[]": "record[]",
		"interval(2)": "interval(2)", "oidvector": "oidvector",
	} {
		oid, typmod, err := ParseTypeName(nil, in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := FormatType(nil, oid, typmod); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"float(0)":   "22023 precision for type float must be at least 1 bit",
		"float(54)":  "22023 precision for type float must be less than 54 bits",
		"int4(3)":    `42601 type modifier is not allowed for type "int4"`,
		"varchar(0)": "22023 length for type varchar must be at least 1",
		"numeric(0)": "22023 NUMERIC precision 0 must be between 1 and 1000",
		"Foo_X":      `42704 type "foo_x" does not exist`,
		"foo[]":      `42704 type "foo[]" does not exist`,
	} {
		if _, _, err := ParseTypeName(nil, in); err == nil || pgerr.As(err).Code+" "+pgerr.As(err).Message != want {
			t.Errorf("%s: %v, want %s", in, err, want)
		}
	}
	for _, in := range []string{"", "int(", "foo bar", "int[x]", `"unclosed`, "a..b", "int)"} {
		if _, _, err := ParseTypeName(nil, in); err == nil {
			t.Errorf("%q was taken for a type", in)
		}
	}
}

func TestFormatType(t *testing.T) {
	for _, c := range []struct {
		oid    uint32
		typmod int32
		want   string
	}{
		{Varchar, 14, "character varying(10)"}, {BpChar, 5, "character(1)"}, {Numeric, 327686, "numeric(5,2)"},
		{Timestamp, 3, "timestamp(3) without time zone"}, {TimestampTZ, 0, "timestamp(0) with time zone"},
		{VarcharArray, 14, "character varying(10)[]"}, {0, -1, "-"}, {99999, -1, "???"}, {Bit, 5, "bit(5)"},
		{Interval, 470286338, "interval day to second(2)"}, {Interval, 2147418115, "interval(3)"},
		{Interval, 458751, "interval year to month"}, {Int2Vector, -1, "int2vector"},
	} {
		if got := FormatType(nil, c.oid, c.typmod); got != c.want {
			t.Errorf("%d, %d: %s, want %s", c.oid, c.typmod, got, c.want)
		}
	}
	c := &Ctx{Lookup: fakeLookup{}}
	if got := FormatType(c, 20004, -1); got != "information_schema.sql_identifier" {
		t.Errorf("a domain: %s", got)
	}
	if got := FormatTypeGiven(nil, BpChar, -1); got != "bpchar" {
		t.Errorf("bpchar with typmod -1: %s", got)
	}
}

// fakeLookup knows two functions called f, a table in two schemas, one not visible, a
// role and a row type.
type fakeLookup struct{}

func (fakeLookup) RegOIDs(reg uint32, schema, name string) ([]uint32, error) {
	switch {
	case schema == "nosuch":
		return nil, pgerr.New(pgerr.UndefinedSchema, `schema "nosuch" does not exist`)
	case reg == RegClass && name == "t" && schema == "":
		return []uint32{20000}, nil
	case reg == RegClass && name == "t" && schema == "Other":
		return []uint32{20001}, nil
	case reg == RegProc && name == "f":
		return []uint32{20010, 20011}, nil
	case reg == RegRole && name == "me":
		return []uint32{10}, nil
	case reg == RegType && ByName(name) != nil:
		return []uint32{ByName(name).OID}, nil
	}
	return nil, nil
}

func (fakeLookup) RegName(reg uint32, oid uint32) (RegName, bool) {
	switch oid {
	case 20000:
		return RegName{Schema: "public", Name: "t", Visible: true}, true
	case 20001:
		return RegName{Schema: "Other", Name: "t"}, true
	case 20010:
		return RegName{Schema: "public", Name: "f", Visible: true, Args: []uint32{Int4}}, true
	case 20011:
		return RegName{Schema: "public", Name: "f", Visible: true, Args: []uint32{Text, BpChar}}, true
	case 10:
		return RegName{Name: "me", Visible: true}, true
	case 20004:
		return RegName{Schema: "information_schema", Name: "sql_identifier"}, true
	}
	return RegName{}, false
}

func (fakeLookup) Type(oid uint32) (*Type, error) {
	if oid == 20002 {
		return NewComposite(20002, "pair", 20003), nil
	}
	return nil, nil
}

func (fakeLookup) Fields(uint32) ([]Field, error) {
	return []Field{{Name: "a", Type: Int4, Typmod: -1}, {Name: "b", Type: Text, Typmod: -1}}, nil
}

func TestRegTypes(t *testing.T) {
	c := NewCtx(&data.Arena{})
	c.Lookup = fakeLookup{}
	for _, r := range []struct {
		typ      uint32
		in, want string
	}{
		{RegClass, "t", "t"}, {RegClass, `"Other".t`, `"Other".t`}, {RegClass, "20000", "t"},
		{RegClass, "-", "-"}, {RegClass, "77", "77"}, {RegClass, "T", "t"},
		{RegClass, "x", `42P01 relation "x" does not exist`},
		{RegClass, "s.x", `42P01 relation "s.x" does not exist`},
		{RegClass, "nosuch.x", `3F000 schema "nosuch" does not exist`},
		{RegClass, `"x`, "42602 invalid name syntax"},
		{RegProc, "f", `42725 more than one function named "f"`},
		{RegProc, "Foo_X", `42883 function "Foo_X" does not exist`},
		{RegProcedure, "f(int)", "f(integer)"}, {RegProcedure, "f(text, char)", "f(text,character)"},
		{RegProcedure, "f()", `42883 function "f()" does not exist`},
		{RegProcedure, "  f(int) ", "f(integer)"}, {RegProcedure, "  ( )", "42602 invalid name syntax"},
		{RegProcedure, "f", "22P02 expected a left parenthesis"},
		{RegType, "int4", "integer"}, {RegType, "numeric(3)[]", "numeric[]"},
		{RegRole, "me", "me"}, {RegRole, "Foo_X", `42704 role "foo_x" does not exist`},
		{RegNamespace, "Foo_X", `3F000 schema "foo_x" does not exist`},
		{RegOper, "+++", "42883 operator does not exist: +++"},
		{RegOperator, "+(int4)", "42P02 missing argument"},
	} {
		typ := Get(r.typ)
		d, err := typ.In(c, r.in, -1)
		got := ""
		if err != nil {
			got = pgerr.As(err).Code + " " + pgerr.As(err).Message
		} else {
			got = string(typ.Out(c, nil, d))
		}
		if got != r.want {
			t.Errorf("%s %q: %s, want %s", typ.Name, r.in, got, r.want)
		}
	}
}

func TestComposite(t *testing.T) {
	c := NewCtx(&data.Arena{})
	c.Lookup = fakeLookup{}
	pair, err := Resolve(c, 20002)
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		`(1,x)`: `(1,x)`, ` ( 2,"a ""b"",c" ) `: `(2,"a ""b"",c")`, `(,)`: `(,)`, `(3,"")`: `(3,"")`,
		`(1)`:      `22P02 malformed record literal: "(1)"`,
		`(1,x,y)`:  `22P02 malformed record literal: "(1,x,y)"`,
		`1,x`:      `22P02 malformed record literal: "1,x"`,
		`(1,x) y`:  `22P02 malformed record literal: "(1,x) y"`,
		`(1,"x`:    `22P02 malformed record literal: "(1,"x"`,
		`(z,x)`:    `22P02 invalid input syntax for type integer: "z"`,
		`(1, x\,)`: `(1," x,")`,
	} {
		d, err := pair.In(c, in, -1)
		if strings.Contains(in, " ( 2") { // blanks inside belong to the text
			want = `(2,"a ""b"",c ")`
		}
		got := ""
		if err != nil {
			got = pgerr.As(err).Code + " " + pgerr.As(err).Message
		} else {
			got = string(pair.Out(c, nil, d))
			b, err := pair.Send(c, nil, d)
			if err != nil {
				t.Fatal(err)
			}
			back, err := pair.Recv(c, b, -1)
			if err != nil || pair.Compare(d, back) != 0 || pair.Hash(d) != pair.Hash(back) {
				t.Errorf("%q: binary round trip: %v", in, err)
			}
			v := ReadRecord(d)
			if v.RowType() != 20002 {
				t.Errorf("row type %d", v.RowType())
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if _, err := Get(Record).In(c, "(1)", -1); pgerr.Code(err) != pgerr.FeatureNotSupportedCode {
		t.Errorf("record input: %v", err)
	}
}

func TestQuoting(t *testing.T) {
	for in, want := range map[string]string{"a": "a", "A": `"A"`, "select": `"select"`, "name": "name",
		`a"b`: `"a""b"`, "": `""`, "1a": `"1a"`, "a$": `"a$"`, "é": `"é"`} {
		if got := QuoteIdent(in); got != want {
			t.Errorf("identifier %q: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{"a": "'a'", "a'b": "'a''b'", `a\b`: `E'a\\b'`} {
		if got := QuoteLiteral(in); got != want {
			t.Errorf("literal %q: %s, want %s", in, got, want)
		}
	}
}

// Assignment to varchar(n) and char(n) loses blanks only; see FitVarchar.
func TestLengthOnInput(t *testing.T) {
	c := NewCtx(&data.Arena{})
	for _, r := range []struct {
		typ      uint32
		in, want string
	}{
		{Varchar, "abc", "abc"}, {Varchar, "abc  ", "abc"}, {Varchar, "éééé", "22001 value too long for type character varying(3)"},
		{BpChar, "a", "a  "}, {BpChar, "abc ", "abc"}, {BpChar, "abcd", "22001 value too long for type character(3)"},
	} {
		d, err := Get(r.typ).In(c, r.in, 3+4)
		got := d
		if err != nil {
			got = data.String(pgerr.As(err).Code + " " + pgerr.As(err).Message)
		}
		if got.Str() != r.want {
			t.Errorf("%s(3) %q: %q, want %q", Get(r.typ).Name, r.in, got.Str(), r.want)
		}
	}
}

func TestCheckUTF8(t *testing.T) {
	for in, want := range map[string]string{
		"aé€😀": "", "\xff": " 0xff", "a\xe2\x28\xa1": " 0xe2 0x28 0xa1", "a\x00b": " 0x00", "\xc3": " 0xc3",
	} {
		err := CheckUTF8([]byte(in))
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", in, err)
			}
			continue
		}
		if err == nil || pgerr.As(err).Message != `invalid byte sequence for encoding "UTF8":`+want ||
			pgerr.As(err).Code != pgerr.CharacterNotInRepertoire {
			t.Errorf("%q: %v", in, err)
		}
	}
}
