package types

import (
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func init() {
	setFamily(&family{
		in: func(_ *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
			if err := CheckJSON(s); err != nil {
				return data.Null, err
			}
			return c.Arena.CopyString(s), nil
		},
		out: textOut, send: textSend,
		recv: func(t *Type, c *Ctx, b []byte, typmod int32) (data.Datum, error) {
			if err := CheckUTF8(b); err != nil {
				return data.Null, err
			}
			return t.fam.in(t, c, string(b), typmod)
		},
	}, JSON)
}

// maxJSONDepth bounds nesting; PostgreSQL's bound is its stack.
const maxJSONDepth = 6400

// CheckJSON validates JSON text with PostgreSQL's messages.
func CheckJSON(s string) error {
	p := jsonChecker{s: s}
	p.next()
	if err := p.value(0); err != nil {
		return err
	}
	if p.err == nil && p.kind != jsonEnd {
		return p.expected("Expected end of input, but found \"%s\".")
	}
	return p.err
}

// Token kinds: the punctuation itself, or one of these.
const (
	jsonEnd    = byte(0)
	jsonString = byte('s')
	jsonScalar = byte('v') // number, true, false or null
)

type jsonChecker struct {
	s          string
	kind       byte
	start, end int // of the current token
	err        error
}

// fail reports detail for the text up to end.
func (p *jsonChecker) fail(end int, detail string, code string) error {
	if p.err != nil {
		return p.err
	}
	line, lineStart := 1, 0
	for i := 0; i < p.start; i++ {
		if p.s[i] == '\n' {
			line, lineStart = line+1, i+1
		}
	}
	from := lineStart
	for end-from >= 50 {
		_, w := utf8.DecodeRuneInString(p.s[from:])
		from += w
	}
	if from-lineStart <= 3 {
		from = lineStart
	}
	where := p.s[from:end]
	if from > lineStart {
		where = "..." + where
	}
	if p.kind != jsonEnd && end < len(p.s) && p.s[end] != '\n' && p.s[end] != '\r' {
		where += "..."
	}
	p.err = pgerr.New(code, "invalid input syntax for type json").WithDetail(detail).
		WithWhere("JSON data, line " + itoa(int64(line)) + ": " + where)
	return p.err
}

func (p *jsonChecker) expected(format string) error {
	if p.err != nil {
		return p.err
	}
	if p.kind == jsonEnd {
		return p.fail(p.end, "The input string ended unexpectedly.", pgerr.InvalidTextRepresentation)
	}
	return p.fail(p.end, strings.Replace(format, "%s", p.s[p.start:p.end], 1), pgerr.InvalidTextRepresentation)
}

func (p *jsonChecker) invalidToken(end int) {
	p.kind = jsonScalar
	p.fail(end, "Token \""+p.s[p.start:end]+"\" is invalid.", pgerr.InvalidTextRepresentation)
}

// next reads a token; after an error every token is the end.
func (p *jsonChecker) next() {
	i := p.end
	for i < len(p.s) && (p.s[i] == ' ' || p.s[i] == '\t' || p.s[i] == '\n' || p.s[i] == '\r') {
		i++
	}
	p.start, p.end = i, i
	if i >= len(p.s) {
		p.kind = jsonEnd
		return
	}
	switch c := p.s[i]; {
	case strings.IndexByte("{}[]:,", c) >= 0:
		p.kind, p.end = c, i+1
	case c == '"':
		p.kind = jsonString
		p.string()
	case c == '-' || c >= '0' && c <= '9':
		p.kind = jsonScalar
		p.number()
	default:
		j := i
		for j < len(p.s) && jsonWordByte(p.s[j]) {
			j++
		}
		if j == i {
			_, w := utf8.DecodeRuneInString(p.s[i:])
			p.invalidToken(i + w)
			return
		}
		switch p.s[i:j] {
		case "true", "false", "null":
			p.kind, p.end = jsonScalar, j
		default:
			p.invalidToken(j)
		}
	}
}

func jsonWordByte(c byte) bool {
	return c == '_' || c >= utf8.RuneSelf || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

func (p *jsonChecker) digits(i int) (end int, ok bool) {
	j := i
	for j < len(p.s) && p.s[j] >= '0' && p.s[j] <= '9' {
		j++
	}
	return j, j > i
}

func (p *jsonChecker) number() {
	i, ok := p.start, true
	if p.s[i] == '-' {
		i++
	}
	if i < len(p.s) && p.s[i] == '0' {
		i++
	} else {
		i, ok = p.digits(i)
	}
	if ok && i < len(p.s) && p.s[i] == '.' {
		i, ok = p.digits(i + 1)
	}
	if ok && i < len(p.s) && p.s[i]|0x20 == 'e' {
		i++
		if i < len(p.s) && (p.s[i] == '+' || p.s[i] == '-') {
			i++
		}
		i, ok = p.digits(i)
	}
	j := i
	for j < len(p.s) && jsonWordByte(p.s[j]) {
		j++
	}
	if !ok || j > i {
		p.invalidToken(j)
		return
	}
	p.end = i
}

func (p *jsonChecker) string() {
	for i := p.start + 1; i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			p.end = i + 1
			return
		case c < ' ':
			p.fail(i, "Character with value 0x"+hexByte(c)+" must be escaped.", pgerr.InvalidTextRepresentation)
			return
		case c == '\\':
			i++
			if i >= len(p.s) {
				break
			}
			if p.s[i] == 'u' {
				for range 4 {
					i++
					if i >= len(p.s) || !hexChar(p.s[i]) {
						end := i
						if i < len(p.s) {
							_, w := utf8.DecodeRuneInString(p.s[i:])
							end += w
						}
						p.fail(end, "\"\\u\" must be followed by four hexadecimal digits.",
							pgerr.InvalidTextRepresentation)
						return
					}
				}
			} else if strings.IndexByte("\"\\/bfnrt", p.s[i]) < 0 {
				_, w := utf8.DecodeRuneInString(p.s[i:])
				p.fail(i+w, "Escape sequence \"\\"+p.s[i:i+w]+"\" is invalid.", pgerr.InvalidTextRepresentation)
				return
			}
		}
	}
	p.invalidToken(len(p.s))
}

func hexByte(c byte) string {
	const hex = "0123456789abcdef"
	return string([]byte{hex[c>>4], hex[c&15]})
}

func hexChar(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f'
}

func (p *jsonChecker) value(depth int) error {
	if p.err != nil {
		return p.err
	}
	if depth > maxJSONDepth {
		return pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded")
	}
	switch p.kind {
	case jsonString, jsonScalar:
		p.next()
		return p.err
	case '{':
		return p.object(depth)
	case '[':
		return p.array(depth)
	}
	return p.expected("Expected JSON value, but found \"%s\".")
}

func (p *jsonChecker) object(depth int) error {
	p.next()
	if p.kind == '}' && p.err == nil {
		p.next()
		return p.err
	}
	format := "Expected string or \"}\", but found \"%s\"."
	for {
		if p.err != nil || p.kind != jsonString {
			return p.expected(format)
		}
		p.next()
		if p.err != nil || p.kind != ':' {
			return p.expected("Expected \":\", but found \"%s\".")
		}
		p.next()
		if err := p.value(depth + 1); err != nil {
			return err
		}
		switch p.kind {
		case ',':
			p.next()
			format = "Expected string, but found \"%s\"."
			continue
		case '}':
			p.next()
			return p.err
		}
		return p.expected("Expected \",\" or \"}\", but found \"%s\".")
	}
}

func (p *jsonChecker) array(depth int) error {
	p.next()
	if p.kind == ']' && p.err == nil {
		p.next()
		return p.err
	}
	for {
		if err := p.value(depth + 1); err != nil {
			return err
		}
		switch p.kind {
		case ',':
			p.next()
			continue
		case ']':
			p.next()
			return p.err
		}
		return p.expected("Expected \",\" or \"]\", but found \"%s\".")
	}
}
