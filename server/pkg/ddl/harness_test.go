package ddl_test

import (
	"context"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/analyze"
	"github.com/pgzdb/pgz/server/pkg/ast"
	_ "github.com/pgzdb/pgz/server/pkg/builtin"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/ddl"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/kv/memkv"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/planner"
	"github.com/pgzdb/pgz/server/pkg/query"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// server is a session over a store in memory: every statement is a transaction
// of its own, through the real parser, analysis, planner and executor.
type server struct {
	expr.Env
	t       *testing.T
	img     *catalog.Image
	cache   *catalog.Cache
	store   kv.Store
	rowIDs  *exec.RowIDs
	seqs    *ddl.Sequences
	txn     kv.Txn
	owned   map[uint32]bool
	notices []string
	inBlock bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	img, err := catalog.OpenImage(expr.Registered)
	if err != nil {
		t.Fatal(err)
	}
	store := memkv.New()
	t.Cleanup(func() { _ = store.Close() })
	return &server{t: t, img: img, cache: catalog.NewCache(img), store: store, rowIDs: exec.NewRowIDs(), seqs: ddl.NewSequences()}
}

func (s *server) SettingOK(string) (string, bool) { return "", false }
func (s *server) SessionRole() expr.RoleRef       { return expr.RoleRef{OID: 10, Name: "postgres"} }

func (s *server) XID(bool) (uint32, error) { return 7, nil }

// relations looks up names of relations only: the tests use no other reg type.
type relations struct{ s *server }

func (l relations) RegOIDs(_ uint32, schema, name string) ([]uint32, error) {
	oid, err := l.s.view().RelationOID(schema, name)
	if err != nil || oid == 0 {
		return nil, err
	}
	return []uint32{oid}, nil
}

func (l relations) RegName(uint32, uint32) (types.RegName, bool) { return types.RegName{}, false }
func (l relations) Type(uint32) (*types.Type, error)             { return nil, nil }
func (l relations) Fields(uint32) ([]types.Field, error)         { return nil, nil }

func (s *server) NextVal(_ *expr.Ctx, seq uint32) (int64, error) {
	how := ddl.SequenceTxn{Ctx: context.Background(), Store: s.store}
	find := func() (*catalog.Table, error) { return s.view().Relation(seq) }
	if t, err := find(); err != nil {
		return 0, err
	} else if s.owned[t.StorageID] {
		how.Own, how.Op, how.Kept = s.txn, 1, ddl.OwnSequences{}
	}
	vals, _, err := s.seqs.Next(how, find)
	return vals.First, err
}

func (s *server) view() catalog.View {
	return s.cache.View(s.txn, catalog.Session{Database: catalog.PostgresDB, Role: 10, RoleName: "postgres", Path: []string{"public"}})
}

// do runs one statement and returns its rows, its tag or its error, after the
// notices it sent.
func (s *server) do(sql string) string {
	s.t.Helper()
	raw, err := s.store.Begin(kv.TxnOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	defer raw.Rollback()
	s.txn, s.owned, s.notices = s.img.WithImage(raw), map[uint32]bool{}, nil
	var end func()
	catalog.NoteChanges(s.txn, func() {
		if end == nil {
			end = s.cache.Begin()
		}
	})
	out, err := s.run(sql)
	if err == nil {
		if _, err = s.txn.Commit(context.Background(), kv.CommitOptions{Sync: true}); err != nil {
			s.t.Fatalf("%s: commit: %v", sql, err)
		}
	} else {
		raw.Rollback()
		e := pgerr.From(err)
		out = e.Code + " " + e.Message
		if e.Detail != "" {
			out += "\nDETAIL " + e.Detail
		}
		if e.Hint != "" {
			out += "\nHINT " + e.Hint
		}
	}
	if end != nil {
		end()
	}
	return strings.Join(append(s.notices, out), "\n")
}

func (s *server) run(sql string) (string, error) {
	list, err := parser.Parse(sql)
	if err != nil {
		return "", err
	}
	if len(list) != 1 {
		s.t.Fatalf("%s: not one statement", sql)
	}
	if n := list[0].Stmt; ddl.Handles(n) {
		return ddl.Execute(s.session(sql), n)
	}
	return s.query(sql, list[0])
}

func (s *server) types() *types.Ctx {
	c := types.NewCtx(data.NewArena(nil))
	c.Lookup = relations{s}
	return c
}

func (s *server) analysis(sql string, v catalog.View) *analyze.Env {
	return &analyze.Env{Cat: v, Types: s.types(), SourceText: sql}
}

func (s *server) planning(v catalog.View) *planner.Env {
	return &planner.Env{Cat: v, Types: s.types(), Session: s}
}

func (s *server) session(sql string) *ddl.Session {
	return &ddl.Session{
		Ctx: context.Background(), Store: s.store, Txn: s.txn, Op: 1, XID: 7, Img: s.img, Database: catalog.PostgresDB,
		Role: s.SessionRole(), RowIDs: s.rowIDs, InBlock: s.inBlock, View: s.view,
		Analyze: func(v catalog.View) *analyze.Env { return s.analysis(sql, v) },
		Plan:    s.planning,
		EvalCtx: func() *expr.Ctx {
			t := s.types()
			return &expr.Ctx{Arena: t.Arena, Types: t, Env: s, Context: context.Background()}
		},
		Notice: func(e *pgerr.Error) {
			text := e.Severity + " " + e.Message
			if e.Detail != "" {
				text += "\nDETAIL " + e.Detail
			}
			s.notices = append(s.notices, text)
		},
		Own: func(storage uint32) { s.owned[storage] = true },
	}
}

func (s *server) query(sql string, raw *ast.RawStmt) (string, error) {
	v := s.view()
	q, err := analyze.Analyze(s.analysis(sql, v), raw)
	if err != nil {
		return "", err
	}
	if q.CommandType == query.CmdUtility {
		s.t.Fatalf("%s: not handled", sql)
	}
	plan, err := planner.New(s.planning(v), q)
	if err != nil {
		return "", err
	}
	snap, err := s.store.Snapshot()
	if err != nil {
		return "", err
	}
	defer snap.Release()
	st := &exec.State{Txn: s.txn, View: kv.View{TS: snap.TS(), ReadOp: 1}, WriteOp: 1, Store: s.store, RowIDs: s.rowIDs, Cat: v,
		Env: s, Types: s.types()}
	r, err := exec.Start(context.Background(), st, plan)
	if err != nil {
		return "", err
	}
	defer r.Close()
	var rows []string
	for {
		b, err := r.Next(context.Background(), data.MaxBatch)
		if err != nil {
			return "", err
		}
		if b == nil {
			return strings.Join(rows, "\n"), nil
		}
		for i := range b.Rows() {
			rows = append(rows, rowText(plan, b.Row(b.Lane(i), nil)))
		}
	}
}

func rowText(plan *planner.Plan, row []data.Datum) string {
	var cells []string
	ctx := types.NewCtx(data.NewArena(nil))
	for i, d := range row {
		if d.IsNull() {
			cells = append(cells, "null")
			continue
		}
		cells = append(cells, string(types.Get(plan.Columns[i].Type).Out(ctx, nil, d)))
	}
	return strings.Join(cells, "|")
}

// script runs statements, each with what it must answer.
func (s *server) script(steps [][2]string) {
	s.t.Helper()
	for _, step := range steps {
		if got := s.do(step[0]); got != step[1] {
			s.t.Errorf("%s\n got: %s\nwant: %s", step[0], got, step[1])
		}
	}
}
