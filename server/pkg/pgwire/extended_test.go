package pgwire

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestExtendedSequences plays pipelines and compares the replies with
// PostgreSQL's.
func TestExtendedSequences(t *testing.T) {
	type msgs = []pgproto3.FrontendMessage
	parse := func(name, q string) pgproto3.FrontendMessage { return &pgproto3.Parse{Name: name, Query: q} }
	bind := func(portal, name string) pgproto3.FrontendMessage {
		return &pgproto3.Bind{DestinationPortal: portal, PreparedStatement: name}
	}
	execute := func(portal string, n uint32) pgproto3.FrontendMessage {
		return &pgproto3.Execute{Portal: portal, MaxRows: n}
	}
	describe := func(what byte, name string) pgproto3.FrontendMessage {
		return &pgproto3.Describe{ObjectType: what, Name: name}
	}
	sync := &pgproto3.Sync{}
	for _, c := range []struct {
		name string
		send []msgs
		want [][]string
	}{
		{"unnamed", []msgs{{parse("", "show work_mem"), describe('S', ""), bind("", ""), describe('P', ""), execute("", 0), sync}},
			[][]string{{"1", "t", "T", "2", "T", "D:4MB", "C:SHOW", "ZI"}}},
		{"named and closed", []msgs{
			{parse("a", "show work_mem"), sync}, {bind("p", "a"), execute("p", 0), sync}, {execute("p", 0), sync},
			{parse("a", "show work_mem"), sync}, {&pgproto3.Close{ObjectType: 'S', Name: "a"}, bind("", "a"), sync},
			{&pgproto3.Close{ObjectType: 'P', Name: "nope"}, sync}},
			[][]string{{"1", "ZI"}, {"2", "D:4MB", "C:SHOW", "ZI"}, {"E34000", "ZI"}, {"E42P05", "ZI"},
				{"3", "E26000", "ZI"}, {"3", "ZI"}}},
		{"skip to sync", []msgs{{parse("", "bad"), bind("", ""), execute("", 0), parse("", "show work_mem"), sync},
			{parse("", "show work_mem"), bind("", ""), execute("", 0), sync}},
			[][]string{{"E42601", "ZI"}, {"1", "2", "D:4MB", "C:SHOW", "ZI"}}},
		{"pipeline is a transaction", []msgs{
			{parse("", "set work_mem='7MB'"), bind("", ""), execute("", 0), parse("", "show foo"), bind("", ""), execute("", 0), sync},
			{parse("", "show work_mem"), bind("", ""), execute("", 0), sync}},
			[][]string{{"1", "2", "C:SET", "1", "2", "E42704", "ZI"}, {"1", "2", "D:4MB", "C:SHOW", "ZI"}}},
		{"block", []msgs{{parse("", "begin"), bind("", ""), execute("", 0), sync}, {parse("", "bad"), sync},
			{parse("", "show work_mem"), sync}, {parse("", "rollback"), bind("", ""), execute("", 0), sync}},
			[][]string{{"1", "2", "C:BEGIN", "ZT"}, {"E42601", "ZE"}, {"E25P02", "ZE"}, {"1", "2", "C:ROLLBACK", "ZI"}}},
		{"empty", []msgs{{parse("", ""), describe('S', ""), bind("", ""), describe('P', ""), execute("", 0), sync}},
			[][]string{{"1", "t", "n", "2", "n", "I", "ZI"}}},
		{"two commands", []msgs{{parse("", "show work_mem; show work_mem"), sync}}, [][]string{{"E42601", "ZI"}}},
		{"parameters that are not there", []msgs{{parse("", "show work_mem"),
			&pgproto3.Bind{Parameters: [][]byte{[]byte("1")}}, sync}}, [][]string{{"1", "E08P01", "ZI"}}},
		{"a cycle of EXECUTE", []msgs{
			{parse("b", "select 1"), parse("a", "execute b"), parse("c", "execute a"), sync},
			{bind("", "c"), describe('P', ""), execute("", 0), sync},
			{&pgproto3.Close{ObjectType: 'S', Name: "b"}, parse("b", "execute a"), sync}, {&pgproto3.Query{String: "execute a"}},
			{bind("", "c"), execute("", 0), sync}},
			[][]string{{"1", "1", "1", "ZI"}, {"2", "T", "D:1", "C:SELECT 1", "ZI"}, {"3", "1", "ZI"}, {"E54001", "ZI"},
				{"2", "E54001", "ZI"}}},
		{"EXECUTE of what is no query", []msgs{
			{parse("e", ""), parse("c", "commit"), sync}, {&pgproto3.Query{String: "execute e"}}, {&pgproto3.Query{String: "execute c"}}},
			[][]string{{"1", "1", "ZI"}, {"C:EXECUTE", "ZI"}, {"E0A000", "ZI"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := startServer(t, nil)
			_, f := ts.login()
			for i, batch := range c.send {
				for _, m := range batch {
					f.Send(m)
				}
				ts.flush(f)
				if got := ts.until(f, 'Z'); !reflect.DeepEqual(got, c.want[i]) {
					t.Errorf("step %d:\n got %v\nwant %v", i, got, c.want[i])
				}
			}
		})
	}
}

// TestSuspendedPortals runs two portals of one statement in turns.
func TestSuspendedPortals(t *testing.T) {
	ts := startServer(t, nil)
	_, f := ts.login()
	f.Send(&pgproto3.Query{String: "begin"})
	ts.flush(f)
	ts.until(f, 'Z')
	f.Send(&pgproto3.Parse{Query: "show all"})
	f.Send(&pgproto3.Bind{DestinationPortal: "a"})
	f.Send(&pgproto3.Bind{DestinationPortal: "b"})
	for range 2 {
		f.Send(&pgproto3.Execute{Portal: "a", MaxRows: 2})
		f.Send(&pgproto3.Execute{Portal: "b", MaxRows: 1})
	}
	f.Send(&pgproto3.Sync{})
	ts.flush(f)
	kinds := ""
	var names []string
	for _, m := range ts.until(f, 'Z') {
		kinds += m[:1]
		if m[0] == 'D' {
			names = append(names, m)
		}
	}
	if kinds != "122DDsDsDDsDsZ" {
		t.Fatalf("got %s", kinds)
	}
	if names[0] != names[2] || names[1] != names[5] || names[0] == names[3] {
		t.Fatalf("portals do not go on by themselves: %v", names)
	}
}
