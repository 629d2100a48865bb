package settings

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// stringChecks canonicalise the string settings that mean something.
var stringChecks = map[string]func(d *Def, value string) (string, error){
	"application_name":            checkASCII,
	"client_encoding":             checkEncoding,
	"datestyle":                   checkDateStyle,
	"timezone":                    checkTimeZone,
	"log_timezone":                checkTimeZone,
	"lc_monetary":                 checkLocale,
	"lc_numeric":                  checkLocale,
	"lc_time":                     checkLocale,
	"lc_messages":                 checkLocale,
	"search_path":                 checkSearchPath,
	"default_table_access_method": checkAccessMethod,
}

// checkASCII replaces what is not printable ASCII by question marks.
func checkASCII(_ *Def, value string) (string, error) {
	b := []byte(value)
	for i, c := range b {
		if c < 32 || c > 126 {
			b[i] = '?'
		}
	}
	return string(b), nil
}

// otherEncodings are PostgreSQL's client encodings that need a conversion.
var otherEncodings = map[string]bool{}

func init() {
	for _, n := range strings.Fields(`big5 eucjp euccn euckr euctw eucjis2004 gb18030 gbk iso88595
		iso88596 iso88597 iso88598 johab koi8r koi8u koi8 latin1 latin2 latin3 latin4 latin5 latin6
		latin7 latin8 latin9 latin10 iso88591 iso88592 muleinternal shiftjis sjis shiftjis2004 uhc
		win866 win874 win1250 win1251 win1252 win1253 win1254 win1255 win1256 win1257 win1258`) {
		otherEncodings[n] = true
	}
}

func checkEncoding(d *Def, value string) (string, error) {
	var key strings.Builder
	for _, c := range strings.ToLower(value) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			key.WriteRune(c)
		}
	}
	switch name := key.String(); {
	case name == "utf8" || name == "unicode":
		return "UTF8", nil
	case name == "sqlascii":
		return "SQL_ASCII", nil
	case otherEncodings[name]:
		return "", pgerr.FeatureNotSupported("client encoding " + value)
	}
	return "", invalidValue(d.Name, value)
}

// checkLocale knows the one locale there is.
func checkLocale(d *Def, value string) (string, error) {
	switch value {
	case "", "C", "POSIX":
		return value, nil
	}
	return "", invalidValue(d.Name, value)
}

func checkAccessMethod(d *Def, value string) (string, error) {
	if value == "heap" {
		return value, nil
	}
	return "", invalidValue(d.Name, value).WithDetailf(`Table access method "%s" does not exist.`, value)
}

func checkSearchPath(d *Def, value string) (string, error) {
	if _, ok := SplitIdentifiers(value); !ok {
		return "", invalidValue(d.Name, value).WithDetail("List syntax is invalid.")
	}
	return value, nil
}

// SplitIdentifiers reads a list of identifiers joined by commas, as in
// search_path: unquoted ones are folded to lower case.
func SplitIdentifiers(list string) (names []string, ok bool) {
	rest := strings.TrimLeft(list, " \t\n\r\f")
	if rest == "" {
		return nil, true
	}
	for {
		name := ""
		if rest != "" && rest[0] == '"' {
			end := 1
			for {
				i := strings.IndexByte(rest[end:], '"')
				if i < 0 {
					return nil, false
				}
				end += i + 1
				if end >= len(rest) || rest[end] != '"' {
					break
				}
				end++
			}
			name = strings.ReplaceAll(rest[1:end-1], `""`, `"`)
			rest = rest[end:]
		} else {
			end := strings.IndexAny(rest, ", \t\n\r\f")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, false
			}
			name, rest = strings.ToLower(rest[:end]), rest[end:]
		}
		names = append(names, name)
		rest = strings.TrimLeft(rest, " \t\n\r\f")
		if rest == "" {
			return names, true
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = strings.TrimLeft(rest[1:], " \t\n\r\f")
	}
}

// DateStyle is the meaning of the setting of that name.
type DateStyle struct {
	Format string // ISO, SQL, Postgres or German
	Order  string // MDY, DMY or YMD
}

// ParseDateStyle reads a list of key words on top of the given style.
func ParseDateStyle(style DateStyle, value string) (DateStyle, error) {
	words, ok := SplitIdentifiers(value)
	if !ok {
		return style, invalidValue("DateStyle", value).WithDetail("List syntax is invalid.")
	}
	format, order := "", ""
	conflict := false
	choose := func(slot *string, v string) {
		conflict = conflict || *slot != "" && *slot != v
		*slot = v
	}
	for _, w := range words {
		switch {
		case w == "iso":
			choose(&format, "ISO")
		case w == "sql":
			choose(&format, "SQL")
		case strings.HasPrefix(w, "postgres"):
			choose(&format, "Postgres")
		case w == "german":
			choose(&format, "German")
			if order == "" {
				style.Order = "DMY"
			}
		case w == "ymd":
			choose(&order, "YMD")
		case w == "dmy", strings.HasPrefix(w, "euro"):
			choose(&order, "DMY")
		case w == "mdy", w == "us", strings.HasPrefix(w, "noneuro"):
			choose(&order, "MDY")
		case w == "default":
			if format == "" {
				style.Format = "ISO"
			}
			if order == "" {
				style.Order = "MDY"
			}
		default:
			return style, invalidValue("DateStyle", value).
				WithDetailf(`Unrecognized key word: "%s".`, w)
		}
	}
	if conflict {
		return style, invalidValue("DateStyle", value).
			WithDetail(`Conflicting "datestyle" specifications.`)
	}
	if format != "" {
		style.Format = format
	}
	if order != "" {
		style.Order = order
	}
	return style, nil
}

// String is the canonical text.
func (s DateStyle) String() string { return s.Format + ", " + s.Order }

// checkDateStyle completes a list that names only half of the style with the
// default; checkIn does it with the value in force.
func checkDateStyle(_ *Def, value string) (string, error) {
	style, err := ParseDateStyle(DateStyle{"ISO", "MDY"}, value)
	return style.String(), err
}

// checkIn is Check for values that build on what is in force in s.
func (d *Def) checkIn(s *Session, name, value string) (string, error) {
	if d.Name != "DateStyle" {
		return d.Check(name, value)
	}
	format, order, _ := strings.Cut(s.Get(d), ", ")
	style, err := ParseDateStyle(DateStyle{format, order}, value)
	return style.String(), err
}
