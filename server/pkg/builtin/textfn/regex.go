package textfn

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// pattern is a compiled regular expression. PostgreSQL's advanced regular
// expressions are translated to Go's, which match in time linear in the
// input. Whether a string matches is the same for both. Where a match begins
// and ends is the same when every quantifier is greedy (leftmost-longest) or
// every one is not (leftmost, shortest); an expression that mixes the two can
// only be used for a yes or no. Back references, look-around and word
// boundaries of one side are not translated (0A000).
type pattern struct {
	re      *regexp.Regexp
	mixed   bool // greedy and non-greedy quantifiers together
	context bool // the pattern looks at what stands before a match
	weight  int  // what it may be, in steps: some hundred bytes each
}

// cache of compiled patterns, dropped whole when it is full.
var cache = struct {
	sync.RWMutex
	m      map[string]*pattern
	weight int // of all
}{m: map[string]*pattern{}}

const (
	cacheEntries = 512
	cacheWeight  = 256 << 10
	// A heavier pattern is too complex. PostgreSQL's bound is on states and arcs
	// of its automaton: some 43,000 plain characters, more in a character class.
	maxWeight = 128 << 10
)

// compile translates and compiles p; flags are those of the function calls
// (c, e, i, m, n, p, q, s, t, w, x; g is the caller's business).
func compile(p, flags string) (*pattern, error) {
	key := flags + "\x00" + p
	cache.RLock()
	c := cache.m[key]
	cache.RUnlock()
	if c != nil {
		return c, nil
	}
	c, err := translatePattern(p, flags)
	if err != nil {
		return nil, err
	}
	cache.Lock()
	if len(cache.m) >= cacheEntries || cache.weight+c.weight > cacheWeight {
		clear(cache.m)
		cache.weight = 0
	}
	if cache.m[key] == nil {
		cache.m[key] = c
		cache.weight += c.weight
	}
	cache.Unlock()
	return c, nil
}

func badRegex(what string) error {
	return pgerr.New(pgerr.InvalidRegularExpression, "invalid regular expression: "+what)
}

func errTooComplex() error { return badRegex("regular expression is too complex") }

// weigh says how many steps a translated pattern has, about: counted
// repetitions are written out.
func weigh(p string) int {
	if !strings.Contains(p, "{") {
		return len(p)
	}
	re, err := syntax.Parse(p, syntax.Perl)
	if err != nil {
		return len(p) // compiling says why
	}
	return max(len(p), steps(re))
}

func steps(re *syntax.Regexp) int {
	n := 1
	if re.Op == syntax.OpLiteral {
		n = len(re.Rune)
	}
	for _, sub := range re.Sub {
		n += steps(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min+1, re.Max)
	}
	return n
}

func translatePattern(p, flags string) (*pattern, error) {
	if len(p) > maxWeight {
		return nil, errTooComplex()
	}
	t := translator{in: p}
	if err := t.options(flags); err != nil {
		return nil, err
	}
	if err := t.director(); err != nil {
		return nil, err
	}
	if t.literal {
		t.out.WriteString(regexp.QuoteMeta(t.in))
	} else if err := t.alternatives(0); err != nil {
		return nil, err
	}
	prefix := "(?s)"
	switch {
	case t.newline && t.fold:
		prefix = "(?mi)"
	case t.newline:
		prefix = "(?m)"
	case t.fold:
		prefix = "(?si)"
	}
	translated := prefix + t.out.String()
	weight := weigh(translated)
	if weight > maxWeight {
		return nil, errTooComplex()
	}
	re, err := regexp.Compile(translated)
	var bad *syntax.Error
	if errors.As(err, &bad) && bad.Code == syntax.ErrLarge {
		return nil, errTooComplex()
	}
	if err != nil {
		return nil, fmt.Errorf("regular expression %q was translated to %q: %w", p, t.out.String(),
			pgerr.FeatureNotSupported("this regular expression"))
	}
	if t.greedy || !t.lazy {
		re.Longest()
	}
	return &pattern{re: re, mixed: t.greedy && t.lazy, context: t.context, weight: weight}, nil
}

// positions refuses a pattern whose match has other bounds in PostgreSQL.
func (p *pattern) positions() error {
	if p.mixed {
		return pgerr.FeatureNotSupported("regular expression that mixes greedy and non-greedy quantifiers")
	}
	return nil
}

// all returns every match of s from left to right. An empty match counts even
// right after another, as in PostgreSQL; Go leaves those out, which shows only
// for patterns with anchors, where searching a rest of s would be wrong.
func (p *pattern) all(s string) [][]int {
	if p.context {
		return p.re.FindAllStringSubmatchIndex(s, -1)
	}
	var out [][]int
	for at := 0; at <= len(s); {
		m := p.re.FindStringSubmatchIndex(s[at:])
		if m == nil {
			break
		}
		for i := range m {
			if m[i] >= 0 {
				m[i] += at
			}
		}
		out = append(out, m)
		if at = m[1]; m[0] == m[1] {
			at += max(1, charOffset(s[min(at, len(s)):], 1))
		}
	}
	return out
}

func init() {
	register(matchFunc("", false), 79, 1254, 1658)        // ~ of name, text, bpchar
	register(matchFunc("", true), 1252, 1256, 1659)       // !~
	register(matchFunc("i", false), 1238, 1240, 1656)     // ~*
	register(matchFunc("i", true), 1239, 1241, 1657)      // !~*
	register(similarEscape, 1986, 1987)                   // similar_to_escape
	expr.Register(1623, similarEscapeOld, expr.NonStrict) // similar_escape
}

func matchFunc(flags string, negate bool) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		p, err := compile(str(a, 1), flags)
		if err != nil {
			return data.Null, err
		}
		return data.Bool(p.re.MatchString(str(a, 0)) != negate), nil
	}
}

// similarEscape turns a SIMILAR TO pattern into a regular expression.
func similarEscape(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	esc := `\`
	if len(a) > 1 {
		esc = str(a, 1)
	}
	out, err := similarRegex(str(a, 0), esc)
	if err != nil {
		return data.Null, err
	}
	return c.Arena.CopyString(out), nil
}

func similarEscapeOld(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return data.Null, nil
	}
	if a[1].IsNull() {
		a = a[:1]
	}
	return similarEscape(c, a)
}

func similarRegex(p, esc string) (string, error) {
	if len([]rune(esc)) > 1 {
		return "", pgerr.New(pgerr.InvalidEscapeSequence, "invalid escape string").
			WithHint("Escape string must be empty or one character.")
	}
	var out strings.Builder
	out.WriteString("^(?:")
	inClass, escaped := false, false
	quotes := 0
	for _, r := range p {
		ch := string(r)
		switch {
		case escaped:
			escaped = false
			if ch != `"` || inClass {
				out.WriteString(`\` + ch)
				continue
			}
			if quotes++; quotes > 2 {
				return "", pgerr.New(pgerr.InvalidUseOfEscapeCharacter,
					"SQL regular expression may not contain more than two escape-double-quote separators")
			}
			out.WriteString([]string{"", "){1,1}?(", "){1,1}(?:"}[quotes])
		case ch == esc:
			escaped = true
		case inClass:
			if ch == `\` {
				out.WriteByte('\\')
			}
			out.WriteString(ch)
			inClass = ch != "]"
		case ch == "[":
			inClass = true
			out.WriteString(ch)
		case ch == "%":
			out.WriteString(".*")
		case ch == "_":
			out.WriteByte('.')
		case ch == "(":
			out.WriteString("(?:")
		case strings.ContainsAny(ch, `\.^$`):
			out.WriteString(`\` + ch)
		default:
			out.WriteString(ch)
		}
	}
	out.WriteString(")$")
	return out.String(), nil
}
