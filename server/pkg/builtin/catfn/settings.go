package catfn

import (
	"math"
	"strconv"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/settings"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// SettingLister is implemented by an Env that knows a session's settings.
type SettingLister interface {
	SettingRows() []settings.Row
}

func init() {
	expr.RegisterSet(expr.SetFunc{OID: 2084, Columns: 17, Volatility: expr.Stable, Start: showAllSettings})
}

// showAllSettings is pg_show_all_settings, the rows of pg_settings.
func showAllSettings(c *expr.Ctx, _ []data.Datum) (expr.SetIter, error) {
	lister, ok := c.Env.(SettingLister)
	if !ok {
		return nil, pgerr.FeatureNotSupported("pg_settings")
	}
	rows := lister.SettingRows()
	out := &expr.SliceSet{Rows: make([][]data.Datum, 0, len(rows))}
	for i := range rows {
		out.Rows = append(out.Rows, settingRow(&rows[i]))
	}
	return out, nil
}

// customDef describes a setting that is not in the table.
var customDef = settings.Def{Type: settings.String, Context: settings.User}

func settingRow(r *settings.Row) []data.Datum {
	d := r.Def
	category := "Customized Options"
	if d == nil {
		d = &customDef
	} else {
		category = ""
	}
	low, high := data.Null, data.Null
	if d.Type == settings.Int || d.Type == settings.Real {
		low, high = bound(d.Min), bound(d.Max)
	}
	values := data.Null
	if len(d.Values) > 0 {
		elems := make([]data.Datum, len(d.Values))
		for i, v := range d.Values {
			elems[i] = data.String(v)
		}
		values = types.MakeArray(&data.Arena{}, types.Get(types.Text), elems)
	}
	source := "default"
	if r.Setting != d.Default {
		source = "session"
	}
	unit := data.Null
	if d.Unit != "" {
		unit = data.String(d.Unit)
	}
	return []data.Datum{
		data.String(r.Name), data.String(r.Setting), unit, data.String(category), data.String(""), data.Null,
		data.String(d.Context.String()), data.String(d.Type.String()), data.String(source), low, high, values,
		data.String(d.Default), data.String(r.Reset), data.Null, data.Null, data.Bool(false),
	}
}

func bound(f float64) data.Datum {
	if f == math.MaxFloat64 {
		return data.String("1.79769e+308")
	}
	return data.String(strconv.FormatFloat(f, 'f', -1, 64))
}
