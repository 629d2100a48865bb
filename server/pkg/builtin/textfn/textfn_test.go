package textfn

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// The results were read off a native PostgreSQL 15.18 (C locale, UTF8); a
// leading ! is an error with its SQLSTATE.
var cases = []struct {
	oid  uint32
	args []any
	want string
}{
	{1317, []any{"héllo"}, "5"},
	{871, []any{"héLlo1"}, "HéLLO1"},
	{870, []any{"ÄBC"}, "Äbc"},
	{872, []any{"hello wORLD-foo_bar 1a"}, "Hello World-Foo_Bar 1a"},
	{1620, []any{"€"}, "8364"},
	{1620, []any{""}, "0"},
	{1621, []any{8364}, "€"},
	{1621, []any{0}, "!54000 null character not permitted"},
	{1621, []any{-1}, "!22023 character number must be positive"},
	{1621, []any{55296}, "!54000 requested character not valid for encoding: 55296"},
	{1621, []any{1114112}, "!54000 requested character too large for encoding: 1114112"},
	{3062, []any{"añb"}, "bña"},
	{1622, []any{"ab", 3}, "ababab"},
	{1622, []any{"ab", -3}, ""},
	{868, []any{"añbc", "b"}, "3"},
	{868, []any{"abc", ""}, "1"},
	{3696, []any{"abc", "ab"}, "true"},
	{3060, []any{"añbc", 2}, "añ"},
	{3060, []any{"añbc", -1}, "añb"},
	{3060, []any{"abc", -9}, ""},
	{3061, []any{"añbc", 3}, "ñbc"},
	{3061, []any{"añbc", -1}, "ñbc"},
	{3061, []any{"abc", 9}, "abc"},
	{2087, []any{"abcabc", "b", "ZZ"}, "aZZcaZZc"},
	{2087, []any{"abc", "", "x"}, "abc"},
	{878, []any{"12345", "143", "ax"}, "a2x5"},
	{2089, []any{-1}, "ffffffff"},
	{2089, []any{0}, "0"},
	{2088, []any{"a,b,c", ",", 2}, "b"},
	{2088, []any{"a,b,c", ",", -1}, "c"},
	{2088, []any{"a,b,c", ",", -4}, ""},
	{2088, []any{"abc", "", 1}, "abc"},
	{2088, []any{"abc", "", -1}, "abc"},
	{2088, []any{"a,b", ",", 0}, "!22023 field position must not be zero"},
	{2088, []any{"", ",", 1}, ""},
	{877, []any{"abcdef", 2, 3}, "bcd"},
	{877, []any{"abc", 0, 2}, "a"},
	{877, []any{"abc", -5, 3}, ""},
	{877, []any{"abc", 1, -1}, "!22011 negative substring length not allowed"},
	{883, []any{"añbc", 3}, "bc"},
	{877, []any{"abc", 2147483647, 2147483647}, ""},
	{1404, []any{"abcdef", "ZZ", 2, 3}, "aZZef"},
	{1405, []any{"abcdef", "ZZ", 6}, "abcdeZZ"},
	{1404, []any{"abc", "Z", 0, 1}, "!22011 negative substring length not allowed"},
	{873, []any{"abc", 6, "xy"}, "xyxabc"},
	{873, []any{"abcdef", 3, "x"}, "abc"},
	{873, []any{"abc", 6, ""}, "abc"},
	{874, []any{"añ", 5, "xyz"}, "añxyz"},
	{879, []any{"abc", 5}, "  abc"},
	{873, []any{"abc", -1, "x"}, ""},
	{884, []any{"xyabcyx", "xy"}, "abc"},
	{875, []any{"xxabc", "x"}, "abc"},
	{876, []any{"abcxx", "x"}, "abc"},
	{885, []any{"  a  "}, "a"},
	{1569, []any{"abc", "a%"}, "true"},
	{1569, []any{"abc", "_b_"}, "true"},
	{1569, []any{"añc", "a_c"}, "true"},
	{1569, []any{"a%c", "a\\%c"}, "true"},
	{1569, []any{"abc", "ab\\"}, "!22025 LIKE pattern must not end with escape character"},
	{1569, []any{"aaab", "%a%ab"}, "true"},
	{1569, []any{"", "%"}, "true"},
	{1569, []any{"abc", ""}, "false"},
	{1569, []any{"abcabc", "%bc"}, "true"},
	{1569, []any{"ab", "ab_"}, "false"},
	{1569, []any{"mississippi", "%iss%ip%"}, "true"},
	{1633, []any{"ABC", "a%"}, "true"},
	{1633, []any{"Ä", "ä"}, "false"},
	{1637, []any{"a#%b%", "#"}, "a\\%b%"},
	{1637, []any{"a\\b", ""}, "a\\\\b"},
	{1637, []any{"a", "xx"}, "!22025 invalid escape string"},
	{1282, []any{"a b"}, "\"a b\""},
	{1282, []any{"select"}, "\"select\""},
	{1283, []any{"it's \\"}, "E'it''s \\\\'"},
	{2311, []any{"abc"}, "900150983cd24fb0d6963f7d28e17f72"},
	{1254, []any{"abc", "b"}, "true"},
	{1254, []any{"a.b A]", "b"}, "true"},
	{1254, []any{"foo 123\n", "b"}, "false"},
	{1254, []any{"abc", "^a.c$"}, "true"},
	{1254, []any{"a.b A]", "^a.c$"}, "false"},
	{1254, []any{"foo 123\n", "^a.c$"}, "false"},
	{1254, []any{"abc", "("}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"a.b A]", "("}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"foo 123\n", "("}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"abc", "a)"}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"a.b A]", "a)"}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"foo 123\n", "a)"}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"abc", "[a"}, "!2201B invalid regular expression: brackets [] not balanced"},
	{1254, []any{"a.b A]", "[a"}, "!2201B invalid regular expression: brackets [] not balanced"},
	{1254, []any{"foo 123\n", "[a"}, "!2201B invalid regular expression: brackets [] not balanced"},
	{1254, []any{"abc", "a**"}, "!2201B invalid regular expression: quantifier operand invalid"},
	{1254, []any{"a.b A]", "a**"}, "!2201B invalid regular expression: quantifier operand invalid"},
	{1254, []any{"foo 123\n", "a**"}, "!2201B invalid regular expression: quantifier operand invalid"},
	{1254, []any{"abc", "*a"}, "!2201B invalid regular expression: quantifier operand invalid"},
	{1254, []any{"a.b A]", "*a"}, "!2201B invalid regular expression: quantifier operand invalid"},
	{1254, []any{"foo 123\n", "*a"}, "!2201B invalid regular expression: quantifier operand invalid"},
	{1254, []any{"abc", "a{1,300}"}, "!2201B invalid regular expression: invalid repetition count(s)"},
	{1254, []any{"a.b A]", "a{1,300}"}, "!2201B invalid regular expression: invalid repetition count(s)"},
	{1254, []any{"foo 123\n", "a{1,300}"}, "!2201B invalid regular expression: invalid repetition count(s)"},
	{1254, []any{"abc", "a{2,1}"}, "!2201B invalid regular expression: invalid repetition count(s)"},
	{1254, []any{"a.b A]", "a{2,1}"}, "!2201B invalid regular expression: invalid repetition count(s)"},
	{1254, []any{"foo 123\n", "a{2,1}"}, "!2201B invalid regular expression: invalid repetition count(s)"},
	{1254, []any{"abc", "^(pg_|b)"}, "false"},
	{1254, []any{"a.b A]", "^(pg_|b)"}, "false"},
	{1254, []any{"foo 123\n", "^(pg_|b)"}, "false"},
	{1254, []any{"abc", "[[:alpha:]]+"}, "true"},
	{1254, []any{"a.b A]", "[[:alpha:]]+"}, "true"},
	{1254, []any{"foo 123\n", "[[:alpha:]]+"}, "true"},
	{1254, []any{"abc", "[[:foo:]]"}, "!2201B invalid regular expression: invalid character class"},
	{1254, []any{"a.b A]", "[[:foo:]]"}, "!2201B invalid regular expression: invalid character class"},
	{1254, []any{"foo 123\n", "[[:foo:]]"}, "!2201B invalid regular expression: invalid character class"},
	{1254, []any{"abc", "\\d+"}, "false"},
	{1254, []any{"a.b A]", "\\d+"}, "false"},
	{1254, []any{"foo 123\n", "\\d+"}, "true"},
	{1254, []any{"abc", "\\s"}, "false"},
	{1254, []any{"a.b A]", "\\s"}, "true"},
	{1254, []any{"foo 123\n", "\\s"}, "true"},
	{1254, []any{"abc", "a\\.b"}, "false"},
	{1254, []any{"a.b A]", "a\\.b"}, "true"},
	{1254, []any{"foo 123\n", "a\\.b"}, "false"},
	{1254, []any{"abc", "\\q"}, "!2201B invalid regular expression: invalid escape \\ sequence"},
	{1254, []any{"a.b A]", "\\q"}, "!2201B invalid regular expression: invalid escape \\ sequence"},
	{1254, []any{"foo 123\n", "\\q"}, "!2201B invalid regular expression: invalid escape \\ sequence"},
	{1254, []any{"abc", "[z-a]"}, "!2201B invalid regular expression: invalid character range"},
	{1254, []any{"a.b A]", "[z-a]"}, "!2201B invalid regular expression: invalid character range"},
	{1254, []any{"foo 123\n", "[z-a]"}, "!2201B invalid regular expression: invalid character range"},
	{1254, []any{"abc", "a|b"}, "true"},
	{1254, []any{"a.b A]", "a|b"}, "true"},
	{1254, []any{"foo 123\n", "a|b"}, "false"},
	{1254, []any{"abc", "(a"}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"a.b A]", "(a"}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"foo 123\n", "(a"}, "!2201B invalid regular expression: parentheses () not balanced"},
	{1254, []any{"abc", "a+?"}, "true"},
	{1254, []any{"a.b A]", "a+?"}, "true"},
	{1254, []any{"foo 123\n", "a+?"}, "false"},
	{1254, []any{"abc", "a{2}"}, "false"},
	{1254, []any{"a.b A]", "a{2}"}, "false"},
	{1254, []any{"foo 123\n", "a{2}"}, "false"},
	{1254, []any{"abc", "^fo+"}, "false"},
	{1254, []any{"a.b A]", "^fo+"}, "false"},
	{1254, []any{"foo 123\n", "^fo+"}, "true"},
	{1254, []any{"abc", "[]a]"}, "true"},
	{1254, []any{"a.b A]", "[]a]"}, "true"},
	{1254, []any{"foo 123\n", "[]a]"}, "false"},
	{1254, []any{"abc", "[^]a]"}, "true"},
	{1254, []any{"a.b A]", "[^]a]"}, "true"},
	{1254, []any{"foo 123\n", "[^]a]"}, "true"},
	{1254, []any{"abc", "\\Aab"}, "true"},
	{1254, []any{"a.b A]", "\\Aab"}, "false"},
	{1254, []any{"foo 123\n", "\\Aab"}, "false"},
	{1254, []any{"abc", "c\\Z"}, "true"},
	{1254, []any{"a.b A]", "c\\Z"}, "false"},
	{1254, []any{"foo 123\n", "c\\Z"}, "false"},
	{1254, []any{"abc", "(?i)ABC"}, "true"},
	{1254, []any{"a.b A]", "(?i)ABC"}, "false"},
	{1254, []any{"foo 123\n", "(?i)ABC"}, "false"},
	{1254, []any{"abc", "***=a.b"}, "false"},
	{1254, []any{"a.b A]", "***=a.b"}, "true"},
	{1254, []any{"foo 123\n", "***=a.b"}, "false"},
	{1254, []any{"abc", "(?:a)(b)"}, "true"},
	{1254, []any{"a.b A]", "(?:a)(b)"}, "false"},
	{1254, []any{"foo 123\n", "(?:a)(b)"}, "false"},
	{1254, []any{"abc", "x{"}, "false"},
	{1254, []any{"a.b A]", "x{"}, "false"},
	{1254, []any{"foo 123\n", "x{"}, "false"},
	{1254, []any{"abc", "\\x41"}, "false"},
	{1254, []any{"a.b A]", "\\x41"}, "true"},
	{1254, []any{"foo 123\n", "\\x41"}, "false"},
	{1254, []any{"abc", "\\u0041"}, "false"},
	{1254, []any{"a.b A]", "\\u0041"}, "true"},
	{1254, []any{"foo 123\n", "\\u0041"}, "false"},
	{1254, []any{"abc", "[a\\]b]"}, "true"},
	{1254, []any{"a.b A]", "[a\\]b]"}, "true"},
	{1254, []any{"foo 123\n", "[a\\]b]"}, "false"},
	{1254, []any{"abc", "a\\"}, "!2201B invalid regular expression: invalid escape \\ sequence"},
	{1254, []any{"a.b A]", "a\\"}, "!2201B invalid regular expression: invalid escape \\ sequence"},
	{1254, []any{"foo 123\n", "a\\"}, "!2201B invalid regular expression: invalid escape \\ sequence"},
	{1254, []any{"abc", "()"}, "true"},
	{1254, []any{"a.b A]", "()"}, "true"},
	{1254, []any{"foo 123\n", "()"}, "true"},
	{1254, []any{"abc", "[a-]"}, "true"},
	{1254, []any{"a.b A]", "[a-]"}, "true"},
	{1254, []any{"foo 123\n", "[a-]"}, "false"},
	{1254, []any{"abc", "(?x) a b "}, "true"},
	{1254, []any{"a.b A]", "(?x) a b "}, "false"},
	{1254, []any{"foo 123\n", "(?x) a b "}, "false"},
	{1254, []any{"abc", "(?q"}, "!2201B invalid regular expression: invalid embedded option"},
	{1254, []any{"a.b A]", "(?q"}, "!2201B invalid regular expression: invalid embedded option"},
	{1254, []any{"foo 123\n", "(?q"}, "!2201B invalid regular expression: invalid embedded option"},
	{1254, []any{"abc", "\\yb"}, "false"},
	{1254, []any{"a.b A]", "\\yb"}, "true"},
	{1254, []any{"foo 123\n", "\\yb"}, "false"},
	{2284, []any{"foobarbaz", "b..", "X"}, "fooXbaz"},
	{2285, []any{"foobarbaz", "b..", "X", "g"}, "fooXX"},
	{2284, []any{"abc", "(a)(b)", "\\2\\1\\&\\\\"}, "baab\\c"},
	{2285, []any{"aaa", "a*", "x", "g"}, "xx"},
	{2285, []any{"baaac", "a*", "x", "g"}, "xbxxcx"},
	{2285, []any{"abc", "", "-", "g"}, "-a-b-c-"},
	{2285, []any{"ABC", "b", "x", "i"}, "AxC"},
	{2285, []any{"abc", "b", "x", "z"}, "!22023 invalid regular expression option: \"z\""},
	{2285, []any{"abc", "b", "x", "1"}, "!22023 invalid regular expression option: \"1\""},
	{2284, []any{"xabcabcy", "(abc)+|abcabc", "-"}, "x-y"},
	{2284, []any{"foobar", "o|oo|oob", "-"}, "f-ar"},
	{2284, []any{"xaaay", "a+?", "-"}, "x-aay"},
	{2073, []any{"foobar", "o.b"}, "oob"},
	{2073, []any{"foobar", "o(.)b"}, "o"},
	{2073, []any{"foobar", "z"}, "<NULL>"},
	{2073, []any{"ab", "(a)|(z)"}, "a"},
	{2073, []any{"b", "(a)?b"}, "<NULL>"},
	{6263, []any{"abc", "B"}, "false"},
	{6264, []any{"abc", "B", "i"}, "true"},
	{6254, []any{"abcabc", "b"}, "2"},
	{6255, []any{"abcabc", "b", 4}, "1"},
	{6254, []any{"abc", "x*"}, "4"},
	{1987, []any{"(a|b)%_"}, "^(?:(?:a|b).*.)$"},
	{1986, []any{"a#%b[c%]", "#"}, "^(?:a\\%b[c%])$"},
	{1987, []any{"a.b$"}, "^(?:a\\.b\\$)$"},
}

func TestAgainstNative(t *testing.T) {
	for _, c := range cases {
		if got := call(c.oid, c.args); got != c.want {
			t.Errorf("%d(%q) = %q, want %q", c.oid, c.args, got, c.want)
		}
	}
}

func call(oid uint32, args []any) string {
	arena := data.NewArena(nil)
	c := &expr.Ctx{Arena: arena, Types: types.NewCtx(arena), Call: &expr.Call{OID: oid}}
	var in []data.Datum
	for _, a := range args {
		switch v := a.(type) {
		case string:
			in = append(in, data.String(v))
			c.Call.ArgTypes = append(c.Call.ArgTypes, types.Text)
		case int:
			in = append(in, data.Int(int64(v)))
			c.Call.ArgTypes = append(c.Call.ArgTypes, types.Int4)
		}
	}
	d, err := expr.Lookup(oid).Fn(c, in)
	if err != nil {
		e := pgerr.As(err)
		if e == nil {
			return err.Error()
		}
		return "!" + e.Code + " " + e.Message
	}
	switch d.Kind() {
	case data.KindNone:
		return "<NULL>"
	case data.KindBool:
		return map[bool]string{true: "true", false: "false"}[d.Bool()]
	case data.KindInt64:
		return string(types.Get(types.Int8).Out(c.Types, nil, d))
	}
	return d.Str()
}
