package catfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
)

func init() {
	volatile(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		n, err := c.Env.NextVal(c, oidArg(a, 0))
		return data.Int(n), err
	}, 1574)
	volatile(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		n, err := c.Env.CurrVal(c, oidArg(a, 0))
		return data.Int(n), err
	}, 1575)
	volatile(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
		n, err := c.Env.LastVal(c)
		return data.Int(n), err
	}, 2559)
	volatile(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
		called := len(a) < 3 || a[2].Bool()
		return a[1], c.Env.SetVal(c, oidArg(a, 0), a[1].Int(), called)
	}, 1576, 1765)
	registerAdvisory()
}

// advisory names the OIDs of the forms with one and with two keys.
func registerAdvisory() {
	for _, f := range []struct {
		one, two             uint32
		shared, session, try bool
	}{
		{2880, 2886, false, true, false}, {2881, 2887, true, true, false},
		{3089, 3093, false, false, false}, {3090, 3094, true, false, false},
		{2882, 2888, false, true, true}, {2883, 2889, true, true, true},
		{3091, 3095, false, false, true}, {3092, 3096, true, false, true},
	} {
		volatile(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			ok, err := c.Env.AdvisoryLock(c, advisoryKey(a), f.shared, f.session, f.try)
			if err != nil || f.try {
				return data.Bool(ok), err
			}
			return text(c, "")
		}, f.one, f.two)
	}
	for _, f := range []struct {
		one, two uint32
		shared   bool
	}{{2884, 2890, false}, {2885, 2891, true}} {
		volatile(func(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
			ok, err := c.Env.AdvisoryUnlock(c, advisoryKey(a), f.shared)
			return data.Bool(ok), err
		}, f.one, f.two)
	}
	volatile(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
		if err := c.Env.AdvisoryUnlockAll(c); err != nil {
			return data.Null, err
		}
		return text(c, "")
	}, 2892)
}

func advisoryKey(a []data.Datum) expr.AdvisoryKey {
	if len(a) == 1 {
		return expr.AdvisoryKey{Key: a[0].Int()}
	}
	return expr.AdvisoryKey{Key: a[0].Int()<<32 | int64(uint32(a[1].Int())), Two: true}
}
