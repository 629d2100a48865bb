package session

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Statements that differ in literals only share one plan when they are of a
// few simple kinds (shapematch.go). A shape is the statement's tokens with each
// literal replaced by its class; the literals become parameters. Whatever can
// change what a literal means is part of the class (its type) or of the check
// of the plan (settings, catalog).

// shapeTextLimit bounds the texts a shape is sought for, in bytes.
const shapeTextLimit = 2 << 10

// literalClass is the type a literal has before anything is known of its use.
type literalClass byte

const (
	literalInt4 literalClass = iota + 1
	literalInt8
	literalNumeric
	literalString // type unknown
)

// paramType is what a parameter in a literal's place is declared as; 0 is
// inferred, as an unknown literal's type is.
func (c literalClass) paramType() uint32 {
	switch c {
	case literalInt4:
		return types.Int4
	case literalInt8:
		return types.Int8
	case literalNumeric:
		return types.Numeric
	}
	return 0
}

// literal is one literal of a text. from is where the parse tree says it is:
// at the minus sign, if it has one.
type literal struct {
	from, to int
	value    int // where the number or the quote begins
	negative bool
	class    literalClass
	integer  int64
}

// shapeScan is the result of scanning a text for its shape; reused.
type shapeScan struct {
	key      []byte
	literals []literal
}

// scan fills in key and literals; false when the text cannot have a shape.
func (sc *shapeScan) scan(text string) bool {
	sc.key, sc.literals = sc.key[:0], sc.literals[:0]
	if len(text) > shapeTextLimit {
		return false
	}
	s := parser.NewScanner(text)
	prev, before := parser.Op, "" // what stands before the token; nothing does like an operator
	minus, afterStr := -1, false
	for {
		tok := s.Next()
		word := text[tok.From:tok.To]
		isStr := tok.Kind == parser.Str
		switch tok.Kind {
		case parser.EOF:
			return len(sc.literals) > 0
		case parser.Number:
			if !sc.number(word, tok.From, tok.To, minus) {
				return false
			}
		case parser.Str:
			if word[0] != '\'' || afterStr || minus >= 0 {
				return false // escapes, continued strings: not worth it
			}
			sc.literals = append(sc.literals, literal{from: tok.From, to: tok.To, value: tok.From, class: literalString})
			sc.key = append(sc.key, 0, byte(literalString))
		case parser.Op:
			if word == "-" && minus < 0 && isSign(prev, before) {
				minus, afterStr = tok.From, false
				continue
			}
			sc.token(word, minus)
		case parser.Ident, parser.QuotedIdent, parser.Punct:
			if word == ";" && s.Next().Kind == parser.EOF {
				return len(sc.literals) > 0
			}
			if word == ";" || word == "[" || word == "::" {
				return false
			}
			sc.token(word, minus)
		default: // parameters, bit and dollar strings, what is broken
			return false
		}
		minus, afterStr = -1, isStr
		prev, before = tok.Kind, word
	}
}

// isSign tells whether a minus behind that token is a sign.
func isSign(prev parser.Kind, before string) bool {
	return prev == parser.Op || before == "(" || before == "," || prev == parser.Ident && !isOperandEnd(before)
}

// isOperandEnd tells a word that ends an operand, so that a minus after it is
// an operator. Words are taken for columns unless they are known to be key
// words: a wrong guess only misses the cache.
func isOperandEnd(word string) bool {
	switch strings.ToLower(word) {
	case "and", "or", "where", "set", "select", "values", "between", "in", "not", "then", "else", "when", "case":
		return false
	}
	return true
}

func (sc *shapeScan) token(word string, minus int) {
	if minus >= 0 {
		sc.key = append(sc.key, '-', 0)
	}
	sc.key = append(sc.key, word...)
	sc.key = append(sc.key, 0)
}

// number adds a numeric literal.
func (sc *shapeScan) number(word string, from, to, minus int) bool {
	l := literal{from: from, to: to, value: from, class: literalNumeric}
	if minus >= 0 {
		l.from, l.negative = minus, true
	}
	if n, err := strconv.ParseUint(word, 10, 64); err == nil && n <= math.MaxInt64 {
		l.integer, l.class = int64(n), literalInt8
		if l.negative {
			l.integer = -l.integer
		}
		if l.integer >= math.MinInt32 && l.integer <= math.MaxInt32 {
			l.class = literalInt4
		}
	}
	sc.literals = append(sc.literals, l)
	sc.key = append(sc.key, 0, byte(l.class))
	return true
}

// shapeCache finds statements by shape. It is emptied when full.
type shapeCache struct {
	byKey map[string]*statement
	sc    shapeScan
}

const shapeCacheEntries = 256

func (c *shapeCache) put(key []byte, st *statement) {
	if c.byKey == nil || len(c.byKey) >= shapeCacheEntries {
		c.byKey = map[string]*statement{}
	}
	c.byKey[string(bytes.Clone(key))] = st
}

// literalParams turns the literals of the text last scanned into the values of
// st's parameters.
func (s *Session) literalParams(st *statement, p *portal, text string) error {
	c := s.typeCtx(&p.arena)
	p.params = p.params[:0]
	for i := range s.shapes.sc.literals {
		l := &s.shapes.sc.literals[i]
		d, err := s.literalValue(st.paramTypes[i], c, text, l)
		if err != nil {
			return err
		}
		p.params = append(p.params, d)
	}
	return nil
}

func (s *Session) literalValue(oid uint32, c *types.Ctx, text string, l *literal) (data.Datum, error) {
	switch l.class {
	case literalInt4, literalInt8:
		return data.Int(l.integer), nil
	}
	t, err := s.typeOf(oid)
	if err != nil {
		return data.Null, err
	}
	value := text[l.value:l.to]
	if l.class == literalString {
		value = value[1 : len(value)-1]
		if strings.IndexByte(value, '\'') >= 0 {
			value = strings.ReplaceAll(value, "''", "'")
		}
	} else if l.negative {
		value = "-" + value
	}
	return t.In(c, value, -1)
}
