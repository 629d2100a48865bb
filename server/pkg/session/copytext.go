package session

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

func itoa(n int) string { return strconv.Itoa(n) }

// copyReader cuts the data of COPY FROM into lines and fields. The slices it
// returns are valid until the next line.
type copyReader struct {
	src   CopySource
	opts  *copyOptions
	buf   []byte
	start int // of the line to come
	ended bool

	table        string
	forceNull    []bool // by field, csv
	forceNotNull []bool

	line   int // number of the line at hand
	crlf   bool
	eolSet bool

	valid   int  // bytes of buf that are whole lines (or parts of quoted ones) of valid text
	escapes bool // they have a backslash
	simple  bool // the line at hand has none, in text format

	fields [][]byte // nil is null
	values []byte   // unescaped text the fields point into
}

// next returns the next line without its end, false at the end of the data.
func (r *copyReader) next() (line []byte, ok bool, err error) {
	r.line++
	if line, ok = r.plainLine(); ok {
		return line, true, nil
	}
	scan := lineScan{}
	for {
		end, width := r.findEnd(&scan)
		if end >= 0 {
			line = r.buf[r.start:end]
			r.start = end + width
		} else if !r.ended {
			if err := r.more(&scan); err != nil {
				return nil, false, err
			}
			continue
		} else {
			line = r.buf[r.start:]
			r.start = len(r.buf)
			if len(line) == 0 {
				return nil, false, nil
			}
			if scan.inQuotes {
				return nil, false, r.lineError(line, pgerr.New(pgerr.BadCopyFileFormat, "unterminated CSV quoted field"))
			}
		}
		if string(line) == `\.` && (!r.opts.csv || !scan.quoted) {
			return nil, false, r.drain()
		}
		if r.start > r.valid {
			if err := parser.CheckText(bytesString(line)); err != nil {
				return nil, false, pgerr.From(err).WithWhere(r.where())
			}
		}
		return line, true, nil
	}
}

// plainLine is next where the first newline ends a line of valid text: in text format
// unless a backslash stands before it.
func (r *copyReader) plainLine() (line []byte, ok bool) {
	r.simple = false
	if r.opts.csv || r.start >= r.valid {
		return nil, false
	}
	at := bytes.IndexByte(r.buf[r.start:r.valid], '\n')
	if at < 0 || at > 0 && r.buf[r.start+at-1] == '\\' {
		return nil, false
	}
	end, width := r.lineEnd(at)
	line = r.buf[r.start:end]
	if r.simple = !r.escapes || bytes.IndexByte(line, '\\') < 0; !r.simple && string(line) == `\.` {
		return nil, false
	}
	r.start = end + width
	return line, true
}

// lineScan is how far the search for a line's end has come.
type lineScan struct {
	at       int // relative to the line's start
	inQuotes bool
	quoted   bool // a quote was met
}

// findEnd searches the line's end; -1 when more data is needed. A backslash
// hides a newline in text format, quotes do in csv.
func (r *copyReader) findEnd(s *lineScan) (end, width int) {
	if !r.opts.csv {
		return r.findTextEnd(s)
	}
	b := r.buf[r.start:]
	for s.at < len(b) {
		c := b[s.at]
		switch {
		case c == r.opts.escape && r.opts.escape != r.opts.quote && s.inQuotes:
			if s.at+1 >= len(b) {
				return -1, 0
			}
			s.at += 2
		case c == r.opts.quote:
			s.inQuotes, s.quoted = !s.inQuotes, true
			s.at++
		case c == '\n' && !s.inQuotes:
			return r.lineEnd(s.at)
		default:
			s.at++
		}
	}
	return -1, 0
}

// findTextEnd is findEnd in text format, where lines mostly have no backslash.
func (r *copyReader) findTextEnd(s *lineScan) (end, width int) {
	b := r.buf[r.start:]
	newline := s.at - 1 // the first one at or behind s.at
	for s.at < len(b) {
		if newline < s.at {
			if newline = bytes.IndexByte(b[s.at:], '\n'); newline < 0 {
				newline = len(b)
			} else {
				newline += s.at
			}
		}
		slash := bytes.IndexByte(b[s.at:newline], '\\')
		switch {
		case slash >= 0:
			if s.at += slash; s.at+1 >= len(b) {
				return -1, 0
			}
			s.at += 2
		case newline < len(b):
			s.at = newline
			return r.lineEnd(newline)
		default:
			s.at = len(b)
		}
	}
	return -1, 0
}

// lineEnd settles, at the first line, whether lines end in CR LF.
func (r *copyReader) lineEnd(at int) (end, width int) {
	hasCR := at > 0 && r.buf[r.start+at-1] == '\r'
	if !r.eolSet {
		r.eolSet, r.crlf = true, hasCR
	}
	if r.crlf && hasCR {
		return r.start + at - 1, 2
	}
	return r.start + at, 1
}

// more takes in another chunk, moving the unread part to the buffer's front.
func (r *copyReader) more(s *lineScan) error {
	chunk, done, err := r.src.ReadCopy()
	if err != nil {
		return err
	}
	if done {
		r.ended = true
		return nil
	}
	if len(r.buf)-r.start+len(chunk) > copyLineLimit {
		return pgerr.New(pgerr.ProgramLimitExceeded, "a line of COPY data is too long")
	}
	if r.start > 0 {
		n := copy(r.buf, r.buf[r.start:])
		r.buf, r.start = r.buf[:n], 0
	}
	r.buf = append(r.buf, chunk...)
	r.survey(len(chunk))
	return nil
}

// survey looks at the whole lines that the last n bytes have ended: what holds
// for all of them need not be asked line by line.
func (r *copyReader) survey(n int) {
	r.valid = 0
	last := bytes.LastIndexByte(r.buf[len(r.buf)-n:], '\n')
	if last < 0 {
		return
	}
	lines := r.buf[:len(r.buf)-n+last+1]
	if parser.CheckText(bytesString(lines)) == nil {
		r.valid, r.escapes = len(lines), bytes.IndexByte(lines, '\\') >= 0
	}
}

// copyLineLimit bounds one line, in bytes.
const copyLineLimit = 128 << 20

// drain passes over what follows the end-of-data mark.
func (r *copyReader) drain() error {
	for !r.ended {
		_, done, err := r.src.ReadCopy()
		if err != nil {
			return err
		}
		r.ended = done
	}
	return nil
}

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
