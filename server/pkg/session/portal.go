package session

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// BindMessage is a Bind message cut into its parts, which borrow it.
type BindMessage struct {
	Portal, Statement []byte
	ParamFormats      []byte // int16 each
	NumParams         int
	Params            []byte // for each: int32 length (-1: null), bytes
	ResultFormats     []byte // int16 each
}

// portal is a statement bound to parameters, being executed.
type portal struct {
	name    string
	serial  int
	st      *statement
	params  []data.Datum
	arena   data.Arena
	formats []int16 // of result columns; nil: all text

	// What it returns: as st did at Bind, which told the client so, or when it
	// was started.
	bound    bool
	returns  bool
	columns  []planner.Column
	colTypes []*types.Type

	run     *exec.Run
	runPlan *planner.Plan
	ranOut  bool // the run came to its end
	// instrument measures the plan's nodes, for EXPLAIN ANALYZE.
	instrument *exec.Instrument
	state      exec.State
	account    data.Account // memory of run
	snapshot   kv.Snapshot  // to be released with the portal
	rows       *rowList     // results of a utility statement
	started    bool
	failed     bool
	executes   int // EXECUTE statements that led to st
	done       bool
	describe   bool // send RowDescription before the first row (simple protocol)
	sent       int64
	cursor     bool  // made by DECLARE
	noScroll   bool  // with NO SCROLL
	position   int64 // rows fetched from a cursor
	tag        string
}

// rowList is a materialised result.
type rowList struct {
	rows []data.Row
	next int
}

func (s *Session) freshPortal(st *statement) *portal {
	s.portalSerial++
	return &portal{st: st, serial: s.portalSerial}
}

// recycle returns a portal for Bind; the unnamed one's memory is used again.
func (s *Session) recycle(name []byte, st *statement) *portal {
	if len(name) > 0 || s.spare == nil {
		p := s.freshPortal(st)
		p.name = string(name)
		return p
	}
	p := s.spare
	s.spare = nil
	s.portalSerial++
	p.arena.Reset()
	*p = portal{st: st, serial: s.portalSerial, arena: p.arena, params: p.params[:0]}
	return p
}

// lookupPortal returns a portal by name, nil if there is none.
func (s *Session) lookupPortal(name []byte) *portal {
	if len(name) == 0 {
		return s.unnamedPortal
	}
	return s.portals[string(name)]
}

// Bind makes a portal of a prepared statement and parameter values.
func (s *Session) Bind(m *BindMessage) error {
	s.startStatement()
	defer s.intr.disarm()
	st, err := s.findStatement(m.Statement)
	if err != nil {
		return err
	}
	if st.raw != nil {
		if err := s.checkFailed(st.raw.Stmt); err != nil {
			return err
		}
	}
	if old := s.lookupPortal(m.Portal); old != nil {
		if len(m.Portal) > 0 {
			return pgerr.Newf(pgerr.DuplicateCursor, `portal "%s" already exists`, m.Portal)
		}
		s.dropPortal(old)
	}
	if err := s.revalidate(st); err != nil {
		return locate(err, st.text)
	}
	p := s.recycle(m.Portal, st)
	p.take(st)
	p.bound = true
	if err := s.bindParams(p, m); err != nil {
		return err
	}
	if err := bindFormats(p, m.ResultFormats); err != nil {
		return err
	}
	if p.name == "" {
		s.unnamedPortal = p
	} else {
		s.portals[p.name] = p
	}
	s.pipeline()
	s.out.Empty('2')
	return nil
}

// take makes what st returns now what the portal returns.
func (p *portal) take(st *statement) {
	p.returns, p.columns, p.colTypes = st.returns, st.columns, st.colTypes
}

// settle is called when it is known what is going to run: that must return what
// Bind said.
func (p *portal) settle() error {
	if p.bound && !sameColumns(p.columns, p.st.columns) {
		return errResultType()
	}
	p.take(p.st)
	return nil
}

// revalidate prepares a statement again if the catalog moved on.
func (s *Session) revalidate(st *statement) error {
	if st.raw == nil || !st.prepared {
		return nil
	}
	s.beginTxn()
	if s.stillValid(st) {
		return nil
	}
	params := append([]uint32(nil), st.paramTypes...)
	return s.prepare(st, &params)
}

func formatAt(formats []byte, i int) int16 {
	switch len(formats) {
	case 0:
		return 0
	case 2:
		i = 0
	}
	return int16(binary.BigEndian.Uint16(formats[2*i:]))
}

func (s *Session) bindParams(p *portal, m *BindMessage) error {
	st := p.st
	if n := len(m.ParamFormats) / 2; n > 1 && n != m.NumParams {
		return pgerr.Newf(pgerr.ProtocolViolation,
			"bind message has %d parameter formats but %d parameters", n, m.NumParams)
	}
	if m.NumParams != len(st.paramTypes) {
		return pgerr.Newf(pgerr.ProtocolViolation,
			`bind message supplies %d parameters, but prepared statement "%s" requires %d`,
			m.NumParams, m.Statement, len(st.paramTypes))
	}
	if m.NumParams == 0 {
		return nil
	}
	c := s.typeCtx(&p.arena)
	p.params = slices.Grow(p.params[:0], m.NumParams)[:m.NumParams]
	rest := m.Params
	for i := range p.params {
		n := int32(binary.BigEndian.Uint32(rest))
		rest = rest[4:]
		if n < 0 {
			p.params[i] = data.Null
			continue
		}
		value := rest[:n]
		rest = rest[n:]
		t, err := s.typeOf(st.paramTypes[i])
		if err != nil {
			return err
		}
		switch formatAt(m.ParamFormats, i) {
		case 0:
			p.params[i], err = s.textParam(t, c, value)
		case 1:
			p.params[i], err = t.Recv(c, value, -1)
		default:
			return unsupportedFormat(formatAt(m.ParamFormats, i))
		}
		if err != nil {
			return paramError(err, p.name, i, formatAt(m.ParamFormats, i) == 0)
		}
	}
	return nil
}

func unsupportedFormat(f int16) error {
	return pgerr.Newf(pgerr.InvalidParameterValue, "unsupported format code: %d", f)
}

// paramError says which parameter's input failed. Its value is not shown, as
// in PostgreSQL with log_parameter_max_length_on_error at its default.
func paramError(err error, portal string, i int, text bool) error {
	where := "unnamed portal parameter $" + strconv.Itoa(i+1)
	if portal != "" {
		where = `portal "` + portal + `" parameter $` + strconv.Itoa(i+1)
	}
	if text {
		where += " = '...'"
	}
	return pgerr.From(err).WithWhere(where)
}

// bindFormats settles the format of each result column.
func bindFormats(p *portal, formats []byte) error {
	n, columns := len(formats)/2, len(p.columns)
	if n > 1 && n != columns {
		return pgerr.Newf(pgerr.ProtocolViolation,
			"bind message has %d result formats but query has %d columns", n, columns)
	}
	if n == 0 || columns == 0 {
		return nil
	}
	binaryWanted := false
	for i := range n {
		binaryWanted = binaryWanted || formatAt(formats, min(i, n-1)) != 0
	}
	if !binaryWanted {
		return nil
	}
	p.formats = make([]int16, columns)
	for i := range p.formats {
		p.formats[i] = formatAt(formats, i)
	}
	return nil
}

// findPortal returns a portal by name.
func (s *Session) findPortal(name []byte) (*portal, error) {
	if p := s.lookupPortal(name); p != nil {
		return p, nil
	}
	return nil, pgerr.Newf(pgerr.InvalidCursorName, `portal "%s" does not exist`, name)
}

// Describe tells the client what a statement ('S') or portal ('P') takes and
// returns.
func (s *Session) Describe(what byte, name []byte) error {
	switch what {
	case 'S':
		s.startStatement() // it may begin a transaction; a portal is in one
		defer s.intr.disarm()
		st, err := s.findStatement(name)
		if err != nil {
			return err
		}
		if err := s.describable(st.returns); err != nil {
			return err
		}
		s.out.Send(&pgproto3.ParameterDescription{ParameterOIDs: st.paramTypes})
		if err := s.revalidate(st); err != nil {
			return locate(err, st.text)
		}
		s.describeStatement(st)
	case 'P':
		p, err := s.findPortal(name)
		if err != nil {
			return err
		}
		if err := s.describable(p.returns); err != nil {
			return err
		}
		s.describePortal(p)
	default:
		return pgerr.Newf(pgerr.ProtocolViolation, "invalid DESCRIBE message subtype %d", what)
	}
	return nil
}

// describable refuses, in a failed block, what would need the catalog.
func (s *Session) describable(returns bool) error {
	if s.tx.block == blockFailed && returns {
		return errFailedBlock()
	}
	return nil
}

// describeStatement sends what a statement returns, in text.
func (s *Session) describeStatement(st *statement) {
	switch {
	case !st.returns:
		s.out.Empty('n')
	case st.rowDesc != nil:
		s.out.Buf = append(s.out.Buf, st.rowDesc...)
	default:
		from := len(s.out.Buf)
		s.rowDescription(st.columns, st.colTypes, nil)
		st.rowDesc = append([]byte(nil), s.out.Buf[from:]...)
	}
}

// describePortal sends what a portal returns, in its formats.
func (s *Session) describePortal(p *portal) {
	switch {
	case !p.returns:
		s.out.Empty('n')
	case p.formats == nil && sameColumns(p.columns, p.st.columns):
		s.describeStatement(p.st)
	default:
		s.rowDescription(p.columns, p.colTypes, p.formats)
	}
}

func (s *Session) rowDescription(columns []planner.Column, colTypes []*types.Type, formats []int16) {
	fields := make([]pgproto3.FieldDescription, len(columns))
	for i, c := range columns {
		fields[i] = pgproto3.FieldDescription{
			Name: []byte(c.Name), TableOID: c.Table, TableAttributeNumber: uint16(c.Attnum),
			DataTypeOID: c.Type, DataTypeSize: colTypes[i].Len, TypeModifier: c.Typmod,
		}
		if formats != nil {
			fields[i].Format = formats[i]
		}
	}
	s.out.Send(&pgproto3.RowDescription{Fields: fields})
}

// Execute runs a portal until it has returned maxRows rows, or to its end
// with 0.
func (s *Session) Execute(name []byte, maxRows int) error {
	s.startStatement()
	defer s.intr.disarm()
	p, err := s.findPortal(name)
	if err != nil {
		return err
	}
	st := p.st
	s.running(st.text)
	if st.raw == nil {
		s.out.Empty('I')
		return nil
	}
	if err := s.checkFailed(st.raw.Stmt); err != nil {
		return err
	}
	if t, ok := st.raw.Stmt.(*ast.TransactionStmt); ok {
		if p.done {
			return doneTwice()
		}
		p.done = true
		_, err := s.transactionStmt(t)
		return locate(err, st.text)
	}
	suspended, err := s.runPortal(p, max(maxRows, 0))
	if err != nil {
		s.fail(p)
		return locate(err, st.text)
	}
	s.pipeline()
	s.tx.shared = s.tx.block == blockImplicit
	if suspended {
		s.out.Empty('s')
		return nil
	}
	s.completePortal(p)
	return nil
}

func doneTwice() error {
	return pgerr.New(pgerr.ObjectNotInPrerequisiteState, `portal "" cannot be run`)
}

// completePortal sends the command tag.
func (s *Session) completePortal(p *portal) {
	if p.tag != "" {
		s.out.Complete(p.tag)
		return
	}
	at := s.out.begin('C')
	s.out.Buf = append(s.out.Buf, p.st.prefix...)
	s.out.Buf = strconv.AppendInt(s.out.Buf, p.sent, 10)
	s.out.Buf = append(s.out.Buf, 0)
	s.out.end(at)
}

// CloseNamed drops a prepared statement ('S') or a portal ('P'); one that is
// not there is no error.
func (s *Session) CloseNamed(what byte, name []byte) error {
	switch what {
	case 'S':
		if len(name) == 0 {
			s.dropUnnamed()
		} else {
			delete(s.prepared, string(name))
		}
	case 'P':
		if p := s.lookupPortal(name); p != nil {
			s.dropPortal(p)
		}
	default:
		return pgerr.Newf(pgerr.ProtocolViolation, "invalid CLOSE message subtype %d", what)
	}
	s.out.Empty('3')
	return nil
}

// dropPortal gives back all a portal holds.
func (s *Session) dropPortal(p *portal) {
	s.stopPortal(p)
	switch {
	case s.unnamedPortal == p:
		s.unnamedPortal, s.spare = nil, p
	case s.portals[p.name] == p:
		delete(s.portals, p.name)
	}
	p.done = true
}

// stopPortal ends a portal's execution. The run of a point plan that came to
// its end is kept by the statement, for the next execution.
func (s *Session) stopPortal(p *portal) {
	if run := p.run; run != nil {
		p.run = nil
		if p.ranOut && run.Reusable() && p.st.idle == nil && p.runPlan == p.st.plan {
			p.st.idle = run
		} else {
			run.Close()
		}
	}
	p.releaseSnapshot()
	p.rows = nil
}

// fail ends a portal that met an error. It may outlast the way back to a savepoint,
// but does not run again.
func (s *Session) fail(p *portal) {
	p.failed = true
	s.stopPortal(p)
}

// closeTxnPortals drops the portals of the transaction that ends.
func (s *Session) closeTxnPortals() {
	if s.unnamedPortal != nil {
		s.dropPortal(s.unnamedPortal)
	}
	for _, p := range s.portals {
		s.dropPortal(p)
	}
}

// closePortalsSince drops the portals made after a savepoint.
func (s *Session) closePortalsSince(serial int) {
	if p := s.unnamedPortal; p != nil && p.serial > serial {
		s.dropPortal(p)
	}
	for _, p := range s.portals {
		if p.serial > serial {
			s.dropPortal(p)
		}
	}
}

// releaseSnapshot gives back a snapshot of the portal's own.
func (p *portal) releaseSnapshot() {
	if p.snapshot != nil {
		p.snapshot.Release()
		p.snapshot = nil
	}
}
