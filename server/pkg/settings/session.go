package settings

import (
	"sort"
	"strings"
)

// Session holds the values of one session.
//
// Each setting has the value in force and the one that stays after commit;
// they differ only for SET LOCAL. Every change notes what was before, so a
// rollback, to a savepoint or of everything, is a walk back through the notes.
type Session struct {
	base    []string // what RESET goes back to
	kept    []string // stays after commit
	active  []string // in force
	custom  map[string]*customValue
	undo    []change
	noted   map[settingKey]int // where undo has the newest note of a setting
	mark    int                // notes from here on are of the present savepoint
	touched bool               // a value in force differs from the kept one
	version uint64

	reported   []string // what the client was told, by Def id
	reportedAt uint64   // version then, plus one; 0: it was told nothing
}

// settingKey names a setting of the table by its id, another one by -1 and its name.
type settingKey struct {
	id   int
	name string
}

type customValue struct{ kept, active string }

// change is one note of the undo list; custom settings have id -1.
type change struct {
	id           int
	name         string
	kept, active string
	absent       bool // the custom setting did not exist
}

// NewSession starts with the table's defaults, changed by overrides: pairs of
// name and value from flags and the start-up packet, already checked.
func NewSession(overrides map[string]string) *Session {
	s := &Session{base: make([]string, len(table)), custom: map[string]*customValue{}}
	for i := range table {
		s.base[i] = table[i].Default
	}
	for name, value := range overrides {
		if d := Lookup(name); d != nil {
			s.base[d.id] = value
		} else {
			s.custom[strings.ToLower(name)] = &customValue{value, value}
		}
	}
	s.kept = append([]string(nil), s.base...)
	s.active = append([]string(nil), s.base...)
	s.reported = make([]string, len(table))
	return s
}

// Version changes whenever a value in force does; typed caches compare it.
func (s *Session) Version() uint64 { return s.version }

// Get returns the canonical text of a setting of the table.
func (s *Session) Get(d *Def) string { return s.active[d.id] }

// Value is Get by name, "" for a name nobody knows.
func (s *Session) Value(name string) string {
	if d := Lookup(name); d != nil {
		return s.active[d.id]
	}
	if c := s.custom[strings.ToLower(name)]; c != nil {
		return c.active
	}
	return ""
}

// Show returns what SHOW prints; known is false for no such setting.
func (s *Session) Show(name string) (value string, known bool) {
	if d := Lookup(name); d != nil {
		return d.display(s.active[d.id]), true
	}
	c := s.custom[strings.ToLower(name)]
	if c == nil {
		return "", false
	}
	return c.active, true
}

// Set checks value and puts it in force, until the transaction's end if local.
func (s *Session) Set(name, value string, local, superuser bool) error {
	d := Lookup(name)
	if d == nil {
		return s.setCustom(name, value, local)
	}
	if err := d.permission(superuser); err != nil {
		return err
	}
	canonical, err := d.checkIn(s, name, value)
	if err != nil {
		return err
	}
	s.assign(d, canonical, local)
	return nil
}

// Assign puts a canonical value in force without checks: for what the session
// itself decides (transaction_isolation, role, is_superuser).
func (s *Session) Assign(name, value string, local bool) {
	if d := Lookup(name); d != nil {
		s.assign(d, value, local)
	}
}

func (s *Session) assign(d *Def, value string, local bool) {
	s.note(change{id: d.id, kept: s.kept[d.id], active: s.active[d.id]})
	if !local {
		s.kept[d.id] = value
	}
	s.active[d.id] = value
	s.touched = s.touched || local
	s.version++
}

// note says what a setting was before a change. What it was between two changes
// since the last mark nobody can go back to.
func (s *Session) note(c change) {
	key := settingKey{c.id, c.name}
	if at, ok := s.noted[key]; ok && at >= s.mark && at < len(s.undo) {
		return
	}
	if s.noted == nil {
		s.noted = map[settingKey]int{}
	}
	s.noted[key] = len(s.undo)
	s.undo = append(s.undo, c)
}

func (s *Session) setCustom(name, value string, local bool) error {
	ok, err := isCustom(name)
	if err != nil {
		return err
	}
	if !ok {
		return Unknown(name)
	}
	key := strings.ToLower(name)
	c := s.custom[key]
	note := change{id: -1, name: key, absent: c == nil}
	if c == nil {
		c = &customValue{}
		s.custom[key] = c
	}
	note.kept, note.active = c.kept, c.active
	s.note(note)
	if !local {
		c.kept = value
	}
	c.active = value
	s.touched = s.touched || local
	s.version++
	return nil
}

// Reset puts the value of the session's start back in force.
func (s *Session) Reset(name string, superuser bool) error {
	d := Lookup(name)
	if d == nil {
		if ok, err := isCustom(name); err != nil || !ok {
			if err == nil {
				err = Unknown(name)
			}
			return err
		}
		return s.setCustom(name, "", false)
	}
	if err := d.permission(superuser); err != nil {
		return err
	}
	s.assign(d, s.base[d.id], false)
	return nil
}

// ResetAll is RESET ALL: what the session may not change stays.
func (s *Session) ResetAll(superuser bool) {
	for i := range table {
		d := &table[i]
		if d.NoResetAll || s.active[i] == s.base[i] && s.kept[i] == s.base[i] || d.permission(superuser) != nil {
			continue
		}
		s.assign(d, s.base[i], false)
	}
	for name := range s.custom {
		_ = s.setCustom(name, "", false)
	}
}

// ResetValue is what RESET would bring back.
func (s *Session) ResetValue(d *Def) string { return s.base[d.id] }

// Mark is a point to undo to: the length of the undo list.
func (s *Session) Mark() int {
	s.mark = len(s.undo)
	return s.mark
}

// RollbackTo undoes every change since mark.
func (s *Session) RollbackTo(mark int) {
	for i := len(s.undo) - 1; i >= mark; i-- {
		c := s.undo[i]
		switch {
		case c.id >= 0:
			s.kept[c.id], s.active[c.id] = c.kept, c.active
		case c.absent:
			delete(s.custom, c.name)
		default:
			*s.custom[c.name] = customValue{c.kept, c.active}
		}
		s.version++
	}
	s.undo = s.undo[:mark]
	s.mark = mark // it may be undone to again
	clear(s.noted)
}

// Commit ends the effect of SET LOCAL and forgets the undo list.
func (s *Session) Commit() {
	if s.touched {
		for _, c := range s.undo {
			if c.id >= 0 {
				s.active[c.id] = s.kept[c.id]
			} else if v := s.custom[c.name]; v != nil {
				v.active = v.kept
			}
		}
		s.version++
	}
	s.forget()
}

// Rollback undoes everything since the last Commit or Rollback.
func (s *Session) Rollback() {
	s.RollbackTo(0)
	s.forget()
}

func (s *Session) forget() {
	s.touched, s.mark = false, 0
	if len(s.undo) > len(table) {
		s.undo, s.noted = nil, nil
	} else if len(s.undo) != 0 {
		s.undo = s.undo[:0]
		clear(s.noted)
	}
}

// Report calls f for each reported setting whose value the client does not
// know yet, and takes it as told.
func (s *Session) Report(f func(name, value string)) {
	if s.reportedAt == s.version+1 {
		return
	}
	s.reportedAt = s.version + 1
	for _, id := range reportedIDs {
		if s.reported[id] == s.active[id] {
			continue
		}
		s.reported[id] = s.active[id]
		f(table[id].Name, table[id].display(s.active[id]))
	}
}

// ReportAll calls f for every reported setting, at the session's start.
func (s *Session) ReportAll(f func(name, value string)) {
	s.reportedAt = s.version + 1
	for _, id := range reportedIDs {
		s.reported[id] = s.active[id]
		f(table[id].Name, table[id].display(s.active[id]))
	}
}

var reportedIDs = func() []int {
	var ids []int
	for i := range table {
		if table[i].Report {
			ids = append(ids, i)
		}
	}
	return ids
}()

// Row is one line of SHOW ALL and pg_settings.
type Row struct {
	Def     *Def // nil for a custom setting
	Name    string
	Setting string // in base units
	Shown   string // as SHOW prints it
	Reset   string
}

// Rows lists the settings that SHOW ALL shows, by name.
func (s *Session) Rows() []Row {
	var rows []Row
	for i := range table {
		if d := &table[i]; !d.NoShowAll {
			rows = append(rows, Row{d, d.Name, s.active[i], d.display(s.active[i]), s.base[i]})
		}
	}
	for name, c := range s.custom {
		rows = append(rows, Row{nil, name, c.active, c.active, ""})
	}
	sort.SliceStable(rows, func(i, j int) bool {
		return strings.ToLower(rows[i].Name) < strings.ToLower(rows[j].Name)
	})
	return rows
}
