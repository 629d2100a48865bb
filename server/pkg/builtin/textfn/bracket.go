package textfn

import (
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// namedClasses are the classes of the C locale, as Go writes them.
var namedClasses = map[string]string{
	"alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": `\x00-\x7f`, "blank": `\t `, "cntrl": `\x00-\x1f\x7f`,
	"digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~",
	"space": `\t\n\v\f\r `, "upper": "A-Z", "xdigit": "0-9A-Fa-f", "word": "0-9A-Za-z_",
}

// bracket translates a bracket expression.
func (t *translator) bracket() error {
	t.in = t.in[1:]
	var set strings.Builder
	set.WriteByte('[')
	if strings.HasPrefix(t.in, "^") {
		t.in = t.in[1:]
		set.WriteByte('^')
		if t.newline {
			set.WriteString(`\n`)
		}
	}
	for first := true; ; first = false {
		if t.in == "" {
			return badRegex("brackets [] not balanced")
		}
		if t.in[0] == ']' && !first {
			t.in = t.in[1:]
			set.WriteByte(']')
			t.out.WriteString(set.String())
			return nil
		}
		if err := t.bracketItem(&set); err != nil {
			return err
		}
	}
}

// bracketItem translates a class, a character or a range.
func (t *translator) bracketItem(set *strings.Builder) error {
	if class, ok, err := t.bracketClass(); err != nil || ok {
		set.WriteString(class)
		return err
	}
	lo, err := t.bracketChar()
	if err != nil {
		return err
	}
	writeClassChar(set, lo)
	if len(t.in) < 2 || t.in[0] != '-' || t.in[1] == ']' {
		return nil
	}
	t.in = t.in[1:]
	hi, err := t.bracketChar()
	if err != nil {
		return err
	}
	if hi < lo {
		return badRegex("invalid character range")
	}
	set.WriteByte('-')
	writeClassChar(set, hi)
	return nil
}

// bracketClass reads [:name:] or a class escape such as \d.
func (t *translator) bracketClass() (string, bool, error) {
	switch {
	case strings.HasPrefix(t.in, "[:"):
		name, rest, ok := strings.Cut(t.in[2:], ":]")
		if !ok {
			return "", false, badRegex("brackets [] not balanced")
		}
		class, known := namedClasses[name]
		if !known {
			return "", false, badRegex("invalid character class")
		}
		if t.fold && (name == "lower" || name == "upper") {
			class = namedClasses["alpha"]
		}
		t.in = rest
		return class, true, nil
	case strings.HasPrefix(t.in, "[.") || strings.HasPrefix(t.in, "[="):
		return "", false, pgerr.FeatureNotSupported("collating elements in regular expressions")
	case len(t.in) > 1 && t.in[0] == '\\':
		if class, ok := escapeClasses[t.in[1]]; ok {
			t.in = t.in[2:]
			return class, true, nil
		}
		if strings.IndexByte("DWS", t.in[1]) >= 0 {
			return "", false, badRegex(`invalid escape \ sequence`)
		}
	}
	return "", false, nil
}

func (t *translator) bracketChar() (rune, error) {
	if t.in == "" {
		return 0, badRegex("brackets [] not balanced")
	}
	if t.in[0] == '\\' && len(t.in) > 1 {
		return t.charEscape()
	}
	r, w := utf8.DecodeRuneInString(t.in)
	t.in = t.in[w:]
	return r, nil
}

func writeClassChar(set *strings.Builder, r rune) {
	if strings.ContainsRune(`\[]^-&~`, r) {
		set.WriteByte('\\')
	}
	set.WriteRune(r)
}
