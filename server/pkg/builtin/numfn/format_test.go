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

// TestTemplates compares with testdata/format.tsv, what PostgreSQL answered.
func TestTemplates(t *testing.T) {
	f, err := os.Open("testdata/format.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		lines++
		col := strings.Split(sc.Text(), "\t")
		n, _ := strconv.Atoi(col[0])
		var arena data.Arena
		c := &expr.Ctx{Arena: &arena, Types: types.NewCtx(&arena)}
		got, status := "", "ok"
		v, err := types.ByName(col[3]).In(c.Types, col[4], -1)
		p := expr.Lookup(uint32(n))
		if p == nil {
			t.Fatalf("function %d is not registered", n)
		}
		if err == nil {
			var d data.Datum
			d, err = p.Fn(c, []data.Datum{v, data.String(col[5])})
			switch {
			case err != nil:
			case d.IsNull():
				got = "NULL"
			case n == 1777:
				got = types.NumOf(d).String()
			default:
				got = d.Str()
			}
		}
		if err != nil {
			got, status = pgerr.As(err).Message, pgerr.As(err).Code
		}
		if got != col[2] || status != col[1] {
			t.Errorf("%s(%s, %q): %s %q\n   PostgreSQL: %s %q", col[3], col[4], col[5], status, got, col[1], col[2])
		}
	}
	if lines < 1500 {
		t.Fatalf("only %d cases", lines)
	}
}
