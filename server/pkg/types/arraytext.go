package types

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// MaxArraySize is the largest number of elements.
const MaxArraySize = 134217727

func init() {
	*arrayFamily = family{
		in: arrayIn, out: arrayOut, recv: arrayRecv, send: arraySend, compare: arrayCompare, hash: arrayHash,
	}
	vector := &family{
		in: vectorIn, out: vectorOut, recv: arrayRecv, send: arraySend, compare: vectorCompare, hash: arrayHash,
	}
	setFamily(vector, Int2Vector, OidVector)
	// Columns of type anyarray (pg_statistic) hold arrays of any element type.
	setFamily(&family{
		in: func(t *Type, _ *Ctx, _ string, _ int32) (data.Datum, error) {
			return data.Null, pgerr.Newf(pgerr.FeatureNotSupportedCode, "cannot accept a value of type %s", t.Name)
		},
		out: arrayOut, send: arraySend,
	}, AnyArray, AnyCompatibleArray)
}

func errArray(s, detail string) error {
	return pgerr.Newf(pgerr.InvalidTextRepresentation, "malformed array literal: \"%s\"", s).WithDetail(detail)
}

// ErrArrayDims is the error for more dimensions than MaxArrayDims.
func ErrArrayDims(n int) error {
	return pgerr.Newf(pgerr.ProgramLimitExceeded,
		"number of array dimensions (%d) exceeds the maximum allowed (%d)", n, MaxArrayDims)
}

// ErrArraySize is the error for more elements than MaxArraySize.
func ErrArraySize() error {
	return pgerr.Newf(pgerr.ProgramLimitExceeded,
		"array size exceeds the maximum allowed (%d)", MaxArraySize)
}

func (t *Type) mustElem(c *Ctx) (*Type, error) {
	if e := t.ElemType(); e != nil {
		return e, nil
	}
	return Resolve(c, t.Elem)
}

func arrayIn(t *Type, c *Ctx, s string, typmod int32) (data.Datum, error) {
	elem, err := t.mustElem(c)
	if err != nil {
		return data.Null, err
	}
	p := arrayParser{c: c, elem: elem, typmod: typmod, text: s}
	p.spaces()
	lower, given, err := p.bounds()
	if err != nil {
		return data.Null, err
	}
	if p.peek() != '{' {
		if given != nil {
			return data.Null, errArray(s, "Array contents must start with \"{\".")
		}
		return data.Null, errArray(s, "Array value must start with \"{\" or dimension information.")
	}
	p.at++
	if err := p.level(0); err != nil {
		return data.Null, err
	}
	p.spaces()
	if p.at < len(s) {
		return data.Null, errArray(s, "Junk after closing right brace.")
	}
	if given == nil {
		for range p.nd {
			lower = append(lower, 1)
		}
	} else {
		same := len(given) == p.nd
		for i := 0; same && i < p.nd; i++ {
			same = given[i] == p.dims[i]
		}
		if !same {
			return data.Null, errArray(s, "Specified array dimensions do not match array contents.")
		}
	}
	if len(p.vals) > MaxArraySize {
		return data.Null, ErrArraySize()
	}
	return BuildArray(c.Arena, elem, p.vals, p.dims[:p.nd], lower), nil
}

func arrayOut(t *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	v := ReadArray(d)
	elem := t.ElemType()
	if elem == nil || elem.OID != v.ElemOID() {
		// Arrays of pseudo types (anyarray) and of a table's rows.
		e, err := Resolve(c, v.ElemOID())
		if err != nil {
			return append(dst, "{}"...)
		}
		elem = e
	}
	nd := v.NDims()
	if nd == 0 {
		return append(dst, '{', '}')
	}
	dims, lower := v.Dims()
	explicit := false
	for _, l := range lower {
		explicit = explicit || l != 1
	}
	if explicit {
		for i := range dims {
			dst = append(dst, '[')
			dst = append(dst, itoa(int64(lower[i]))...)
			dst = append(dst, ':')
			dst = append(dst, itoa(int64(lower[i])+int64(dims[i])-1)...)
			dst = append(dst, ']')
		}
		dst = append(dst, '=')
	}
	w := arrayWriter{c: c, elem: elem, v: &v, dims: dims, quote: elem.mayNeedQuotes()}
	return w.level(dst, 0)
}

type arrayWriter struct {
	c     *Ctx
	elem  *Type
	v     *ArrayView
	dims  []int32
	next  int
	quote bool
}

func (w *arrayWriter) level(dst []byte, depth int) []byte {
	dst = append(dst, '{')
	for i := range w.dims[depth] {
		if i > 0 {
			dst = append(dst, w.elem.Delim)
		}
		if depth+1 < len(w.dims) {
			dst = w.level(dst, depth+1)
			continue
		}
		dst = w.element(dst)
	}
	return append(dst, '}')
}

func (w *arrayWriter) element(dst []byte) []byte {
	e := w.v.Elem(w.elem, w.next)
	w.next++
	if e.IsNull() {
		return append(dst, "NULL"...)
	}
	start := len(dst)
	dst = w.elem.Out(w.c, dst, e)
	if !w.quote {
		return dst
	}
	text := dst[start:]
	extra := quotesNeeded(text, w.elem.Delim)
	if extra < 0 {
		return dst
	}
	raw := string(text)
	dst = append(dst[:start], '"')
	for i := range len(raw) {
		if raw[i] == '"' || raw[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, raw[i])
	}
	return append(dst, '"')
}

// mayNeedQuotes is false for types whose text never has special characters.
func (t *Type) mayNeedQuotes() bool {
	switch t.OID {
	case Bool, Int2, Int4, Int8, Oid, Float4, Float8, Numeric, XID, CID, XID8, UUID:
		return false
	}
	return true
}

// quotesNeeded is -1 if an element can be written bare, else the number of escapes.
func quotesNeeded(b []byte, delim byte) int {
	need := len(b) == 0 || len(b) == 4 && strings.EqualFold(string(b), "null")
	escapes := 0
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			escapes++
			need = true
		case c == '{' || c == '}' || c == delim || isSpace(c):
			need = true
		}
	}
	if !need {
		return -1
	}
	return escapes
}

func arrayRecv(t *Type, c *Ctx, b []byte, typmod int32) (data.Datum, error) {
	if len(b) < 12 {
		return data.Null, errShortMessage()
	}
	nd := int(int32(binary.BigEndian.Uint32(b)))
	flags := binary.BigEndian.Uint32(b[4:])
	oid := binary.BigEndian.Uint32(b[8:])
	b = b[12:]
	elem, err := t.mustElem(c)
	switch {
	case err != nil:
		return data.Null, err
	case nd < 0:
		return data.Null, pgerr.Newf(pgerr.InvalidBinaryRepresentation, "invalid number of dimensions: %d", nd)
	case nd > MaxArrayDims:
		return data.Null, ErrArrayDims(nd)
	case flags > 1:
		return data.Null, pgerr.New(pgerr.InvalidBinaryRepresentation, "invalid array flags")
	case oid != elem.OID:
		return data.Null, pgerr.Newf(pgerr.DatatypeMismatch,
			"binary data has array element type %d (%s) instead of expected %d (%s)",
			oid, FormatType(c, oid, -1), elem.OID, FormatType(c, elem.OID, -1))
	case len(b) < 8*nd:
		return data.Null, errShortMessage()
	}
	dims, lower, total := make([]int32, nd), make([]int32, nd), int64(1)
	for i := range nd {
		dims[i] = int32(binary.BigEndian.Uint32(b[8*i:]))
		lower[i] = int32(binary.BigEndian.Uint32(b[8*i+4:]))
		if dims[i] < 0 || total > MaxArraySize {
			return data.Null, ErrArraySize()
		}
		total *= int64(dims[i])
	}
	b = b[8*nd:]
	if nd == 0 {
		total = 0
	}
	if total > int64(len(b)/4) {
		return data.Null, errShortMessage()
	}
	vals := make([]data.Datum, total)
	for i := range vals {
		if vals[i], b, err = recvField(elem, c, b, typmod); err != nil {
			return data.Null, err
		}
	}
	if len(b) > 0 {
		return data.Null, errLongMessage()
	}
	if t.IsVector() {
		return buildArray(c.Arena, elem, vals, dims, lower), nil
	}
	return BuildArray(c.Arena, elem, vals, dims, lower), nil
}

// recvField reads a length-prefixed value, -1 for null.
func recvField(t *Type, c *Ctx, b []byte, typmod int32) (data.Datum, []byte, error) {
	if len(b) < 4 {
		return data.Null, nil, errShortMessage()
	}
	n := int(int32(binary.BigEndian.Uint32(b)))
	b = b[4:]
	if n == -1 {
		return data.Null, b, nil
	}
	if n < 0 || n > len(b) {
		return data.Null, nil, errShortMessage()
	}
	v, err := t.Recv(c, b[:n], typmod)
	return v, b[n:], err
}

func arraySend(t *Type, c *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	v := ReadArray(d)
	elem, err := Resolve(c, v.ElemOID())
	if err != nil {
		return dst, err
	}
	dims, lower := v.Dims()
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(dims)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(boolInt(v.HasNulls())))
	dst = binary.BigEndian.AppendUint32(dst, elem.OID)
	for i := range dims {
		dst = binary.BigEndian.AppendUint32(dst, uint32(dims[i]))
		dst = binary.BigEndian.AppendUint32(dst, uint32(lower[i]))
	}
	for i := range v.Len() {
		if dst, err = sendField(elem, c, dst, v.Elem(elem, i)); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func sendField(t *Type, c *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	if d.IsNull() {
		return binary.BigEndian.AppendUint32(dst, math.MaxUint32), nil
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst, err := t.Send(c, dst, d)
	if err == nil {
		binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	}
	return dst, err
}

// arrayCompare compares element by element, nulls last, then the number of elements,
// of dimensions, and the shape.
func arrayCompare(t *Type, a, b data.Datum) int {
	elem := t.ElemType()
	x, y := ReadArray(a), ReadArray(b)
	if elem == nil {
		elem = Get(x.ElemOID())
	}
	for i := range min(x.Len(), y.Len()) {
		p, q := x.Elem(elem, i), y.Elem(elem, i)
		if p.IsNull() || q.IsNull() {
			if c := cmpInt(boolInt(p.IsNull()), boolInt(q.IsNull())); c != 0 {
				return c
			}
			continue
		}
		if c := elem.Compare(p, q); c != 0 {
			return c
		}
	}
	if c := cmpInt(int64(x.Len()), int64(y.Len())); c != 0 {
		return c
	}
	if c := cmpInt(int64(x.NDims()), int64(y.NDims())); c != 0 {
		return c
	}
	for i := range x.NDims() {
		if c := cmpInt(int64(x.Dim(i)), int64(y.Dim(i))); c != 0 {
			return c
		}
		if c := cmpInt(int64(x.Lower(i)), int64(y.Lower(i))); c != 0 {
			return c
		}
	}
	return 0
}

func arrayHash(t *Type, d data.Datum) uint64 {
	v := ReadArray(d)
	elem := t.ElemType()
	if elem == nil {
		elem = Get(v.ElemOID())
	}
	h := hashUint(hashSeed, uint64(v.Len()))
	for i := range v.Len() {
		e := v.Elem(elem, i)
		if e.IsNull() {
			h = hashUint(h, 0)
			continue
		}
		h = hashUint(h, elem.Hash(e))
	}
	return h
}

// int2vector and oidvector are written as numbers with blanks between.
func vectorIn(t *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
	elem := t.ElemType()
	var vals []data.Datum
	for _, f := range strings.Fields(s) {
		v, err := elem.In(c, f, -1)
		if err != nil {
			return data.Null, err
		}
		vals = append(vals, v)
	}
	return BuildVector(c.Arena, elem, vals), nil
}

func vectorOut(t *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	v := ReadArray(d)
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = intOut(nil, c, dst, v.Elem(t.ElemType(), i))
	}
	return dst
}

// vectorCompare compares lengths first.
func vectorCompare(t *Type, a, b data.Datum) int {
	x, y := ReadArray(a), ReadArray(b)
	if c := cmpInt(int64(x.Len()), int64(y.Len())); c != 0 {
		return c
	}
	elem := t.ElemType()
	for i := range x.Len() {
		if c := cmpInt(x.Elem(elem, i).Int(), y.Elem(elem, i).Int()); c != 0 {
			return c
		}
	}
	return 0
}
