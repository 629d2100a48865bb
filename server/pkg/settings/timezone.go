package settings

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the tz database travels inside the binary
)

func checkTimeZone(d *Def, value string) (string, error) {
	name, _, ok := ParseTimeZone(value)
	if !ok {
		return "", invalidValue(d.Name, value)
	}
	return name, nil
}

var zoneByLower = func() map[string]string {
	m := make(map[string]string, len(ZoneNames))
	for _, n := range ZoneNames {
		m[strings.ToLower(n)] = n
	}
	return m
}()

// ParseTimeZone reads a value of TimeZone: a name of the tz database in any
// case, a number of hours east of Greenwich, or a POSIX name with a fixed
// offset (hours west). It returns the canonical text and the zone.
func ParseTimeZone(value string) (canonical string, zone *time.Location, ok bool) {
	value = strings.TrimSpace(value)
	if hours, err := strconv.ParseFloat(value, 64); err == nil {
		if hours < -167 || hours > 167 {
			return "", nil, false
		}
		name, zone := FixedZone(int(hours * 3600))
		return name, zone, true
	}
	if name, found := zoneByLower[strings.ToLower(value)]; found {
		zone, err := time.LoadLocation(name)
		return name, zone, err == nil
	}
	if seconds, isPosix := posixOffset(value); isPosix {
		name := value
		if value[0] != '<' {
			name = strings.ToUpper(value)
		}
		return name, time.FixedZone(name, seconds), true
	}
	return "", nil, false
}

// FixedZone returns the zone so many seconds east of Greenwich, under the name
// PostgreSQL gives it: "<-05>+05".
func FixedZone(seconds int) (string, *time.Location) {
	clock := func(s int) string {
		text := fmt.Sprintf("%02d", s/3600)
		if s%3600 != 0 {
			text += fmt.Sprintf(":%02d", s%3600/60)
		}
		if s%60 != 0 {
			text += fmt.Sprintf(":%02d", s%60)
		}
		return text
	}
	east, west, abs := "+", "-", seconds
	if seconds < 0 {
		east, west, abs = "-", "+", -seconds
	}
	abbrev := east + clock(abs)
	return "<" + abbrev + ">" + west + clock(abs), time.FixedZone(abbrev, seconds)
}

// posixOffset reads NAME or <NAME> followed by a signed offset west of
// Greenwich, without daylight saving rules. The name may be missing if the
// offset has minutes.
func posixOffset(s string) (secondsEast int, ok bool) {
	i := 0
	if strings.HasPrefix(s, "<") {
		i = strings.IndexByte(s, '>') + 1
	} else {
		for i < len(s) && (s[i]|0x20) >= 'a' && (s[i]|0x20) <= 'z' {
			i++
		}
		if i < 3 {
			i = 0
		}
	}
	if i == 0 && !strings.Contains(s, ":") || i >= len(s) {
		return 0, false
	}
	sign := -1
	switch s[i] {
	case '-':
		sign, i = 1, i+1
	case '+':
		i++
	}
	unit := 3600
	for _, part := range strings.Split(s[i:], ":") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 0 || unit == 0 || unit == 3600 && n > 167 || unit < 3600 && n > 59 {
			return 0, false
		}
		secondsEast += n * unit
		unit /= 60
	}
	if secondsEast%60 != 0 { // PostgreSQL takes these for leap seconds
		return 0, false
	}
	return sign * secondsEast, true
}
