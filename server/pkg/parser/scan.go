package parser

// Kind tells tokens apart as far as limits, shapes and messages need.
type Kind uint8

// Token kinds. Keywords are Ident: the scanner does not fold or look them up.
const (
	EOF         Kind = iota
	Ident            // unquoted identifier or keyword
	QuotedIdent      // "…" or U&"…"
	Str              // '…', E'…', N'…', U&'…'
	DollarStr        // $tag$…$tag$
	BitStr           // B'…' or X'…'
	Number           // integer or decimal, without sign
	ParamNum         // $1
	Op               // operator of self and operator characters
	Punct            // one of , ( ) [ ] . ; : and the pairs :: := ..
	Junk             // number or parameter that runs into an identifier
	Broken           // string, identifier or comment without an end
)

// Token is one lexical unit: bytes From to To of the text.
type Token struct {
	Kind     Kind
	From, To int
}

// Scanner cuts a text into tokens by PostgreSQL 15's lexical rules, with
// standard_conforming_strings on. It allocates nothing and never fails: what
// is not a token is Junk or Broken.
type Scanner struct {
	text string
	pos  int
	// commentDepth is the deepest comment nesting met so far.
	commentDepth int
}

// NewScanner starts at the beginning of text.
func NewScanner(text string) Scanner { return Scanner{text: text} }

// Next returns the next token, EOF again and again at the end.
func (s *Scanner) Next() Token {
	if !s.skipSpace() {
		return s.cut(Broken, s.pos, len(s.text))
	}
	from := s.pos
	if from >= len(s.text) {
		return Token{EOF, from, from}
	}
	c := s.text[from]
	switch {
	case c == '\'':
		return s.cut(Str, from, s.quoted(from+1, '\'', false))
	case c == '"':
		return s.cut(QuotedIdent, from, s.quoted(from+1, '"', false))
	case isIdentStart(c):
		return s.word(from)
	case isDigit(c), c == '.' && isDigit(s.at(from+1)):
		return s.number(from)
	case c == '$':
		return s.dollar(from)
	case isOperatorChar(c):
		return s.operator(from)
	}
	return s.punct(from)
}

// cut ends a token at to; to < 0 says that its end is missing.
func (s *Scanner) cut(k Kind, from, to int) Token {
	if to < 0 {
		k, to = Broken, len(s.text)
	}
	s.pos = to
	return Token{k, from, to}
}

func (s *Scanner) at(i int) byte {
	if i < len(s.text) {
		return s.text[i]
	}
	return 0
}

// skipSpace passes white space and comments; false when a comment has no end
// (then pos is where it begins).
func (s *Scanner) skipSpace() bool {
	for s.pos < len(s.text) {
		c := s.text[s.pos]
		switch {
		case isSpace(c):
			s.pos++
		case c == '-' && s.at(s.pos+1) == '-':
			for s.pos < len(s.text) && s.text[s.pos] != '\n' && s.text[s.pos] != '\r' {
				s.pos++
			}
		case c == '/' && s.at(s.pos+1) == '*':
			end := s.comment(s.pos + 2)
			if end < 0 {
				return false
			}
			s.pos = end
		default:
			return true
		}
	}
	return true
}

// comment returns the end of a block comment whose text begins at i, or -1.
func (s *Scanner) comment(i int) int {
	for depth := 1; i < len(s.text); {
		s.commentDepth = max(s.commentDepth, depth)
		switch {
		case s.text[i] == '*' && s.at(i+1) == '/':
			i += 2
			if depth--; depth == 0 {
				return i
			}
		case s.text[i] == '/' && s.at(i+1) == '*':
			depth++
			i += 2
		default:
			i++
		}
	}
	return -1
}

// quoted returns the end of a string whose text begins at i, or -1. A doubled
// quote stands for one; with escapes a backslash hides the next character.
func (s *Scanner) quoted(i int, quote byte, escapes bool) int {
	for ; i < len(s.text); i++ {
		switch {
		case s.text[i] == quote && s.at(i+1) == quote:
			i++
		case s.text[i] == quote:
			return i + 1
		case escapes && s.text[i] == '\\':
			i++
		}
	}
	return -1
}

// word reads an identifier, or a string with a letter before its quote.
func (s *Scanner) word(from int) Token {
	c, next := s.text[from]|0x20, s.at(from+1)
	if next == '\'' {
		switch c {
		case 'e':
			return s.cut(Str, from, s.quoted(from+2, '\'', true))
		case 'b', 'x':
			return s.cut(BitStr, from, s.quoted(from+2, '\'', false))
		case 'n':
			return s.cut(Str, from, s.quoted(from+2, '\'', false))
		}
	}
	if c == 'u' && next == '&' {
		switch s.at(from + 2) {
		case '\'':
			return s.cut(Str, from, s.quoted(from+3, '\'', false))
		case '"':
			return s.cut(QuotedIdent, from, s.quoted(from+3, '"', false))
		}
	}
	return s.cut(Ident, from, s.identEnd(from))
}

// dollar reads a parameter or a dollar-quoted string.
func (s *Scanner) dollar(from int) Token {
	i := from + 1
	if isDigit(s.at(i)) {
		for isDigit(s.at(i)) {
			i++
		}
		if isIdentStart(s.at(i)) {
			return s.cut(Junk, from, s.identEnd(i))
		}
		return s.cut(ParamNum, from, i)
	}
	if isIdentStart(s.at(i)) {
		for isIdentPart(s.at(i)) && s.at(i) != '$' {
			i++
		}
	}
	if s.at(i) != '$' {
		return s.cut(Punct, from, from+1)
	}
	tag := s.text[from : i+1]
	for j := i + 1; j+len(tag) <= len(s.text); j++ {
		if s.text[j] == '$' && s.text[j:j+len(tag)] == tag {
			return s.cut(DollarStr, from, j+len(tag))
		}
	}
	return s.cut(Broken, from, len(s.text))
}
