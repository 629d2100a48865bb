package session

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/ast"
	"github.com/pgzdb/pgz/server/pkg/parser"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// pieces is a CopySource that hands data out in pieces of n bytes.
type pieces struct {
	data string
	n    int
}

func (p *pieces) ReadCopy() ([]byte, bool, error) {
	if p.data == "" {
		return nil, true, nil
	}
	n := min(p.n, len(p.data))
	chunk := []byte(p.data[:n])
	p.data = p.data[n:]
	return chunk, false, nil
}

func optionsFor(t *testing.T, sql string) (*copyOptions, error) {
	t.Helper()
	stmts, err := parser.Parse(sql)
	if err != nil {
		t.Fatal(err)
	}
	return copyOptionsOf(stmts[0].Stmt.(*ast.CopyStmt))
}

// readAll returns the fields of all lines, "<null>" for null.
func readAll(o *copyOptions, data string, n int) (lines [][]string, err error) {
	r := copyReader{src: &pieces{data, n}, opts: o, table: "t"}
	for {
		line, ok, err := r.next()
		if err != nil || !ok {
			return lines, err
		}
		fields, err := r.split(line)
		if err != nil {
			return lines, r.lineError(line, pgerr.From(err))
		}
		var out []string
		for _, f := range fields {
			if f == nil {
				out = append(out, "<null>")
			} else {
				out = append(out, string(f))
			}
		}
		lines = append(lines, out)
	}
}

// TestCopyFields holds what PostgreSQL makes of the same data, for every way
// to cut it into messages.
func TestCopyFields(t *testing.T) {
	for _, c := range []struct {
		sql, data string
		want      [][]string
	}{
		{"copy t from stdin", "1\ta\n2\t\\N\n", [][]string{{"1", "a"}, {"2", "<null>"}}},
		{"copy t from stdin", "1\ta\r\n2\tb\r\n", [][]string{{"1", "a"}, {"2", "b"}}},
		{"copy t from stdin", "a\\tb\\\\c\\n\\x41\\101\\q\n", [][]string{{"a\tb\\c\nAAq"}}},
		{"copy t from stdin", "a\\\nb\tc\n", [][]string{{"a\nb", "c"}}},
		{"copy t from stdin", "a\n\\.\nignored\n", [][]string{{"a"}}},
		{"copy t from stdin", "no end", [][]string{{"no end"}}},
		{"copy t from stdin", "\n\n", [][]string{{""}, {""}}},
		{"copy t from stdin with (delimiter '|', null '')", "1||x\n", [][]string{{"1", "<null>", "x"}}},
		{"copy t from stdin", "1\ta\n2\t\\N\n\t\n4\t\\\\\n5\tb\n", [][]string{{"1", "a"}, {"2", "<null>"}, {"", ""}, {"4", "\\"}, {"5", "b"}}},
		{"copy t from stdin", "a\\\\\n\\N\tb\\\nc\nd\\\r\ne\n", [][]string{{"a\\"}, {"<null>", "b\nc"}, {"d\r"}, {"e"}}},
		{"copy t from stdin", "x\ty\r\n\\N\t\\\r\r\n\\.\r\nrest", [][]string{{"x", "y"}, {"<null>", "\r"}}},
		{"copy t from stdin", "a\rb\r\rc", [][]string{{"a"}, {"b"}, {""}, {"c"}}},
		{"copy t from stdin", "a\\\rb\\\n\tc\r\\.\rrest", [][]string{{"a\rb\n", "c"}}},
		{"copy t from stdin", "a\nb\\.\nrest", [][]string{{"a"}, {"b"}}},
		{"copy t from stdin", "a\n\\N\t\\\\.\nb\\", [][]string{{"a"}, {"<null>", "\\."}, {"b"}}},
		{"copy t from stdin", "ä\tö\nü\t€\nß\tend", [][]string{{"ä", "ö"}, {"ü", "€"}, {"ß", "end"}}},
		{"copy t from stdin with (null 'x')", "1\tx\nx\t2\n", [][]string{{"1", "<null>"}, {"<null>", "2"}}},
		{"copy t from stdin csv", "1,\"a,b\",\"say \"\"hi\"\"\",\n", [][]string{{"1", "a,b", `say "hi"`, "<null>"}}},
		{"copy t from stdin csv", "\"two\nlines\",\"\"\n", [][]string{{"two\nlines", ""}}},
		{"copy t from stdin csv", "\\.\na", nil},
		{"copy t from stdin csv", "\\.a\n \\.\na", [][]string{{"\\.a"}, {" \\."}, {"a"}}},
		{"copy t from stdin csv", "\"a\r\nb\"\rc\r", [][]string{{"a\r\nb"}, {"c"}}},
		{"copy t from stdin csv", "a\"b\"c,x\n", [][]string{{"abc", "x"}}},
		{"copy t from stdin with (format csv, quote '''', escape '\\')", "'it\\'s','a\\\\b'\n", [][]string{{"it's", `a\b`}}},
		{"copy t from stdin with (format csv, null 'NULL')", "NULL,\"NULL\",\n", [][]string{{"<null>", "NULL", ""}}},
	} {
		o, err := optionsFor(t, c.sql)
		if err != nil {
			t.Fatalf("%s: %v", c.sql, err)
		}
		for _, n := range []int{1, 2, 3, 7, 1000} {
			got, err := readAll(o, c.data, n)
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s, %q in pieces of %d:\n got %q (%v)\nwant %q", c.sql, c.data, n, got, err, c.want)
			}
		}
	}
}

// TestCopyInPieces cuts data made of line ends and what hides them into
// messages in every way; the same must come of it.
func TestCopyInPieces(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for _, sql := range []string{"copy t from stdin", "copy t from stdin csv"} {
		o, err := optionsFor(t, sql)
		if err != nil {
			t.Fatal(err)
		}
		for range 3000 {
			var b strings.Builder
			for range 1 + random.Intn(12) {
				b.WriteString([]string{"a", "ü", "\n", "\r\n", "\r", "\n", "\r\n", "\\", "\\.", "\\.\r\n", "\"", "\t", "\xff"}[random.Intn(13)])
			}
			data := b.String()
			want, wantErr := readAll(o, data, 1000)
			for n := 1; n < len(data); n++ {
				got, gotErr := readAll(o, data, n)
				if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(pgerr.As(gotErr), pgerr.As(wantErr)) {
					t.Fatalf("%s, %q in pieces of %d:\n got %q (%v)\nwant %q (%v)", sql, data, n, got, gotErr, want, wantErr)
				}
			}
		}
	}
}

func TestCopyDataErrors(t *testing.T) {
	for _, c := range []struct{ sql, data, code, where string }{
		{"copy t from stdin csv", "1,\"abc\n\\.\n", "22P04", "COPY t, line 1: \"1,\"abc\n\\.\n\""},
		{"copy t from stdin", "a\nb\r\n", "22P04", "COPY t, line 2"},
		{"copy t from stdin", "a\r\nb\rc\r\n", "22P04", "COPY t, line 2"},
		{"copy t from stdin", "a\r\nb\\\r\n", "22P04", "COPY t, line 2"},
		{"copy t from stdin", "a\rb\n", "22P04", "COPY t, line 2"},
		{"copy t from stdin", "a\n\\.\r\n", "22P04", "COPY t, line 2"},
		{"copy t from stdin", "a\nb\n\\.c\n", "22P04", "COPY t, line 3"},
		{"copy t from stdin csv", "a\n\"b\nc\"\nd\re\n", "22P04", "COPY t, line 4"},
		{"copy t from stdin", "ok\n1\ta\xff\n", "22021", "COPY t, line 2"},
		{"copy t from stdin", "ok\nfine\tü\n\xc3\n\xbc\n", "22021", "COPY t, line 3"},
		{"copy t from stdin", "ok\na\x00\n", "22021", "COPY t, line 2"},
		{"copy t from stdin", "1\ta\\377\n", "22021", "COPY t, line 1: \"1\ta\\377\""},
		{"copy t from stdin", "a\\000b\n", "22021", "COPY t, line 1: \"a\\000b\""},
	} {
		o, err := optionsFor(t, c.sql)
		if err != nil {
			t.Fatal(err)
		}
		_, err = readAll(o, c.data, 1000)
		if e := pgerr.As(err); e == nil || e.Code != c.code || e.Where != c.where {
			t.Errorf("%s, %q: %v, where %q; want %s, %q", c.sql, c.data, err, pgerr.From(err).Where, c.code, c.where)
		}
	}
}

// TestCopyOptions holds PostgreSQL's errors.
func TestCopyOptions(t *testing.T) {
	for _, c := range []struct{ sql, code, message string }{
		{"copy t from stdin with (format foo)", "22023", `COPY format "foo" not recognized`},
		{"copy t from stdin with (delimiter 'ab')", "0A000", "COPY delimiter must be a single one-byte character"},
		{"copy t from stdin with (delimiter 'a')", "22023", `COPY delimiter cannot be "a"`},
		{"copy t from stdin with (quote 'a')", "0A000", "COPY quote available only in CSV mode"},
		{"copy t from stdin with (force_quote (a))", "0A000", "COPY force quote available only in CSV mode"},
		{"copy t from stdin with (format csv, force_quote (a))", "0A000", "COPY force quote only available using COPY TO"},
		{"copy t from stdin with (format csv, quote ',')", "22023", "COPY delimiter and quote must be different"},
		{"copy t from stdin with (null 'a\tb')", "0A000", "COPY delimiter must not appear in the NULL specification"},
		{"copy t from stdin with (foo bar)", "42601", `option "foo" not recognized`},
		{"copy t from stdin with (delimiter ',', delimiter ',')", "42601", "conflicting or redundant options"},
		{"copy t from stdin with (header 5)", "42601", `header requires a Boolean value or "match"`},
		{"copy t to stdout with (header match)", "0A000", `cannot use "match" with HEADER in COPY TO`},
		{"copy t from stdin with (encoding 'foo')", "22023", `argument to option "encoding" must be a valid encoding name`},
		{"copy t from stdin with (format binary, delimiter ',')", "42601", "cannot specify DELIMITER in BINARY mode"},
		{"copy t from stdin with (format csv, null '\"')", "0A000", "CSV quote character must not appear in the NULL specification"},
		{"copy t to stdout with (format csv, header, force_quote *)", "", ""},
		{"copy t from stdin with (freeze on)", "", ""},
	} {
		_, err := optionsFor(t, c.sql)
		if c.code == "" {
			if err != nil {
				t.Errorf("%s: %v", c.sql, err)
			}
			continue
		}
		if e := pgerr.As(err); e == nil || e.Code != c.code || e.Message != c.message {
			t.Errorf("%s: %v, want %s %s", c.sql, err, c.code, c.message)
		}
	}
}

func TestClip(t *testing.T) {
	if got := clip([]byte(strings.Repeat("ä", 60))); got != strings.Repeat("ä", 50)+"..." {
		t.Errorf("got %q", got)
	}
}
