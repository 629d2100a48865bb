package pgerr

import "fmt"

// WithDetail sets the detail line.
func (e *Error) WithDetail(detail string) *Error { e.Detail = detail; return e }

// WithDetailf is WithDetail with a format.
func (e *Error) WithDetailf(format string, args ...any) *Error {
	e.Detail = fmt.Sprintf(format, args...)
	return e
}

// WithHint sets the hint line.
func (e *Error) WithHint(hint string) *Error { e.Hint = hint; return e }

// WithHintf is WithHint with a format.
func (e *Error) WithHintf(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// WithPosition sets the 1-based character position in the statement.
func (e *Error) WithPosition(pos int32) *Error { e.Position = pos; return e }

// AtByte notes a tree location: a 0-based byte offset into the statement's
// text, negative when unknown. A location already noted stays, so the
// innermost caller wins.
func (e *Error) AtByte(location int32) *Error {
	if location >= 0 && e.byteOffset == 0 && e.Position == 0 {
		e.byteOffset = location + 1
	}
	return e
}

// ByteLocation returns the noted tree location, -1 when there is none.
func (e *Error) ByteLocation() int32 { return e.byteOffset - 1 }

// ResolvePosition turns a noted byte location into Position, counting the
// characters of the statement's text before it.
func (e *Error) ResolvePosition(text string) *Error {
	if e.Position != 0 || e.byteOffset == 0 {
		return e
	}
	n := min(int(e.byteOffset-1), len(text))
	chars := int32(0)
	for i := 0; i < n; i++ {
		if text[i]&0xC0 != 0x80 {
			chars++
		}
	}
	e.Position, e.byteOffset = chars+1, 0
	return e
}

// WithInternalQuery points into a statement of the server's own making.
func (e *Error) WithInternalQuery(query string, pos int32) *Error {
	e.InternalQuery, e.InternalPosition = query, pos
	return e
}

// WithWhere appends a line of context (the innermost line first).
func (e *Error) WithWhere(where string) *Error {
	if e.Where != "" {
		where = e.Where + "\n" + where
	}
	e.Where = where
	return e
}

// WithSchema sets the schema field.
func (e *Error) WithSchema(schema string) *Error { e.Schema = schema; return e }

// WithTable sets the schema and table fields.
func (e *Error) WithTable(schema, table string) *Error {
	e.Schema, e.Table = schema, table
	return e
}

// WithColumn sets the column field.
func (e *Error) WithColumn(column string) *Error { e.Column = column; return e }

// WithDataType sets the schema and data type fields.
func (e *Error) WithDataType(schema, name string) *Error {
	e.Schema, e.DataType = schema, name
	return e
}

// WithConstraint sets the constraint field.
func (e *Error) WithConstraint(name string) *Error { e.Constraint = name; return e }

// WithSource sets the routine that PostgreSQL names for this error.
func (e *Error) WithSource(file string, line int32, routine string) *Error {
	e.File, e.Line, e.Routine = file, line, routine
	return e
}

// WithCause keeps err for errors.Is without showing it.
func (e *Error) WithCause(err error) *Error { e.cause = err; return e }
