// Package jsonfn registers the functions on json: making it from values, taking it apart,
// and its aggregates. A json value is its text, already validated.
package jsonfn

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// The functions here walk over valid JSON text; a value is the slice of text it covers.

func skipSpace(s string, i int) int {
	for i < len(s) && (s[i] == ' ' || s[i] == '\t' || s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// valueEnd is where the value that starts at i ends.
func valueEnd(s string, i int) int {
	switch s[i] {
	case '"':
		for i++; s[i] != '"'; i++ {
			if s[i] == '\\' {
				i++
			}
		}
		return i + 1
	case '{', '[':
		depth := 0
		for {
			switch s[i] {
			case '"':
				i = valueEnd(s, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
				if depth == 0 {
					return i + 1
				}
			}
			i++
		}
	}
	for i < len(s) && strings.IndexByte(" \t\n\r,]}", s[i]) < 0 {
		i++
	}
	return i
}

func trimmed(s string) string {
	i := skipSpace(s, 0)
	return s[i:valueEnd(s, i)]
}

// kind is the value's type as json_typeof names it.
func kind(v string) string {
	switch v[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

// eachElement calls f for the elements of an array until it returns false.
func eachElement(v string, f func(elem string) bool) {
	i := skipSpace(v, 1)
	for v[i] != ']' {
		end := valueEnd(v, i)
		if !f(v[i:end]) {
			return
		}
		if i = skipSpace(v, end); v[i] == ',' {
			i = skipSpace(v, i+1)
		}
	}
}

// eachField calls f for the fields of an object, the name still as JSON.
func eachField(v string, f func(name, value string) error) error {
	i := skipSpace(v, 1)
	for v[i] != '}' {
		end := valueEnd(v, i)
		name := v[i:end]
		i = skipSpace(v, skipSpace(v, end)+1) // behind the colon
		end = valueEnd(v, i)
		if err := f(name, v[i:end]); err != nil {
			return err
		}
		if i = skipSpace(v, end); v[i] == ',' {
			i = skipSpace(v, i+1)
		}
	}
	return nil
}

func invalidJSON(detail string) error {
	return pgerr.New(pgerr.InvalidTextRepresentation, "invalid input syntax for type json").WithDetail(detail)
}

// unquote turns a JSON string into text.
func unquote(v string) (string, error) {
	v = v[1 : len(v)-1]
	if strings.IndexByte(v, '\\') < 0 {
		return v, nil
	}
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] != '\\' {
			out = append(out, v[i])
			continue
		}
		i++
		switch v[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, n, err := unicodeEscape(v[i-1:])
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
			i += n - 2
		default:
			out = append(out, v[i])
		}
	}
	return string(out), nil
}

// unicodeEscape reads one escape, or the two of a surrogate pair, of n bytes.
func unicodeEscape(s string) (r rune, n int, err error) {
	x, _ := strconv.ParseUint(s[2:6], 16, 32)
	r = rune(x)
	switch {
	case r == 0:
		return 0, 0, pgerr.New(pgerr.UntranslatableCharacter, "unsupported Unicode escape sequence").
			WithDetail("\\u0000 cannot be converted to text.")
	case r >= 0xDC00 && r < 0xE000:
		return 0, 0, invalidJSON("Unicode low surrogate must follow a high surrogate.")
	case r < 0xD800 || r >= 0xDC00:
		return r, 6, nil
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		y, _ := strconv.ParseUint(s[8:12], 16, 32)
		if pair := utf16.DecodeRune(r, rune(y)); pair != utf8.RuneError {
			return pair, 12, nil
		}
		if y >= 0xD800 && y < 0xDC00 {
			return 0, 0, invalidJSON("Unicode high surrogate must not follow a high surrogate.")
		}
	}
	return 0, 0, invalidJSON("Unicode low surrogate must follow a high surrogate.")
}

// appendQuoted writes text as a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\b':
			dst = append(dst, '\\', 'b')
		case c == '\f':
			dst = append(dst, '\\', 'f')
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
