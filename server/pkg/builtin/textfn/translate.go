package textfn

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// translator rewrites an advanced regular expression (PostgreSQL's manual,
// section 9.7.3) as one of Go's. It checks what PostgreSQL checks, so that
// errors have PostgreSQL's words.
type translator struct {
	in      string // what is left to read
	out     strings.Builder
	fold    bool // case-insensitive
	newline bool // ^ and $ match at lines, . and [^...] do not match \n
	expand  bool // white space and comments are ignored
	literal bool // the whole rest is a string
	greedy  bool // a greedy quantifier was seen
	lazy    bool // a non-greedy quantifier was seen
	context bool // an anchor or word boundary was seen: what is before a place matters
}

// maxDepth bounds nesting, and maxRepeat a bound in braces (PostgreSQL's 255).
const (
	maxDepth  = 500
	maxRepeat = 255
)

// options applies the letters of a flags argument or of an embedded (?...).
func (t *translator) options(flags string) error {
	for i, f := range flags {
		switch f {
		case 'i':
			t.fold = true
		case 'c':
			t.fold = false
		case 'm', 'n':
			t.newline = true
		case 's', 'e':
			if f == 's' {
				t.newline = false
			}
		case 'x':
			t.expand = true
		case 't':
			t.expand = false
		case 'q':
			t.literal = true
		case 'p', 'w', 'b':
			return pgerr.FeatureNotSupported(fmt.Sprintf("regular expression option %q", string(f)))
		default:
			_, w := utf8.DecodeRuneInString(flags[i:])
			return pgerr.Newf(pgerr.InvalidParameterValue, "invalid regular expression option: \"%s\"", flags[i:i+w])
		}
	}
	return nil
}

// director handles ***: and ***= and an embedded option at the start.
func (t *translator) director() error {
	if t.literal {
		return nil
	}
	if rest, ok := strings.CutPrefix(t.in, "***="); ok {
		t.in, t.literal = rest, true
		return nil
	}
	t.in = strings.TrimPrefix(t.in, "***:")
	if strings.HasPrefix(t.in, "(?") && len(t.in) > 2 && t.in[2] >= 'a' && t.in[2] <= 'z' {
		end := strings.IndexByte(t.in, ')')
		if end < 0 || t.options(t.in[2:end]) != nil {
			return badRegex("invalid embedded option")
		}
		t.in = t.in[end+1:]
	}
	return nil
}

// alternatives reads branches parted by | up to the end or, within a group,
// its closing parenthesis.
func (t *translator) alternatives(depth int) error {
	if depth > maxDepth {
		return badRegex("regular expression is too complex")
	}
	for {
		if err := t.branch(depth); err != nil {
			return err
		}
		switch {
		case strings.HasPrefix(t.in, "|"):
			t.in = t.in[1:]
			t.out.WriteByte('|')
		case strings.HasPrefix(t.in, ")") && depth == 0:
			return badRegex("parentheses () not balanced")
		default:
			return nil
		}
	}
}

func (t *translator) branch(depth int) error {
	for t.in != "" && t.in[0] != '|' && t.in[0] != ')' {
		quantifiable, err := t.atom(depth)
		if err != nil {
			return err
		}
		if err := t.quantifier(quantifiable); err != nil {
			return err
		}
	}
	return nil
}

// atom translates one atom or constraint; constraints take no quantifier.
func (t *translator) atom(depth int) (quantifiable bool, err error) {
	ch := t.in[0]
	switch ch {
	case '(':
		return t.group(depth)
	case '[':
		return true, t.bracket()
	case '\\':
		return t.escape()
	case '.':
		t.in = t.in[1:]
		t.out.WriteByte('.')
		return true, nil
	case '^', '$':
		t.in = t.in[1:]
		t.context = true
		t.out.WriteByte(ch)
		return false, nil
	case '*', '+', '?':
		return false, badRegex("quantifier operand invalid")
	case '{':
		if len(t.in) > 1 && t.in[1] >= '0' && t.in[1] <= '9' {
			return false, badRegex("quantifier operand invalid")
		}
	}
	if t.expand {
		if strings.IndexByte(" \t\n\v\f\r", ch) >= 0 {
			t.in = t.in[1:]
			return false, nil
		}
		if ch == '#' {
			if _, t.in, _ = strings.Cut(t.in, "\n"); true {
				return false, nil
			}
		}
	}
	_, w := utf8.DecodeRuneInString(t.in)
	t.out.WriteString(regexp.QuoteMeta(t.in[:w]))
	t.in = t.in[w:]
	return true, nil
}

func (t *translator) group(depth int) (bool, error) {
	switch {
	case strings.HasPrefix(t.in, "(?:"):
		t.in = t.in[3:]
		t.out.WriteString("(?:")
	case strings.HasPrefix(t.in, "(?#"):
		_, rest, ok := strings.Cut(t.in, ")")
		if !ok {
			return false, badRegex("parentheses () not balanced")
		}
		t.in = rest
		return false, nil
	case strings.HasPrefix(t.in, "(?=") || strings.HasPrefix(t.in, "(?!") || strings.HasPrefix(t.in, "(?<"):
		return false, pgerr.FeatureNotSupported("look-around in regular expressions")
	case strings.HasPrefix(t.in, "(?"):
		return false, badRegex("quantifier operand invalid")
	default:
		t.in = t.in[1:]
		t.out.WriteByte('(')
	}
	if err := t.alternatives(depth + 1); err != nil {
		return false, err
	}
	if t.in == "" {
		return false, badRegex("parentheses () not balanced")
	}
	t.in = t.in[1:]
	t.out.WriteByte(')')
	return true, nil
}

// quantifier translates * + ? {m} {m,} {m,n}, each with an optional ?.
func (t *translator) quantifier(allowed bool) error {
	if t.in == "" {
		return nil
	}
	q := ""
	switch ch := t.in[0]; {
	case ch == '*' || ch == '+' || ch == '?':
		q, t.in = t.in[:1], t.in[1:]
	case ch == '{' && len(t.in) > 1 && t.in[1] >= '0' && t.in[1] <= '9':
		end := strings.IndexByte(t.in, '}')
		if end < 0 {
			return badRegex("braces {} not balanced")
		}
		if err := checkBounds(t.in[1:end]); err != nil {
			return err
		}
		q, t.in = t.in[:end+1], t.in[end+1:]
	default:
		return nil
	}
	if !allowed {
		return badRegex("quantifier operand invalid")
	}
	fixed := q[0] == '{' && !strings.Contains(q, ",")
	if strings.HasPrefix(t.in, "?") {
		t.in = t.in[1:]
		q += "?"
		t.lazy = true
	} else if !fixed {
		t.greedy = true
	}
	if t.in != "" && (strings.IndexByte("*+?", t.in[0]) >= 0 || t.in[0] == '{' && len(t.in) > 1 && t.in[1] >= '0' && t.in[1] <= '9') {
		return badRegex("quantifier operand invalid")
	}
	t.out.WriteString(q)
	return nil
}

func checkBounds(s string) error {
	lo, hi, ranged := strings.Cut(s, ",")
	m, err := strconv.Atoi(lo)
	if err != nil || m > maxRepeat {
		return badRegex("invalid repetition count(s)")
	}
	if !ranged || hi == "" {
		return nil
	}
	n, err := strconv.Atoi(hi)
	if err != nil || n > maxRepeat || n < m {
		return badRegex("invalid repetition count(s)")
	}
	return nil
}

// Classes of the C locale: ASCII only.
var escapeClasses = map[byte]string{
	'd': `0-9`, 'w': `0-9A-Za-z_`, 's': `\t\n\v\f\r `,
}

// escape translates a backslash outside brackets.
func (t *translator) escape() (quantifiable bool, err error) {
	if len(t.in) < 2 {
		return false, badRegex(`invalid escape \ sequence`)
	}
	ch := t.in[1]
	switch ch {
	case 'd', 'w', 's':
		t.in = t.in[2:]
		t.out.WriteString("[" + escapeClasses[ch] + "]")
		return true, nil
	case 'D', 'W', 'S':
		t.in = t.in[2:]
		t.out.WriteString("[^" + escapeClasses[ch+'a'-'A'] + "]")
		return true, nil
	case 'A', 'Z':
		t.in = t.in[2:]
		t.context = true
		t.out.WriteString(map[byte]string{'A': `\A`, 'Z': `\z`}[ch])
		return false, nil
	case 'y', 'Y':
		t.in = t.in[2:]
		t.context = true
		t.out.WriteString(map[byte]string{'y': `\b`, 'Y': `\B`}[ch])
		return false, nil
	case 'm', 'M':
		return false, pgerr.FeatureNotSupported(`regular expression escape \` + string(ch))
	}
	if ch >= '1' && ch <= '9' {
		return false, pgerr.FeatureNotSupported("back references in regular expressions")
	}
	r, err := t.charEscape()
	if err != nil {
		return false, err
	}
	t.out.WriteString(regexp.QuoteMeta(string(r)))
	return true, nil
}

// charEscape reads an escape that stands for one character.
func (t *translator) charEscape() (rune, error) {
	r, w := utf8.DecodeRuneInString(t.in[1:])
	rest := t.in[1+w:]
	if s := strings.IndexRune("abBefnrtv0", r); s >= 0 {
		t.in = rest
		return rune("\a\b\\\x1b\f\n\r\t\v\x00"[s]), nil
	}
	digits := map[rune]int{'u': 4, 'U': 8, 'x': 2}[r]
	if digits > 0 && len(rest) >= digits {
		n, err := strconv.ParseUint(rest[:digits], 16, 32)
		if err == nil && n <= utf8.MaxRune {
			t.in = rest[digits:]
			return rune(n), nil
		}
	}
	if r < utf8.RuneSelf && isAlnumASCII(byte(r)) {
		return 0, badRegex(`invalid escape \ sequence`)
	}
	t.in = rest
	return r, nil
}
