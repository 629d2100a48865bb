package ddl

import (
	"math"
	"sort"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// wideBytes: longer values count, but are not kept or compared, as in
// PostgreSQL.
const wideBytes = 1024

// columnStatistics computes what pg_statistic says about a column from a
// sample of its values.
type columnStatistics struct {
	target  int
	total   float64 // rows in the table
	sampled int     // rows in the sample
	typ     *types.Type

	nulls, wide, nonNull int
	bytes                float64
	values               []sampledValue

	nullFrac, width, distinct float64
	common                    []data.Datum
	commonFreqs               []float32
	bounds                    []data.Datum
	correlation               float64
	hasCorrelation            bool
}

type sampledValue struct {
	d  data.Datum
	at int // place among the values in table order
}

// add takes the next value of the sample, which must stay as it is.
func (st *columnStatistics) add(d data.Datum) {
	if d.IsNull() {
		st.nulls++
		return
	}
	st.nonNull++
	if d.Kind() == data.KindBytes {
		n := len(d.Bytes())
		if n < 127 {
			st.bytes += float64(n + 1) // with the short length word
		} else {
			st.bytes += float64(n + 4)
		}
		if n > wideBytes {
			st.wide++
			return
		}
	}
	st.values = append(st.values, sampledValue{d, len(st.values)})
}

// compute works everything out; ordered says that values can be compared.
func (st *columnStatistics) compute(ordered bool) {
	if st.sampled == 0 {
		return
	}
	st.nullFrac = float64(float32(float64(st.nulls) / float64(st.sampled))) // as it is stored
	fixed := st.typ != nil && st.typ.Len > 0
	if fixed {
		st.width = float64(st.typ.Len)
	}
	if st.nonNull == 0 {
		return
	}
	if !fixed {
		st.width = st.bytes / float64(st.nonNull)
	}
	switch {
	case !ordered:
	case len(st.values) > 0:
		st.scalar()
	default: // all too wide: take them for distinct
		st.distinct = -(1 - st.nullFrac)
	}
}

// valueRun is a run of equal values in sorted order.
type valueRun struct{ first, count int }

// scalar computes the figures of values that have an order.
func (st *columnStatistics) scalar() {
	sort.SliceStable(st.values, func(i, j int) bool { return st.typ.Compare(st.values[i].d, st.values[j].d) < 0 })
	var runs []valueRun
	xysum := 0.0
	for i, v := range st.values {
		xysum += float64(i) * float64(v.at)
		if i > 0 && st.typ.Compare(st.values[i-1].d, v.d) == 0 {
			runs[len(runs)-1].count++
			continue
		}
		runs = append(runs, valueRun{i, 1})
	}
	repeated := 0
	for _, r := range runs {
		if r.count > 1 {
			repeated++
		}
	}
	st.estimateDistinct(len(runs), repeated)
	common := st.mostCommon(runs)
	st.histogram(len(runs), common)
	st.correlate(xysum)
}

// estimateDistinct is the estimator of Haas and Stokes (1998),
// n*d / (n - f1 + f1*n/N), which PostgreSQL uses. Counts that seem to grow with
// the table are stored as a negative fraction of its rows.
func (st *columnStatistics) estimateDistinct(distinct, repeated int) {
	switch {
	case repeated == 0:
		st.distinct = -(1 - st.nullFrac)
	case st.wide == 0 && repeated == distinct:
		st.distinct = float64(distinct)
	default:
		f1 := float64(distinct - repeated + st.wide)
		d := f1 + float64(repeated)
		n := float64(st.sampled - st.nulls)
		all := st.total * (1 - st.nullFrac)
		est := 0.0
		if all > 0 {
			est = n * d / ((n - f1) + f1*n/all)
		}
		st.distinct = math.Floor(max(d, min(est, all)) + 0.5)
	}
	if st.distinct > 0.1*st.total {
		st.distinct = -(st.distinct / st.total)
	}
}

// mostCommon chooses the most common values and returns their runs in order of
// the values.
func (st *columnStatistics) mostCommon(runs []valueRun) []valueRun {
	var tracked []valueRun
	for _, r := range runs {
		if r.count > 1 {
			tracked = append(tracked, r)
		}
	}
	all := len(tracked) == len(runs) && len(tracked) <= st.target && st.wide == 0 && st.distinct > 0
	sort.SliceStable(tracked, func(i, j int) bool { return tracked[i].count > tracked[j].count })
	if len(tracked) > st.target {
		tracked = tracked[:st.target]
	}
	if !all {
		tracked = tracked[:st.significant(tracked)]
	}
	for _, r := range tracked {
		st.common = append(st.common, st.values[r.first].d)
		st.commonFreqs = append(st.commonFreqs, float32(float64(r.count)/float64(st.sampled)))
	}
	sort.Slice(tracked, func(i, j int) bool { return tracked[i].first < tracked[j].first })
	return tracked
}

// significant is how many of the tracked values, most common first, are more
// common than the others by more than chance: two standard deviations of the
// hypergeometric distribution above the average frequency of the rest.
func (st *columnStatistics) significant(tracked []valueRun) int {
	n, all := float64(st.sampled), st.total
	if n == all || all <= 1 {
		return len(tracked)
	}
	distinct := st.distinct
	if distinct < 0 {
		distinct *= -all
	}
	sum := 0.0
	for i := 0; i < len(tracked)-1; i++ {
		sum += float64(tracked[i].count)
	}
	for k := len(tracked); k > 0; k-- {
		rest := max(0, min(1, 1-sum/n-st.nullFrac))
		if others := distinct - float64(k-1); others > 1 {
			rest /= others
		}
		count := float64(tracked[k-1].count)
		inTable := all * count / n
		variance := n * inTable * (all - inTable) * (all - n) / (all * all * (all - 1))
		if count > rest*n+2*math.Sqrt(variance)+0.5 {
			return k
		}
		if k > 1 {
			sum -= float64(tracked[k-2].count)
		}
	}
	return 0
}

// histogram divides the values that are not most common ones, given as runs in
// order, into bins of equal numbers.
func (st *columnStatistics) histogram(distinct int, common []valueRun) {
	n := min(distinct-len(common), st.target+1)
	if n < 2 {
		return
	}
	rest := make([]data.Datum, 0, len(st.values))
	next := 0
	for i := 0; i < len(st.values); {
		if next < len(common) && common[next].first == i {
			i += common[next].count
			next++
			continue
		}
		rest = append(rest, st.values[i].d)
		i++
	}
	for i := range n {
		st.bounds = append(st.bounds, rest[i*(len(rest)-1)/(n-1)])
	}
}

// correlate is the correlation of the values' order with the table's.
func (st *columnStatistics) correlate(xysum float64) {
	n := float64(len(st.values))
	if n < 2 {
		return
	}
	xsum := (n - 1) * n / 2
	x2sum := (n - 1) * n * (2*n - 1) / 6
	st.correlation = (n*xysum - xsum*xsum) / (n*x2sum - xsum*xsum)
	st.hasCorrelation = true
}

// arrayOf makes a one-dimensional array, as anyarray columns hold them.
func arrayOf(elem *types.Type, vals []data.Datum) []byte {
	var arena data.Arena
	return append([]byte(nil), types.BuildArray(&arena, elem, vals, []int32{int32(len(vals))}, []int32{1}).Bytes()...)
}
