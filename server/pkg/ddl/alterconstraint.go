package ddl

import (
	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// addConstraint is ADD CONSTRAINT.
func (a *alteration) addConstraint(con *ast.Constraint) error {
	v, t, err := a.table()
	if err != nil {
		return err
	}
	d := &tableDraft{}
	if err := d.addConstraint(con, t.Name); err != nil {
		return err
	}
	for _, con := range d.checks {
		check, err := a.s.addCheck(a.w, v, t, con)
		if err != nil {
			return unplaced(err)
		}
		a.checks = append(a.checks, check)
	}
	for _, f := range d.foreign {
		pending, err := a.s.addForeignKey(a.w, t.OID, f)
		if err != nil {
			return unplaced(err)
		}
		if !f.con.SkipValidation {
			a.foreign = append(a.foreign, pending)
		}
	}
	for _, k := range d.keys {
		if err := a.addKey(k); err != nil {
			return err
		}
	}
	return nil
}

// addKey adds a primary key or a unique constraint; its index is built when
// all subcommands are done.
func (a *alteration) addKey(k *keyDraft) error {
	_, t, err := a.table()
	if err != nil {
		return err
	}
	if k.con.Contype == ast.CONSTR_PRIMARY {
		for _, name := range k.columns {
			if c := t.Column(name); c != nil && !c.NotNull {
				a.notNull = append(a.notNull, c.Num)
			}
		}
	}
	index, err := a.s.addKeyConstraint(a.w, t.OID, k)
	a.indexes = append(a.indexes, index)
	return unplaced(err)
}

// dropConstraint is DROP CONSTRAINT.
func (a *alteration) dropConstraint(cmd *ast.AlterTableCmd) error {
	rows, err := constraintRows(a.w, a.old.OID)
	if err != nil {
		return err
	}
	con := constraintNamed(rows, cmd.Name)
	if con == nil {
		if cmd.MissingOk {
			a.s.notice(pgerr.SuccessfulCompletion, "constraint \"%s\" of relation \"%s\" does not exist, skipping", cmd.Name, a.old.Name)
			return nil
		}
		return pgerr.Newf(pgerr.UndefinedObject, "constraint \"%s\" of relation \"%s\" does not exist", cmd.Name, a.old.Name)
	}
	return a.drop(object{catalog.ConstraintRelation, con.OID, 0}, cmd.Behavior == ast.DROP_CASCADE)
}

// eachDependent calls f for what depends on a table or its columns.
func (a *alteration) eachDependent(table uint32, f func(r *catalog.PgDepend) error) error {
	return a.w.Rows(catalog.DependReferenceIndex, func(row []data.Datum) error {
		return f(catalog.ReadPgDepend(row))
	}, catalog.OID(catalog.RelationRelation), catalog.OID(table))
}
