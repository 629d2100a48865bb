package session

import (
	"sort"
	"time"

	"github.com/pgzdb/pgz/server/pkg/builtin/catfn"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/settings"
)

var _ expr.Env = (*Session)(nil)

// TransactionTimestamp implements expr.Env.
func (s *Session) TransactionTimestamp() int64 {
	if s.tx.begun {
		return s.tx.started
	}
	return s.stmtTime
}

// StatementTimestamp implements expr.Env.
func (s *Session) StatementTimestamp() int64 { return s.stmtTime }

// ClockTimestamp implements expr.Env.
func (s *Session) ClockTimestamp() int64 { return sqlTime(time.Now()) }

// SessionRole implements expr.Env.
func (s *Session) SessionRole() expr.RoleRef { return expr.RoleRef{OID: s.role.oid, Name: s.role.name} }

// Database implements expr.Env.
func (s *Session) Database() expr.DatabaseRef {
	return expr.DatabaseRef{OID: s.database.oid, Name: s.database.name}
}

// BackendPID implements expr.Env.
func (s *Session) BackendPID() int32 { return s.pid }

// ApplicationName implements expr.Env.
func (s *Session) ApplicationName() string { return s.settings.Value("application_name") }

// ClientAddr implements expr.Env.
func (s *Session) ClientAddr() (host string, port int32, ok bool) {
	return s.clientHost, int32(s.clientPort), s.clientHost != ""
}

// Catalog implements expr.Env.
func (s *Session) Catalog() catalog.View { return s.view() }

// Notify implements expr.Env.
func (s *Session) Notify(string, string) error { return pgerr.FeatureNotSupported("NOTIFY") }

// CancelBackend implements expr.Env.
func (s *Session) CancelBackend(pid int32) bool {
	t := s.srv.find(pid)
	if t == nil {
		return false
	}
	t.intr.cancel(pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request"))
	return true
}

// TerminateBackend implements expr.Env. The session ends when it next looks:
// at once if a statement runs, with its next message otherwise.
func (s *Session) TerminateBackend(pid int32) bool {
	t := s.srv.find(pid)
	if t == nil {
		return false
	}
	t.Terminate(pgerr.Fatal(pgerr.AdminShutdown, "terminating connection due to administrator command"))
	if t.hangUp != nil {
		t.hangUp()
	}
	return true
}

// PreparedStatements lists the session's prepared statements for
// pg_prepared_statements. Plans are generic: they do not depend on values.
func (s *Session) PreparedStatements() []catfn.PreparedStatement {
	var out []catfn.PreparedStatement
	for name, st := range s.prepared {
		out = append(out, catfn.PreparedStatement{
			Name: name, Text: st.text, Time: st.preparedAt, Types: st.paramTypes, FromSQL: st.fromSQL, Uses: st.uses,
		})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// SettingRows lists the settings as pg_settings shows them.
func (s *Session) SettingRows() []settings.Row {
	rows := s.settings.Rows()
	for i := range rows {
		switch rows[i].Name {
		case "transaction_isolation", "transaction_read_only":
			rows[i].Setting, _ = s.showValue(rows[i].Name)
		}
	}
	return rows
}
