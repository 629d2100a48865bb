package datefn

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// unit is a field of a date, time or interval that extract and date_trunc name.
type unit uint8

const (
	uUnknown unit = iota
	uMicrosecond
	uMillisecond
	uSecond
	uMinute
	uHour
	uDay
	uWeek
	uMonth
	uQuarter
	uYear
	uDecade
	uCentury
	uMillennium
	uTimezone
	uTimezoneHour
	uTimezoneMinute
	// Those below are known to extract only.
	uDow
	uIsodow
	uDoy
	uIsoyear
	uEpoch
	uJulian
)

var units = func() map[string]unit {
	m := map[string]unit{}
	for u, words := range map[unit]string{
		uMicrosecond: "us usec usecs useconds usecond microsecond microseconds microsecon",
		uMillisecond: "ms msec msecs mseconds msecond millisecond milliseconds millisecon",
		uSecond:      "s sec secs second seconds", uMinute: "m min mins minute minutes",
		uHour: "h hr hrs hour hours", uDay: "d day days", uWeek: "w week weeks",
		uMonth: "mon mons month months", uQuarter: "qtr quarter", uYear: "y yr yrs year years",
		uDecade: "dec decs decade decades", uCentury: "c cent century centuries",
		uMillennium: "mil mils millennium millennia", uTimezone: "timezone",
		uTimezoneHour: "timezone_h timezone_hour", uTimezoneMinute: "timezone_m timezone_minute",
		uDow: "dow", uIsodow: "isodow", uDoy: "doy", uIsoyear: "isoyear", uEpoch: "epoch",
		uJulian: "j jd julian",
	} {
		for _, w := range strings.Fields(words) {
			m[w] = u
		}
	}
	return m
}()

func findUnit(s string) unit { return units[strings.ToLower(s)] }

func errUnit(name, typeName string, known bool) *pgerr.Error {
	if known {
		return pgerr.Newf(pgerr.FeatureNotSupportedCode,
			"unit \"%s\" not supported for type %s", strings.ToLower(name), typeName)
	}
	return pgerr.Newf(pgerr.InvalidParameterValue,
		"unit \"%s\" not recognized for type %s", strings.ToLower(name), typeName)
}
