package pgwire

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestColumnsOfPortals: a portal returns what its client was told, whatever
// becomes of its statement. The replies are PostgreSQL's, but for those named.
func TestColumnsOfPortals(t *testing.T) {
	type msgs = []pgproto3.FrontendMessage
	parse := func(name, q string) pgproto3.FrontendMessage { return &pgproto3.Parse{Name: name, Query: q} }
	bind := func(portal, name string, format ...int16) pgproto3.FrontendMessage {
		return &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: name, ResultFormatCodes: format}
	}
	execute := func(portal string, n uint32) pgproto3.FrontendMessage {
		return &pgproto3.Execute{Portal: portal, MaxRows: n}
	}
	describe := func(name string) pgproto3.FrontendMessage { return &pgproto3.Describe{ObjectType: 'P', Name: name} }
	sync := &pgproto3.Sync{}
	run := func(q string) msgs { return msgs{&pgproto3.Query{String: q}} }
	type step struct {
		send msgs
		want []string
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"a table changes", []step{
			{msgs{parse("n", "select * from u"), sync}, []string{"1", "ZI"}},
			{run("alter table u add b int"), []string{"C:ALTER TABLE", "ZI"}},
			{msgs{bind("", "n"), execute("", 0), sync}, []string{"E0A000", "ZI"}},
			{msgs{bind("", "n"), execute("", 0), sync}, []string{"E0A000", "ZI"}},
			{msgs{&pgproto3.Describe{ObjectType: 'S', Name: "n"}, sync}, []string{"t", "E0A000", "ZI"}},
			{run("execute n"), []string{"E0A000", "ZI"}},
			{run("alter table u drop b"), []string{"C:ALTER TABLE", "ZI"}},
			{msgs{bind("", "n"), describe(""), execute("", 0), sync}, []string{"2", "T", "D:1", "D:2", "C:SELECT 2", "ZI"}},
		}},
		{"a table changes under the unnamed statement", []step{
			{msgs{parse("alter", "alter table u add b int"), parse("", "select * from u"), sync}, []string{"1", "1", "ZI"}},
			{msgs{bind("p", "alter"), execute("p", 0), sync}, []string{"2", "C:ALTER TABLE", "ZI"}},
			{msgs{bind("", ""), execute("", 0), sync}, []string{"E0A000", "ZI"}},
			{msgs{parse("", "select * from u"), bind("", ""), execute("", 1), sync}, []string{"1", "2", "D:1:null", "s", "ZI"}},
			{run("select * from u"), []string{"T", "D:1:null", "D:2:null", "C:SELECT 2", "ZI"}},
			{run("alter table u drop b"), []string{"C:ALTER TABLE", "ZI"}},
			{run("select * from u"), []string{"T", "D:1", "D:2", "C:SELECT 2", "ZI"}},
		}},
		{"names come to mean other tables", []step{
			{run("create schema w; create table w.u (x text, y text); insert into w.u values ('p', 'q')"),
				[]string{"C:CREATE SCHEMA", "C:CREATE TABLE", "C:INSERT 0 1", "ZI"}},
			{run("begin"), []string{"C:BEGIN", "ZT"}},
			{msgs{parse("", "select * from u"), bind("p", ""), execute("p", 1), sync}, []string{"1", "2", "D:1", "s", "ZT"}},
			{run("set search_path = w"), []string{"C:SET", "ZT"}},
			{msgs{parse("", "select * from u"), bind("q", ""), execute("q", 0), sync}, []string{"1", "2", "D:p:q", "C:SELECT 1", "ZT"}},
			{msgs{describe("p"), execute("p", 1), execute("p", 1), sync}, []string{"T", "D:2", "s", "C:SELECT 0", "ZT"}},
		}},
		{"a cursor of the same name", []step{
			{msgs{parse("f", "fetch 1 from cc"), bind("", "f"), describe(""), execute("", 0), sync}, []string{"1", "2", "n", "E34000", "ZI"}},
			{run("begin; declare cc cursor for select 1 as a, 2 as b"), []string{"C:BEGIN", "C:DECLARE CURSOR", "ZT"}},
			{msgs{parse("g", "fetch 1 from cc"), bind("", "f"), describe(""), execute("", 0), sync},
				[]string{"1", "2", "T", "D:1:2", "C:FETCH 1", "ZT"}},
			{run("close cc; declare cc cursor for select 3 as a, 'x' as b, 5 as c"), []string{"C:CLOSE CURSOR", "C:DECLARE CURSOR", "ZT"}},
			{msgs{bind("", "g", 1), describe(""), execute("", 0), sync},
				[]string{"2", "T", "D:\x00\x00\x00\x03:x:\x00\x00\x00\x05", "C:FETCH 1", "ZT"}},
			{msgs{bind("p", "g", 1), sync}, []string{"2", "ZT"}},
			{run("close cc; declare cc cursor for select 'abc'"), []string{"C:CLOSE CURSOR", "C:DECLARE CURSOR", "ZT"}},
			// PostgreSQL takes the text for an integer.
			{msgs{execute("p", 0), sync}, []string{"E0A000", "ZE"}},
		}},
		{"a prepared statement of the same name", []step{
			{msgs{parse("x", "execute z"), bind("", "x"), describe(""), execute("", 0), sync}, []string{"1", "2", "n", "E26000", "ZI"}},
			{run("prepare z as select 1 as a"), []string{"C:PREPARE", "ZI"}},
			{msgs{bind("", "x", 1), describe(""), execute("", 0), sync}, []string{"2", "T", "D:\x00\x00\x00\x01", "C:SELECT 1", "ZI"}},
			{run("deallocate z; prepare z as select 'abc' as a, 2 as b"), []string{"C:DEALLOCATE", "C:PREPARE", "ZI"}},
			{msgs{bind("", "x", 1), describe(""), execute("", 0), sync}, []string{"2", "T", "D:abc:\x00\x00\x00\x02", "C:SELECT 1", "ZI"}},
			{run("begin"), []string{"C:BEGIN", "ZT"}},
			{msgs{bind("p", "x", 1), sync}, []string{"2", "ZT"}},
			{run("deallocate z; prepare z as select 7::bigint as a"), []string{"C:DEALLOCATE", "C:PREPARE", "ZT"}},
			// PostgreSQL sends the first bytes of the number as two columns.
			{msgs{execute("p", 0), sync}, []string{"E0A000", "ZE"}},
		}},
		{"discarded plans", []step{
			{run("prepare z as select a from u"), []string{"C:PREPARE", "ZI"}},
			{run("discard plans"), []string{"C:DISCARD PLANS", "ZI"}},
			{run("alter table u add b int; alter table u drop a; alter table u add a int default 9"),
				[]string{"C:ALTER TABLE", "C:ALTER TABLE", "C:ALTER TABLE", "ZI"}},
			{run("execute z"), []string{"T", "D:9", "D:9", "C:SELECT 2", "ZI"}},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := startServer(t, nil)
			_, f := ts.login()
			f.Send(&pgproto3.Query{String: "create table u (a int); insert into u values (1), (2)"})
			ts.flush(f)
			ts.until(f, 'Z')
			for i, s := range c.steps {
				for _, m := range s.send {
					f.Send(m)
				}
				ts.flush(f)
				if got := ts.until(f, 'Z'); !reflect.DeepEqual(got, s.want) {
					t.Errorf("step %d:\n got %q\nwant %q", i, got, s.want)
				}
			}
		})
	}
}
