package parser

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Limits on a text, checked before any recursive code sees it.
const (
	// MaxStatementBytes bounds one text; message sizes are bounded alike.
	MaxStatementBytes = 64 << 20
	// maxChain bounds the operators, casts, joins and set operations of one
	// bracket level that can stack up in one expression. PostgreSQL's default
	// max_stack_depth gives out between 4,000 and 5,000; the C library
	// crashes at about 24,000.
	maxChain = 4000
	// maxCommentDepth bounds nested comments, which the library scans in
	// quadratic time.
	maxCommentDepth = 200
)

// checkEncoding refuses what is not valid UTF-8, with the bytes in PostgreSQL's
// form, and NUL.
func checkEncoding(text string) error {
	if strings.IndexByte(text, 0) >= 0 {
		return invalidBytes("\x00")
	}
	if utf8.ValidString(text) {
		return nil
	}
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if r == utf8.RuneError && n <= 1 {
			return invalidBytes(text[i:min(i+leadLength(text[i]), len(text))])
		}
		i += n
	}
	return nil
}

// CheckText refuses text that PostgreSQL would not accept from a client:
// invalid UTF-8 and NUL, with 22021.
func CheckText(text string) error { return checkEncoding(text) }

// leadLength is the length of the character that byte c claims to begin.
func leadLength(c byte) int {
	switch {
	case c&0xE0 == 0xC0:
		return 2
	case c&0xF0 == 0xE0:
		return 3
	case c&0xF8 == 0xF0:
		return 4
	}
	return 1
}

func invalidBytes(bad string) error {
	var b strings.Builder
	for i := range len(bad) {
		fmt.Fprintf(&b, " 0x%02x", bad[i])
	}
	return pgerr.New(pgerr.CharacterNotInRepertoire,
		`invalid byte sequence for encoding "UTF8":`+b.String())
}

// level counts, within one pair of brackets, what can stack up in the tree.
type level struct {
	chain int // operators of the expression under way
	joins int
	sets  int
}

// checkLimits scans text once. It returns the first Junk token's place or -1.
func checkLimits(text string) (junk Token, err error) {
	if len(text) > MaxStatementBytes {
		return junk, pgerr.Newf(pgerr.ProgramLimitExceeded,
			"statement is too long: %d bytes, at most %d are possible", len(text), MaxStatementBytes)
	}
	junk.From = -1
	stack := []level{{}}
	s := NewScanner(text)
	for {
		tok := s.Next()
		if s.commentDepth > maxCommentDepth {
			return junk, pgerr.Newf(pgerr.StatementTooComplex, "comments are nested too deeply").
				WithDetailf("At most %d levels are possible.", maxCommentDepth)
		}
		top := &stack[len(stack)-1]
		switch tok.Kind {
		case EOF, Broken:
			return junk, nil
		case Junk:
			return tok, nil
		case Op:
			top.chain++
		case Ident:
			top.keyword(text[tok.From:tok.To])
		case Punct:
			stack = punctuate(stack, text[tok.From:tok.To])
			top = &stack[len(stack)-1]
		}
		if top.chain > maxChain || top.joins > maxChain || top.sets > maxChain {
			return junk, earlierError(text[:tok.From], TooDeep())
		}
	}
}

func punctuate(stack []level, p string) []level {
	top := &stack[len(stack)-1]
	switch p {
	case "(", "[":
		return append(stack, level{})
	case ")", "]":
		if len(stack) > 1 {
			inner := max(top.chain, top.joins, top.sets)
			stack = stack[:len(stack)-1]
			top = &stack[len(stack)-1]
			top.chain = max(top.chain, inner)
		}
	case ",":
		top.chain, top.joins = 0, 0
	case ";":
		return append(stack[:0], level{})
	case "::":
		top.chain++
	}
	return stack
}

// keyword counts the words that make tree levels of their own. AND and OR do
// not: the grammar flattens their chains, so each begins a new expression.
func (l *level) keyword(word string) {
	if len(word) > 9 {
		return
	}
	switch strings.ToLower(word) {
	case "and", "or":
		l.chain = 0
	case "is", "like", "ilike", "similar", "collate", "at", "isnull", "notnull", "in",
		"between", "overlaps", "not", "operator":
		l.chain++
	case "join":
		l.joins++
	case "union", "intersect", "except":
		l.sets++
		l.chain, l.joins = 0, 0
	}
}

// earlierError returns the grammar's error in before, the text ahead of the
// place where later was noticed, or later when there is none: PostgreSQL stops
// at the first error.
func earlierError(before string, later error) error {
	if _, err := callLibrary(before); err != nil {
		if e := mapError(err, before); !atEndOfInput(e) {
			return e
		}
	}
	return later
}

// TooDeep is the error of nesting beyond what is supported, in PostgreSQL's words.
func TooDeep() error {
	return pgerr.New(pgerr.StatementTooComplex, "stack depth limit exceeded").
		WithHint(`Increase the configuration parameter "max_stack_depth" (currently 2048kB), ` +
			`after ensuring the platform's stack depth limit is adequate.`)
}
