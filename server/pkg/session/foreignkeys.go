package session

import (
	"fmt"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/ddl"
	"github.com/pgzdb/pgz/server/pkg/exec"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// Foreign keys are looked after when a statement has ended, by statements of
// our own (inner.go) as in PostgreSQL: a row that refers to another locks it FOR
// KEY SHARE, whoever removes a key looks for rows that refer to it. The latter
// looks at the newest state in every isolation level: rows the transaction's
// snapshot does not see count too.

// fireKeys works through the queue of what was written; an action may add to it.
func (s *Session) fireKeys() error {
	if len(s.keys.Events) == 0 || s.within.firing {
		return nil
	}
	s.within.firing = true
	defer func() {
		s.within.firing = false
		s.keys.Reset()
	}()
	for i := 0; i < len(s.keys.Events); i++ {
		k, err := s.foreignKey(&s.keys.Events[i])
		if err != nil || k == nil {
			return err
		}
		if k.e.Refers != nil {
			err = k.checkRefers()
		} else {
			err = k.act()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// foreignKey is one event with the tables it is about.
type foreignKey struct {
	s      *Session
	e      exec.KeyEvent
	t, ref *catalog.Table
}

func (s *Session) foreignKey(e *exec.KeyEvent) (*foreignKey, error) {
	view := s.view()
	if view == nil {
		_, err := s.storeTxn()
		return nil, err
	}
	k := &foreignKey{s: s, e: *e}
	var err error
	if k.t, err = view.Relation(e.Con.Table); err == nil {
		k.ref, err = view.Relation(e.Con.RefTable)
	}
	if err != nil {
		return nil, storeError(err)
	}
	if k.t == nil || k.ref == nil {
		return nil, pgerr.Internal("a table of constraint %s is gone", e.Con.Name)
	}
	return k, nil
}

func quotedName(t *catalog.Table) string { return quoted(t.SchemaName) + "." + quoted(t.Name) }

// quoted quotes a name whether it needs that or not: errors show these statements, and
// PostgreSQL writes them so.
func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// equals writes "column = $n" for each column, joined by AND, or the other way round.
func equals(t *catalog.Table, cols []int16, first int, parameterFirst bool) string {
	var parts []string
	for i, c := range cols {
		left, right := quoted(t.Columns[c-1].Name), fmt.Sprintf("$%d", first+i)
		if parameterFirst {
			left, right = right, left
		}
		parts = append(parts, left+" OPERATOR(pg_catalog.=) "+right)
	}
	return strings.Join(parts, " AND ")
}

func typesOf(t *catalog.Table, cols []int16) []uint32 {
	var out []uint32
	for _, c := range cols {
		out = append(out, t.Columns[c-1].TypeOID)
	}
	return out
}

// lockReferenced locks the row with a key and tells whether there is one. The
// key is of the columns of table from.
func (k *foreignKey) lockReferenced(key []data.Datum, from *catalog.Table, cols []int16, fresh bool) (bool, error) {
	text := "SELECT 1 FROM ONLY " + quotedName(k.ref) + " x WHERE " + equals(k.ref, k.e.Con.RefColumns, 1, false) + " FOR KEY SHARE OF x"
	n, err := k.s.innerRun(innerQuery{text: text, shown: true, types: typesOf(from, cols), params: key, fresh: fresh, limit: 1})
	return n > 0, err
}

// checkRefers looks for the row that a new or changed row refers to.
func (k *foreignKey) checkRefers() error {
	con := k.e.Con
	for _, d := range k.e.Refers {
		if d.IsNull() {
			return k.violation(fmt.Sprintf(`insert or update on table "%s" violates foreign key constraint "%s"`, k.t.Name, con.Name)).
				WithDetail("MATCH FULL does not allow mixing of null and nonnull key values.")
		}
	}
	found, err := k.lockReferenced(k.e.Refers, k.t, con.Columns, false)
	if err != nil || found {
		return err
	}
	return k.violation(fmt.Sprintf(`insert or update on table "%s" violates foreign key constraint "%s"`, k.t.Name, con.Name)).
		WithDetail(fmt.Sprintf(`Key %s is not present in table "%s".`, k.keyText(k.t, con.Columns, k.e.Refers), k.ref.Name))
}

func (k *foreignKey) violation(message string) *pgerr.Error {
	e := pgerr.New(pgerr.ForeignKeyViolation, message)
	e.Schema, e.Table, e.Constraint = k.t.SchemaName, k.t.Name, k.e.Con.Name
	return e
}

// keyText is "(columns)=(values)".
func (k *foreignKey) keyText(t *catalog.Table, cols []int16, key []data.Datum) string {
	var names, vals []string
	c := k.s.typeCtx(&k.s.within.arena)
	for i, n := range cols {
		names = append(names, t.Columns[n-1].Name)
		if ty, err := k.s.typeOf(t.Columns[n-1].TypeOID); err == nil {
			vals = append(vals, string(ty.Out(c, nil, key[i])))
		}
	}
	return "(" + strings.Join(names, ", ") + ")=(" + strings.Join(vals, ", ") + ")"
}

// act does what the constraint says of rows that refer to a key that went.
func (k *foreignKey) act() error {
	con := k.e.Con
	action := con.DeleteAction
	if k.e.New != nil {
		action = con.UpdateAction
	}
	if action == 'a' {
		// Another row may have the key by now.
		if again, err := k.lockReferenced(k.e.Old, k.ref, con.RefColumns, true); err != nil || again {
			return err
		}
	}
	if action == 'a' || action == 'r' {
		return k.refuse()
	}
	if err := k.change(action); err != nil {
		return err
	}
	if action == 'd' {
		return k.refuse() // the default may be the very key that went
	}
	if k.s.tx.level == readCommitted {
		return nil
	}
	// Rows the snapshot does not see were not changed.
	left, err := k.referring()
	if err == nil && left {
		err = pgerr.New(pgerr.TRSerializationFailure, "could not serialize access due to concurrent update")
	}
	return err
}

// referring tells whether any row refers to the old key, locking one that does.
func (k *foreignKey) referring() (bool, error) {
	con := k.e.Con
	text := "SELECT 1 FROM ONLY " + quotedName(k.t) + " x WHERE " + equals(k.t, con.Columns, 1, true) + " FOR KEY SHARE OF x"
	n, err := k.s.innerRun(innerQuery{
		text: text, shown: true, types: typesOf(k.ref, con.RefColumns), params: k.e.Old, fresh: true, limit: 1})
	return n > 0, err
}

func (k *foreignKey) refuse() error {
	found, err := k.referring()
	if err != nil || !found {
		return err
	}
	con := k.e.Con
	return k.violation(fmt.Sprintf(`update or delete on table "%s" violates foreign key constraint "%s" on table "%s"`,
		k.ref.Name, con.Name, k.t.Name)).
		WithDetail(fmt.Sprintf(`Key %s is still referenced from table "%s".`, k.keyText(k.ref, con.RefColumns, k.e.Old), k.t.Name))
}

// change is CASCADE, SET NULL and SET DEFAULT.
func (k *foreignKey) change(action byte) error {
	con := k.e.Con
	q := innerQuery{shown: true, types: typesOf(k.ref, con.RefColumns), params: k.e.Old}
	first := 1
	if action == 'c' && k.e.New != nil {
		first += len(con.Columns) // behind the new values
	}
	where := " WHERE " + equals(k.t, con.Columns, first, true)
	if action == 'c' && k.e.New == nil {
		q.text = "DELETE FROM ONLY " + quotedName(k.t) + where
		_, err := k.s.innerRun(q)
		return err
	}
	var set []string
	for i, c := range con.Columns {
		value := map[byte]string{'n': "NULL", 'd': "DEFAULT", 'c': fmt.Sprintf("$%d", i+1)}[action]
		set = append(set, quoted(k.t.Columns[c-1].Name)+" = "+value)
	}
	if action == 'c' {
		q.types = append(q.types, q.types...)
		q.params = append(append([]data.Datum{}, k.e.New...), k.e.Old...)
	}
	q.text = "UPDATE ONLY " + quotedName(k.t) + " SET " + strings.Join(set, ", ") + where
	_, err := k.s.innerRun(q)
	return err
}

// checkForeign makes sure that all rows of a table pass a foreign key.
func (s *Session) checkForeign(t, ref *catalog.Table, con *catalog.Constraint) error {
	var missing data.Row
	_, err := s.innerRun(innerQuery{text: ddl.ForeignMissing(t, ref, con), fresh: true, limit: 1,
		row: func(r data.Row) { missing = r.CopyTo(nil, &s.within.arena) }})
	if err != nil || missing == nil {
		return err
	}
	k := &foreignKey{s: s, t: t, ref: ref, e: exec.KeyEvent{Con: con, Refers: missing}}
	detail := fmt.Sprintf(`Key %s is not present in table "%s".`, k.keyText(t, con.Columns, missing), ref.Name)
	for _, d := range missing {
		if d.IsNull() {
			detail = "MATCH FULL does not allow mixing of null and nonnull key values."
		}
	}
	return k.violation(fmt.Sprintf(`insert or update on table "%s" violates foreign key constraint "%s"`, t.Name, con.Name)).
		WithDetail(detail)
}
