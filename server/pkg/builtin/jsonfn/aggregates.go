package jsonfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	expr.RegisterAggregate(expr.Aggregate{OID: 3175, New: func(c *expr.Ctx) expr.AggState {
		return &arrayState{oid: known(c.ArgType(0))}
	}})
	expr.RegisterAggregate(expr.Aggregate{OID: 3197, New: func(c *expr.Ctx) expr.AggState {
		return &objectState{key: known(c.ArgType(0)), value: known(c.ArgType(1))}
	}})
}

// arrayState is json_agg.
type arrayState struct {
	oid uint32
	buf []byte
}

func (s *arrayState) Step(c *expr.Ctx, a []data.Datum) error {
	separator := ", "
	if t, err := types.Resolve(c.Types, s.oid); err == nil && !a[0].IsNull() &&
		(t.IsArray() || t.TypType == 'c' || s.oid == types.Record) {
		separator = ", \n "
	}
	if s.buf == nil {
		s.buf = []byte{'['}
	} else {
		s.buf = append(s.buf, separator...)
	}
	var err error
	s.buf, err = appendValue(c.Types, s.buf, s.oid, a[0], false)
	return err
}

func (s *arrayState) Final(c *expr.Ctx) (data.Datum, error) {
	if s.buf == nil {
		return data.Null, nil
	}
	return data.Bytes(append(c.Arena.Copy(s.buf), ']')), nil
}

func (s *arrayState) Size() int { return cap(s.buf) }

// objectState is json_object_agg.
type objectState struct {
	key, value uint32
	buf        []byte
}

func (s *objectState) Step(c *expr.Ctx, a []data.Datum) error {
	if a[0].IsNull() {
		return pgerr.New(pgerr.InvalidParameterValue, "field name must not be null")
	}
	if s.buf == nil {
		s.buf = []byte("{ ")
	} else {
		s.buf = append(s.buf, ", "...)
	}
	var err error
	if s.buf, err = appendKey(c.Types, s.buf, s.key, a[0]); err != nil {
		return err
	}
	s.buf, err = appendValue(c.Types, append(s.buf, " : "...), s.value, a[1], false)
	return err
}

func (s *objectState) Final(c *expr.Ctx) (data.Datum, error) {
	if s.buf == nil {
		return data.Null, nil
	}
	return data.Bytes(append(c.Arena.Copy(s.buf), " }"...)), nil
}

func (s *objectState) Size() int { return cap(s.buf) }
