package ddl

import (
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/query"
)

// alteration is an ALTER TABLE under way. Its subcommands change the catalog
// in the order of their passes; what they mean for the rows is gathered and
// done at the end in one reading of the table.
type alteration struct {
	s   *Session
	w   *catalog.Writer
	old *catalog.Table // as the rows lie
	// rewrite says that the rows are to be written anew.
	rewrite bool
	// fill gives new values, by column number, from the row as it was.
	fill    map[int16]query.Expr
	notNull []int16
	checks  []*pendingCheck
	foreign []*pendingForeign
	indexes []uint32 // to be built
}

// alterTable is ALTER TABLE, and the parts of ALTER VIEW, ALTER INDEX and ALTER
// SEQUENCE that share its syntax.
func (s *Session) alterTable(n *ast.AlterTableStmt) error {
	c, err := s.lockedRelationIn(n.Relation, n.MissingOk, lockLevel(n.Cmds))
	if err != nil || c == nil {
		return err
	}
	if want := relkindsOf[n.Objtype]; n.Objtype != ast.OBJECT_TABLE && strings.IndexByte(want.kinds, c.Relkind) < 0 {
		return wrongRelkind(c.Relname, want.word)
	}
	if err := s.renamable(c); err != nil {
		return err
	}
	a := &alteration{s: s, w: s.writer(), fill: map[int16]query.Expr{}}
	if c.Relkind == catalog.RelkindTable {
		if a.old, err = s.View().Relation(c.OID); err != nil {
			return err
		}
	}
	cmds := make([]*ast.AlterTableCmd, len(n.Cmds))
	for i, node := range n.Cmds {
		cmds[i] = node.(*ast.AlterTableCmd)
		if err := allowedOn(cmds[i], c); err != nil {
			return err
		}
	}
	for pass := passDrop; pass <= passMisc; pass++ {
		for _, cmd := range cmds {
			if passOf(cmd) != pass {
				continue
			}
			if err := a.run(c, cmd); err != nil {
				return err
			}
		}
	}
	if a.old == nil {
		return nil
	}
	if err := a.finish(); err != nil {
		return err
	}
	for _, f := range a.foreign {
		v, t, err := a.table()
		if err != nil {
			return err
		}
		if err := a.s.checkForeign(v, t, f.name); err != nil {
			return err
		}
	}
	return nil
}

// alterTag is the command tag of ALTER TABLE and its relatives.
func alterTag(n *ast.AlterTableStmt) string {
	switch n.Objtype {
	case ast.OBJECT_INDEX:
		return "ALTER INDEX"
	case ast.OBJECT_SEQUENCE:
		return "ALTER SEQUENCE"
	case ast.OBJECT_VIEW:
		return "ALTER VIEW"
	}
	return "ALTER TABLE"
}

// Passes, in order: drops make room for what is added.
const (
	passDrop = iota
	passType
	passAddColumn
	passColumns
	passKeys
	passConstraints
	passMisc
)

func passOf(cmd *ast.AlterTableCmd) int {
	switch cmd.Subtype {
	case ast.AT_DropColumn, ast.AT_DropConstraint, ast.AT_DropNotNull:
		return passDrop
	case ast.AT_ColumnDefault:
		if cmd.Def == nil {
			return passDrop
		}
		return passConstraints
	case ast.AT_AlterColumnType:
		return passType
	case ast.AT_AddColumn:
		return passAddColumn
	case ast.AT_SetNotNull, ast.AT_SetStatistics:
		return passColumns
	case ast.AT_AddConstraint:
		if c, ok := cmd.Def.(*ast.Constraint); ok && (c.Contype == ast.CONSTR_PRIMARY || c.Contype == ast.CONSTR_UNIQUE) {
			return passKeys
		}
		return passConstraints
	}
	return passMisc
}

// alterAction is what messages call a subcommand, and the kinds of relations
// it is for.
type alterAction struct{ name, kinds string }

var alterActions = map[ast.AlterTableType]alterAction{
	ast.AT_AddColumn:          {"ADD COLUMN", "r"},
	ast.AT_ColumnDefault:      {"ALTER COLUMN ... SET DEFAULT", "r"},
	ast.AT_DropNotNull:        {"ALTER COLUMN ... DROP NOT NULL", "r"},
	ast.AT_SetNotNull:         {"ALTER COLUMN ... SET NOT NULL", "r"},
	ast.AT_SetStatistics:      {"ALTER COLUMN ... SET STATISTICS", "r"},
	ast.AT_DropColumn:         {"DROP COLUMN", "r"},
	ast.AT_AddConstraint:      {"ADD CONSTRAINT", "r"},
	ast.AT_DropConstraint:     {"DROP CONSTRAINT", "r"},
	ast.AT_AlterColumnType:    {"ALTER COLUMN ... SET DATA TYPE", "r"},
	ast.AT_ValidateConstraint: {"VALIDATE CONSTRAINT", "r"},
	ast.AT_ChangeOwner:        {"OWNER TO", "rvSi"},
	ast.AT_SetRelOptions:      {"SET", "ri"},
	ast.AT_ResetRelOptions:    {"RESET", "ri"},
}

// otherActions names subcommands that are not there.
var otherActions = map[ast.AlterTableType]string{
	ast.AT_AddIdentity: "ALTER COLUMN ... ADD IDENTITY", ast.AT_AlterConstraint: "ALTER CONSTRAINT",
	ast.AT_AddInherit: "INHERIT", ast.AT_DropInherit: "NO INHERIT", ast.AT_AddOf: "OF", ast.AT_DropOf: "NOT OF",
	ast.AT_AttachPartition: "ATTACH PARTITION", ast.AT_DetachPartition: "DETACH PARTITION", ast.AT_ClusterOn: "CLUSTER ON",
	ast.AT_DropCluster: "SET WITHOUT CLUSTER", ast.AT_DropExpression: "ALTER COLUMN ... DROP EXPRESSION",
	ast.AT_DropIdentity: "ALTER COLUMN ... DROP IDENTITY", ast.AT_SetIdentity: "ALTER COLUMN ... SET IDENTITY",
	ast.AT_EnableRowSecurity: "ENABLE ROW LEVEL SECURITY", ast.AT_DisableRowSecurity: "DISABLE ROW LEVEL SECURITY",
	ast.AT_ForceRowSecurity: "FORCE ROW LEVEL SECURITY", ast.AT_NoForceRowSecurity: "NO FORCE ROW LEVEL SECURITY",
	ast.AT_EnableTrig: "ENABLE TRIGGER", ast.AT_DisableTrig: "DISABLE TRIGGER", ast.AT_EnableTrigAll: "ENABLE TRIGGER ALL",
	ast.AT_DisableTrigAll: "DISABLE TRIGGER ALL", ast.AT_EnableTrigUser: "ENABLE TRIGGER USER",
	ast.AT_DisableTrigUser: "DISABLE TRIGGER USER", ast.AT_EnableRule: "ENABLE RULE", ast.AT_DisableRule: "DISABLE RULE",
	ast.AT_ReplicaIdentity: "REPLICA IDENTITY", ast.AT_SetAccessMethod: "SET ACCESS METHOD", ast.AT_SetCompression: "ALTER COLUMN ... SET COMPRESSION",
	ast.AT_SetLogged: "SET LOGGED", ast.AT_SetUnLogged: "SET UNLOGGED", ast.AT_SetOptions: "ALTER COLUMN ... SET",
	ast.AT_ResetOptions: "ALTER COLUMN ... RESET", ast.AT_SetStorage: "ALTER COLUMN ... SET STORAGE",
	ast.AT_SetTableSpace: "SET TABLESPACE", ast.AT_DropOids: "SET WITHOUT OIDS",
}

// allowedOn rejects subcommands that are not there, or not for this kind of
// relation.
func allowedOn(cmd *ast.AlterTableCmd, c *catalog.PgClass) error {
	action, ok := alterActions[cmd.Subtype]
	if !ok {
		name := otherActions[cmd.Subtype]
		if name == "" {
			name = "this form"
		}
		return unsupported("ALTER TABLE " + name)
	}
	if strings.IndexByte(action.kinds, c.Relkind) >= 0 {
		return nil
	}
	if c.Relkind == catalog.RelkindView && (cmd.Subtype == ast.AT_ColumnDefault || cmd.Subtype == ast.AT_SetRelOptions ||
		cmd.Subtype == ast.AT_ResetRelOptions) {
		return unsupported("ALTER VIEW " + action.name)
	}
	return pgerr.Newf(pgerr.WrongObjectType, "ALTER action %s cannot be performed on relation \"%s\"", action.name, c.Relname).
		WithDetail(relkindDetail(c.Relkind))
}

func (a *alteration) run(c *catalog.PgClass, cmd *ast.AlterTableCmd) error {
	switch cmd.Subtype {
	case ast.AT_AddColumn:
		return a.addColumn(cmd)
	case ast.AT_DropColumn:
		return a.dropColumn(cmd)
	case ast.AT_AddConstraint:
		return a.addConstraint(cmd.Def.(*ast.Constraint))
	case ast.AT_DropConstraint:
		return a.dropConstraint(cmd)
	case ast.AT_ValidateConstraint:
		return a.validateConstraint(cmd)
	case ast.AT_ColumnDefault:
		return a.columnDefault(cmd)
	case ast.AT_SetNotNull, ast.AT_DropNotNull:
		return a.columnNotNull(cmd, cmd.Subtype == ast.AT_SetNotNull)
	case ast.AT_AlterColumnType:
		return a.columnType(cmd)
	case ast.AT_SetStatistics:
		return a.columnStatistics(cmd)
	case ast.AT_ChangeOwner:
		return a.changeOwner(c, cmd)
	case ast.AT_SetRelOptions, ast.AT_ResetRelOptions:
		return a.options(c, cmd)
	}
	return unsupported("this form of ALTER TABLE")
}

// table is the table as the catalog has it by now.
func (a *alteration) table() (catalog.View, *catalog.Table, error) {
	v := a.s.View()
	t, err := v.Relation(a.old.OID)
	return v, t, err
}

// column finds a column that a subcommand names.
func (a *alteration) column(name string) (*catalog.Table, *catalog.Column, error) {
	_, t, err := a.table()
	if err != nil {
		return nil, nil, err
	}
	col := t.Column(name)
	if col == nil {
		if systemColumnNames[name] {
			return nil, nil, pgerr.Newf(pgerr.FeatureNotSupportedCode, "cannot alter system column \"%s\"", name)
		}
		return nil, nil, undefinedColumn(name, t.Name)
	}
	return t, col, nil
}

func (a *alteration) changeOwner(c *catalog.PgClass, cmd *ast.AlterTableCmd) error {
	role, err := a.s.roleOf(a.s.View(), cmd.Newowner)
	if err != nil {
		return err
	}
	if c.Relkind == catalog.RelkindIndex {
		return pgerr.Newf(pgerr.WrongObjectType, "cannot change owner of index \"%s\"", c.Relname).
			WithHint("Change the ownership of the index's table instead.")
	}
	owned := []uint32{c.OID}
	if a.old != nil {
		for _, ix := range a.old.Indexes {
			owned = append(owned, ix.OID)
		}
		seqs, err := a.ownedSequences(c.OID)
		if err != nil {
			return err
		}
		owned = append(owned, seqs...)
	}
	for _, oid := range owned {
		if err := updateClass(a.w, oid, func(c *catalog.PgClass) { c.Relowner = role.OID }); err != nil {
			return err
		}
		if err := a.typeOwner(oid, role.OID); err != nil {
			return err
		}
		if a.old != nil && a.old.Index(oid) != nil {
			continue
		}
		if err := changeOwner(a.w, object{catalog.RelationRelation, oid, 0}, role.OID); err != nil {
			return err
		}
	}
	return nil
}

// typeOwner gives a relation's row type, and its array type, to a role.
func (a *alteration) typeOwner(rel, role uint32) error {
	row, err := a.w.Find(catalog.ClassOIDIndex, catalog.OID(rel))
	if err != nil {
		return err
	}
	for oid := catalog.ReadPgClass(row).Reltype; oid != 0; {
		old, err := a.w.Find(catalog.TypeOIDIndex, catalog.OID(oid))
		if err != nil || old == nil {
			return err
		}
		t := catalog.ReadPgType(old)
		t.Typowner = role
		if err := a.w.Update(catalog.TypeRelation, old, t.Row()); err != nil {
			return err
		}
		oid = t.Typarray
	}
	return nil
}

// ownedSequences lists the sequences that belong to a table's columns.
func (a *alteration) ownedSequences(table uint32) ([]uint32, error) {
	var out []uint32
	err := a.eachDependent(table, func(r *catalog.PgDepend) error {
		if r.Classid != catalog.RelationRelation || r.Deptype != dependAuto || r.Refobjsubid == 0 {
			return nil
		}
		row, err := a.w.Find(catalog.ClassOIDIndex, catalog.OID(r.Objid))
		if err == nil && row != nil && catalog.ReadPgClass(row).Relkind == catalog.RelkindSequence {
			out = append(out, r.Objid)
		}
		return err
	})
	return out, err
}

// options is SET (...) and RESET (...).
func (a *alteration) options(c *catalog.PgClass, cmd *ast.AlterTableCmd) error {
	list, ok := cmd.Def.(*ast.List)
	if !ok {
		return unsupported("this form of ALTER TABLE SET")
	}
	var set []string
	named := map[string]bool{}
	for _, n := range list.Items {
		named[n.(*ast.DefElem).Defname] = true
	}
	if cmd.Subtype == ast.AT_SetRelOptions {
		var err error
		if set, err = relationOptions(list.Items, "heap"); err != nil {
			return err
		}
	}
	return updateClass(a.w, c.OID, func(c *catalog.PgClass) {
		var out []string
		for _, o := range c.Reloptions {
			if name, _, _ := strings.Cut(o, "="); !named[name] {
				out = append(out, o)
			}
		}
		c.Reloptions = append(out, set...)
	})
}
