package session

import (
	"encoding/binary"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// flushAtBytes is the size beyond which replies go out before the client has
// nothing more to say.
const flushAtBytes = 16 << 10

// maxMessageBytes is what the body of a reply may hold, PostgreSQL's limit; tests
// lower it.
var maxMessageBytes = 1<<30 - 1

// largeMessageBytes is where a row under way begins to count as memory.
const largeMessageBytes = 1 << 20

// Out is the reply side of a connection: a buffer of protocol messages that
// the connection writes out in as few calls as it can. Rows are encoded in
// place; the rare messages go through pgproto3.
//
// A write error is kept in Err and makes later flushes do nothing: the session
// finds out when it next reads.
type Out struct {
	Buf   []byte
	Err   error
	Write func([]byte) error

	rowAt   int // where the DataRow under way begins
	readyAt int // behind the last ReadyForQuery that has not gone out
	markAt  int // where Rewind goes back to; -1: that has gone out
}

// Mark notes a place to rewind to.
func (o *Out) Mark() { o.markAt = len(o.Buf) }

// Rewind takes back what was appended since Mark. It reports false, and takes
// back nothing, when some of it has gone out.
func (o *Out) Rewind() bool {
	if o.markAt < 0 {
		return false
	}
	o.Buf = o.Buf[:o.markAt]
	return true
}

// FlushReady writes out what the client waits for before a long wait: up to the
// last ReadyForQuery. What belongs to the message under way stays until that is
// answered, as in PostgreSQL: clients that read one reply after the other would
// stop in the middle.
func (o *Out) FlushReady() error {
	if o.readyAt == 0 {
		return o.Err
	}
	rest, mark := append([]byte(nil), o.Buf[o.readyAt:]...), o.markAt-o.readyAt
	o.Buf = o.Buf[:o.readyAt]
	err := o.Flush()
	o.Buf, o.markAt = append(o.Buf, rest...), mark
	return err
}

// Flush writes everything out.
func (o *Out) Flush() error {
	o.readyAt, o.markAt = 0, -1
	if len(o.Buf) == 0 || o.Err != nil {
		o.Buf = o.Buf[:0]
		return o.Err
	}
	o.Err = o.Write(o.Buf)
	if cap(o.Buf) > 4*flushAtBytes {
		o.Buf = nil
	}
	o.Buf = o.Buf[:0]
	return o.Err
}

// FlushFull writes out what has become too much to keep.
func (o *Out) FlushFull() error {
	if len(o.Buf) < flushAtBytes {
		return o.Err
	}
	return o.Flush()
}

// Send appends any backend message.
func (o *Out) Send(m pgproto3.BackendMessage) {
	b, err := m.Encode(o.Buf)
	if err != nil { // longer than the protocol can say
		o.Err = err
		return
	}
	o.Buf = b
}

// begin appends a message's type and leaves room for its length.
func (o *Out) begin(kind byte) int {
	at := len(o.Buf)
	o.Buf = append(o.Buf, kind, 0, 0, 0, 0)
	return at
}

func (o *Out) end(at int) {
	binary.BigEndian.PutUint32(o.Buf[at+1:], uint32(len(o.Buf)-at-1))
}

// Empty appends a message without content.
func (o *Out) Empty(kind byte) { o.Buf = append(o.Buf, kind, 0, 0, 0, 4) }

// BeginRow starts a DataRow of n columns; each is then appended with Null, or
// between BeginValue and EndValue.
func (o *Out) BeginRow(n int) {
	o.rowAt = o.begin('D')
	o.Buf = binary.BigEndian.AppendUint16(o.Buf, uint16(n))
}

// Null appends a null column.
func (o *Out) Null() { o.Buf = append(o.Buf, 0xFF, 0xFF, 0xFF, 0xFF) }

// BeginValue leaves room for a column's length; the caller appends to Buf.
func (o *Out) BeginValue() int {
	o.Buf = append(o.Buf, 0, 0, 0, 0)
	return len(o.Buf)
}

// EndValue fills in the length of the column begun at the returned place.
func (o *Out) EndValue(at int) {
	binary.BigEndian.PutUint32(o.Buf[at-4:], uint32(len(o.Buf)-at))
}

// checkLength refuses a value, begun at place at, that makes the message begun
// at place from too long.
func (o *Out) checkLength(from, at int) error {
	before, n := at-from-5, len(o.Buf)-at
	if n < maxMessageBytes-before {
		return nil
	}
	return pgerr.New(pgerr.ProgramLimitExceeded, "out of memory").
		WithDetailf("Cannot enlarge string buffer containing %d bytes by %d more bytes.", before, n)
}

// roomFor is checkLength, and refuses what the statement's memory limit does not
// admit beside what account holds.
func (o *Out) roomFor(from, at int, account *data.Account) error {
	if err := o.checkLength(from, at); err != nil {
		return err
	}
	n := int64(len(o.Buf) - from)
	account.Grow(n)
	defer account.Shrink(n)
	if account.Over() {
		return expr.OutOfMemory(account)
	}
	return nil
}

// EndRow completes the DataRow.
func (o *Out) EndRow() { o.end(o.rowAt) }

// DropRow takes the unfinished DataRow back.
func (o *Out) DropRow() { o.Buf = o.Buf[:o.rowAt] }

// Complete appends CommandComplete.
func (o *Out) Complete(tag string) {
	at := o.begin('C')
	o.Buf = append(o.Buf, tag...)
	o.Buf = append(o.Buf, 0)
	o.end(at)
}

// Ready appends ReadyForQuery.
func (o *Out) Ready(status byte) {
	o.Buf = append(o.Buf, 'Z', 0, 0, 0, 5, status)
	o.readyAt = len(o.Buf)
}

// Parameter appends ParameterStatus.
func (o *Out) Parameter(name, value string) {
	o.Send(&pgproto3.ParameterStatus{Name: name, Value: value})
}

// Error appends ErrorResponse, or NoticeResponse for lesser severities.
func (o *Out) Error(e *pgerr.Error) {
	m := pgproto3.ErrorResponse{
		Severity: e.Severity, SeverityUnlocalized: e.Severity,
		Code: e.Code, Message: e.Message, Detail: e.Detail, Hint: e.Hint,
		Position: e.Position, InternalPosition: e.InternalPosition,
		InternalQuery: e.InternalQuery, Where: e.Where,
		SchemaName: e.Schema, TableName: e.Table, ColumnName: e.Column,
		DataTypeName: e.DataType, ConstraintName: e.Constraint,
		File: e.File, Line: e.Line, Routine: e.Routine,
	}
	if e.IsError() {
		o.Send(&m)
		return
	}
	notice := pgproto3.NoticeResponse(m)
	o.Send(&notice)
}
