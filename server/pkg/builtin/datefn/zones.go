package datefn

import (
	"strings"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	// timestamp AT TIME ZONE gives timestamptz, timestamptz gives timestamp.
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return atZone(a, true) }, 2069)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return atZone(a, false) }, 1159)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return atOffset(a, true) }, 2070)
	register(func(_ *expr.Ctx, a []data.Datum) (data.Datum, error) { return atOffset(a, false) }, 1026)
	stable(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		loc, err := findZone(a[0].Str())
		if err != nil {
			return data.Null, err
		}
		if c.Env == nil {
			return data.Null, pgerr.FeatureNotSupported("the clock outside of a session")
		}
		off, _ := types.ZoneAt(c.Env.TransactionTimestamp(), loc)
		return timeAtOffset(c, a[1], int64(off)), nil
	}, 2037)
	register(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		off, err := offsetOf(a[0])
		if err != nil {
			return data.Null, err
		}
		return timeAtOffset(c, a[1], off), nil
	}, 2038)
}

// findZone finds a zone by abbreviation, name, or POSIX offset ("+3" is west).
func findZone(name string) (*time.Location, error) {
	if off, ok := types.ZoneAbbrev(strings.ToLower(name)); ok {
		return time.FixedZone(name, off), nil
	}
	if loc := types.LoadZone(name); loc != nil {
		return loc, nil
	}
	if name != "" && strings.Trim(name, "+-:0123456789") == "" {
		if loc := types.LoadZone("<" + strings.Repeat("z", 3) + ">" + name); loc != nil {
			return loc, nil
		}
	}
	return nil, pgerr.Newf(pgerr.InvalidParameterValue, "time zone \"%s\" not recognized", name)
}

func atZone(a []data.Datum, toUTC bool) (data.Datum, error) {
	ts := a[1].Int()
	if infinite(ts) {
		return a[1], nil
	}
	loc, err := findZone(a[0].Str())
	if err != nil {
		return data.Null, err
	}
	if toUTC {
		return timestamp(inRange(types.LocalToUTC(ts, loc), false))
	}
	off, _ := types.ZoneAt(ts, loc)
	return timestamp(inRange(ts+int64(off)*usSecond, false))
}

// offsetOf is the seconds east of UTC that an interval used as a zone means.
func offsetOf(d data.Datum) (int64, error) {
	v := types.ReadInterval(d)
	if v.Months != 0 || v.Days != 0 {
		return 0, pgerr.Newf(pgerr.InvalidParameterValue,
			"interval time zone \"%s\" must not include months or days",
			types.AppendInterval(nil, v, types.IntervalPostgres))
	}
	return v.Micros / usSecond, nil
}

func atOffset(a []data.Datum, toUTC bool) (data.Datum, error) {
	ts := a[1].Int()
	if infinite(ts) {
		return a[1], nil
	}
	off, err := offsetOf(a[0])
	if err != nil {
		return data.Null, err
	}
	if toUTC {
		off = -off
	}
	return timestamp(inRange(ts+off*usSecond, false))
}

func timeAtOffset(c *expr.Ctx, d data.Datum, off int64) data.Datum {
	t, z := types.ReadTimeTZ(d)
	return types.MakeTimeTZ(c.Arena, wrapTime(t+(int64(z)+off)*usSecond), int32(-off))
}
