package session

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/settings"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// showColumns is what SHOW returns: one column named after the setting.
func showColumns(n *ast.VariableShowStmt) []planner.Column {
	if strings.EqualFold(n.Name, "all") {
		return []planner.Column{textColumn("name"), textColumn("setting"), textColumn("description")}
	}
	name := n.Name
	if d := settings.Lookup(name); d != nil {
		name = d.Name
	}
	return []planner.Column{textColumn(name)}
}

func (s *Session) showStmt(n *ast.VariableShowStmt) (*rowList, error) {
	if strings.EqualFold(n.Name, "all") {
		list := &rowList{}
		for _, r := range s.settings.Rows() {
			shown, _ := s.showValue(r.Name)
			list.rows = append(list.rows, data.Row{data.String(r.Name), data.String(shown), data.String("")})
		}
		return list, nil
	}
	value, known := s.showValue(n.Name)
	if !known {
		return nil, settings.Unknown(n.Name)
	}
	return textRows([]string{value}), nil
}

// textRows is a result of one text column.
func textRows(lines []string) *rowList {
	list := &rowList{}
	for _, l := range lines {
		list.rows = append(list.rows, data.Row{data.String(l)})
	}
	return list
}

// prepareStmt is PREPARE: its query becomes a prepared statement.
func (s *Session) prepareStmt(n *ast.PrepareStmt, outer *statement) error {
	if s.prepared[n.Name] != nil {
		return duplicatePrepared(n.Name)
	}
	params := make([]uint32, 0, len(n.Argtypes))
	for _, a := range n.Argtypes {
		oid, err := s.resolveTypeName(a.(*ast.TypeName))
		if err != nil {
			return err
		}
		params = append(params, oid)
	}
	st := &statement{
		name: n.Name, text: outer.text, fromSQL: true, fixed: true, preparedAt: s.stmtTime, declared: append([]uint32(nil), params...),
		raw: &ast.RawStmt{Stmt: n.Query, StmtLocation: outer.raw.StmtLocation, StmtLen: outer.raw.StmtLen},
	}
	switch n.Query.(type) {
	case *ast.SelectStmt, *ast.InsertStmt, *ast.UpdateStmt, *ast.DeleteStmt, *ast.MergeStmt:
	default:
		return pgerr.New(pgerr.SyntaxError, "utility statements cannot be prepared")
	}
	if err := s.prepare(st, &params); err != nil {
		return err
	}
	s.prepared[n.Name] = st
	return nil
}

// maxExecuteDepth bounds EXECUTE of a prepared EXECUTE, of which the extended
// protocol can make a cycle.
const maxExecuteDepth = 100

// executeStmt is EXECUTE: the portal goes on as one of the prepared statement.
func (s *Session) executeStmt(n *ast.ExecuteStmt, p *portal) error {
	st := s.prepared[n.Name]
	if st == nil {
		return noPrepared(n.Name)
	}
	if p.executes++; p.executes > maxExecuteDepth {
		return parser.TooDeep()
	}
	if st.isTransaction() {
		return pgerr.FeatureNotSupported("EXECUTE of a transaction control statement")
	}
	if err := s.revalidate(st); err != nil {
		return err
	}
	params, err := s.executeParams(n, st, p)
	if err != nil {
		return err
	}
	p.st, p.params = st, params
	if st.raw == nil {
		p.tag = "EXECUTE"
		return nil
	}
	return s.startPortal(p)
}

// executeParams evaluates the arguments of EXECUTE.
func (s *Session) executeParams(n *ast.ExecuteStmt, st *statement, p *portal) ([]data.Datum, error) {
	if len(n.Params) != len(st.paramTypes) {
		return nil, pgerr.Newf(pgerr.SyntaxError, `wrong number of parameters for prepared statement "%s"`, n.Name).
			WithDetailf("Expected %d parameters but got %d.", len(st.paramTypes), len(n.Params))
	}
	return s.evalParams(n.Params, st.paramTypes, p)
}

// explainOptions are EXPLAIN's.
type explainOptions struct {
	analyze, verbose, costs, buffers, timing, summary, settings, wal bool
	format                                                           string
}

func explainOptionsOf(n *ast.ExplainStmt) (explainOptions, error) {
	o := explainOptions{costs: true, format: "text"}
	timingSet, summarySet := false, false
	for _, e := range n.Options {
		d := e.(*ast.DefElem)
		on := true
		text := ""
		if d.Arg != nil {
			switch v := d.Arg.(type) {
			case *ast.String:
				text = v.Sval
			case *ast.Integer:
				text = map[bool]string{true: "on", false: "off"}[v.Ival != 0]
			case *ast.Boolean:
				text = map[bool]string{true: "on", false: "off"}[v.Boolval]
			}
			if d.Defname != "format" {
				b, ok := settings.ParseBool(text)
				if !ok {
					return o, pgerr.Newf(pgerr.SyntaxError, "%s requires a Boolean value", d.Defname)
				}
				on = b
			}
		}
		switch d.Defname {
		case "analyze":
			o.analyze = on
		case "verbose":
			o.verbose = on
		case "costs":
			o.costs = on
		case "buffers":
			o.buffers = on
		case "wal":
			o.wal = on
		case "settings":
			o.settings = on
		case "timing":
			timingSet, o.timing = true, on
		case "summary":
			summarySet, o.summary = true, on
		case "format":
			if text != "text" {
				return o, explainFormat(text, d)
			}
		default:
			return o, pgerr.Newf(pgerr.SyntaxError, `unrecognized EXPLAIN option "%s"`, d.Defname).AtByte(d.Location)
		}
	}
	if o.wal && !o.analyze {
		return o, pgerr.New(pgerr.InvalidParameterValue, "EXPLAIN option WAL requires ANALYZE")
	}
	if timingSet && o.timing && !o.analyze {
		return o, pgerr.New(pgerr.InvalidParameterValue, "EXPLAIN option TIMING requires ANALYZE")
	}
	if !timingSet {
		o.timing = o.analyze
	}
	if !summarySet {
		o.summary = o.analyze
	}
	return o, nil
}

func explainFormat(format string, d *ast.DefElem) error {
	switch format {
	case "json", "xml", "yaml":
		return pgerr.FeatureNotSupported("EXPLAIN (FORMAT " + strings.ToUpper(format) + ")")
	}
	return pgerr.Newf(pgerr.InvalidParameterValue, `unrecognized value for EXPLAIN option "%s": "%s"`,
		d.Defname, format).AtByte(d.Location)
}

func explainColumns(n *ast.ExplainStmt) ([]planner.Column, error) {
	_, err := explainOptionsOf(n)
	return []planner.Column{{Name: "QUERY PLAN", Type: types.Text, Typmod: -1}}, err
}
