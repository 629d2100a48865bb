// Package settings is the one table of settings: PostgreSQL's names, types,
// defaults, contexts, units and bounds, the checks of their values, and the
// values of one session with the undo that transactions and savepoints need.
//
// Values are kept as the canonical text that pg_settings shows in its base
// unit; Show renders what SHOW prints. Setting a value checks it with
// PostgreSQL's messages and SQLSTATEs. What needs the catalog (a role's name)
// or the transaction (its isolation level) is checked by the session.
//
// A Session belongs to one goroutine. Defaults are shared and read-only.
package settings

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Type is the type of a setting's value.
type Type uint8

// Types of settings.
const (
	Bool Type = iota
	Int
	Real
	String
	Enum
)

// String is the name pg_settings uses.
func (t Type) String() string {
	return [...]string{"bool", "integer", "real", "string", "enum"}[t]
}

// Context says when a setting may be changed, weakest first.
type Context uint8

// Contexts, with PostgreSQL's meaning.
const (
	Internal         Context = iota // never
	Postmaster                      // on the command line
	Sighup                          // by the configuration file
	SuperuserBackend                // when a superuser connects
	Backend                         // when a client connects
	Superuser                       // any time, by a superuser
	User                            // any time
)

// String is the name pg_settings uses.
func (c Context) String() string {
	return [...]string{"internal", "postmaster", "sighup", "superuser-backend", "backend",
		"superuser", "user"}[c]
}

// ListKind says how SET with several values makes one text of them.
type ListKind uint8

// Kinds of lists. The items of ListQuoted are identifiers, quoted where needed.
const (
	NoList ListKind = iota
	ListPlain
	ListQuoted
)

// Def describes one setting.
type Def struct {
	Name       string
	Type       Type
	Context    Context
	Default    string
	Unit       string  // base unit of Int and Real: B, kB, 8kB, MB, ms, s, min; "" for none
	Min, Max   float64 // of Int and Real
	Values     []string
	Report     bool // clients are told of every change
	List       ListKind
	NoShowAll  bool // left out of SHOW ALL and pg_settings
	NoResetAll bool // RESET ALL leaves it alone

	id int
}

var byName = func() map[string]*Def {
	m := make(map[string]*Def, len(table))
	for i := range table {
		table[i].id = i
		m[strings.ToLower(table[i].Name)] = &table[i]
	}
	return m
}()

// oldNames are spellings of the past that SET and SHOW still know.
var oldNames = map[string]string{
	"sort_mem": "work_mem", "vacuum_mem": "maintenance_work_mem",
}

// Lookup finds a setting by name in any case, nil if there is none.
func Lookup(name string) *Def {
	if d := byName[name]; d != nil {
		return d
	}
	lower := strings.ToLower(name)
	if d := byName[lower]; d != nil {
		return d
	}
	return byName[oldNames[lower]]
}

// All lists every setting by lower-case name. The slice is shared.
func All() []Def { return table }

// ID is the setting's index in All, a key for typed caches.
func (d *Def) ID() int { return d.id }

// Unknown is the error for a name that is no setting.
func Unknown(name string) *pgerr.Error {
	return pgerr.Newf(pgerr.UndefinedObject, `unrecognized configuration parameter "%s"`, name)
}

// isCustom reports whether name is one an extension could define: two or more
// identifiers joined by dots. An error tells what is wrong with a dotted name.
func isCustom(name string) (bool, error) {
	if !strings.Contains(name, ".") {
		return false, nil
	}
	for _, part := range strings.Split(name, ".") {
		if !plainIdentifier(part) {
			return false, pgerr.Newf(pgerr.InvalidName, `invalid configuration parameter name "%s"`, name).
				WithDetail("Custom parameter names must be two or more simple identifiers separated by dots.")
		}
	}
	return true, nil
}

func plainIdentifier(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
		if !letter && (i == 0 || c != '$' && (c < '0' || c > '9')) {
			return false
		}
	}
	return s != ""
}

// permission checks that the setting may be changed by a running session.
func (d *Def) permission(superuser bool) error {
	cannot := func(how string) error {
		return pgerr.Newf(pgerr.CantChangeRuntimeParam, `parameter "%s" %s`, d.Name, how)
	}
	switch d.Context {
	case Internal:
		return cannot("cannot be changed")
	case Postmaster:
		return cannot("cannot be changed without restarting the server")
	case Sighup:
		return cannot("cannot be changed now")
	case SuperuserBackend, Backend:
		return cannot("cannot be set after connection start")
	case Superuser:
		if !superuser {
			return pgerr.Newf(pgerr.InsufficientPrivilege, `permission denied to set parameter "%s"`, d.Name)
		}
	}
	return nil
}
