package session

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// copyInto is a COPY FROM under way.
type copyInto struct {
	s        *Session
	table    *catalog.Table
	cols     []int // attribute index of each field
	in       copyReader
	insert   *exec.CopyInsert
	arena    data.Arena
	row      data.Row // one value per attribute
	defaults []copyDefault
	types    *types.Ctx
}

// copyDefault computes a column that the data does not give.
type copyDefault struct {
	col  int
	expr *expr.Compiled
}

// copyIn is COPY FROM STDIN; it returns the number of rows.
func (s *Session) copyIn(n *ast.CopyStmt, opts *copyOptions, p *portal) (int64, error) {
	if s.tx.readOnly {
		return 0, pgerr.New(pgerr.ReadOnlySQLTransaction, "cannot execute COPY FROM in a read-only transaction")
	}
	c, err := s.newCopyInto(n, opts, p)
	if err != nil {
		return 0, err
	}
	defer c.insert.Close()
	if err := s.startCopyIn(len(c.cols)); err != nil {
		return 0, err
	}
	if err := c.run(); err != nil {
		return 0, err
	}
	if err := s.fireKeys(); err != nil {
		return 0, err
	}
	return c.insert.N, s.checkSerial()
}

func (s *Session) newCopyInto(n *ast.CopyStmt, opts *copyOptions, p *portal) (*copyInto, error) {
	t, err := s.copyTable(n, kv.RowExclusive)
	if err != nil {
		return nil, err
	}
	if t.IsCatalog {
		return nil, pgerr.Newf(pgerr.InsufficientPrivilege, "permission denied: \"%s\" is a system catalog", t.Name)
	}
	if opts.freeze && !s.ownedStorage(t.StorageID) {
		return nil, pgerr.New(pgerr.ObjectNotInPrerequisiteState,
			"cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction")
	}
	c := &copyInto{s: s, table: t, row: make(data.Row, len(t.Columns))}
	if c.cols, err = copyColumns(t, n.Attlist, true); err != nil {
		return nil, err
	}
	c.in = copyReader{src: s.copySource, opts: opts, table: t.Name}
	if c.in.forceNull, err = forcedColumns(t, c.cols, opts.forceNull, "FORCE_NULL"); err != nil {
		return nil, err
	}
	if c.in.forceNotNull, err = forcedColumns(t, c.cols, opts.forceNotNull, "FORCE_NOT_NULL"); err != nil {
		return nil, err
	}
	env := s.planEnv(s.view())
	rel, err := planner.NewRel(env, t, true)
	if err != nil {
		return nil, err
	}
	if err := s.queryState(&p.state, p); err != nil {
		return nil, err
	}
	c.insert = exec.NewCopyInsert(&p.state, rel)
	tc := *s.typeCtx(&c.arena)
	c.types = &tc
	return c, c.findDefaults()
}

// findDefaults compiles the defaults of the columns the data leaves out.
func (c *copyInto) findDefaults() error {
	given := map[int]bool{}
	for _, col := range c.cols {
		given[col] = true
	}
	for i := range c.table.Columns {
		col := &c.table.Columns[i]
		if given[i] || col.Dropped || !col.HasDefault {
			continue
		}
		e, err := query.DecodeExpr(col.Default)
		if err != nil {
			return err
		}
		compiled, err := c.s.compiler(c.types).Compile(e)
		if err != nil {
			return err
		}
		c.defaults = append(c.defaults, copyDefault{i, compiled})
	}
	return nil
}

func (c *copyInto) run() error {
	if c.in.opts.header {
		if err := c.header(); err != nil {
			return err
		}
	}
	for {
		line, ok, err := c.in.next()
		if err != nil || !ok {
			return err
		}
		if err := c.s.intr.Err(); err != nil {
			return err
		}
		if err := c.insertLine(line); err != nil {
			return err
		}
		c.arena.Reset()
	}
}

// header passes over the first line, comparing it with the columns on demand.
func (c *copyInto) header() error {
	line, ok, err := c.in.next()
	if err != nil || !ok || !c.in.opts.match {
		return err
	}
	fields, err := c.in.split(line)
	if err != nil {
		return c.in.lineError(line, pgerr.From(err))
	}
	if len(fields) != len(c.cols) {
		return c.in.lineError(line, pgerr.Newf(pgerr.BadCopyFileFormat,
			"wrong number of fields in header line: got %d, expected %d", len(fields), len(c.cols)))
	}
	for i, f := range fields {
		want := c.table.Columns[c.cols[i]].Name
		if string(f) != want {
			return c.in.lineError(line, pgerr.Newf(pgerr.BadCopyFileFormat,
				`column name mismatch in header line field %d: got "%s", expected "%s"`, i+1, f, want))
		}
	}
	return nil
}

func (c *copyInto) insertLine(line []byte) error {
	fields, err := c.in.split(line)
	if err != nil {
		return c.in.lineError(line, pgerr.From(err))
	}
	if len(fields) > len(c.cols) {
		return c.in.lineError(line, pgerr.New(pgerr.BadCopyFileFormat, "extra data after last expected column"))
	}
	for i, col := range c.cols {
		def := &c.table.Columns[col]
		if i >= len(fields) {
			return c.in.lineError(line, pgerr.Newf(pgerr.BadCopyFileFormat, `missing data for column "%s"`, def.Name))
		}
		if fields[i] == nil {
			c.row[col] = data.Null
			continue
		}
		if def.Type == nil {
			return pgerr.FeatureNotSupported("COPY of column " + def.Name + "'s type")
		}
		c.row[col], err = def.Type.In(c.types, bytesString(fields[i]), def.Typmod)
		if err != nil {
			return c.in.columnError(def.Name, fields[i], err)
		}
	}
	for _, d := range c.defaults {
		if c.row[d.col], err = d.expr.Eval(c.evalCtx(), nil); err != nil {
			return err
		}
	}
	if err := c.insert.Insert(&c.s.intr, c.row); err != nil {
		e := pgerr.From(storeError(err))
		switch e.Code { // of unique keys, for which PostgreSQL has gathered rows and forgotten the line
		case pgerr.UniqueViolation, pgerr.TRDeadlockDetected, pgerr.LockNotAvailable, pgerr.QueryCanceled:
			return e.WithWhere(c.in.where())
		}
		return c.in.lineError(line, e)
	}
	return nil
}

func (c *copyInto) evalCtx() *expr.Ctx {
	return &expr.Ctx{Arena: &c.arena, Types: c.types, Env: c.s, Context: &c.s.intr, Caller: c.s}
}

// needsQuotes tells whether a csv value must be quoted.
func needsQuotes(value string, o *copyOptions, single bool) bool {
	return value == o.null || single && value == `\.` ||
		strings.IndexByte(value, o.delim) >= 0 || strings.IndexByte(value, o.quote) >= 0 ||
		strings.ContainsAny(value, "\r\n")
}
