package bytefn

import (
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// TestAgainstPostgres holds what PostgreSQL 15.18 answers; errors as SQLSTATE and text.
func TestAgainstPostgres(t *testing.T) {
	bytea := func(s string) data.Datum { return data.String(s) }
	text, n := bytea, func(i int64) data.Datum { return data.Int(i) }
	for _, c := range []struct {
		oid  uint32
		args []data.Datum
		want string
	}{
		{1946, []data.Datum{bytea("\x00\x01\xff\\A"), text("escape")}, "\\000\x01\\377\\\\A"},
		{1946, []data.Datum{bytea("\x01"), text("HEX")}, "01"},
		{1946, []data.Datum{bytea(""), text("base64")}, ""},
		{1946, []data.Datum{bytea(strings.Repeat("a", 60)), text("base64")}, strings.Repeat("YWFh", 19) + "\nYWFh"},
		{1946, []data.Datum{bytea(strings.Repeat("a", 57)), text("base64")}, strings.Repeat("YWFh", 19) + "\n"},
		{1946, []data.Datum{bytea("x"), text("foo")}, `22023 unrecognized encoding: "foo"`},
		{1947, []data.Datum{text("YQ=="), text("base64")}, "a"},
		{1947, []data.Datum{text("YW I=\n"), text("base64")}, "ab"},
		{1947, []data.Datum{text("YQ"), text("base64")}, "22023 invalid base64 end sequence"},
		{1947, []data.Datum{text("Y==="), text("base64")}, `22023 unexpected "=" while decoding base64 sequence`},
		{1947, []data.Datum{text("Y!=="), text("base64")}, `22023 invalid symbol "!" found while decoding base64 sequence`},
		{1947, []data.Datum{text(`a b\\c\001`), text("escape")}, "a b\\c\x01"},
		{1947, []data.Datum{text(`\x41`), text("escape")}, "22P02 invalid input syntax for type bytea"},
		{1947, []data.Datum{text("6162"), text("hex")}, "ab"},
		{721, []data.Datum{bytea("\x01\x02"), n(1)}, "2"},
		{721, []data.Datum{bytea("\x01\x02"), n(2)}, "2202E index 2 out of valid range, 0..1"},
		{723, []data.Datum{bytea("\x01\x02"), n(9)}, "1"},
		{723, []data.Datum{bytea("\x01\x02"), n(-1)}, "2202E index -1 out of valid range, 0..15"},
		{724, []data.Datum{bytea("\x00\x00"), n(9), n(1)}, "\x00\x02"},
		{724, []data.Datum{bytea("\x00\x00"), n(9), n(2)}, "22023 new bit must be 0 or 1"},
		{722, []data.Datum{bytea("\x00\x00"), n(1), n(300)}, "\x00\x2c"},
		{1714, []data.Datum{bytea("\xff"), text("UTF8")}, `22021 invalid byte sequence for encoding "UTF8": 0xff`},
		{1714, []data.Datum{bytea("A"), text("utf-8")}, "A"},
		{1717, []data.Datum{text("a"), text("nosuch")}, `22023 invalid destination encoding name "nosuch"`},
		{6163, []data.Datum{bytea("\x03\xff")}, "10"},
	} {
		var arena data.Arena
		ctx := &expr.Ctx{Arena: &arena, Types: types.NewCtx(&arena)}
		d, err := expr.Lookup(c.oid).Fn(ctx, c.args)
		got := ""
		switch {
		case err != nil:
			got = pgerr.As(err).Code + " " + pgerr.As(err).Message
		case d.Kind() == data.KindInt64:
			got = string(types.Get(types.Int4).Out(nil, nil, d))
		default:
			got = string(d.Bytes())
		}
		if got != c.want {
			t.Errorf("%d: %q, want %q", c.oid, got, c.want)
		}
	}
}

func TestRandomUUID(t *testing.T) {
	var arena data.Arena
	seen := map[[16]byte]bool{}
	for range 100 {
		d, err := expr.Lookup(3432).Fn(&expr.Ctx{Arena: &arena}, nil)
		if err != nil {
			t.Fatal(err)
		}
		u := *d.Fixed16()
		if u[6]>>4 != 4 || u[8]>>6 != 2 || seen[u] {
			t.Fatalf("uuid %x", u)
		}
		seen[u] = true
	}
}
