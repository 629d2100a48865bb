package types

import (
	"bufio"
	"encoding/hex"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// TestAgainstPostgres reads testdata/io.tsv, what PostgreSQL itself answered, and
// compares text input, output, errors, and binary output and input.
func TestAgainstPostgres(t *testing.T) {
	f, err := os.Open("testdata/io.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, bad := 0, 0
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		if strings.HasPrefix(sc.Text(), "#") {
			continue
		}
		lines++
		col := strings.Split(sc.Text(), "\t")
		if len(col) != 6 {
			t.Fatalf("line with %d columns: %q", len(col), sc.Text())
		}
		if !checkIO(t, col[0], col[1], unescape(col[2]), col[3], unescape(col[4]), col[5]) {
			bad++
		}
	}
	if lines < 1000 {
		t.Fatalf("only %d cases", lines)
	}
	t.Logf("%d cases, %d differ", lines, bad)
}

func unescape(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n").Replace(s)
}

func checkIO(t *testing.T, settings, typeName, in, status, want, wantHex string) bool {
	t.Helper()
	var arena data.Arena
	c := NewCtx(&arena)
	c.TxnTime = func() int64 { return 0 }
	applySettings(t, c, settings)
	// The server's probe casts explicitly, which is what typmods of text types need.
	oid, typmod, err := ParseTypeName(c, ioTypeName(typeName))
	if err != nil {
		t.Errorf("%s: %v", typeName, err)
		return false
	}
	if strings.HasPrefix(typeName, "interval ") {
		typmod = intervalTestTypmod[typeName]
	}
	typ := Get(oid)
	d, err := typ.In(c, in, typmodForLiteral(typ, typmod))
	if err == nil {
		d, err = explicitCast(c, typ, d, typmod)
	}
	if err != nil {
		e := pgerr.As(err)
		if e == nil || e.Code != status || e.Message != want {
			t.Errorf("[%s] %s %q: error %v, PostgreSQL: %s %s", settings, typeName, in, err, status, want)
			return false
		}
		return true
	}
	if got := string(typ.Out(c, nil, d)); status != "ok" || got != want {
		t.Errorf("[%s] %s %q: %q, PostgreSQL: %s %q", settings, typeName, in, got, status, want)
		return false
	}
	if wantHex == "" {
		return true
	}
	b, err := typ.Send(c, nil, d)
	if err != nil || hex.EncodeToString(b) != wantHex {
		t.Errorf("%s %q: sent %x (%v), PostgreSQL: %s", typeName, in, b, err, wantHex)
		return false
	}
	back, err := typ.Recv(c, b, typmod)
	if err != nil {
		t.Errorf("%s %q: receiving what was sent: %v", typeName, in, err)
		return false
	}
	if got := string(typ.Out(c, nil, back)); got != want {
		t.Errorf("%s %q: received %q, want %q", typeName, in, got, want)
		return false
	}
	if typ.HasOrder() && typ.Compare(d, back) != 0 || typ.HasHash() && typ.Hash(d) != typ.Hash(back) {
		t.Errorf("%s %q: differs from its binary round trip", typeName, in)
		return false
	}
	return true
}

// A cast from a literal reads the text without the modifier and then applies it as
// an explicit cast, except that numbers' and times' input does both at once.
func typmodForLiteral(t *Type, typmod int32) int32 {
	if t.OID == Varchar || t.OID == BpChar {
		return -1
	}
	return typmod
}

func explicitCast(c *Ctx, t *Type, d data.Datum, typmod int32) (data.Datum, error) {
	switch t.OID {
	case Varchar:
		s, err := FitVarchar(d.Str(), typmod, true)
		return c.Arena.CopyString(s), err
	case BpChar:
		return FitBpchar(c.Arena, d.Str(), typmod, true)
	}
	return d, nil
}

func ioTypeName(s string) string {
	if strings.HasPrefix(s, "interval ") {
		return "interval"
	}
	return s
}

var intervalTestTypmod = map[string]int32{
	"interval day": 8<<16 | 65535, "interval year to month": 6<<16 | 65535,
	"interval minute": 2048<<16 | 65535, "interval day to second": 7176<<16 | 65535,
	"interval minute to second": 6144<<16 | 65535, "interval hour": 1024<<16 | 65535,
	"interval year": 4<<16 | 65535, "interval day to hour": 1032<<16 | 65535, "interval second(1)": 4096<<16 | 1,
}

func applySettings(t *testing.T, c *Ctx, s string) {
	c.TimeZone = time.UTC
	for _, kv := range strings.Split(s, ";") {
		k, v, _ := strings.Cut(kv, "=")
		switch k {
		case "timezone":
			c.TimeZone = LoadZone(v)
		case "extra_float_digits":
			n, _ := ParseInt32(v)
			c.ExtraFloatDigits = int(n)
		case "bytea_output":
			c.ByteaEscape = v == "escape"
		case "intervalstyle":
			c.IntervalStyle = map[string]IntervalStyle{
				"postgres": IntervalPostgres, "postgres_verbose": IntervalPostgresVerbose,
				"sql_standard": IntervalSQLStandard, "iso_8601": IntervalISO8601,
			}[v]
		case "datestyle":
			for _, p := range strings.Split(v, ",") {
				switch p {
				case "ISO":
					c.DateStyle = DateISO
				case "SQL":
					c.DateStyle = DateSQL
				case "Postgres":
					c.DateStyle = DatePostgres
				case "German":
					c.DateStyle, c.DateOrder = DateGerman, OrderDMY
				case "MDY":
					c.DateOrder = OrderMDY
				case "DMY":
					c.DateOrder = OrderDMY
				case "YMD":
					c.DateOrder = OrderYMD
				default:
					t.Fatalf("setting %q", kv)
				}
			}
		case "":
		default:
			t.Fatalf("setting %q", kv)
		}
	}
}
