package clients

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pgzdb/pgz/tests/harness"
)

// TestCopyLinesLikeNative copies generated data, made of little but what ends,
// hides or marks lines, into a table of pgz and of the native server: the same
// rows or the same error must come of it.
func TestCopyLinesLikeNative(t *testing.T) {
	ctx := context.Background()
	ours, theirs := connect(t), harness.Connect(t, harness.Native(t))
	for _, c := range []*pgx.Conn{ours, theirs} {
		if _, err := c.Exec(ctx, "CREATE TABLE copied (a text, b text)"); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { ours.Exec(ctx, "DROP TABLE copied") })
	random := rand.New(rand.NewSource(1))
	for _, play := range []struct {
		columns, options string
		pieces           []string
	}{
		{"(a)", "", []string{"a", "b", "\n", "\r", "\r\n", "\n", "\r\n", "\\", "\\", ".", "\\.", "\\.\n", "\\.\r\n", "\\N", "\t"}},
		{"(a)", "", []string{"a", "\n", "\n", "\n", "\\", "\r", "\\.", "\\\\"}},
		{"(a)", "", []string{"a", "\r\n", "\r\n", "\r\n", "\\", "\r", "\\.", "\n"}},
		{"(a)", "", []string{"a", "\r", "\r", "\r", "\\", "\\\n", "\\.", "\n"}},
		{"", "", []string{"a\tb\n", "a\t\\N\n", "a\\tb\tc\n", "\\", "\n", "\xff"}},
		{"(a)", "CSV", []string{"a", "b", "\n", "\r", "\r\n", "\n", "\r\n", `"`, `"`, "\\.", "\\.\n", "\\.\r\n", "\\", ","}},
		{"(a)", "CSV", []string{"a", "\n", "\n", "\n", `"`, `""`, "\r", "\\.", "\\"}},
		{"(a)", "CSV", []string{"a", "\r\n", "\r\n", "\r\n", `"`, `""`, "\r", "\\.", "\n"}},
		{"(a)", `CSV ESCAPE '\'`, []string{"a", "\n", "\n", `"`, `"`, `\"`, `\`, `\\`, "\\.\n", "\r"}},
		{"", "CSV HEADER", []string{"a,b\n", "a,\"b\nc\"\n", "a,b,c\n", "a\n", "\\.", "\n", "\r", "\"\r\""}},
	} {
		for range 60 {
			var data strings.Builder
			for range 1 + random.Intn(10) {
				data.WriteString(play.pieces[random.Intn(len(play.pieces))])
			}
			sql := "COPY copied" + play.columns + " FROM STDIN " + play.options
			got, want := copied(t, ours, sql, data.String()), copied(t, theirs, sql, data.String())
			if got != want {
				t.Errorf("%s, %q:\n got %s\nwant %s", sql, data.String(), got, want)
			}
		}
	}
}

// copied runs a COPY into the empty table and tells what came of it.
func copied(t *testing.T, c *pgx.Conn, sql, data string) string {
	t.Helper()
	ctx := context.Background()
	_, err := c.PgConn().CopyFrom(ctx, strings.NewReader(data), sql)
	if err != nil {
		var e *pgconn.PgError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s %q hint %q where %q", e.Code, e.Message, e.Hint, e.Where)
	}
	rows, err := c.Query(ctx, "SELECT a, b FROM copied")
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var a, b *string
		err := row.Scan(&a, &b)
		return quoted(a) + " " + quoted(b), err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exec(ctx, "DELETE FROM copied"); err != nil {
		t.Fatal(err)
	}
	return strings.Join(got, "\n")
}

func quoted(s *string) string {
	if s == nil {
		return "null"
	}
	return strconv.Quote(*s)
}
