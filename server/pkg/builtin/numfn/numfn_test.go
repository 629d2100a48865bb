package numfn

import (
	"bufio"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// resultType of the functions in testdata that do not give numeric.
var resultType = map[uint32]uint32{
	3281: types.Int4, 5042: types.Int4, 1783: types.Int2, 1744: types.Int4, 1779: types.Int8,
	1745: types.Float4, 1746: types.Float8,
}

// TestAgainstPostgres compares with testdata/numeric.tsv, what PostgreSQL answered.
func TestAgainstPostgres(t *testing.T) {
	f, err := os.Open("testdata/numeric.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	lines := 0
	for sc.Scan() {
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		lines++
		col := strings.Split(sc.Text(), "\t")
		oid, _ := strconv.Atoi(col[0])
		var arena data.Arena
		c := &expr.Ctx{Arena: &arena, Types: types.NewCtx(&arena)}
		got, status := call(t, c, uint32(oid), col[3:])
		if got != col[2] || status != col[1] {
			t.Errorf("%d%v: %s %s\n   PostgreSQL: %s %s", oid, col[3:], status, got, col[1], col[2])
		}
	}
	if lines < 7000 {
		t.Fatalf("only %d cases", lines)
	}
}

func call(t *testing.T, c *expr.Ctx, oid uint32, args []string) (text, status string) {
	p := expr.Lookup(oid)
	if p == nil {
		t.Fatalf("function %d is not registered", oid)
	}
	var vals []data.Datum
	for i, a := range args {
		if i == 1 && (oid == 1707 || oid == 1709) {
			v, _ := strconv.Atoi(a)
			vals = append(vals, data.Int(int64(v)))
			continue
		}
		d, err := types.Get(types.Numeric).In(c.Types, a, -1)
		if err != nil {
			return pgerr.As(err).Message, pgerr.As(err).Code
		}
		vals = append(vals, d)
	}
	d, err := p.Fn(c, vals)
	if err != nil {
		return pgerr.As(err).Message, pgerr.As(err).Code
	}
	if d.IsNull() {
		return "NULL", "ok"
	}
	typ := resultType[oid]
	if typ == 0 {
		typ = types.Numeric
	}
	return string(types.Get(typ).Out(c.Types, nil, d)), "ok"
}
