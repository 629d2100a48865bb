package ddl

import (
	"math"
	"math/rand/v2"
	"sort"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// rowsPerTarget is how many rows are sampled for each unit of the statistics
// target, PostgreSQL's figure (Chaudhuri, Motwani and Narasayya 1998).
const rowsPerTarget = 300

// sampleBytesMin is the least memory a sample may take.
const sampleBytesMin = 64 << 20

// analyzeTable gathers statistics of a table, or of some of its columns.
func (s *Session) analyzeTable(t *catalog.Table, columns []string, verbose bool) error {
	cols, err := analyzedColumns(t, columns)
	if err != nil {
		return err
	}
	target := 0
	for _, c := range cols {
		target = max(target, s.statisticsTarget(c))
	}
	sm := &sample{want: rowsPerTarget * max(target, 1), limit: max(s.MaintenanceMem, sampleBytesMin)}
	if err := s.gather(t, sm); err != nil {
		return err
	}
	if verbose {
		pages, err := s.pages(t.Database, t.StorageID)
		if err != nil {
			return err
		}
		s.info("\"%s\": scanned %d of %d pages, containing %d live rows and 0 dead rows; %d rows in sample, %d estimated total rows",
			t.Name, min(int64(pages), max(sm.read, 1)), pages, sm.read, len(sm.rows), sm.seen)
	}
	if sm.seen > 0 {
		for _, c := range cols {
			if err := s.analyzeColumn(t, c, sm); err != nil {
				return err
			}
		}
	}
	return s.tableFigures(t, sm.seen)
}

// analyzedColumns are the columns an ANALYZE names, all without a list. Those
// with target 0 are left out.
func analyzedColumns(t *catalog.Table, names []string) ([]*catalog.Column, error) {
	var out []*catalog.Column
	seen := map[string]bool{}
	for _, name := range names {
		c := t.Column(name)
		if c == nil {
			return nil, undefinedColumn(name, t.Name)
		}
		if seen[name] {
			return nil, pgerr.Newf(pgerr.DuplicateColumn, "column \"%s\" of relation \"%s\" appears more than once", name, t.Name)
		}
		seen[name] = true
		if c.StatsTarget != 0 {
			out = append(out, c)
		}
	}
	if len(names) == 0 {
		for i := range t.Columns {
			if c := &t.Columns[i]; !c.Dropped && c.StatsTarget != 0 {
				out = append(out, c)
			}
		}
	}
	return out, nil
}

// sample is a reservoir of rows, each as likely to be in it as any other. When
// the rows take too much memory the reservoir shrinks.
type sample struct {
	want  int
	limit int64
	seen  int64 // rows of the table, or their estimated number
	read  int64 // rows that were read
	size  int64
	rows  []sampledRow
}

type sampledRow struct {
	at    int64 // place in the table
	bytes []byte
}

func (m *sample) offer(row []byte) {
	at := m.seen
	m.seen++
	if len(m.rows) < m.want {
		m.rows = append(m.rows, sampledRow{at, append([]byte(nil), row...)})
		m.size += int64(len(row))
	} else if i := rand.Int64N(m.seen); i < int64(len(m.rows)) {
		m.size += int64(len(row)) - int64(len(m.rows[i].bytes))
		m.rows[i] = sampledRow{at, append(m.rows[i].bytes[:0], row...)}
	}
	for m.size > m.limit && len(m.rows) > 1 {
		m.shrink()
	}
}

// shrink drops a random half of the rows.
func (m *sample) shrink() {
	rand.Shuffle(len(m.rows), func(i, j int) { m.rows[i], m.rows[j] = m.rows[j], m.rows[i] })
	m.want = max(1, len(m.rows)/2)
	for _, r := range m.rows[m.want:] {
		m.size -= int64(len(r.bytes))
	}
	m.rows = append([]sampledRow(nil), m.rows[:m.want]...)
}

// sort puts the rows in the order they lie in the table.
func (m *sample) sort() {
	sort.Slice(m.rows, func(i, j int) bool { return m.rows[i].at < m.rows[j].at })
}

// Kinds of statistics in pg_statistic.
const (
	statisticMCV         = 1
	statisticHistogram   = 2
	statisticCorrelation = 3
)

// analyzeColumn writes the pg_statistic row of a column.
func (s *Session) analyzeColumn(t *catalog.Table, c *catalog.Column, sm *sample) error {
	st := &columnStatistics{target: s.statisticsTarget(c), total: float64(sm.seen), sampled: len(sm.rows), typ: c.Type}
	for _, r := range sm.rows {
		d, err := rowcodec.DecodeColumn(t.Row, r.bytes, int(c.Num-1))
		if err != nil {
			return err
		}
		st.add(d)
	}
	v := s.View()
	var ltop, eqop uint32
	if c.Type != nil && c.Type.HasOrder() {
		class, err := v.DefaultOpClass(catalog.BtreeAM, c.TypeOID)
		if err != nil {
			return err
		}
		if class != nil {
			if ltop, err = v.OpFamilyMember(class.Family, class.InType, class.InType, catalog.BTLess); err != nil {
				return err
			}
			if eqop, err = v.OpFamilyMember(class.Family, class.InType, class.InType, catalog.BTEqual); err != nil {
				return err
			}
		}
	}
	st.compute(ltop != 0 && eqop != 0)
	row := st.row(t.OID, c, ltop, eqop)
	w := s.writer()
	err := deleteRows(w, catalog.StatisticRelation, catalog.StatisticIndex, catalog.OID(t.OID), catalog.Int2(c.Num))
	if err != nil {
		return err
	}
	return w.Insert(catalog.StatisticRelation, row.Row())
}

// row lays the figures out as pg_statistic has them.
func (st *columnStatistics) row(table uint32, c *catalog.Column, ltop, eqop uint32) *catalog.PgStatistic {
	r := &catalog.PgStatistic{Starelid: table, Staattnum: c.Num, Stanullfrac: float32(st.nullFrac), Stawidth: int32(math.Round(st.width)),
		Stadistinct: float32(st.distinct)}
	kinds := []*int16{&r.Stakind1, &r.Stakind2, &r.Stakind3}
	ops := []*uint32{&r.Staop1, &r.Staop2, &r.Staop3}
	colls := []*uint32{&r.Stacoll1, &r.Stacoll2, &r.Stacoll3}
	numbers := []*[]float32{&r.Stanumbers1, &r.Stanumbers2, &r.Stanumbers3}
	values := []*[]byte{&r.Stavalues1, &r.Stavalues2, &r.Stavalues3}
	slot := 0
	put := func(kind int16, op uint32, nums []float32, vals []data.Datum) {
		*kinds[slot], *ops[slot], *colls[slot], *numbers[slot] = kind, op, c.Collation, nums
		if vals != nil {
			*values[slot] = arrayOf(c.Type, vals)
		}
		slot++
	}
	if len(st.common) > 0 {
		put(statisticMCV, eqop, st.commonFreqs, st.common)
	}
	if len(st.bounds) > 0 {
		put(statisticHistogram, ltop, nil, st.bounds)
	}
	if st.hasCorrelation {
		put(statisticCorrelation, ltop, []float32{float32(st.correlation)}, nil)
	}
	return r
}
