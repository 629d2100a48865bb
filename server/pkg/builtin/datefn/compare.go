package datefn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Comparisons across types convert to timestamp, or with timestamptz to timestamptz
// in the session's zone. A date beyond timestamp's range is above all of them.

func init() {
	// The OIDs are those of lt, le, eq, gt, ge, ne, cmp.
	type tests [7]uint32
	cross := func(oids tests, cmp func(c *expr.Ctx, a, b int64) int, needsZone bool) {
		ops := [6]func(int) bool{
			func(r int) bool { return r < 0 }, func(r int) bool { return r <= 0 },
			func(r int) bool { return r == 0 }, func(r int) bool { return r > 0 },
			func(r int) bool { return r >= 0 }, func(r int) bool { return r != 0 },
		}
		var opts []expr.Option
		if needsZone {
			opts = append(opts, expr.IsStable)
		}
		for i, ok := range ops {
			expr.Register(oids[i], func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
				return data.Bool(ok(cmp(c, a[0].Int(), a[1].Int()))), nil
			}, opts...)
		}
		expr.Register(oids[6], func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			return data.Int(int64(cmp(c, a[0].Int(), a[1].Int()))), nil
		}, opts...)
	}
	swap := func(f func(c *expr.Ctx, a, b int64) int) func(c *expr.Ctx, a, b int64) int {
		return func(c *expr.Ctx, a, b int64) int { return -f(c, b, a) }
	}
	cross(tests{2338, 2339, 2340, 2341, 2342, 2343, 2344}, dateVsTimestamp, false)
	cross(tests{2351, 2352, 2353, 2354, 2355, 2356, 2357}, dateVsZoned, true)
	cross(tests{2364, 2365, 2366, 2367, 2368, 2369, 2370}, swap(dateVsTimestamp), false)
	cross(tests{2377, 2378, 2379, 2380, 2381, 2382, 2383}, swap(dateVsZoned), true)
	cross(tests{2520, 2521, 2522, 2523, 2524, 2525, 2526}, timestampVsZoned, true)
	cross(tests{2527, 2528, 2529, 2530, 2531, 2532, 2533}, swap(timestampVsZoned), true)
	registerOverlaps()
}

func cmp(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func dateVsTimestamp(_ *expr.Ctx, d, ts int64) int {
	t, err := dateToTimestamp(d)
	if err != nil {
		if ts == types.TimestampInfinity {
			return -1
		}
		return 1
	}
	return cmp(t, ts)
}

func dateVsZoned(c *expr.Ctx, d, ts int64) int {
	t, err := dateToTimestamp(d)
	if err != nil {
		return dateVsTimestamp(c, d, ts)
	}
	return timestampVsZoned(c, t, ts)
}

func timestampVsZoned(c *expr.Ctx, local, ts int64) int {
	if infinite(local) {
		return cmp(local, ts)
	}
	return cmp(types.LocalToUTC(local, zone(c)), ts)
}

// overlaps implements (s1, e1) OVERLAPS (s2, e2) with its nulls: a missing end is
// the other one; unknown unless what is known decides.
func overlaps(less func(a, b data.Datum) bool, s1, e1, s2, e2 data.Datum) data.Datum {
	order := func(s, e data.Datum) (data.Datum, data.Datum) {
		switch {
		case s.IsNull():
			return e, data.Null
		case !e.IsNull() && less(e, s):
			return e, s
		}
		return s, e
	}
	if s1.IsNull() && e1.IsNull() || s2.IsNull() && e2.IsNull() {
		return data.Null
	}
	s1, e1 = order(s1, e1)
	s2, e2 = order(s2, e2)
	if less(s1, s2) {
		s1, e1, s2, e2 = s2, e2, s1, e1
	}
	// Now s2 <= s1.
	switch {
	case !less(s2, s1): // equal starts
		if e1.IsNull() || e2.IsNull() {
			return data.Null
		}
		return data.Bool(true)
	case e2.IsNull():
		return data.Null
	case less(s1, e2):
		return data.Bool(true)
	case e1.IsNull():
		return data.Null
	}
	return data.Bool(false)
}

func registerOverlaps() {
	ints := func(a, b data.Datum) bool { return a.Int() < b.Int() }
	plusTime := func(_ *expr.Ctx, t int64, v span) (int64, error) { return wrapTime(t + v.Micros%usDay), nil }
	type adder = func(c *expr.Ctx, t int64, v span) (int64, error)
	variant := func(oid uint32, less func(a, b data.Datum) bool, add adder, iv1, iv2 bool, opts ...expr.Option) {
		expr.Register(oid, func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			e := [2]data.Datum{a[1], a[3]}
			for i, isInterval := range [2]bool{iv1, iv2} {
				if !isInterval || e[i].IsNull() {
					continue
				}
				if a[2*i].IsNull() {
					e[i] = data.Null
					continue
				}
				t, err := add(c, a[2*i].Int(), types.ReadInterval(e[i]))
				if err != nil {
					return data.Null, err
				}
				e[i] = data.Int(t)
			}
			return overlaps(less, a[0], e[0], a[2], e[1]), nil
		}, append(opts, expr.NonStrict)...)
	}
	variant(1304, ints, nil, false, false)
	variant(1305, ints, plusZoned, true, true, expr.IsStable)
	variant(1306, ints, plusZoned, false, true, expr.IsStable)
	variant(1307, ints, plusZoned, true, false, expr.IsStable)
	variant(1308, ints, nil, false, false)
	variant(1309, ints, plusTime, true, true)
	variant(1310, ints, plusTime, false, true)
	variant(1311, ints, plusTime, true, false)
	variant(2041, ints, nil, false, false)
	variant(2042, ints, plusLocal, true, true)
	variant(2043, ints, plusLocal, false, true)
	variant(2044, ints, plusLocal, true, false)
	timetz := types.Get(types.TimeTZ)
	variant(1271, func(a, b data.Datum) bool { return timetz.Compare(a, b) < 0 }, nil, false, false)
}
