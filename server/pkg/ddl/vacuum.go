package ddl

import (
	"errors"
	"strconv"
	"strings"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// vacuumOptions are the options of VACUUM and ANALYZE. The store removes dead
// versions on its own, so most of VACUUM's change nothing here; they are
// checked as PostgreSQL checks them.
type vacuumOptions struct {
	command                  string
	vacuum, analyze, verbose bool
	skipLocked, full         bool
	noPageSkipping, noToast  bool
	parallel                 bool
}

// vacuum is VACUUM and ANALYZE.
func (s *Session) vacuum(n *ast.VacuumStmt) (string, error) {
	o := &vacuumOptions{command: "ANALYZE", vacuum: n.IsVacuumcmd, analyze: !n.IsVacuumcmd}
	if n.IsVacuumcmd {
		o.command = "VACUUM"
	}
	for _, d := range n.Options {
		if err := o.read(d.(*ast.DefElem)); err != nil {
			return "", err
		}
	}
	if err := o.check(n); err != nil {
		return "", err
	}
	if o.vacuum && s.InBlock {
		return "", pgerr.New(pgerr.ActiveSQLTransaction, "VACUUM cannot run inside a transaction block")
	}
	if len(n.Rels) == 0 {
		return o.command, s.vacuumAll(o)
	}
	for _, r := range n.Rels {
		rel := r.(*ast.VacuumRelation)
		c, err := s.relation(s.View(), rel.Relation)
		if err != nil {
			return "", err
		}
		if err := s.vacuumRelation(o, c, ast.Strings(rel.VaCols), true); err != nil {
			return "", err
		}
	}
	return o.command, nil
}

// read takes one option.
func (o *vacuumOptions) read(d *ast.DefElem) error {
	switch d.Defname {
	case "verbose":
		return defBool(d, &o.verbose)
	case "skip_locked":
		return defBool(d, &o.skipLocked)
	}
	unknown := pgerr.Newf(pgerr.SyntaxError, "unrecognized %s option \"%s\"", o.command, d.Defname).AtByte(d.Location)
	if !o.vacuum {
		return unknown
	}
	var ignored bool
	switch d.Defname {
	case "analyze":
		return defBool(d, &o.analyze)
	case "full":
		return defBool(d, &o.full)
	case "freeze", "truncate":
		return defBool(d, &ignored)
	case "disable_page_skipping":
		return defBool(d, &o.noPageSkipping)
	case "process_toast":
		process := true
		err := defBool(d, &process)
		o.noToast = !process
		return err
	case "index_cleanup":
		if strings.EqualFold(defText(d), "auto") {
			return nil
		}
		return defBool(d, &ignored)
	case "parallel":
		return o.readParallel(d)
	}
	return unknown
}

func (o *vacuumOptions) readParallel(d *ast.DefElem) error {
	if d.Arg == nil {
		return pgerr.New(pgerr.SyntaxError, "parallel option requires a value between 0 and 1024").AtByte(d.Location)
	}
	n, ok := parseInt(defText(d))
	if !ok {
		return pgerr.New(pgerr.SyntaxError, "parallel requires an integer value")
	}
	if n < 0 || n > 1024 {
		return pgerr.New(pgerr.SyntaxError, "parallel workers for vacuum must be between 0 and 1024").AtByte(d.Location)
	}
	o.parallel = n > 0
	return nil
}

// defBool reads a Boolean option; no value means true.
func defBool(d *ast.DefElem, to *bool) error {
	switch strings.ToLower(defText(d)) {
	case "true", "on", "1":
		*to = true
	case "false", "off", "0":
		*to = false
	default:
		return pgerr.Newf(pgerr.SyntaxError, "%s requires a Boolean value", d.Defname)
	}
	return nil
}

func (o *vacuumOptions) check(n *ast.VacuumStmt) error {
	switch {
	case o.full && o.parallel:
		return pgerr.New(pgerr.FeatureNotSupportedCode, "VACUUM FULL cannot be performed in parallel")
	case o.full && o.noPageSkipping:
		return pgerr.New(pgerr.FeatureNotSupportedCode, "VACUUM option DISABLE_PAGE_SKIPPING cannot be used with FULL")
	case o.full && o.noToast:
		return pgerr.New(pgerr.FeatureNotSupportedCode, "PROCESS_TOAST required with VACUUM FULL")
	case o.analyze:
		return nil
	}
	for _, r := range n.Rels {
		if len(r.(*ast.VacuumRelation).VaCols) > 0 {
			return pgerr.New(pgerr.FeatureNotSupportedCode, "ANALYZE option must be specified when a column list is provided")
		}
	}
	return nil
}

// vacuumAll does every table of the database that the role owns.
func (s *Session) vacuumAll(o *vacuumOptions) error {
	var tables []*catalog.PgClass
	err := s.writer().Rows(catalog.ClassOIDIndex, func(row []data.Datum) error {
		if c := catalog.ReadPgClass(row); c.Relkind == catalog.RelkindTable && c.OID >= catalog.FirstUserOID {
			tables = append(tables, c)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range tables {
		if s.checkOwner(c.Relowner, "table", c.Relname) != nil {
			continue
		}
		if err := s.vacuumRelation(o, c, nil, false); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) vacuumRelation(o *vacuumOptions, c *catalog.PgClass, columns []string, named bool) error {
	verb := "analyze"
	if o.vacuum {
		verb = "vacuum"
	}
	if c.Relkind != catalog.RelkindTable {
		s.Notice(pgerr.Warning(pgerr.WarningCode, "skipping \"%s\" --- cannot %s non-tables or special system tables", c.Relname, verb))
		return nil
	}
	if c.OID < catalog.FirstUserOID {
		return nil // its rows are the image's and few
	}
	if err := s.checkOwner(c.Relowner, "table", c.Relname); err != nil {
		s.Notice(pgerr.Warning(pgerr.WarningCode, "skipping \"%s\" --- only table or database owner can %s it", c.Relname, verb))
		return nil
	}
	locked, err := s.lockForVacuum(o, c, verb)
	if err != nil || !locked {
		return err
	}
	t, err := s.View().Relation(c.OID)
	if err != nil {
		return err
	}
	if t == nil {
		if named {
			return pgerr.Newf(pgerr.UndefinedTable, "relation \"%s\" does not exist", c.Relname)
		}
		return nil
	}
	if o.verbose {
		if o.vacuum {
			s.info("vacuuming \"%s.%s\"", t.SchemaName, t.Name)
		}
		if o.analyze {
			s.info("analyzing \"%s.%s\"", t.SchemaName, t.Name)
		}
	}
	if o.analyze {
		return s.analyzeTable(t, columns, o.verbose)
	}
	rows, err := s.countRows(t)
	if err != nil {
		return err
	}
	return s.tableFigures(t, rows)
}

// info sends an INFO message.
func (s *Session) info(format string, args ...any) {
	e := pgerr.Newf(pgerr.SuccessfulCompletion, format, args...)
	e.Severity = pgerr.SeverityInfo
	s.Notice(e)
}

// lockForVacuum locks a table as PostgreSQL does; false: somebody else has it
// and SKIP_LOCKED was given.
func (s *Session) lockForVacuum(o *vacuumOptions, c *catalog.PgClass, verb string) (bool, error) {
	how := *s
	if o.skipLocked {
		how.Lock.Policy = kv.NoWait
	}
	err := how.lockTable(c.OID, kv.ShareUpdateExclusive)
	if o.skipLocked && errors.Is(err, kv.ErrLockNotAvailable) {
		s.Notice(pgerr.Warning(pgerr.LockNotAvailable, "skipping %s of \"%s\" --- lock not available", verb, c.Relname))
		return false, nil
	}
	return err == nil, err
}

// countRows counts a table's rows by their keys.
func (s *Session) countRows(t *catalog.Table) (int64, error) {
	sc, err := s.Txn.NewScan(s.newest(), kv.ScanSpec{Start: rowcodec.AppendPrefix(nil, t.Database, t.StorageID),
		End: rowcodec.AppendPrefixEnd(nil, t.Database, t.StorageID), KeysOnly: true})
	if err != nil {
		return 0, err
	}
	defer sc.Close()
	var rows kv.Rows
	n := int64(0)
	for {
		more, err := sc.Next(&rows, kv.MaxScanRows)
		if err != nil {
			return 0, err
		}
		if s.Ctx.Err() != nil {
			return 0, expr.CancelError(s.Ctx)
		}
		if n += int64(rows.Len()); !more {
			return n, nil
		}
	}
}

// pageBytes turns sizes into PostgreSQL's pages.
const pageBytes = 8192

// tableFigures writes relpages and reltuples of a table and its indexes.
func (s *Session) tableFigures(t *catalog.Table, rows int64) error {
	w := s.writer()
	set := func(oid, storage uint32, partial bool) error {
		pages, err := s.pages(t.Database, storage)
		if err != nil {
			return err
		}
		return updateClass(w, oid, func(c *catalog.PgClass) {
			c.Relpages = pages
			if !partial {
				c.Reltuples = float32(rows)
			}
		})
	}
	if err := set(t.OID, t.StorageID, false); err != nil {
		return err
	}
	for _, ix := range t.Indexes {
		if err := set(ix.OID, ix.StorageID, ix.Predicate != nil); err != nil {
			return err
		}
	}
	return nil
}

// pages estimates what a storage id takes, in pages.
func (s *Session) pages(database, storage uint32) (int32, error) {
	n, err := s.Store.ApproximateBytes(rowcodec.AppendPrefix(nil, database, storage), rowcodec.AppendPrefixEnd(nil, database, storage))
	return int32(min((n+pageBytes-1)/pageBytes, 1<<31-1)), err
}

// statisticsTarget is the number of most common values and histogram bins of a
// column.
func (s *Session) statisticsTarget(c *catalog.Column) int {
	if c.StatsTarget >= 0 {
		return int(c.StatsTarget)
	}
	if text, ok := s.EvalCtx().Env.SettingOK("default_statistics_target"); ok {
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	return 100
}
