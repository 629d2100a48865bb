package catfn

import (
	"fmt"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

func init() {
	stable(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) { return text(c, c.Env.Database().Name) }, 861)
	stable(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) { return text(c, c.Env.Role().Name) }, 710, 745)
	stable(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) { return text(c, c.Env.SessionRole().Name) }, 746)
	stable(currentSchema, 1402)
	stable(currentSchemas, 1403)
	stable(version, 89)
	stable(currentSetting, 2077, 3294)
	expr.Register(2078, setConfig, expr.NonStrict, expr.IsVolatile)
	stable(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) { return data.Int(int64(c.Env.BackendPID())), nil }, 2026)
	stable(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) { return setting(c, "client_encoding") }, 810)
	stable(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) { return xid(c, true) }, 2943, 5059)
	stable(func(c *expr.Ctx, _ []data.Datum) (data.Datum, error) { return xid(c, false) }, 3348, 5060)
	stable(startTime, 2560, 2034)
	volatile(constant(data.Bool(false)), 3810, 3073, 315)
	stable(constant(data.Int(0)), 2854, 3163) // pg_my_temp_schema, pg_trigger_depth
	stable(constant(data.Bool(false)), 2855)
	volatile(sleep, 2626)
	volatile(sleepFor, 3935)
	volatile(sleepUntil, 3936)
	expr.Register(3036, notify, expr.NonStrict, expr.IsVolatile)
	expr.Register(2197, clientPort, expr.NonStrict, expr.IsStable)
}

func currentSchema(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
	s, err := c.Env.Catalog().CreationSchema()
	if err != nil || s == nil {
		return data.Null, err
	}
	return text(c, s.Name)
}

// pgCatalog is the OID of the schema pg_catalog, which is searched first when
// the path does not name it.
const pgCatalog = 11

func currentSchemas(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	view := c.Env.Catalog()
	implicit := a[0].Bool()
	named := false
	if path, err := c.Env.Setting("search_path"); err != nil {
		return data.Null, err
	} else if !implicit {
		named = namesSchema(path, "pg_catalog")
	}
	var names []data.Datum
	for _, oid := range view.SearchPath() {
		if oid == pgCatalog && !implicit && !named {
			continue
		}
		s, err := view.Schema(oid)
		if err != nil {
			return data.Null, err
		}
		if s != nil {
			names = append(names, c.Arena.CopyString(s.Name))
		}
	}
	return types.MakeArray(c.Arena, types.Get(types.Name), names), nil
}

// namesSchema reports whether a search_path setting names a schema itself.
func namesSchema(path, name string) bool {
	for _, n := range splitIdentifiers(path) {
		if n == name {
			return true
		}
	}
	return false
}

// version has the shape drivers parse: "PostgreSQL 15.18 (...) on ...".
func version(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
	v, err := c.Env.Setting("server_version")
	if err != nil {
		return data.Null, err
	}
	return text(c, fmt.Sprintf("PostgreSQL %s (pgz) on %s, 64-bit", v, platform))
}

func setting(c *expr.Ctx, name string) (data.Datum, error) {
	v, err := c.Env.Setting(name)
	if err != nil {
		return data.Null, err
	}
	return text(c, v)
}

func currentSetting(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if len(a) > 1 && a[1].Bool() {
		if v, known := c.Env.SettingOK(str(a, 0)); known {
			return text(c, v)
		}
		return data.Null, nil
	}
	return setting(c, str(a, 0))
}

func setConfig(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	if a[0].IsNull() {
		return data.Null, pgerr.New(pgerr.NullValueNotAllowed, "SET requires parameter name")
	}
	value := ""
	if !a[1].IsNull() {
		value = str(a, 1)
	}
	if err := c.Env.SetSetting(str(a, 0), value, !a[2].IsNull() && a[2].Bool()); err != nil {
		return data.Null, err
	}
	return setting(c, str(a, 0))
}

func xid(c *expr.Ctx, assign bool) (data.Datum, error) {
	x, err := c.Env.XID(assign)
	if err != nil || x == 0 {
		return data.Null, err
	}
	return data.Int(int64(x)), nil
}

// started is when the program was: PostgreSQL's epoch is 2000-01-01.
var started = time.Now().UnixMicro() - 946684800*1_000_000

func startTime(*expr.Ctx, []data.Datum) (data.Datum, error) { return data.Int(started), nil }

func sleep(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return pause(c, a[0].Float())
}

func sleepFor(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	iv := types.ReadInterval(a[0])
	return pause(c, float64(iv.Micros)/1e6+86400*(float64(iv.Days)+30*float64(iv.Months)))
}

func sleepUntil(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	return pause(c, float64(a[0].Int()-c.Env.ClockTimestamp())/1e6)
}

// pause sleeps unless the statement is cancelled.
func pause(c *expr.Ctx, seconds float64) (data.Datum, error) {
	if !(seconds > 0) {
		return text(c, "")
	}
	timer := time.NewTimer(time.Duration(min(seconds, 1e9) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return text(c, "")
	case <-c.Context.Done():
		return data.Null, expr.CancelError(c.Context)
	}
}

func notify(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	var s [2]string
	for i := range s {
		if !a[i].IsNull() {
			s[i] = str(a, i)
		}
	}
	if s[0] == "" {
		return data.Null, pgerr.New(pgerr.InvalidParameterValue, "channel name cannot be empty")
	}
	if err := c.Env.Notify(s[0], s[1]); err != nil {
		return data.Null, err
	}
	return text(c, "")
}

func clientPort(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
	_, port, ok := c.Env.ClientAddr()
	if !ok {
		return data.Null, nil
	}
	return data.Int(int64(port)), nil
}
