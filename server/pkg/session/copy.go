package session

import (
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// copyStmt is COPY. The client's data and ours go over the connection; files
// and programs of the server are not reached.
func (s *Session) copyStmt(n *ast.CopyStmt, p *portal) (tag string, err error) {
	switch {
	case n.IsProgram:
		return "", pgerr.FeatureNotSupported("COPY with PROGRAM")
	case n.Filename != "":
		return "", pgerr.FeatureNotSupported("COPY with a file of the server")
	case n.WhereClause != nil:
		return "", pgerr.FeatureNotSupported("COPY FROM ... WHERE")
	}
	opts, err := copyOptionsOf(n)
	if err != nil {
		return "", err
	}
	var rows int64
	if n.IsFrom {
		rows, err = s.copyIn(n, opts, p)
	} else {
		rows, err = s.copyOut(n, opts, p)
	}
	return "COPY " + itoa(int(rows)), err
}

// copyTable finds and locks COPY's table.
func (s *Session) copyTable(n *ast.CopyStmt, mode kv.ObjectMode) (*catalog.Table, error) {
	r := n.Relation
	t, err := s.lockRelation(r, mode)
	if err != nil {
		return nil, err
	}
	what := map[byte]string{
		catalog.RelkindView: "view", catalog.RelkindMatView: "materialized view", catalog.RelkindSequence: "sequence",
	}[t.Relkind]
	if what == "" {
		return t, nil
	}
	if n.IsFrom {
		e := pgerr.Newf(pgerr.WrongObjectType, `cannot copy to %s "%s"`, what, t.Name)
		if what == "view" {
			e.WithHint("To enable copying to a view, provide an INSTEAD OF INSERT trigger.")
		}
		return nil, e
	}
	e := pgerr.Newf(pgerr.WrongObjectType, `cannot copy from %s "%s"`, what, t.Name)
	if what != "sequence" {
		e.WithHint("Try the COPY (SELECT ...) TO variant.")
	}
	return nil, e
}

// copyColumns returns the attribute indexes of COPY's column list, all of the
// table's when there is none.
func copyColumns(t *catalog.Table, list []ast.Node, writing bool) ([]int, error) {
	var cols []int
	if len(list) == 0 {
		for i := range t.Columns {
			if !t.Columns[i].Dropped && t.Columns[i].Generated == 0 {
				cols = append(cols, i)
			}
		}
		return cols, nil
	}
	seen := map[int]bool{}
	for _, name := range ast.Strings(list) {
		c := t.Column(name)
		if c == nil {
			return nil, pgerr.Newf(pgerr.UndefinedColumn, `column "%s" of relation "%s" does not exist`, name, t.Name)
		}
		i := int(c.Num) - 1
		if c.Generated != 0 {
			return nil, pgerr.Newf(pgerr.InvalidColumnReference, `column "%s" is a generated column`, name).
				WithDetail("Generated columns cannot be used in COPY.")
		}
		if seen[i] {
			return nil, pgerr.Newf(pgerr.DuplicateColumn, `column "%s" specified more than once`, name)
		}
		seen[i] = true
		cols = append(cols, i)
	}
	return cols, nil
}

// forcedColumns marks, by position in cols, the columns a FORCE option names.
func forcedColumns(t *catalog.Table, cols []int, names []string, option string) ([]bool, error) {
	if names == nil {
		return nil, nil
	}
	marks := make([]bool, len(cols))
	for _, name := range names {
		c := t.Column(name)
		if c == nil {
			return nil, pgerr.Newf(pgerr.UndefinedColumn, `column "%s" of relation "%s" does not exist`, name, t.Name)
		}
		found := false
		for i, col := range cols {
			if col == int(c.Num)-1 {
				marks[i], found = true, true
			}
		}
		if !found {
			return nil, pgerr.Newf(pgerr.InvalidColumnReference, `%s column "%s" not referenced by COPY`, option, name)
		}
	}
	return marks, nil
}

// copyFormats says that all n columns are text.
func copyFormats(n int) []uint16 { return make([]uint16, n) }

func (s *Session) startCopyIn(n int) error {
	s.out.Send(&pgproto3.CopyInResponse{ColumnFormatCodes: copyFormats(n)})
	return s.out.Flush()
}
