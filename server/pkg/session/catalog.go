package session

import (
	"fmt"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/settings"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// openCatalog opens the image, without the functions that do not work yet, and
// the cache all sessions share.
func openCatalog() (*catalog.Cache, error) {
	img, err := catalog.OpenImage(expr.Registered)
	if err != nil {
		return nil, fmt.Errorf("the catalog image: %w", err)
	}
	return catalog.NewCache(img), nil
}

// catalogState is the session's sight of the catalog.
type catalogState struct {
	view catalog.View // of the statement under way; nil: not asked for yet
	path []string     // search_path, as of version
	at   uint64       // settings version of path
	who  catalog.Session
	end  func() // says that this transaction's catalog changes are over
}

// planValidity says when a plan was made.
type planValidity struct {
	epoch    uint64
	quiet    bool // no catalog change was under way
	settings uint64
}

// identify finds the role and the database a client asked for, by as much of
// what it sent as a name holds.
func (s *Session) identify(user, database string) error {
	user, database = types.TruncateName(user), types.TruncateName(database)
	txn, err := s.srv.store.Begin(kv.TxnOptions{})
	if err != nil {
		return fatalError(storeError(err))
	}
	defer txn.Rollback()
	view := s.srv.catalog.View(s.srv.catalog.Image().WithImage(txn), catalog.Session{})
	r, err := view.RoleByName(user)
	if err != nil {
		return fatalError(storeError(err))
	}
	if r == nil {
		return pgerr.Fatal(pgerr.InvalidAuthorizationSpecification, `role "%s" does not exist`, user)
	}
	if !r.CanLogin {
		return pgerr.Fatal(pgerr.InvalidAuthorizationSpecification, `role "%s" is not permitted to log in`, user)
	}
	d, err := view.DatabaseByName(database)
	if err != nil {
		return fatalError(storeError(err))
	}
	if d == nil {
		return pgerr.Fatal(pgerr.InvalidCatalogName, `database "%s" does not exist`, database)
	}
	if !d.AllowConn {
		return pgerr.Fatal(pgerr.ObjectNotInPrerequisiteState,
			`database "%s" is not currently accepting connections`, database)
	}
	s.role = role{oid: r.OID, name: r.Name, superuser: r.Super}
	s.database = dbInfo{oid: d.OID, name: d.Name}
	return nil
}

// view is the catalog as the statement under way sees it. Without a
// transaction that can be begun it is nil, and whoever asked gets the error of
// beginning one.
func (s *Session) view() catalog.View {
	c := &s.cat
	if c.view == nil {
		txn, err := s.storeTxn()
		if err != nil {
			return nil
		}
		c.view = s.srv.catalog.View(txn, s.catalogSession())
	}
	return c.view
}

// catalogSession says whose view it is.
func (s *Session) catalogSession() catalog.Session {
	c := &s.cat
	if v := s.settings.Version(); c.path == nil || c.at != v {
		c.path, _ = settings.SplitIdentifiers(s.settings.Get(defSearchPath))
		if c.path == nil {
			c.path = []string{}
		}
		c.at = v
		c.who = catalog.Session{Database: s.database.oid, Role: s.role.oid, RoleName: s.role.name, Path: c.path}
		if name := s.settings.Value("role"); name != "none" && name != s.role.name {
			c.who.RoleName = name
		}
	}
	return c.who
}

// freshView makes the next statement look at the catalog anew.
func (s *Session) freshView() { s.cat.view = nil }

// validity is the stamp of a plan made now.
func (s *Session) validity() planValidity {
	epoch, quiet := s.srv.catalog.Epoch()
	return planValidity{epoch: epoch, quiet: quiet && s.cat.end == nil, settings: s.settings.Version()}
}

// stillValid tells whether what st was made from is as it was.
func (s *Session) stillValid(st *statement) bool {
	if !st.isQuery() {
		return s.returnsTheSame(st)
	}
	if st.discarded {
		return false
	}
	if s.unchanged(st) {
		return true
	}
	now := s.validity()
	if st.valid.settings != now.settings && st.settingsMatter(s) {
		return false
	}
	s.freshView() // one made before now was asked would vouch for too much
	view := s.view()
	if view == nil {
		return false
	}
	ok, err := st.deps.Valid(view)
	if err != nil || !ok {
		return false
	}
	st.valid = now
	return true
}

// unchanged tells that nothing at all changed since st was last looked at.
func (s *Session) unchanged(st *statement) bool {
	now := s.validity()
	return st.valid == now && now.quiet
}

// settingsMatter tells whether the settings that changed since the plan was
// made may give another plan or other constants.
func (st *statement) settingsMatter(s *Session) bool { return st.planSettings != s.planSettings() }

// planSettings is what plans depend on, joined to one text.
func (s *Session) planSettings() string {
	if v := s.settings.Version(); s.planKeyAt != v || s.planKey == "" {
		s.planKeyAt = v
		s.planKey = ""
		for _, d := range planDefs {
			s.planKey += s.settings.Get(d) + "\x00"
		}
	}
	return s.planKey
}

// planDefs are the settings plans depend on.
var planDefs = func() []*settings.Def {
	var defs []*settings.Def
	for i := range settings.All() {
		d := &settings.All()[i]
		switch d.Name {
		case "DateStyle", "IntervalStyle", "TimeZone", "search_path", "role", "work_mem", "bytea_output",
			"extra_float_digits", "random_page_cost", "seq_page_cost", "constraint_exclusion", "array_nulls":
			defs = append(defs, d)
		default:
			if len(d.Name) > 7 && d.Name[:7] == "enable_" {
				defs = append(defs, d)
			}
		}
	}
	return defs
}()

// changing is called before the transaction's first write into the catalog.
func (s *Session) changing() {
	if s.cat.end == nil {
		s.cat.end = s.srv.catalog.Begin()
	}
}

// catalogEnd ends the transaction's catalog changes.
func (s *Session) catalogEnd() {
	s.freshView()
	if s.cat.end != nil {
		s.cat.end()
		s.cat.end = nil
	}
	s.owned = s.owned[:0]
}
