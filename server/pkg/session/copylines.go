package session

import (
	"bytes"

	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// lineEnding is how the lines of COPY data end. The first line settles it for
// all others.
type lineEnding byte

const (
	endsUnknown lineEnding = iota
	endsNL
	endsCR
	endsCRNL
)

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

	line int // number of the line at hand, its last if it is a quoted one of several
	eol  lineEnding

	valid   int  // bytes of buf that are whole lines (or parts of quoted ones) of valid text
	escapes bool // they have a backslash
	returns bool // they have a carriage return
	simple  bool // the line at hand has no backslash, in text format

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
		end, found, err := r.findEnd(&scan)
		if err != nil {
			if invalid := parser.CheckText(bytesString(r.buf[r.start : r.start+scan.at])); invalid != nil {
				err = invalid // it comes first
			}
			return nil, false, pgerr.From(err).WithWhere(r.where())
		}
		switch {
		case found:
			line = r.buf[r.start : r.start+end.len]
			r.start += end.len + end.width
		case !r.ended:
			if err := r.more(); err != nil {
				return nil, false, err
			}
			continue
		default:
			line = r.buf[r.start:]
			r.start = len(r.buf)
		}
		if r.start > r.valid {
			if err := parser.CheckText(bytesString(line)); err != nil {
				return nil, false, pgerr.From(err).WithWhere(r.where())
			}
		}
		last := end.last
		if last {
			err = r.drain()
		}
		return line, len(line) > 0 || found && !last, err
	}
}

// plainLine is next where the first newline ends a line of valid text, in text
// format: nothing in the line is in doubt.
func (r *copyReader) plainLine() (line []byte, ok bool) {
	r.simple = false
	if r.opts.csv || r.start >= r.valid || r.eol != endsNL && r.eol != endsCRNL {
		return nil, false
	}
	b := r.buf[r.start:r.valid]
	at := bytes.IndexByte(b, '\n')
	if at < 0 {
		return nil, false
	}
	end := at
	if r.eol == endsCRNL {
		if end--; end < 0 || bytes.IndexByte(b[:at], '\r') != end {
			return nil, false
		}
	} else if r.returns && bytes.IndexByte(b[:at], '\r') >= 0 {
		return nil, false
	}
	line = b[:end]
	if r.escapes {
		if slash := bytes.IndexByte(line, '\\'); slash >= 0 {
			if line[end-1] == '\\' || bytes.Contains(line[slash:], endOfCopy) {
				return nil, false
			}
			r.start += at + 1
			return line, true
		}
	}
	r.simple = true
	r.start += at + 1
	return line, true
}

// endOfCopy is the mark that ends the data before its end.
var endOfCopy = []byte(`\.`)

// lineScan is how far the search for a line's end has come.
type lineScan struct {
	at       int // relative to the line's start
	inQuotes bool
	escaped  bool // the byte before at was an escape in quotes
}

// lineEnd is where a line ends.
type lineEnd struct {
	len   int  // of the line, without its end
	width int  // of the end
	last  bool // by the end-of-data mark
}

// findEnd searches the line's end, false when more data is needed or, at the
// data's end, nothing ends the line. A backslash hides a line end in text
// format, quotes do in csv.
func (r *copyReader) findEnd(s *lineScan) (end lineEnd, found bool, err error) {
	b := r.buf[r.start:]
	for s.at < len(b) {
		c := b[s.at]
		if s.at+1 == len(b) && !r.ended && (c == '\r' || c == '\\') {
			return end, false, nil
		}
		if r.opts.csv && r.quotes(s, c) {
			s.at++
			continue
		}
		switch {
		case c == '\n' || c == '\r':
			end, err = r.endAt(b, s.at)
			return end, err == nil, err
		case c == '\\' && s.at+1 < len(b) && (!r.opts.csv || s.at == 0):
			if b[s.at+1] == '.' {
				if len(b)-s.at < markLength && !r.ended {
					return end, false, nil
				}
				if end, found, err = r.endOfData(b, s.at); found {
					return end, true, nil
				} else if err != nil {
					return end, false, err
				}
			} else if !r.opts.csv {
				s.at++
			}
		}
		s.at++
	}
	return end, false, nil
}

// quotes follows csv's quotes over one byte and says whether it stands within
// them.
func (r *copyReader) quotes(s *lineScan, c byte) bool {
	escapes := r.opts.escape != r.opts.quote && c == r.opts.escape
	if s.inQuotes && escapes {
		s.escaped = !s.escaped
	}
	if c == r.opts.quote && !s.escaped {
		s.inQuotes = !s.inQuotes
	}
	if !escapes {
		s.escaped = false
	}
	if s.inQuotes && (c == '\n' && r.eol == endsNL || c == '\r' && r.eol != endsNL) {
		r.line++
	}
	return s.inQuotes
}

// endAt judges the newline or carriage return at a place where it ends a line.
func (r *copyReader) endAt(b []byte, at int) (lineEnd, error) {
	if b[at] == '\n' {
		if r.eol == endsCR || r.eol == endsCRNL {
			return lineEnd{}, r.strayEnd("newline", `\n`)
		}
		r.eol = endsNL
		return lineEnd{len: at, width: 1}, nil
	}
	switch newline := at+1 < len(b) && b[at+1] == '\n'; {
	case r.eol == endsNL, r.eol == endsCRNL && !newline:
		return lineEnd{}, r.strayEnd("carriage return", `\r`)
	case r.eol != endsCR && newline:
		r.eol = endsCRNL
		return lineEnd{len: at, width: 2}, nil
	}
	r.eol = endsCR
	return lineEnd{len: at, width: 1}, nil
}

// strayEnd is the error about a line end of another kind than the first.
func (r *copyReader) strayEnd(what, sequence string) error {
	if r.opts.csv {
		return pgerr.New(pgerr.BadCopyFileFormat, "unquoted "+what+" found in data").
			WithHint("Use quoted CSV field to represent " + what + ".")
	}
	return pgerr.New(pgerr.BadCopyFileFormat, "literal "+what+" found in data").
		WithHint(`Use "` + sequence + `" to represent ` + what + ".")
}

// markLength is that of the longest end-of-data mark, with its line end.
const markLength = len("\\.\r\n")

// endOfData judges the mark at a place, in csv at a line's start. In csv it is
// data, false, unless it stands alone on its line.
func (r *copyReader) endOfData(b []byte, at int) (end lineEnd, found bool, err error) {
	rest := b[at+len(endOfCopy):]
	corrupt := func(message string) (lineEnd, bool, error) {
		if r.opts.csv {
			return lineEnd{}, false, nil
		}
		return lineEnd{}, false, pgerr.New(pgerr.BadCopyFileFormat, message)
	}
	const otherStyle = "end-of-copy marker does not match previous newline style"
	if r.eol == endsCRNL && len(rest) > 0 {
		switch rest[0] {
		case '\n':
			return corrupt(otherStyle)
		case '\r':
			rest = rest[1:]
		default:
			return corrupt("end-of-copy marker corrupt")
		}
	}
	if len(rest) == 0 || rest[0] != '\r' && rest[0] != '\n' {
		return corrupt("end-of-copy marker corrupt")
	}
	if (r.eol == endsNL || r.eol == endsCRNL) && rest[0] != '\n' || r.eol == endsCR && rest[0] != '\r' {
		return lineEnd{}, false, pgerr.New(pgerr.BadCopyFileFormat, otherStyle)
	}
	return lineEnd{len: at, last: true}, true, nil
}

// more takes in another chunk, moving the unread part to the buffer's front.
func (r *copyReader) more() error {
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
		r.returns = bytes.IndexByte(lines, '\r') >= 0
	}
}

// copyLineLimit bounds one line, in bytes.
const copyLineLimit = 128 << 20

// drain passes over what follows the end-of-data mark.
func (r *copyReader) drain() error {
	r.start = len(r.buf)
	for !r.ended {
		_, done, err := r.src.ReadCopy()
		if err != nil {
			return err
		}
		r.ended = done
	}
	return nil
}
