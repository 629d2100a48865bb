package textfn

import (
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	register(regexSubstring, 2073)
	register(similarSubstring, 2074)
	register(regexpReplace, 2284, 2285)
	register(regexpMatch, 3396, 3397)
	register(regexpLike, 6263, 6264)
	register(regexpCount, 6254, 6255, 6256)
	register(splitToArray, 2767, 2768)
	for _, oid := range []uint32{2763, 2764} {
		expr.RegisterSet(expr.SetFunc{OID: oid, Start: regexpMatches})
	}
	for _, oid := range []uint32{2765, 2766} {
		expr.RegisterSet(expr.SetFunc{OID: oid, Start: splitToTable})
	}
}

// withFlags compiles argument 1 under the flags in argument i, if there is
// one; global reports the letter g.
func withFlags(a []data.Datum, i int) (p *pattern, global bool, err error) {
	flags := ""
	if i < len(a) {
		flags = str(a, i)
		global = strings.Contains(flags, "g")
		flags = strings.ReplaceAll(flags, "g", "")
	}
	p, err = compile(str(a, 1), flags)
	if err == nil {
		err = p.positions()
	}
	return p, global, err
}

func noGlobal(global bool, fn string) error {
	if global {
		return pgerr.Newf(pgerr.InvalidParameterValue, `%s does not support the "global" option`, fn)
	}
	return nil
}

// regexSubstring is substring(s FROM pattern): the first group, or the match.
func regexSubstring(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	p, _, err := withFlags(a, 2)
	if err != nil {
		return data.Null, err
	}
	s := str(a, 0)
	m := p.re.FindStringSubmatchIndex(s)
	if m == nil {
		return data.Null, nil
	}
	if len(m) > 2 {
		m = m[2:]
	}
	if m[0] < 0 {
		return data.Null, nil
	}
	return text(s[m[0]:m[1]]), nil
}

// similarSubstring is substring(s SIMILAR pattern ESCAPE e).
func similarSubstring(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	re, err := similarRegex(str(a, 1), str(a, 2))
	if err != nil {
		return data.Null, err
	}
	return regexSubstring(nil, []data.Datum{a[0], text(re)})
}

func regexpReplace(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if len(a) > 3 {
		if f := str(a, 3); f != "" && f[0] >= '0' && f[0] <= '9' {
			_, w := utf8.DecodeRuneInString(f)
			return data.Null, pgerr.Newf(pgerr.InvalidParameterValue, "invalid regular expression option: \"%s\"", f[:w]).
				WithHint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.")
		}
	}
	p, global, err := withFlags(a, 3)
	if err != nil {
		return data.Null, err
	}
	s, with := str(a, 0), str(a, 2)
	var out []byte
	at := 0
	eachMatch(p, s, global, func(m []int) {
		out = append(out, s[at:m[0]]...)
		out = expand(out, with, s, m)
		at = m[1]
	})
	if at == 0 && out == nil {
		return a[0], nil
	}
	return data.Bytes(c.Arena.Copy(append(out, s[at:]...))), nil
}

// eachMatch calls f for the first match or for all, left to right.
func eachMatch(p *pattern, s string, all bool, f func(m []int)) {
	if !all {
		if m := p.re.FindStringSubmatchIndex(s); m != nil {
			f(m)
		}
		return
	}
	for _, m := range p.all(s) {
		f(m)
	}
}

// expand appends the replacement with \1..\9 and \& filled in.
func expand(out []byte, with, s string, m []int) []byte {
	for i := 0; i < len(with); i++ {
		if with[i] != '\\' || i+1 == len(with) {
			out = append(out, with[i])
			continue
		}
		i++
		group := -1
		switch ch := with[i]; {
		case ch >= '1' && ch <= '9':
			group = int(ch - '0')
		case ch == '&':
			group = 0
		case ch == '\\':
			out = append(out, '\\')
			continue
		default:
			out = append(out, '\\', ch)
			continue
		}
		if 2*group+1 < len(m) && m[2*group] >= 0 {
			out = append(out, s[m[2*group]:m[2*group+1]]...)
		}
	}
	return out
}

// captured builds the text[] of a match: its groups, or the whole.
func captured(c *expr.Ctx, s string, m []int) data.Datum {
	if len(m) > 2 {
		m = m[2:]
	}
	vals := make([]data.Datum, len(m)/2)
	for i := range vals {
		if m[2*i] >= 0 {
			vals[i] = text(s[m[2*i]:m[2*i+1]])
		}
	}
	return types.MakeArray(c.Arena, types.Get(types.Text), vals)
}

func regexpMatch(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	p, global, err := withFlags(a, 2)
	if err == nil {
		err = noGlobal(global, "regexp_match()")
	}
	if err != nil {
		if global {
			err = pgerr.As(err).WithHint("Use the regexp_matches function instead.")
		}
		return data.Null, err
	}
	s := str(a, 0)
	m := p.re.FindStringSubmatchIndex(s)
	if m == nil {
		return data.Null, nil
	}
	return captured(c, s, m), nil
}

func regexpMatches(c *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
	p, global, err := withFlags(a, 2)
	if err != nil {
		return nil, err
	}
	s := str(a, 0)
	set := &expr.SliceSet{}
	eachMatch(p, s, global, func(m []int) {
		set.Rows = append(set.Rows, []data.Datum{captured(c, s, m)})
	})
	return set, nil
}

func regexpLike(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	flags := ""
	if len(a) > 2 {
		flags = str(a, 2)
	}
	if err := noGlobal(strings.Contains(flags, "g"), "regexp_like()"); err != nil {
		return data.Null, err
	}
	p, err := compile(str(a, 1), flags)
	if err != nil {
		return data.Null, err
	}
	return data.Bool(p.re.MatchString(str(a, 0))), nil
}

func regexpCount(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	start := int64(1)
	if len(a) > 2 {
		if start = a[2].Int(); start <= 0 {
			return data.Null, pgerr.Newf(pgerr.InvalidParameterValue, "invalid value for parameter \"start\": %d", start)
		}
	}
	p, global, err := withFlags(a, 3)
	if err == nil {
		err = noGlobal(global, "regexp_count()")
	}
	if err != nil {
		return data.Null, err
	}
	s := str(a, 0)
	if start > int64(utf8.RuneCountInString(s))+1 {
		return integer(0), nil
	}
	return integer(len(p.all(s[charOffset(s, int(start-1)):]))), nil
}

// split cuts s at every match, but not at an empty one at either end or right
// after another.
func split(a []data.Datum, fn string) ([]string, error) {
	p, global, err := withFlags(a, 2)
	if err == nil {
		err = noGlobal(global, fn)
	}
	if err != nil {
		return nil, err
	}
	s := str(a, 0)
	var parts []string
	at := 0
	for _, m := range p.all(s) {
		if m[0] == m[1] && (m[0] == at || m[0] == len(s)) {
			continue
		}
		parts = append(parts, s[at:m[0]])
		at = m[1]
	}
	return append(parts, s[at:]), nil
}

func splitToArray(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	parts, err := split(a, "regexp_split_to_array()")
	if err != nil {
		return data.Null, err
	}
	vals := make([]data.Datum, len(parts))
	for i, p := range parts {
		vals[i] = text(p)
	}
	return types.MakeArray(c.Arena, types.Get(types.Text), vals), nil
}

func splitToTable(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
	parts, err := split(a, "regexp_split_to_table()")
	if err != nil {
		return nil, err
	}
	set := &expr.SliceSet{}
	for _, p := range parts {
		set.Rows = append(set.Rows, []data.Datum{text(p)})
	}
	return set, nil
}
