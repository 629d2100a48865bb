package session

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// innerState is what statements the session itself makes, inside those of its
// client, share.
type innerState struct {
	firing bool // the queue of foreign keys is being worked through
	fresh  bool // take a new snapshot, whatever the isolation level
	cache  map[string]*statement
	arena  data.Arena // of what error messages quote
}

// innerStatements bounds the cache.
const innerStatements = 200

// innerQuery is a statement the session makes. Names in it are qualified.
type innerQuery struct {
	text   string
	shown  bool // in the context of its errors
	types  []uint32
	params []data.Datum
	fresh  bool           // at a new snapshot, whatever the isolation level
	limit  int            // stop after so many rows; 0: none
	row    func(data.Row) // called for each row, which is borrowed
}

// innerRun runs a statement as a command of its own in the transaction under
// way and returns how many rows it gave or wrote.
func (s *Session) innerRun(q innerQuery) (rows int64, err error) {
	rows, err = s.innerRows(q)
	if err != nil && q.shown {
		e := *pgerr.From(storeError(err)) // a cancel's error is not ours to change
		err = e.WithWhere(`SQL statement "` + q.text + `"`)
	}
	return rows, err
}

func (s *Session) innerRows(q innerQuery) (rows int64, err error) {
	st, err := s.innerStatement(q)
	if err != nil {
		return 0, err
	}
	defer func(fresh bool) { s.within.fresh = fresh }(s.within.fresh)
	s.within.fresh = q.fresh
	p := s.freshPortal(st)
	p.params = q.params
	defer s.stopPortal(p)
	if err := s.startQuery(p); err != nil {
		return 0, err
	}
	want := data.MaxBatch
	if q.limit > 0 {
		want = q.limit
	}
	for q.limit == 0 || rows < int64(q.limit) {
		batch, err := p.run.Next(&s.intr, want)
		if err != nil {
			return 0, storeError(err)
		}
		if batch == nil {
			if err := s.finishRun(p); err != nil {
				return 0, err
			}
			return max(rows, p.sent), nil
		}
		for i := range batch.Rows() {
			if rows++; q.row != nil {
				q.row(batch.Row(batch.Lane(i), nil))
			}
		}
	}
	return rows, nil
}

func (s *Session) innerStatement(q innerQuery) (*statement, error) {
	st := s.within.cache[q.text]
	if st == nil {
		stmts, err := parser.Parse(q.text)
		if err != nil || len(stmts) != 1 {
			return nil, pgerr.Internal("%s: %w", q.text, err)
		}
		st = &statement{text: q.text, raw: stmts[0]}
		if len(s.within.cache) >= innerStatements || s.within.cache == nil {
			s.within.cache = map[string]*statement{}
		}
		s.within.cache[q.text] = st
	}
	params := append([]uint32(nil), q.types...)
	return st, s.prepare(st, &params)
}
