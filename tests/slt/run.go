// Package slt runs files of SQL statements on a server and compares what
// comes back: rows, column names and types, command tags, notices, SQLSTATEs
// and messages. The answers in the files were recorded from a native
// PostgreSQL 15 and are checked against it again whenever one is installed;
// pgz has to give the same.
//
//	go test ./tests/slt                 all files on both servers
//	go test ./tests/slt -run /joins     one file
//	go test ./tests/slt -record         write the native server's answers
package slt

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Mode is how statements are sent.
type Mode int

// Simple sends a Query message, Extended Parse, Bind, Describe, Execute.
const (
	Simple Mode = iota
	Extended
)

// Runner runs the cases of one file over connections to one server.
type Runner struct {
	dsn   string
	mode  Mode
	conns map[string]*session
	types map[uint32]string
}

type session struct {
	conn    *pgconn.PgConn
	notices []string
}

// statementTimeout bounds one statement.
const statementTimeout = 30 * time.Second

// NewRunner returns a runner; Close it.
func NewRunner(dsn string, mode Mode) *Runner {
	return &Runner{dsn: dsn, mode: mode, conns: map[string]*session{}, types: map[uint32]string{}}
}

// Close closes the connections.
func (r *Runner) Close() {
	for _, s := range r.conns {
		_ = s.conn.Close(context.Background()) // the server may have hung up
	}
}

func (r *Runner) session(ctx context.Context, name string) (*session, error) {
	if s := r.conns[name]; s != nil && !s.conn.IsClosed() {
		return s, nil
	}
	cfg, err := pgconn.ParseConfig(r.dsn)
	if err != nil {
		return nil, err
	}
	s := &session{}
	cfg.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		s.notices = append(s.notices, fmt.Sprintf("%s %s %s", n.Severity, n.Code, escape(n.Message)))
	}
	if s.conn, err = pgconn.ConnectConfig(ctx, cfg); err != nil {
		return nil, err
	}
	r.conns[name] = s
	return s, nil
}

// Run runs one case and returns the answer's lines: notices; for each result
// its columns ("name:type, ..."), rows ("a | b") and command tag; an error as
// "ERROR sqlstate message" with the fields a client can rely on.
func (r *Runner) Run(c Case) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), statementTimeout)
	defer cancel()
	s, err := r.session(ctx, c.Session)
	if err != nil {
		return nil, err
	}
	s.notices = nil
	var lines []string
	if r.mode == Simple {
		lines, err = r.simple(ctx, s, c)
	} else {
		lines, err = r.extended(ctx, s, c)
	}
	lines = append(s.notices, lines...)
	if err != nil {
		var pe *pgconn.PgError
		if !errors.As(err, &pe) {
			return nil, err
		}
		lines = append(lines, errorLines(pe)...)
	}
	return lines, nil
}

func (r *Runner) simple(ctx context.Context, s *session, c Case) ([]string, error) {
	var lines []string
	type result struct {
		fields []pgconn.FieldDescription
		rows   []string
		tag    string
	}
	var results []result
	mrr := s.conn.Exec(ctx, c.SQL)
	for mrr.NextResult() {
		rr := mrr.ResultReader()
		res := result{fields: append([]pgconn.FieldDescription(nil), rr.FieldDescriptions()...)}
		for rr.NextRow() {
			res.rows = append(res.rows, row(rr.Values()))
		}
		tag, err := rr.Close()
		if err != nil {
			break
		}
		res.tag = tag.String()
		results = append(results, res)
	}
	err := mrr.Close()
	for _, res := range results {
		l, e := r.resultLines(ctx, s, c, res.fields, res.rows, res.tag)
		if e != nil {
			return nil, e
		}
		lines = append(lines, l...)
	}
	return lines, err
}

func (r *Runner) extended(ctx context.Context, s *session, c Case) ([]string, error) {
	rr := s.conn.ExecParams(ctx, c.SQL, nil, nil, nil, nil)
	fields := append([]pgconn.FieldDescription(nil), rr.FieldDescriptions()...)
	var rows []string
	for rr.NextRow() {
		rows = append(rows, row(rr.Values()))
	}
	tag, err := rr.Close()
	if err != nil {
		return nil, err
	}
	return r.resultLines(ctx, s, c, fields, rows, tag.String())
}

func (r *Runner) resultLines(ctx context.Context, s *session, c Case, fields []pgconn.FieldDescription, rows []string, tag string) ([]string, error) {
	var lines []string
	if len(fields) > 0 {
		cols := make([]string, len(fields))
		for i, f := range fields {
			name, err := r.typeName(ctx, f.DataTypeOID)
			if err != nil {
				return nil, err
			}
			if f.TypeModifier != -1 {
				name += fmt.Sprintf("(%d)", f.TypeModifier)
			}
			cols[i] = string(f.Name) + ":" + name
		}
		lines = append(lines, strings.Join(cols, ", "))
	}
	if c.Sort {
		sort.Strings(rows)
	}
	lines = append(lines, rows...)
	if tag != "" {
		lines = append(lines, "-- "+tag)
	}
	return lines, nil
}

// typeName names a type by a fixed table, so that asking does not disturb the
// session under test.
func (r *Runner) typeName(_ context.Context, oid uint32) (string, error) {
	if n, ok := typeNames[oid]; ok {
		return n, nil
	}
	if oid >= 16384 {
		return "user-defined", nil
	}
	return strconv.Itoa(int(oid)), nil
}

var typeNames = map[uint32]string{
	16: "bool", 17: "bytea", 18: "char", 19: "name", 20: "int8", 21: "int2", 23: "int4", 25: "text",
	26: "oid", 114: "json", 700: "float4", 701: "float8", 1042: "bpchar", 1043: "varchar", 1082: "date",
	1083: "time", 1114: "timestamp", 1184: "timestamptz", 1186: "interval", 1700: "numeric",
	2205: "regclass", 2206: "regtype", 2249: "record", 2278: "void", 2950: "uuid", 3802: "jsonb",
	1000: "bool[]", 1005: "int2[]", 1007: "int4[]", 1009: "text[]", 1016: "int8[]", 1231: "numeric[]",
	1003: "name[]", 705: "unknown", 194: "pg_node_tree", 1002: "char[]", 1028: "oid[]", 1034: "aclitem[]",
}

func row(values [][]byte) string {
	cols := make([]string, len(values))
	for i, v := range values {
		switch {
		case v == nil:
			cols[i] = "NULL"
		case len(v) == 0:
			cols[i] = "''"
		default:
			cols[i] = escape(string(v))
		}
	}
	if len(cols) == 0 {
		return "()"
	}
	return strings.Join(cols, " | ")
}

// escape keeps a value on one line.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
}

func errorLines(e *pgconn.PgError) []string {
	lines := []string{fmt.Sprintf("%s %s %s", e.Severity, e.Code, escape(e.Message))}
	add := func(name, v string) {
		if v != "" {
			lines = append(lines, "  "+name+": "+escape(v))
		}
	}
	add("DETAIL", e.Detail)
	add("HINT", e.Hint)
	if e.Position > 0 {
		add("POSITION", strconv.Itoa(int(e.Position)))
	}
	add("CONTEXT", e.Where)
	add("TABLE", e.TableName)
	add("COLUMN", e.ColumnName)
	add("CONSTRAINT", e.ConstraintName)
	return lines
}
