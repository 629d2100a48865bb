// Package iofn registers the types' input, output and send functions under their
// pg_proc OIDs, so that SQL can call them by name: int4in('1'), float8send(x). What they
// do is package types' business.
package iofn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// ioFunctions are the I/O functions of one type, each with whether it is stable (it is
// immutable otherwise), as pg_type and pg_proc of PostgreSQL 15 list them.
type ioFunctions struct {
	typ        uint32
	in         uint32
	inStable   bool
	out        uint32
	outStable  bool
	send       uint32 // 0: none
	sendStable bool
}

var functions = []ioFunctions{
	{16, 1242, false, 1243, false, 2437, false},   // bool
	{17, 1244, false, 31, false, 2413, false},     // bytea
	{18, 1245, false, 33, false, 2435, false},     // char
	{19, 34, false, 35, false, 2423, true},        // name
	{20, 460, false, 461, false, 2409, false},     // int8
	{21, 38, false, 39, false, 2405, false},       // int2
	{22, 40, false, 41, false, 2411, false},       // int2vector
	{23, 42, false, 43, false, 2407, false},       // int4
	{24, 44, true, 45, true, 2445, false},         // regproc
	{25, 46, false, 47, false, 2415, true},        // text
	{26, 1798, false, 1799, false, 2419, false},   // oid
	{27, 48, false, 49, false, 2439, false},       // tid
	{28, 50, false, 51, false, 2441, false},       // xid
	{29, 52, false, 53, false, 2443, false},       // cid
	{30, 54, false, 55, false, 2421, false},       // oidvector
	{114, 321, false, 322, false, 324, false},     // json
	{194, 195, false, 196, false, 198, true},      // pg_node_tree
	{700, 200, false, 201, false, 2425, false},    // float4
	{701, 214, false, 215, false, 2427, false},    // float8
	{705, 109, false, 110, false, 2417, false},    // unknown
	{1033, 1031, true, 1032, true, 0, false},      // aclitem
	{1042, 1044, false, 1045, false, 2431, true},  // bpchar
	{1043, 1046, false, 1047, false, 2433, true},  // varchar
	{1082, 1084, true, 1085, true, 2469, false},   // date
	{1083, 1143, true, 1144, false, 2471, false},  // time
	{1114, 1312, true, 1313, true, 2475, false},   // timestamp
	{1184, 1150, true, 1151, true, 2477, false},   // timestamptz
	{1186, 1160, true, 1161, true, 2479, false},   // interval
	{1266, 1350, true, 1351, false, 2473, false},  // timetz
	{1700, 1701, false, 1702, false, 2461, false}, // numeric
	{2202, 2212, true, 2213, true, 2447, false},   // regprocedure
	{2203, 2214, true, 2215, true, 2449, false},   // regoper
	{2204, 2216, true, 2217, true, 2451, false},   // regoperator
	{2205, 2218, true, 2219, true, 2453, false},   // regclass
	{2206, 2220, true, 2221, true, 2455, false},   // regtype
	{2249, 2290, true, 2291, true, 2403, true},    // record
	{2950, 2952, false, 2953, false, 2962, false}, // uuid
	{3220, 3229, false, 3230, false, 3239, false}, // pg_lsn
	{3734, 3736, true, 3737, true, 3739, false},   // regconfig
	{3769, 3771, true, 3772, true, 3774, false},   // regdictionary
	{4089, 4084, true, 4085, true, 4088, false},   // regnamespace
	{4096, 4098, true, 4092, true, 4095, false},   // regrole
	{4191, 4193, true, 4194, true, 4197, false},   // regcollation
	{5069, 5070, false, 5081, false, 5083, false}, // xid8
}

// Functions that all array types share.
const (
	arrayIn   = 750
	arrayOut  = 751
	arraySend = 2401
)

func init() {
	for _, f := range functions {
		t := types.Get(f.typ)
		register(f.in, f.inStable, input(t))
		register(f.out, f.outStable, output(t))
		if f.send != 0 {
			register(f.send, f.sendStable, send(t))
		}
	}
	register(arrayIn, true, func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		elem, err := types.Resolve(c.Types, uint32(a[1].Int()))
		if err != nil {
			return data.Null, err
		}
		t, err := types.Resolve(c.Types, elem.Array)
		if err != nil {
			return data.Null, err
		}
		return t.In(c.Types, a[0].Str(), int32(a[2].Int()))
	})
	register(arrayOut, true, output(nil))
	register(arraySend, true, send(nil))
}

func register(oid uint32, stable bool, fn expr.Func) {
	if stable {
		expr.Register(oid, fn, expr.IsStable)
	} else {
		expr.Register(oid, fn)
	}
}

// input takes the text, and from types with a modifier also an OID and the modifier.
func input(t *types.Type) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		typ, typmod := t, int32(-1)
		if len(a) == 3 {
			typmod = int32(a[2].Int())
			if t.OID == types.Record {
				named, err := types.Resolve(c.Types, uint32(a[1].Int()))
				if err != nil {
					return data.Null, err
				}
				typ = named
			}
		}
		return typ.In(c.Types, a[0].Str(), typmod)
	}
}

// actual is t, or with nil the type of the argument.
func actual(c *expr.Ctx, t *types.Type) (*types.Type, error) {
	if t != nil {
		return t, nil
	}
	return types.Resolve(c.Types, c.ArgType(0))
}

func output(t *types.Type) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		typ, err := actual(c, t)
		if err != nil {
			return data.Null, err
		}
		return data.Bytes(typ.Out(c.Types, nil, a[0])), nil
	}
}

func send(t *types.Type) expr.Func {
	return func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		typ, err := actual(c, t)
		if err != nil {
			return data.Null, err
		}
		b, err := typ.Send(c.Types, nil, a[0])
		return data.Bytes(b), err
	}
}
