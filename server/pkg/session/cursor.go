package session

import (
	"math"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Bits of DeclareCursorStmt.Options, PostgreSQL's.
const (
	cursorScroll   = 0x0002
	cursorNoScroll = 0x0004
	cursorHold     = 0x0020
)

// declareStmt is DECLARE CURSOR: a portal that FETCH reads, forward only.
func (s *Session) declareStmt(n *ast.DeclareCursorStmt, outer *portal) error {
	switch {
	case n.Options&cursorHold != 0:
		return pgerr.FeatureNotSupported("DECLARE CURSOR ... WITH HOLD")
	case n.Options&cursorScroll != 0:
		return pgerr.FeatureNotSupported("DECLARE ... SCROLL CURSOR")
	case !s.inBlock() && !s.tx.script:
		return outsideBlock("DECLARE CURSOR")
	case s.portals[n.Portalname] != nil:
		return pgerr.Newf(pgerr.DuplicateCursor, `cursor "%s" already exists`, n.Portalname)
	}
	st, err := s.inner(outer.st)
	if err != nil {
		return err
	}
	p := s.freshPortal(st)
	p.name, p.cursor, p.noScroll = n.Portalname, true, n.Options&cursorNoScroll != 0
	for _, d := range outer.params {
		p.params = append(p.params, p.arena.CopyDatum(d))
	}
	p.started = true
	if err := s.startQuery(p); err != nil {
		s.stopPortal(p)
		return err
	}
	s.portals[p.name] = p
	return nil
}

// cursorOf finds a cursor or other named portal.
func (s *Session) cursorOf(name string) (*portal, error) {
	if p := s.portals[name]; p != nil {
		return p, nil
	}
	return nil, pgerr.Newf(pgerr.UndefinedCursor, `cursor "%s" does not exist`, name)
}

// closeStmt is CLOSE.
func (s *Session) closeStmt(n *ast.ClosePortalStmt) (string, error) {
	if n.Portalname == "" {
		for _, p := range s.portals {
			s.dropPortal(p)
		}
		return "CLOSE CURSOR ALL", nil
	}
	p, err := s.cursorOf(n.Portalname)
	if err != nil {
		return "", err
	}
	s.dropPortal(p)
	return "CLOSE CURSOR", nil
}

// fetchStmt is FETCH and MOVE. The rows are kept until they are sent, because
// the cursor's next batch would overwrite them.
func (s *Session) fetchStmt(n *ast.FetchStmt, out *portal) error {
	p, err := s.cursorOf(n.Portalname)
	if err != nil {
		return err
	}
	if p.failed {
		return cannotRun(p)
	}
	if !n.Ismove && !sameColumns(p.columns, out.columns) {
		return errResultType()
	}
	count, skip, err := fetchRange(n, p)
	if err != nil {
		return err
	}
	list := &rowList{}
	rows := int64(0)
	for rows < skip+count && p.run != nil && !p.ranOut {
		want := int(min(skip+count-rows, data.MaxBatch))
		batch, err := p.run.Next(&s.intr, want)
		if err != nil {
			s.fail(p)
			return storeError(err)
		}
		if batch == nil {
			p.ranOut = true
			break
		}
		for i := range batch.Rows() {
			if rows++; rows > skip && !n.Ismove {
				list.rows = append(list.rows, batch.Row(batch.Lane(i), nil).CopyTo(nil, &out.arena))
			}
		}
	}
	p.position += rows
	out.rows = list
	verb := "FETCH "
	if n.Ismove {
		verb, out.rows = "MOVE ", nil
	}
	out.tag = verb + itoa(int(max(rows-skip, 0)))
	return nil
}

// fetchRange says how many rows to pass over and how many to return.
func fetchRange(n *ast.FetchStmt, p *portal) (count, skip int64, err error) {
	backward := pgerr.FeatureNotSupported("fetching backward from a cursor")
	if p.noScroll {
		backward = pgerr.New(pgerr.ObjectNotInPrerequisiteState, "cursor can only scan forward").
			WithHint("Declare it with SCROLL option to enable backward scan.")
	}
	switch n.Direction {
	case ast.FETCH_FORWARD:
		if n.HowMany < 0 {
			return 0, 0, backward
		}
		if n.HowMany == 0 {
			return 0, 0, pgerr.FeatureNotSupported("FETCH 0")
		}
		if n.HowMany == math.MaxInt64 {
			return math.MaxInt32, 0, nil
		}
		return n.HowMany, 0, nil
	case ast.FETCH_ABSOLUTE:
		if n.HowMany <= p.position {
			return 0, 0, backward
		}
		return 1, n.HowMany - p.position - 1, nil
	case ast.FETCH_RELATIVE:
		if n.HowMany <= 0 {
			return 0, 0, backward
		}
		return 1, n.HowMany - 1, nil
	}
	return 0, 0, backward
}
