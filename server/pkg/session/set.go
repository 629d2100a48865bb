package session

import (
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/settings"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// setStmt is SET, SET TRANSACTION and RESET.
func (s *Session) setStmt(n *ast.VariableSetStmt) (tag string, err error) {
	switch n.Kind {
	case ast.VAR_RESET_ALL:
		s.settings.ResetAll(s.role.superuser)
		return "RESET", nil
	case ast.VAR_RESET:
		return "RESET", s.resetSetting(n.Name)
	case ast.VAR_SET_DEFAULT:
		s.warnLocal(n)
		return "SET", s.resetSetting(n.Name)
	case ast.VAR_SET_MULTI:
		return "SET", s.setMulti(n)
	case ast.VAR_SET_CURRENT:
		value, known := s.settings.Show(n.Name)
		if !known {
			return "", settings.Unknown(n.Name)
		}
		return "SET", s.setSetting(n.Name, value, n.IsLocal)
	}
	value, err := s.flatten(n)
	if err != nil {
		return "", err
	}
	s.warnLocal(n)
	return "SET", s.setSetting(n.Name, value, n.IsLocal)
}

func (s *Session) warnLocal(n *ast.VariableSetStmt) {
	if n.IsLocal && !s.inBlock() {
		s.Notice(pgerr.Warning(pgerr.NoActiveSQLTransaction, "SET LOCAL can only be used in transaction blocks"))
	}
}

// setMulti is SET TRANSACTION and SET SESSION CHARACTERISTICS.
func (s *Session) setMulti(n *ast.VariableSetStmt) error {
	switch n.Name {
	case "TRANSACTION":
		if !s.inBlock() {
			s.Notice(pgerr.Warning(pgerr.NoActiveSQLTransaction, "SET TRANSACTION can only be used in transaction blocks"))
		}
		return s.setModes(n.Args)
	case "SESSION CHARACTERISTICS":
		for _, a := range n.Args {
			d, ok := a.(*ast.DefElem)
			if !ok {
				continue
			}
			value, err := constText(d.Arg)
			if err != nil {
				return err
			}
			if err := s.setSetting("default_"+d.Defname, value, n.IsLocal); err != nil {
				return err
			}
		}
		return nil
	}
	if n.Name == "TRANSACTION SNAPSHOT" {
		return s.setSnapshot(n)
	}
	return pgerr.FeatureNotSupported("SET " + n.Name)
}

// constText is the text of a constant in SET.
func constText(n ast.Node) (string, error) {
	c, ok := n.(*ast.A_Const)
	if !ok {
		return "", pgerr.Internal("unexpected %T in SET", n)
	}
	switch v := c.Val.(type) {
	case *ast.String:
		return v.Sval, nil
	case *ast.Integer:
		return strconv.Itoa(int(v.Ival)), nil
	case *ast.Float:
		return v.Fval, nil
	case *ast.Boolean:
		return strconv.FormatBool(v.Boolval), nil
	}
	return "", pgerr.Internal("unexpected %T in SET", c.Val)
}

// flatten makes one text of SET's arguments.
func (s *Session) flatten(n *ast.VariableSetStmt) (string, error) {
	list := settings.NoList
	if d := settings.Lookup(n.Name); d != nil {
		list = d.List
	}
	if len(n.Args) != 1 && list == settings.NoList {
		return "", pgerr.Newf(pgerr.InvalidParameterValue, "SET %s takes only one argument", n.Name)
	}
	var parts []string
	for _, a := range n.Args {
		if cast, ok := a.(*ast.TypeCast); ok {
			return s.intervalZone(cast)
		}
		text, err := constText(a)
		if err != nil {
			return "", err
		}
		if c := a.(*ast.A_Const); list == settings.ListQuoted {
			if _, isString := c.Val.(*ast.String); isString {
				text = types.QuoteIdent(text)
			}
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", "), nil
}

// intervalZone is SET TIME ZONE INTERVAL '…' HOUR TO MINUTE.
func (s *Session) intervalZone(cast *ast.TypeCast) (string, error) {
	text, err := constText(cast.Arg)
	if err != nil {
		return "", err
	}
	typmod := int32(-1)
	if len(cast.TypeName.Typmods) > 0 {
		if c, ok := cast.TypeName.Typmods[0].(*ast.A_Const); ok {
			if i, ok := c.Val.(*ast.Integer); ok {
				typmod = i.Ival<<16 | 0xFFFF
			}
		}
	}
	var arena data.Arena
	d, err := types.Get(types.Interval).In(s.typeCtx(&arena), text, typmod)
	if err != nil {
		return "", err
	}
	v := types.ReadInterval(d)
	if v.Months != 0 {
		return "", pgerr.New(pgerr.InvalidParameterValue, `invalid value for parameter "TimeZone": "`+text+`"`).
			WithDetail("Cannot specify months in time zone interval.")
	}
	if v.Days != 0 {
		return "", pgerr.New(pgerr.InvalidParameterValue, `invalid value for parameter "TimeZone": "`+text+`"`).
			WithDetail("Cannot specify days in time zone interval.")
	}
	name, _ := settings.FixedZone(int(v.Micros / 1e6))
	return name, nil
}

// setSetting is SET of one value; some settings are the session's own state.
func (s *Session) setSetting(name, value string, local bool) error {
	d := settings.Lookup(name)
	if d == nil {
		return s.settings.Set(name, value, local, s.role.superuser)
	}
	switch d.Name {
	case "transaction_isolation", "transaction_read_only", "transaction_deferrable":
		canonical, err := d.Check(name, value)
		if err != nil {
			return err
		}
		if d.Name == "transaction_isolation" {
			return s.setIsolation(canonical)
		}
		if d.Name == "transaction_deferrable" {
			return s.setDeferrable(canonical == "on")
		}
		return s.setReadOnly(canonical == "on")
	case "standard_conforming_strings":
		if b, ok := settings.ParseBool(value); ok && !b {
			return pgerr.FeatureNotSupported("standard_conforming_strings = off")
		}
	case "role":
		return s.setRole(value, local)
	case "session_authorization":
		if value != s.role.name {
			return pgerr.FeatureNotSupported("SET SESSION AUTHORIZATION")
		}
		return nil
	}
	return s.settings.Set(name, value, local, s.role.superuser)
}

func (s *Session) resetSetting(name string) error {
	d := settings.Lookup(name)
	if d != nil {
		switch d.Name {
		case "transaction_isolation":
			return s.setIsolation(s.settings.Get(defDefaultIsolation))
		case "transaction_read_only":
			return s.setReadOnly(s.settings.Get(defDefaultReadOnly) == "on")
		case "transaction_deferrable":
			return s.setDeferrable(s.settings.Get(defDefaultDeferrable) == "on")
		case "session_authorization":
			return nil
		}
	}
	return s.settings.Reset(name, s.role.superuser)
}

// showValue is what SHOW prints for one setting.
func (s *Session) showValue(name string) (string, bool) {
	if d := settings.Lookup(name); d != nil {
		switch d.Name {
		case "transaction_isolation":
			return s.isolationName(), true
		case "transaction_read_only":
			if s.tx.begun && s.tx.readOnly || !s.tx.begun && s.settings.Get(defDefaultReadOnly) == "on" {
				return "on", true
			}
			return "off", true
		case "transaction_deferrable":
			if s.tx.begun && s.tx.deferrable || !s.tx.begun && s.settings.Get(defDefaultDeferrable) == "on" {
				return "on", true
			}
			return "off", true
		}
	}
	return s.settings.Show(name)
}

// SettingOK implements expr.Env.
func (s *Session) SettingOK(name string) (string, bool) { return s.showValue(name) }

// Setting implements expr.Env.
func (s *Session) Setting(name string) (string, error) {
	if v, known := s.showValue(name); known {
		return v, nil
	}
	return "", settings.Unknown(name)
}

// SetSetting implements expr.Env: it is set_config.
func (s *Session) SetSetting(name, value string, local bool) error {
	if settings.Lookup(name) == nil && !strings.Contains(name, ".") {
		return settings.Unknown(name)
	}
	return s.setSetting(name, value, local)
}
