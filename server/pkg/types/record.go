package types

import (
	"encoding/binary"
	"math"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// A record's Bytes, little-endian: number of fields u32, OID of its named row type u32 (0
// for an anonymous record), then each field: type OID u32, length i32 (-1 for null) and
// the value, in the stored form of array elements.

const recordHeaderLen = 8

func init() {
	*recordFamily = family{
		in: recordIn, out: recordOut, recv: recordRecv, send: recordSend,
		compare: recordCompare, hash: recordHash,
	}
	setFamily(recordFamily, Record)
}

// BuildRecord makes an anonymous record of values of the given types.
func BuildRecord(a *data.Arena, fields []*Type, vals []data.Datum) data.Datum {
	return BuildComposite(a, 0, fields, vals)
}

// BuildComposite makes a value of the row type with OID row.
func BuildComposite(a *data.Arena, row uint32, fields []*Type, vals []data.Datum) data.Datum {
	size := recordHeaderLen
	for i, v := range vals {
		size += 8 + storedLen(fields[i], v)
	}
	b := a.Bytes(size)
	binary.LittleEndian.PutUint32(b, uint32(len(vals)))
	binary.LittleEndian.PutUint32(b[4:], row)
	at := recordHeaderLen
	for i, v := range vals {
		binary.LittleEndian.PutUint32(b[at:], fields[i].OID)
		n := storedLen(fields[i], v)
		if v.IsNull() {
			binary.LittleEndian.PutUint32(b[at+4:], math.MaxUint32)
			at += 8
			continue
		}
		binary.LittleEndian.PutUint32(b[at+4:], uint32(n))
		at += 8
		if w := elemWidth(fields[i]); w > 0 {
			storeFixed(w, b[at:at+n], v)
		} else {
			copy(b[at:], v.Bytes())
		}
		at += n
	}
	return data.Bytes(b)
}

func storedLen(t *Type, v data.Datum) int {
	switch {
	case v.IsNull():
		return 0
	case elemWidth(t) > 0:
		return elemWidth(t)
	}
	return len(v.Bytes())
}

// RecordView walks over the fields of a record.
type RecordView struct {
	b   []byte
	n   int
	row uint32
}

// ReadRecord views d as a record.
func ReadRecord(d data.Datum) RecordView {
	b := d.Bytes()
	return RecordView{b: b[recordHeaderLen:], n: int(binary.LittleEndian.Uint32(b)),
		row: binary.LittleEndian.Uint32(b[4:])}
}

// RowType is the OID of the named row type, 0 for an anonymous record.
func (v *RecordView) RowType() uint32 { return v.row }

// Len is the number of fields not yet read.
func (v *RecordView) Len() int { return v.n }

// NextType is the type of the next field. Call only while Len is above 0.
func (v *RecordView) NextType() uint32 { return binary.LittleEndian.Uint32(v.b) }

// Next reads the next field, whose type is t, borrowed from the record.
func (v *RecordView) Next(t *Type) data.Datum {
	size := int32(binary.LittleEndian.Uint32(v.b[4:]))
	b := v.b[8:]
	v.n--
	if size < 0 {
		v.b = b
		return data.Null
	}
	v.b = b[size:]
	b = b[:size:size]
	if t == nil {
		return data.Bytes(b)
	}
	if w := elemWidth(t); w > 0 {
		return loadFixed(t, w, b)
	}
	return data.Bytes(b)
}

func recordIn(t *Type, c *Ctx, s string, _ int32) (data.Datum, error) {
	if t.OID == Record || c.Lookup == nil {
		return data.Null, pgerr.New(pgerr.FeatureNotSupportedCode,
			"input of anonymous composite types is not implemented")
	}
	fields, err := c.Lookup.Fields(t.OID)
	if err != nil {
		return data.Null, err
	}
	bad := func(detail string) (data.Datum, error) {
		return data.Null, pgerr.Newf(pgerr.InvalidTextRepresentation,
			"malformed record literal: \"%s\"", s).WithDetail(detail)
	}
	b := trimLeft(s)
	if b == "" || b[0] != '(' {
		return bad("Missing left parenthesis.")
	}
	b = b[1:]
	kinds, vals := make([]*Type, len(fields)), make([]data.Datum, len(fields))
	for i, f := range fields {
		if kinds[i], err = Resolve(c, f.Type); err != nil {
			return data.Null, err
		}
		if i > 0 {
			if b == "" || b[0] != ',' {
				return bad("Too few columns.")
			}
			b = b[1:]
		}
		token, rest, null, ok := recordField(b)
		if !ok {
			return bad("Unexpected end of input.")
		}
		b = rest
		if null {
			continue
		}
		if vals[i], err = kinds[i].In(c, token, f.Typmod); err != nil {
			return data.Null, err
		}
	}
	if b != "" && b[0] == ',' {
		return bad("Too many columns.")
	}
	if b == "" || b[0] != ')' {
		return bad("Unexpected end of input.")
	}
	if trimSpace(b[1:]) != "" {
		return bad("Junk after right parenthesis.")
	}
	return BuildComposite(c.Arena, t.OID, kinds, vals), nil
}

func trimLeft(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// recordField reads one field up to a comma or bracket that is not quoted.
func recordField(b string) (token, rest string, null, ok bool) {
	if b != "" && (b[0] == ',' || b[0] == ')') {
		return "", b, true, true
	}
	var out []byte
	quoted := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == '\\':
			i++
			if i >= len(b) {
				return "", "", false, false
			}
			out = append(out, b[i])
		case c == '"' && !quoted:
			quoted = true
		case c == '"':
			if i+1 < len(b) && b[i+1] == '"' {
				out = append(out, '"')
				i++
			} else {
				quoted = false
			}
		case !quoted && (c == ',' || c == ')'):
			return string(out), b[i:], false, true
		default:
			out = append(out, c)
		}
	}
	return "", "", false, false
}

func recordOut(_ *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	v := ReadRecord(d)
	dst = append(dst, '(')
	for i := 0; v.Len() > 0; i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		t, err := Resolve(c, v.NextType())
		f := v.Next(t)
		if f.IsNull() || err != nil {
			continue
		}
		start := len(dst)
		dst = t.Out(c, dst, f)
		dst = quoteField(dst, start)
	}
	return append(dst, ')')
}

// quoteField puts quotes around dst[start:] if a record's reader needs them.
func quoteField(dst []byte, start int) []byte {
	need := len(dst) == start
	for _, c := range dst[start:] {
		need = need || c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || isSpace(c)
	}
	if !need {
		return dst
	}
	raw := string(dst[start:])
	dst = append(dst[:start], '"')
	for i := range len(raw) {
		if raw[i] == '"' || raw[i] == '\\' {
			dst = append(dst, raw[i])
		}
		dst = append(dst, raw[i])
	}
	return append(dst, '"')
}

func recordSend(_ *Type, c *Ctx, dst []byte, d data.Datum) ([]byte, error) {
	v := ReadRecord(d)
	dst = binary.BigEndian.AppendUint32(dst, uint32(v.Len()))
	for v.Len() > 0 {
		t, err := Resolve(c, v.NextType())
		if err != nil {
			return dst, err
		}
		dst = binary.BigEndian.AppendUint32(dst, t.OID)
		if dst, err = sendField(t, c, dst, v.Next(t)); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

func recordRecv(t *Type, c *Ctx, b []byte, _ int32) (data.Datum, error) {
	if t.OID == Record || c.Lookup == nil {
		return data.Null, pgerr.New(pgerr.FeatureNotSupportedCode,
			"input of anonymous composite types is not implemented")
	}
	fields, err := c.Lookup.Fields(t.OID)
	if err != nil {
		return data.Null, err
	}
	if len(b) < 4 {
		return data.Null, errShortMessage()
	}
	if n := int(int32(binary.BigEndian.Uint32(b))); n != len(fields) {
		return data.Null, pgerr.Newf(pgerr.DatatypeMismatch,
			"wrong number of columns: %d, expected %d", n, len(fields))
	}
	b = b[4:]
	kinds, vals := make([]*Type, len(fields)), make([]data.Datum, len(fields))
	for i, f := range fields {
		if len(b) < 4 {
			return data.Null, errShortMessage()
		}
		if oid := binary.BigEndian.Uint32(b); oid != f.Type {
			return data.Null, pgerr.Newf(pgerr.DatatypeMismatch,
				"binary data has type %d (%s) instead of expected %d (%s) in record column %d",
				oid, FormatType(c, oid, -1), f.Type, FormatType(c, f.Type, -1), i+1)
		}
		if kinds[i], err = Resolve(c, f.Type); err != nil {
			return data.Null, err
		}
		if vals[i], b, err = recvField(kinds[i], c, b[4:], f.Typmod); err != nil {
			return data.Null, err
		}
	}
	if len(b) > 0 {
		return data.Null, errLongMessage()
	}
	return BuildComposite(c.Arena, t.OID, kinds, vals), nil
}

// recordCompare compares field by field, nulls last. Fields of types made by DDL,
// which are composites or arrays here, compare by their stored form.
func recordCompare(_ *Type, a, b data.Datum) int {
	x, y := ReadRecord(a), ReadRecord(b)
	for x.Len() > 0 && y.Len() > 0 {
		t := Get(x.NextType())
		p, q := x.Next(t), y.Next(t)
		c := 0
		switch {
		case p.IsNull() || q.IsNull():
			c = cmpInt(boolInt(p.IsNull()), boolInt(q.IsNull()))
		case t != nil && t.HasOrder():
			c = t.Compare(p, q)
		case p.Kind() == data.KindBytes:
			c = textCompare(nil, p, q)
		}
		if c != 0 {
			return c
		}
	}
	return cmpInt(int64(x.Len()), int64(y.Len()))
}

func recordHash(_ *Type, d data.Datum) uint64 {
	v := ReadRecord(d)
	h := hashUint(hashSeed, uint64(v.Len()))
	for v.Len() > 0 {
		t := Get(v.NextType())
		f := v.Next(t)
		switch {
		case f.IsNull():
			h = hashUint(h, 0)
		case t != nil && t.HasHash():
			h = hashUint(h, t.Hash(f))
		case f.Kind() == data.KindBytes:
			h = hashBytes(h, f.Bytes())
		}
	}
	return h
}
