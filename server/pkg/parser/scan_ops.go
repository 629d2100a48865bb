package parser

import "strings"

// number reads an unsigned number; "1..2" is 1 followed by "..".
func (s *Scanner) number(from int) Token {
	i := from
	for isDigit(s.at(i)) {
		i++
	}
	if s.at(i) == '.' && s.at(i+1) != '.' {
		i++
		for isDigit(s.at(i)) {
			i++
		}
	}
	if c := s.at(i) | 0x20; c == 'e' {
		j := i + 1
		if s.at(j) == '+' || s.at(j) == '-' {
			j++
		}
		if isDigit(s.at(j)) {
			for isDigit(s.at(j)) {
				j++
			}
			i = j
		} else if j > i+1 {
			return s.cut(Junk, from, j) // "1e+"
		}
	}
	if isIdentStart(s.at(i)) {
		return s.cut(Junk, from, s.identEnd(i))
	}
	return s.cut(Number, from, i)
}

// identEnd returns the end of the identifier that begins at i.
func (s *Scanner) identEnd(i int) int {
	for i < len(s.text) && isIdentPart(s.text[i]) {
		i++
	}
	return i
}

// operator reads the longest operator: it ends before a comment, and with + or
// - at its end only when it holds a character no SQL operator has.
func (s *Scanner) operator(from int) Token {
	to := from
	for to < len(s.text) && isOperatorChar(s.text[to]) {
		if to > from && (strings.HasPrefix(s.text[to:], "--") || strings.HasPrefix(s.text[to:], "/*")) {
			break
		}
		to++
	}
	for to > from+1 && (s.text[to-1] == '+' || s.text[to-1] == '-') &&
		!strings.ContainsAny(s.text[from:to-1], "~!@#^&|`?%") {
		to--
	}
	return s.cut(Op, from, to)
}

func (s *Scanner) punct(from int) Token {
	switch s.text[from:min(from+2, len(s.text))] {
	case "::", ":=", "..":
		return s.cut(Punct, from, from+2)
	}
	return s.cut(Punct, from, from+1)
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\v' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isIdentStart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
}

func isIdentPart(c byte) bool { return isIdentStart(c) || isDigit(c) || c == '$' }

func isOperatorChar(c byte) bool {
	switch c {
	case '~', '!', '@', '#', '^', '&', '|', '`', '?', '+', '-', '*', '/', '%', '<', '>', '=':
		return true
	}
	return false
}
