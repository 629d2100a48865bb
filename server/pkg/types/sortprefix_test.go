package types

import (
	"math"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// TestSortPrefix holds every type's prefix against its order, over all pairs of samples.
func TestSortPrefix(t *testing.T) {
	ints := []data.Datum{}
	for _, i := range []int64{math.MinInt64, -7, -1, 0, 1, 255, 256, math.MaxInt32, math.MaxInt64} {
		ints = append(ints, data.Int(i))
	}
	floats := []data.Datum{}
	for _, f := range []float64{math.Inf(-1), -1e300, -1, math.Copysign(0, -1), 0, 5e-324, 1, 2, math.Inf(1), math.NaN()} {
		floats = append(floats, data.Float(f))
	}
	texts := []data.Datum{}
	for _, s := range []string{"", "\x00", "a", "a ", "a  b", "a\x00", "ab", "abcdefgh", "abcdefgh ", "abcdefghi", "ä", "\xff"} {
		texts = append(texts, data.String(s))
	}
	samples := map[data.Kind][]data.Datum{data.KindInt64: ints, data.KindFloat64: floats, data.KindBytes: texts}
	tested := 0
	for oid, kind := range map[uint32]data.Kind{
		Int2: data.KindInt64, Int4: data.KindInt64, Int8: data.KindInt64, Oid: data.KindInt64, Date: data.KindInt64,
		Timestamp: data.KindInt64, TimestampTZ: data.KindInt64, Time: data.KindInt64, Float4: data.KindFloat64,
		Float8: data.KindFloat64, Text: data.KindBytes, Varchar: data.KindBytes, BpChar: data.KindBytes,
		Name: data.KindBytes, Bytea: data.KindBytes,
	} {
		typ := Get(oid)
		for _, a := range samples[kind] {
			for _, b := range samples[kind] {
				p, q := typ.SortPrefix(a), typ.SortPrefix(b)
				if c := typ.Compare(a, b); c == 0 && p != q || c < 0 && p > q || c > 0 && p < q {
					t.Errorf("%s: values compare as %d, prefixes are %x and %x", typ.Name, c, p, q)
				}
				tested++
			}
		}
	}
	t.Logf("%d pairs", tested)
}
