package settings

import (
	"math"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Check returns value in canonical form, or PostgreSQL's error. name is the
// setting as the client wrote it, for messages.
func (d *Def) Check(name, value string) (string, error) {
	switch d.Type {
	case Bool:
		b, ok := ParseBool(value)
		if !ok {
			return "", pgerr.Newf(pgerr.InvalidParameterValue, `parameter "%s" requires a Boolean value`, name)
		}
		return onOff(b), nil
	case Int:
		return d.checkInt(name, value)
	case Real:
		return d.checkReal(name, value)
	case Enum:
		return d.checkEnum(name, value)
	}
	if check := stringChecks[strings.ToLower(d.Name)]; check != nil {
		return check(d, value)
	}
	return value, nil
}

func invalidValue(name, value string) *pgerr.Error {
	return pgerr.Newf(pgerr.InvalidParameterValue, `invalid value for parameter "%s": "%s"`, name, value)
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// ParseBool reads a Boolean as SET does: unique prefixes of true, false, yes,
// no, and on, off, 1, 0, in any case.
func ParseBool(s string) (value, ok bool) {
	s = strings.ToLower(s)
	switch {
	case s == "":
		return false, false
	case strings.HasPrefix("true", s), strings.HasPrefix("yes", s), s == "on", s == "1":
		return true, true
	case strings.HasPrefix("false", s), strings.HasPrefix("no", s), len(s) > 1 && strings.HasPrefix("off", s), s == "0":
		return false, true
	}
	return false, false
}

func (d *Def) checkEnum(name, value string) (string, error) {
	for _, v := range d.Values {
		if strings.EqualFold(v, value) {
			return v, nil
		}
	}
	if b, ok := ParseBool(value); ok {
		for _, v := range d.Values {
			if v == onOff(b) && len(value) > 1 {
				return v, nil
			}
		}
	}
	return "", invalidValue(name, value).
		WithHintf("Available values: %s.", strings.Join(d.Values, ", "))
}

func (d *Def) checkInt(name, value string) (string, error) {
	f, hint, ok := d.parseNumber(value)
	if !ok {
		return "", invalidValue(name, value).WithHint(hint)
	}
	f = math.RoundToEven(f)
	if f > math.MaxInt32 || f < math.MinInt32 {
		return "", invalidValue(name, value).WithHint("Value exceeds integer range.")
	}
	shown := strconv.FormatInt(int64(f), 10)
	if f < d.Min || f > d.Max {
		return "", d.outside(name, shown, strconv.FormatInt(int64(d.Min), 10), strconv.FormatInt(int64(d.Max), 10))
	}
	return shown, nil
}

func (d *Def) checkReal(name, value string) (string, error) {
	f, hint, ok := d.parseNumber(value)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		return "", invalidValue(name, value).WithHint(hint)
	}
	shown := formatReal(f)
	if f < d.Min || f > d.Max {
		return "", d.outside(name, shown, formatReal(d.Min), formatReal(d.Max))
	}
	return shown, nil
}

func (d *Def) outside(name, value, low, high string) error {
	if d.Unit != "" {
		value += " " + d.Unit
	}
	return pgerr.Newf(pgerr.InvalidParameterValue,
		`%s is outside the valid range for parameter "%s" (%s .. %s)`, value, name, low, high)
}

// formatReal is printf's %g.
func formatReal(f float64) string {
	s := strconv.FormatFloat(f, 'g', 6, 64)
	if mantissa, exp, ok := strings.Cut(s, "e"); ok {
		if len(exp) == 2 {
			exp = exp[:1] + "0" + exp[1:]
		}
		return mantissa + "e" + exp
	}
	return s
}

// parseNumber reads a number with an optional unit and converts it to the
// setting's base unit.
func (d *Def) parseNumber(s string) (f float64, hint string, ok bool) {
	s = strings.TrimSpace(s)
	n := numberLength(s)
	if n == 0 {
		return 0, "", false
	}
	number := strings.TrimPrefix(s[:n], "+")
	if i, err := strconv.ParseInt(number, 0, 64); err == nil {
		f = float64(i)
	} else if f, err = strconv.ParseFloat(number, 64); err != nil {
		return 0, "", false
	}
	unit := strings.TrimSpace(s[n:])
	if unit == "" {
		return f, "", true
	}
	if d.Unit == "" {
		return 0, "", false
	}
	factors, hint := memoryUnits, memoryHint
	if timeUnits[d.Unit] != 0 {
		factors, hint = timeUnits, timeHint
	}
	if factors[unit] == 0 || unit == "8kB" {
		return 0, hint, false
	}
	f = f * factors[unit] / factors[d.Unit]
	return f, "", true
}

const (
	memoryHint = `Valid units for this parameter are "B", "kB", "MB", "GB", and "TB".`
	timeHint   = `Valid units for this parameter are "us", "ms", "s", "min", "h", and "d".`
)

// Units of memory in bytes and of time in microseconds.
var (
	memoryUnits = map[string]float64{"B": 1, "kB": 1 << 10, "8kB": 8 << 10, "MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
	timeUnits   = map[string]float64{"us": 1, "ms": 1e3, "s": 1e6, "min": 60e6, "h": 3600e6, "d": 86400e6}
)

// numberLength is the length of the number s begins with.
func numberLength(s string) int {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	if i+1 < len(s) && s[i] == '0' && (s[i+1] == 'x' || s[i+1] == 'X') {
		for i += 2; i < len(s) && strings.IndexByte("0123456789abcdefABCDEF", s[i]) >= 0; i++ {
		}
		return i
	}
	digits := false
	for ; i < len(s) && (s[i] >= '0' && s[i] <= '9' || s[i] == '.'); i++ {
		digits = digits || s[i] != '.'
	}
	if !digits {
		return 0
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		j := i + 1
		if j < len(s) && (s[j] == '-' || s[j] == '+') {
			j++
		}
		if j < len(s) && s[j] >= '0' && s[j] <= '9' {
			for ; j < len(s) && s[j] >= '0' && s[j] <= '9'; j++ {
			}
			i = j
		}
	}
	return i
}

// display renders a canonical value as SHOW does: numbers in the largest unit
// that keeps them whole.
func (d *Def) display(value string) string {
	if d.Unit == "" || value == "" || value == "0" || value[0] == '-' {
		return value
	}
	f, err := strconv.ParseFloat(value, 64)
	if err != nil {
		return value
	}
	factors, order := memoryUnits, []string{"TB", "GB", "MB", "kB", "B"}
	if timeUnits[d.Unit] != 0 {
		factors, order = timeUnits, []string{"d", "h", "min", "s", "ms", "us"}
	}
	f *= factors[d.Unit]
	for _, unit := range order {
		if q := f / factors[unit]; q >= 1 && q == math.Floor(q) {
			return strconv.FormatFloat(q, 'f', -1, 64) + unit
		}
	}
	return value + d.Unit
}
