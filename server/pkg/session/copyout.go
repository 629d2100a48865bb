package session

import (
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// copyOutOf is a COPY TO under way.
type copyOutOf struct {
	s     *Session
	opts  *copyOptions
	force []bool
	text  []byte // one value, before escapes
}

// copyOut is COPY TO STDOUT; it returns the number of rows.
func (s *Session) copyOut(n *ast.CopyStmt, opts *copyOptions, p *portal) (int64, error) {
	st, force, err := s.copyQuery(n, opts, p)
	if err != nil {
		return 0, err
	}
	inner := s.freshPortal(st)
	inner.params = p.params
	defer s.dropPortal(inner)
	if err := s.startQuery(inner); err != nil {
		return 0, err
	}
	s.out.Send(&pgproto3.CopyOutResponse{ColumnFormatCodes: copyFormats(len(st.columns))})
	c := &copyOutOf{s: s, opts: opts, force: force}
	if opts.header {
		c.header(st)
	}
	rows := int64(0)
	for {
		batch, err := inner.run.Next(&s.intr, data.MaxBatch)
		if err != nil {
			return 0, storeError(err)
		}
		if batch == nil {
			break
		}
		for i := range batch.Rows() {
			if err := c.row(inner, batch, batch.Lane(i)); err != nil {
				return 0, err
			}
			rows++
		}
	}
	s.out.Empty('c')
	return rows, nil
}

// copyQuery makes the query whose rows COPY TO sends: the one in brackets, or
// a SELECT of the table's columns.
func (s *Session) copyQuery(n *ast.CopyStmt, opts *copyOptions, p *portal) (st *statement, force []bool, err error) {
	if n.Query != nil {
		st, err = s.inner(p.st)
	} else {
		st, force, err = s.copyTableQuery(n, opts, p)
	}
	if err != nil {
		return nil, nil, err
	}
	if !st.isQuery() || !st.returns {
		return nil, nil, pgerr.New(pgerr.FeatureNotSupportedCode, "COPY query must have a RETURNING clause")
	}
	if n.Query != nil && opts.forceQuote != nil {
		var err error
		if force, err = forcedResults(st, opts.forceQuote); err != nil {
			return nil, nil, err
		}
	}
	if opts.forceQuoteAll {
		force = make([]bool, len(st.columns))
		for i := range force {
			force[i] = true
		}
	}
	return st, force, nil
}

// copyTableQuery makes the SELECT of a table's columns.
func (s *Session) copyTableQuery(n *ast.CopyStmt, opts *copyOptions, p *portal) (*statement, []bool, error) {
	t, err := s.copyTable(n, kv.AccessShare)
	if err != nil {
		return nil, nil, err
	}
	cols, err := copyColumns(t, n.Attlist, false)
	if err != nil {
		return nil, nil, err
	}
	force, err := forcedColumns(t, cols, opts.forceQuote, "FORCE_QUOTE")
	if err != nil {
		return nil, nil, err
	}
	sel := &ast.SelectStmt{FromClause: []ast.Node{n.Relation}, LimitOption: ast.LIMIT_OPTION_DEFAULT}
	for _, c := range cols {
		sel.TargetList = append(sel.TargetList, &ast.ResTarget{Location: -1, Val: &ast.ColumnRef{
			Fields: []ast.Node{&ast.String{Sval: t.Columns[c].Name}}, Location: -1,
		}})
	}
	st := &statement{text: p.st.text, raw: &ast.RawStmt{Stmt: sel}}
	return st, force, s.prepare(st, nil)
}

func forcedResults(st *statement, names []string) ([]bool, error) {
	marks := make([]bool, len(st.columns))
	for _, name := range names {
		found := false
		for i, c := range st.columns {
			if c.Name == name {
				marks[i], found = true, true
			}
		}
		if !found {
			return nil, pgerr.Newf(pgerr.UndefinedColumn, `column "%s" does not exist`, name)
		}
	}
	return marks, nil
}

func (c *copyOutOf) header(st *statement) {
	at := c.s.out.begin('d')
	for i, col := range st.columns {
		if i > 0 {
			c.s.out.Buf = append(c.s.out.Buf, c.opts.delim)
		}
		c.value(col.Name, false, len(st.columns) == 1)
	}
	c.s.out.Buf = append(c.s.out.Buf, '\n')
	c.s.out.end(at)
}

func (c *copyOutOf) row(p *portal, b *data.Batch, lane int) error {
	o, st := c.s.out, p.st
	at := o.begin('d')
	tc := c.s.types
	for i, t := range st.colTypes {
		if i > 0 {
			o.Buf = append(o.Buf, c.opts.delim)
		}
		d := b.Cols[i].Get(lane)
		if d.IsNull() {
			o.Buf = append(o.Buf, c.opts.null...)
			continue
		}
		c.text = t.Out(tc, c.text[:0], d)
		from := len(o.Buf)
		c.value(bytesString(c.text), i < len(c.force) && c.force[i], len(st.colTypes) == 1)
		if len(o.Buf)-at > largeMessageBytes {
			if err := o.roomFor(at, from, &p.account); err != nil {
				o.Buf = o.Buf[:at]
				return err
			}
		}
	}
	o.Buf = append(o.Buf, '\n')
	o.end(at)
	return o.FlushFull()
}

// value appends a value in the copy's format.
func (c *copyOutOf) value(v string, force, single bool) {
	if c.opts.csv {
		c.csvValue(v, force, single)
		return
	}
	b := c.s.out.Buf
	for i := range len(v) {
		ch := v[i]
		switch {
		case ch == '\\' || ch == c.opts.delim:
			b = append(b, '\\', ch)
		case ch >= '\b' && ch <= '\r':
			b = append(b, '\\', "btnvfr"[ch-'\b'])
		default:
			b = append(b, ch)
		}
	}
	c.s.out.Buf = b
}

func (c *copyOutOf) csvValue(v string, force, single bool) {
	b := c.s.out.Buf
	if !force && !needsQuotes(v, c.opts, single) {
		c.s.out.Buf = append(b, v...)
		return
	}
	b = append(b, c.opts.quote)
	for i := range len(v) {
		if v[i] == c.opts.quote || v[i] == c.opts.escape {
			b = append(b, c.opts.escape)
		}
		b = append(b, v[i])
	}
	c.s.out.Buf = append(b, c.opts.quote)
}
