package jsonfn

import (
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	step := func(find func(v string, d data.Datum) (string, bool, error), text bool) expr.Func {
		return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
			v, ok, err := find(trimmed(a[0].Str()), a[1])
			return result(v, ok, text, err)
		}
	}
	byName := func(v string, d data.Datum) (string, bool, error) { return fieldOf(v, d.Str()) }
	byNumber := func(v string, d data.Datum) (string, bool, error) {
		e, ok := elementOf(v, d.Int())
		return e, ok, nil
	}
	expr.Register(3947, step(byName, false))
	expr.Register(3948, step(byName, true))
	expr.Register(3949, step(byNumber, false))
	expr.Register(3950, step(byNumber, true))
	expr.Register(3951, path(false))
	expr.Register(3953, path(true))
	expr.Register(3968, func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		return data.String(kind(trimmed(a[0].Str()))), nil
	})
	expr.Register(3956, arrayLength)
	expr.Register(3261, stripNulls)
	expr.RegisterSet(expr.SetFunc{OID: 3958, Columns: 2, Start: each(false)})
	expr.RegisterSet(expr.SetFunc{OID: 3959, Columns: 2, Start: each(true)})
	expr.RegisterSet(expr.SetFunc{OID: 3957, Start: keys})
	expr.RegisterSet(expr.SetFunc{OID: 3955, Start: elements("json_array_elements", false)})
	expr.RegisterSet(expr.SetFunc{OID: 3969, Start: elements("json_array_elements_text", true)})
}

func bad(message string) error { return pgerr.New(pgerr.InvalidParameterValue, message) }

// result gives a value as json or as text, where null is NULL.
func result(v string, ok, text bool, err error) (data.Datum, error) {
	if err != nil || !ok {
		return data.Null, err
	}
	if !text {
		return data.String(v), nil
	}
	switch v[0] {
	case 'n':
		return data.Null, nil
	case '"':
		s, err := unquote(v)
		return data.String(s), err
	}
	return data.String(v), nil
}

// fieldOf finds an object's last field of that name.
func fieldOf(v, name string) (found string, ok bool, err error) {
	if v[0] != '{' {
		return "", false, nil
	}
	err = eachField(v, func(n, value string) error {
		s, err := unquote(n)
		if err == nil && s == name {
			found, ok = value, true
		}
		return err
	})
	return found, ok, err
}

// elementOf finds an array's element, counting from 0, or from the end if negative.
func elementOf(v string, n int64) (found string, ok bool) {
	if v[0] != '[' {
		return "", false
	}
	if n < 0 {
		n += int64(count(v))
		if n < 0 {
			return "", false
		}
	}
	eachElement(v, func(e string) bool {
		if n == 0 {
			found, ok = e, true
		}
		n--
		return !ok
	})
	return found, ok
}

func count(v string) int {
	n := 0
	eachElement(v, func(string) bool { n++; return true })
	return n
}

// path is #> and #>>.
func path(text bool) expr.Func {
	elem := types.Get(types.Text)
	return func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
		v := trimmed(a[0].Str())
		p := types.ReadArray(a[1])
		for i := range p.Len() {
			d := p.Elem(elem, i)
			if d.IsNull() {
				return data.Null, nil
			}
			var ok bool
			var err error
			if v[0] == '[' {
				n, perr := strconv.ParseInt(d.Str(), 10, 32)
				if perr != nil {
					return data.Null, nil
				}
				v, ok = elementOf(v, n)
			} else {
				v, ok, err = fieldOf(v, d.Str())
			}
			if err != nil || !ok {
				return data.Null, err
			}
		}
		return result(v, true, text, nil)
	}
}

func arrayLength(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	switch v := trimmed(a[0].Str()); v[0] {
	case '[':
		return data.Int(int64(count(v))), nil
	case '{':
		return data.Null, bad("cannot get array length of a non-array")
	}
	return data.Null, bad("cannot get array length of a scalar")
}

// stripNulls leaves out fields that are null, and white space.
func stripNulls(_ *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return data.Bytes(appendStripped(nil, trimmed(a[0].Str()))), nil
}

func appendStripped(dst []byte, v string) []byte {
	first := true
	comma := func() {
		if !first {
			dst = append(dst, ',')
		}
		first = false
	}
	switch v[0] {
	case '[':
		dst = append(dst, '[')
		eachElement(v, func(e string) bool {
			comma()
			dst = appendStripped(dst, e)
			return true
		})
		return append(dst, ']')
	case '{':
		dst = append(dst, '{')
		_ = eachField(v, func(name, value string) error {
			if value[0] != 'n' {
				comma()
				dst = append(append(dst, name...), ':')
				dst = appendStripped(dst, value)
			}
			return nil
		})
		return append(dst, '}')
	}
	return append(dst, v...)
}

func each(text bool) func(*expr.Ctx, []data.Datum) (expr.SetIter, error) {
	return func(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
		v := trimmed(a[0].Str())
		switch v[0] {
		case '[':
			return nil, bad("cannot deconstruct an array as an object")
		case '{':
		default:
			return nil, bad("cannot deconstruct a scalar")
		}
		set := &expr.SliceSet{}
		err := eachField(v, func(name, value string) error {
			key, err := unquote(name)
			if err != nil {
				return err
			}
			d, err := result(value, true, text, nil)
			set.Rows = append(set.Rows, []data.Datum{data.String(key), d})
			return err
		})
		return set, err
	}
}

func keys(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
	v := trimmed(a[0].Str())
	switch v[0] {
	case '[':
		return nil, bad("cannot call json_object_keys on an array")
	case '{':
	default:
		return nil, bad("cannot call json_object_keys on a scalar")
	}
	set := &expr.SliceSet{}
	err := eachField(v, func(name, _ string) error {
		key, err := unquote(name)
		set.Rows = append(set.Rows, []data.Datum{data.String(key)})
		return err
	})
	return set, err
}

func elements(name string, text bool) func(*expr.Ctx, []data.Datum) (expr.SetIter, error) {
	return func(_ *expr.Ctx, a []data.Datum) (expr.SetIter, error) {
		v := trimmed(a[0].Str())
		switch v[0] {
		case '{':
			return nil, bad("cannot call " + name + " on a non-array")
		case '[':
		default:
			return nil, bad("cannot call " + name + " on a scalar")
		}
		set := &expr.SliceSet{}
		var err error
		eachElement(v, func(e string) bool {
			var d data.Datum
			d, err = result(e, true, text, nil)
			set.Rows = append(set.Rows, []data.Datum{d})
			return err == nil
		})
		return set, err
	}
}
