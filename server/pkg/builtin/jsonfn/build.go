package jsonfn

import (
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	one := func(pretty bool) expr.Func {
		return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			b, err := appendValue(c.Types, nil, c.ArgType(0), a[0], pretty && a[1].Bool())
			return data.Bytes(b), err
		}
	}
	for _, oid := range []uint32{3176, 3153, 3155} { // to_json, array_to_json, row_to_json
		expr.Register(oid, one(false), expr.IsStable)
	}
	expr.Register(3154, one(true), expr.IsStable)
	expr.Register(3156, one(true), expr.IsStable)
	expr.Register(3198, buildArray, expr.IsStable, expr.NonStrict)
	expr.Register(3199, buildArray, expr.IsStable, expr.NonStrict)
	expr.Register(3200, buildObject, expr.IsStable, expr.NonStrict)
	expr.Register(3201, buildObject, expr.IsStable, expr.NonStrict)
	expr.Register(3202, objectFromPairs)
	expr.Register(3203, objectFromArrays)
}

// appendValue writes any value as JSON. With pretty, line feeds stand between the
// fields or elements of the outermost level.
func appendValue(c *types.Ctx, dst []byte, oid uint32, d data.Datum, pretty bool) ([]byte, error) {
	if d.IsNull() {
		return append(dst, "null"...), nil
	}
	t, err := types.Resolve(c, oid)
	if err != nil {
		return dst, err
	}
	switch oid {
	case types.Bool:
		if d.Bool() {
			return append(dst, "true"...), nil
		}
		return append(dst, "false"...), nil
	case types.Int2, types.Int4, types.Int8, types.Float4, types.Float8, types.Numeric:
		start := len(dst)
		dst = t.Out(c, dst, d)
		if last := dst[len(dst)-1]; last < '0' || last > '9' { // NaN, Infinity
			return appendQuoted(dst[:start], string(dst[start:])), nil
		}
		return dst, nil
	case types.JSON:
		return append(dst, d.Bytes()...), nil
	case types.Date, types.Timestamp, types.TimestampTZ:
		return appendMoment(c, dst, t, d), nil
	}
	switch {
	case t.IsArray():
		return appendArray(c, dst, d, pretty)
	case t.TypType == 'c' || oid == types.Record:
		return appendRow(c, dst, t, d, pretty)
	}
	return appendQuoted(dst, string(t.Out(c, nil, d))), nil
}

// appendMoment writes dates and timestamps as ISO 8601 has it.
func appendMoment(c *types.Ctx, dst []byte, t *types.Type, d data.Datum) []byte {
	iso := types.Ctx{TimeZone: c.TimeZone}
	if iso.TimeZone == nil {
		iso.TimeZone = time.UTC
	}
	text := t.Out(&iso, nil, d)
	for i, ch := range text {
		if ch == ' ' && t.OID != types.Date && text[i+1] != 'B' {
			text[i] = 'T'
			break
		}
	}
	if t.OID == types.TimestampTZ {
		text = withMinutes(text)
	}
	return append(append(append(dst, '"'), text...), '"')
}

// withMinutes writes an offset of whole hours as +hh:00.
func withMinutes(text []byte) []byte {
	end := len(text)
	if end > 3 && string(text[end-3:]) == " BC" {
		end -= 3
	}
	if end < 3 || text[end-3] != '+' && text[end-3] != '-' {
		return text
	}
	tail := string(text[end:])
	return append(append(text[:end], ":00"...), tail...)
}

func appendArray(c *types.Ctx, dst []byte, d data.Datum, pretty bool) ([]byte, error) {
	v := types.ReadArray(d)
	elem, err := types.Resolve(c, v.ElemOID())
	if err != nil {
		return dst, err
	}
	next := 0
	var level func(depth int) error
	level = func(depth int) error {
		dst = append(dst, '[')
		for i := range v.Dim(depth) {
			if i > 0 {
				dst = append(dst, ',')
				if pretty && depth == 0 {
					dst = append(dst, "\n "...)
				}
			}
			if depth+1 < v.NDims() {
				if err := level(depth + 1); err != nil {
					return err
				}
				continue
			}
			var err error
			if dst, err = appendValue(c, dst, elem.OID, v.Elem(elem, next), false); err != nil {
				return err
			}
			next++
		}
		dst = append(dst, ']')
		return nil
	}
	if v.NDims() == 0 {
		return append(dst, "[]"...), nil
	}
	return dst, level(0)
}

func appendRow(c *types.Ctx, dst []byte, t *types.Type, d data.Datum, pretty bool) ([]byte, error) {
	v := types.ReadRecord(d)
	row := t.OID
	if row == types.Record {
		row = v.RowType()
	}
	if row == 0 || c.Lookup == nil {
		// The names of an anonymous record's columns are not part of its value.
		return dst, pgerr.FeatureNotSupported("an anonymous record as JSON")
	}
	fields, err := c.Lookup.Fields(row)
	if err != nil {
		return dst, err
	}
	dst = append(dst, '{')
	for i := 0; v.Len() > 0 && i < len(fields); i++ {
		if i > 0 {
			dst = append(dst, ',')
			if pretty {
				dst = append(dst, "\n "...)
			}
		}
		ft, err := types.Resolve(c, v.NextType())
		if err != nil {
			return dst, err
		}
		dst = append(appendQuoted(dst, fields[i].Name), ':')
		if dst, err = appendValue(c, dst, ft.OID, v.Next(ft), false); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// arguments spreads a VARIADIC array; isNull tells that the array itself is null.
func arguments(c *expr.Ctx, a []data.Datum) (oids []uint32, vals []data.Datum, isNull bool) {
	if c.Call == nil || !c.Call.Variadic {
		for i := range a {
			oids = append(oids, c.ArgType(i))
		}
		return oids, a, false
	}
	if a[0].IsNull() {
		return nil, nil, true
	}
	v := types.ReadArray(a[0])
	elem, err := types.Resolve(c.Types, v.ElemOID())
	if err != nil {
		return nil, nil, true
	}
	vals = v.Elems(elem, nil)
	for range vals {
		oids = append(oids, elem.OID)
	}
	return oids, vals, false
}

func buildArray(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	oids, vals, isNull := arguments(c, a)
	if isNull {
		return data.Null, nil
	}
	dst := []byte{'['}
	var err error
	for i, v := range vals {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if dst, err = appendValue(c.Types, dst, known(oids[i]), v, false); err != nil {
			return data.Null, err
		}
	}
	return data.Bytes(append(dst, ']')), nil
}

// known takes a literal without a type as text.
func known(oid uint32) uint32 {
	if oid == 0 || oid == types.Unknown {
		return types.Text
	}
	return oid
}

func buildObject(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	oids, vals, isNull := arguments(c, a)
	if isNull {
		return data.Null, nil
	}
	if len(vals)%2 != 0 {
		return data.Null, pgerr.New(pgerr.InvalidParameterValue, "argument list must have even number of elements").
			WithHint("The arguments of json_build_object() must consist of alternating keys and values.")
	}
	dst := []byte{'{'}
	var err error
	for i := 0; i < len(vals); i += 2 {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if vals[i].IsNull() {
			return data.Null, pgerr.Newf(pgerr.InvalidParameterValue, "argument %d cannot be null", i+1).
				WithHint("Object keys should be text.")
		}
		if dst, err = appendKey(c.Types, dst, known(oids[i]), vals[i]); err != nil {
			return data.Null, err
		}
		if dst, err = appendValue(c.Types, append(dst, " : "...), known(oids[i+1]), vals[i+1], false); err != nil {
			return data.Null, err
		}
	}
	return data.Bytes(append(dst, '}')), nil
}

// appendKey writes a scalar as an object's key.
func appendKey(c *types.Ctx, dst []byte, oid uint32, d data.Datum) ([]byte, error) {
	t, err := types.Resolve(c, oid)
	if err != nil {
		return dst, err
	}
	if t.IsArray() || t.TypType == 'c' || oid == types.Record || oid == types.JSON {
		return dst, bad("key value must be scalar, not array, composite, or json")
	}
	b, err := appendValue(c, nil, oid, d, false)
	if err != nil || len(b) > 0 && b[0] == '"' {
		return append(dst, b...), err
	}
	return appendQuoted(dst, string(b)), nil
}

var errArraySubscript = func(message string) error { return pgerr.New(pgerr.ArraySubscriptError, message) }

func appendPair(dst []byte, k, v data.Datum) ([]byte, error) {
	if k.IsNull() {
		return dst, pgerr.New(pgerr.NullValueNotAllowed, "null value not allowed for object key")
	}
	if len(dst) > 1 {
		dst = append(dst, ", "...)
	}
	dst = append(appendQuoted(dst, k.Str()), " : "...)
	if v.IsNull() {
		return append(dst, "null"...), nil
	}
	return appendQuoted(dst, v.Str()), nil
}

// objectFromPairs is json_object(text[]): alternating, or an array of pairs.
func objectFromPairs(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	v := types.ReadArray(a[0])
	switch {
	case v.NDims() == 1 && v.Len()%2 != 0:
		return data.Null, errArraySubscript("array must have even number of elements")
	case v.NDims() == 2 && v.Dim(1) != 2:
		return data.Null, errArraySubscript("array must have two columns")
	case v.NDims() > 2:
		return data.Null, errArraySubscript("wrong number of array subscripts")
	}
	text := types.Get(types.Text)
	dst := []byte{'{'}
	var err error
	for i := 0; i < v.Len(); i += 2 {
		if dst, err = appendPair(dst, v.Elem(text, i), v.Elem(text, i+1)); err != nil {
			return data.Null, err
		}
	}
	return data.Bytes(append(dst, '}')), nil
}

func objectFromArrays(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	k, v := types.ReadArray(a[0]), types.ReadArray(a[1])
	switch {
	case k.NDims() > 1 || k.NDims() != v.NDims():
		return data.Null, errArraySubscript("wrong number of array subscripts")
	case k.Len() != v.Len():
		return data.Null, errArraySubscript("mismatched array dimensions")
	}
	text := types.Get(types.Text)
	dst := []byte{'{'}
	var err error
	for i := range k.Len() {
		if dst, err = appendPair(dst, k.Elem(text, i), v.Elem(text, i)); err != nil {
			return data.Null, err
		}
	}
	return data.Bytes(append(dst, '}')), nil
}
