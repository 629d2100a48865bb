package session

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func itoa(n int) string { return strconv.Itoa(n) }

// split cuts a line into fields.
func (r *copyReader) split(line []byte) ([][]byte, error) {
	r.fields, r.values = r.fields[:0], r.values[:0]
	if r.simple && strings.IndexByte(r.opts.null, '\\') >= 0 {
		return r.splitSimple(line), nil
	}
	if cap(r.values) < len(line) {
		// Unescaping never lengthens, so fields can point into one buffer.
		r.values = make([]byte, 0, max(2*len(line), 256))
	}
	if r.opts.csv {
		return r.splitCSV(line)
	}
	if rest := bytes.TrimRight(line, `\`); (len(line)-len(rest))%2 == 1 {
		line = line[:len(line)-1] // the end of all data: it hides nothing
	}
	for {
		raw := line
		i := fieldEnd(line, r.opts.delim)
		if i >= 0 {
			raw = line[:i]
		}
		if string(raw) == r.opts.null {
			r.fields = append(r.fields, nil)
		} else {
			value, err := r.unescape(raw)
			if err != nil {
				return nil, err
			}
			r.fields = append(r.fields, value)
		}
		if i < 0 {
			return r.fields, nil
		}
		line = line[i+1:]
	}
}

// splitSimple is split of a line with neither escapes nor nulls.
func (r *copyReader) splitSimple(line []byte) [][]byte {
	for {
		i := bytes.IndexByte(line, r.opts.delim)
		if i < 0 {
			r.fields = append(r.fields, line)
			return r.fields
		}
		r.fields = append(r.fields, line[:i:i])
		line = line[i+1:]
	}
}

// fieldEnd finds the next delimiter that no backslash hides.
func fieldEnd(line []byte, delim byte) int {
	if i := bytes.IndexByte(line, delim); i <= 0 || line[i-1] != '\\' {
		return i
	}
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case delim:
			return i
		}
	}
	return -1
}

// unescape resolves the backslash sequences of the text format.
func (r *copyReader) unescape(raw []byte) ([]byte, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw, nil
	}
	from, high := len(r.values), false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c == '\\' && i+1 < len(raw) {
			i++
			c = raw[i]
			switch c {
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			case 'v':
				c = '\v'
			case '0', '1', '2', '3', '4', '5', '6', '7':
				n := 0
				j := i
				for ; j < len(raw) && j < i+3 && raw[j] >= '0' && raw[j] <= '7'; j++ {
					n = n<<3 | int(raw[j]-'0')
				}
				i, c, high = j-1, byte(n), high || n&0xFF >= 0x80 || n == 0
			case 'x':
				n, j := 0, i+1
				for ; j < len(raw) && j < i+3 && hexDigit(raw[j]) >= 0; j++ {
					n = n<<4 | hexDigit(raw[j])
				}
				if j > i+1 {
					i, c, high = j-1, byte(n), high || n >= 0x80 || n == 0
				}
			}
		}
		r.values = append(r.values, c)
	}
	value := r.values[from:len(r.values):len(r.values)]
	if high {
		if err := parser.CheckText(bytesString(value)); err != nil {
			return nil, err
		}
	}
	return value, nil
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// splitCSV cuts a csv line; a quoted field is never null.
func (r *copyReader) splitCSV(line []byte) ([][]byte, error) {
	o := r.opts
	i := 0
	for {
		from, quoted, inQuotes := len(r.values), false, false
		for ; i < len(line); i++ {
			c := line[i]
			if !inQuotes {
				if c == o.delim {
					break
				}
				if c == o.quote {
					inQuotes, quoted = true, true
					continue
				}
				r.values = append(r.values, c)
				continue
			}
			if c == o.escape && i+1 < len(line) && (line[i+1] == o.quote || line[i+1] == o.escape) {
				i++
				r.values = append(r.values, line[i])
				continue
			}
			if c == o.quote {
				inQuotes = false
				continue
			}
			r.values = append(r.values, c)
		}
		if inQuotes {
			return nil, pgerr.New(pgerr.BadCopyFileFormat, "unterminated CSV quoted field")
		}
		value := r.values[from:len(r.values):len(r.values)]
		col := len(r.fields)
		forced := quoted && !(col < len(r.forceNull) && r.forceNull[col]) ||
			!quoted && col < len(r.forceNotNull) && r.forceNotNull[col]
		if !forced && string(value) == o.null {
			value = nil
		} else if value == nil {
			value = []byte{}
		}
		r.fields = append(r.fields, value)
		if i >= len(line) {
			return r.fields, nil
		}
		i++
	}
}

// where is the line that was read last.
func (r *copyReader) where() string { return "COPY " + r.table + ", line " + itoa(r.line) }

// lineError adds the place to an error about a whole line.
func (r *copyReader) lineError(line []byte, e *pgerr.Error) *pgerr.Error {
	return e.WithWhere(r.where() + `: "` + clip(line) + `"`)
}

// columnError adds the place to an error about one field.
func (r *copyReader) columnError(column string, value []byte, err error) error {
	e := pgerr.From(err)
	where := r.where() + ", column " + column
	if value == nil {
		return e.WithWhere(where + ": null input")
	}
	return e.WithWhere(where + `: "` + clip(value) + `"`)
}

// clip shortens data shown in a message to 100 bytes, at a character's border.
func clip(b []byte) string {
	const limit = 100
	if len(b) <= limit {
		return string(b)
	}
	n := limit
	for n > 0 && b[n]&0xC0 == 0x80 {
		n--
	}
	return string(b[:n]) + "..."
}
