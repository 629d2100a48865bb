package types

import (
	"math"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// arrayParser reads an array literal: optional bounds, then nested braces.
type arrayParser struct {
	c      *Ctx
	elem   *Type
	typmod int32
	text   string // whole literal
	at     int
	vals   []data.Datum
	dims   [MaxArrayDims]int32
	nd     int // dimensions, known once the first element was read
	token  []byte
}

func (p *arrayParser) spaces() {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
}

func (p *arrayParser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// bounds reads [l:u][l:u]...= ; given is nil if there are none.
func (p *arrayParser) bounds() (lower, given []int32, err error) {
	for p.peek() == '[' {
		if len(given) == MaxArrayDims {
			return nil, nil, ErrArrayDims(MaxArrayDims + 1)
		}
		p.at++
		p.spaces()
		l, u := int64(1), int64(0)
		if u, err = p.number(); err != nil {
			return nil, nil, err
		}
		if p.peek() == ':' {
			p.at++
			l = u
			if u, err = p.number(); err != nil {
				return nil, nil, err
			}
		}
		if p.peek() != ']' {
			return nil, nil, errArray(p.text, "Missing \"]\" after array dimensions.")
		}
		p.at++
		if u < l {
			return nil, nil, pgerr.New(pgerr.ArraySubscriptError, "upper bound cannot be less than lower bound")
		}
		lower = append(lower, int32(l))
		given = append(given, int32(min(u-l+1, math.MaxInt32)))
		p.spaces()
	}
	if given != nil {
		if p.peek() != '=' {
			return nil, nil, errArray(p.text, "Missing \"=\" after array dimensions.")
		}
		p.at++
		p.spaces()
	}
	return lower, given, nil
}

func (p *arrayParser) number() (int64, error) {
	start := p.at
	if c := p.peek(); c == '-' || c == '+' {
		p.at++
	}
	digits, v := 0, int64(0)
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		if v < math.MaxInt32 {
			v = v*10 + int64(c-'0')
		}
		p.at++
		digits++
	}
	if digits == 0 {
		return 0, errArray(p.text, "\"[\" must introduce explicitly-specified array dimensions.")
	}
	v = min(v, math.MaxInt32)
	if p.text[start] == '-' {
		v = -v
	}
	return v, nil
}

// level reads the elements of one dimension; the brace that opens it has been read.
func (p *arrayParser) level(depth int) error {
	if depth >= MaxArrayDims {
		return ErrArrayDims(depth + 1)
	}
	count, nested := int32(0), false
	for {
		p.spaces()
		if p.at >= len(p.text) {
			return errArray(p.text, "Unexpected end of input.")
		}
		switch c := p.text[p.at]; {
		case c == '}':
			if count > 0 || depth > 0 {
				return p.unexpected(c)
			}
			p.at++
			return nil
		case c == p.elem.Delim:
			return p.unexpected(c)
		case c == '{':
			if count > 0 && !nested || p.nd > 0 && depth+1 >= p.nd {
				return p.unexpected(c)
			}
			nested = true
			p.at++
			if err := p.level(depth + 1); err != nil {
				return err
			}
		default:
			if nested || p.nd > 0 && depth+1 != p.nd {
				return errArray(p.text, "Unexpected array element.")
			}
			p.nd = depth + 1
			if err := p.element(); err != nil {
				return err
			}
		}
		count++
		p.spaces()
		if p.at >= len(p.text) {
			return errArray(p.text, "Unexpected end of input.")
		}
		switch c := p.text[p.at]; c {
		case p.elem.Delim:
			p.at++
		case '}':
			p.at++
			return p.close(depth, count)
		case '{':
			return p.unexpected(c)
		default:
			return errArray(p.text, "Unexpected array element.")
		}
	}
}

func (p *arrayParser) unexpected(c byte) error {
	return errArray(p.text, "Unexpected \""+string(rune(c))+"\" character.")
}

func (p *arrayParser) close(depth int, count int32) error {
	if p.dims[depth] == 0 {
		p.dims[depth] = count
	} else if p.dims[depth] != count {
		return errArray(p.text, "Multidimensional arrays must have sub-arrays with matching dimensions.")
	}
	return nil
}

// element reads one value, quoted or not.
func (p *arrayParser) element() error {
	p.token = p.token[:0]
	literal := false // cannot mean NULL
	if p.text[p.at] == '"' {
		literal = true
		if err := p.quoted(); err != nil {
			return err
		}
	} else {
		keep := 0 // bytes that are not blanks at the end
	unquoted:
		for {
			if p.at >= len(p.text) {
				return errArray(p.text, "Unexpected end of input.")
			}
			c := p.text[p.at]
			switch {
			case c == '\\':
				p.at++
				if p.at >= len(p.text) {
					return errArray(p.text, "Unexpected end of input.")
				}
				literal = true
				p.token = append(p.token, p.text[p.at])
				keep = len(p.token)
			case c == '"':
				return errArray(p.text, "Unexpected array element.")
			case c == '{':
				return p.unexpected(c)
			case c == '}' || c == p.elem.Delim:
				break unquoted
			default:
				p.token = append(p.token, c)
				if !isSpace(c) {
					keep = len(p.token)
				}
			}
			p.at++
		}
		p.token = p.token[:keep]
	}
	if !literal && strings.EqualFold(string(p.token), "null") {
		p.vals = append(p.vals, data.Null)
		return nil
	}
	v, err := p.elem.In(p.c, string(p.token), p.typmod)
	if err != nil {
		return err
	}
	p.vals = append(p.vals, v)
	return nil
}

func (p *arrayParser) quoted() error {
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case '"':
			p.at++
			return nil
		case '\\':
			p.at++
			if p.at < len(p.text) {
				p.token = append(p.token, p.text[p.at])
			}
		default:
			p.token = append(p.token, c)
		}
	}
	return errArray(p.text, "Unexpected end of input.")
}
