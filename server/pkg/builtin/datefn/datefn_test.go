package datefn

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

// TestAgainstPostgres compares with testdata/datetime.tsv, what PostgreSQL answered.
func TestAgainstPostgres(t *testing.T) {
	f, err := os.Open("testdata/datetime.tsv")
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
		for i := range col {
			col[i] = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n").Replace(col[i])
		}
		got, status := call(t, col[0], col[1], col[4], col[5:])
		if got != col[3] || status != col[2] {
			t.Errorf("%s %s%q: %s %q\n   PostgreSQL: %s %q", col[0], col[1], col[5:], status, got, col[2], col[3])
		}
	}
	if lines < 3000 {
		t.Fatalf("only %d cases", lines)
	}
}

func call(t *testing.T, settings, oid, result string, args []string) (text, status string) {
	n, _ := strconv.Atoi(oid)
	p := expr.Lookup(uint32(n))
	if p == nil {
		t.Fatalf("function %s is not registered", oid)
	}
	var arena data.Arena
	c := &expr.Ctx{Arena: &arena, Types: types.NewCtx(&arena)}
	for _, s := range strings.Split(settings, ";") {
		if k, v, _ := strings.Cut(s, "="); k == "timezone" {
			c.Types.TimeZone = types.LoadZone(v)
		}
	}
	var vals []data.Datum
	for i := 0; i < len(args); i += 2 {
		d, err := input(c.Types, args[i], args[i+1])
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
	out, _, err := types.ParseTypeName(c.Types, result)
	if err != nil {
		t.Fatal(err)
	}
	if out == types.Bool {
		return strconv.FormatBool(d.Bool()), "ok"
	}
	return string(types.Get(out).Out(c.Types, nil, d)), "ok"
}

func input(c *types.Ctx, typeName, s string) (data.Datum, error) {
	oid, _, err := types.ParseTypeName(c, typeName)
	if err != nil {
		return data.Null, err
	}
	return types.Get(oid).In(c, s, -1)
}
