package pgwire

import (
	"reflect"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// TestSimpleSequences plays simple queries and compares the replies, which are
// PostgreSQL's.
func TestSimpleSequences(t *testing.T) {
	for _, c := range []struct {
		name    string
		queries []string
		want    [][]string
	}{
		{"settings", []string{"set work_mem='8MB'; show work_mem", "show foo", "set datestyle = dmy", "reset all", ""}, [][]string{
			{"C:SET", "T", "D:8MB", "C:SHOW", "ZI"},
			{"E42704", "ZI"},
			{"C:SET", "SDateStyle=ISO, DMY", "ZI"},
			{"C:RESET", "SDateStyle=ISO, MDY", "ZI"},
			{"I", "ZI"},
		}},
		{"block", []string{"begin", "set local work_mem='9MB'", "commit", "show work_mem", "begin; show foo", "show work_mem", "commit"}, [][]string{
			{"C:BEGIN", "ZT"}, {"C:SET", "ZT"}, {"C:COMMIT", "ZI"}, {"T", "D:4MB", "C:SHOW", "ZI"},
			{"C:BEGIN", "E42704", "ZE"}, {"E25P02", "ZE"}, {"C:ROLLBACK", "ZI"},
		}},
		{"warnings", []string{"commit", "rollback", "begin", "begin", "abort", "savepoint a", "release a", "rollback to a"}, [][]string{
			{"N25P01", "C:COMMIT", "ZI"}, {"N25P01", "C:ROLLBACK", "ZI"}, {"C:BEGIN", "ZT"},
			{"N25001", "C:BEGIN", "ZT"}, {"C:ROLLBACK", "ZI"}, {"E25P01", "ZI"}, {"E25P01", "ZI"}, {"E25P01", "ZI"},
		}},
		{"savepoints", []string{"begin", "set work_mem='1MB'", "savepoint a", "set work_mem='2MB'", "savepoint b", "bad", "rollback to a",
			"show work_mem", "rollback to b", "rollback to savepoint a", "release a", "commit", "show work_mem"}, [][]string{
			{"C:BEGIN", "ZT"}, {"C:SET", "ZT"}, {"C:SAVEPOINT", "ZT"}, {"C:SET", "ZT"}, {"C:SAVEPOINT", "ZT"}, {"E42601", "ZE"},
			{"C:ROLLBACK", "ZT"}, {"T", "D:1MB", "C:SHOW", "ZT"}, {"E3B001", "ZE"}, {"C:ROLLBACK", "ZT"}, {"C:RELEASE", "ZT"},
			{"C:COMMIT", "ZI"}, {"T", "D:1MB", "C:SHOW", "ZI"},
		}},
		{"rolled back settings", []string{"begin", "set work_mem='1MB'", "rollback", "show work_mem", "set work_mem='1MB'; bad", "show work_mem",
			"set work_mem='1MB'; show foo", "show work_mem"}, [][]string{
			{"C:BEGIN", "ZT"}, {"C:SET", "ZT"}, {"C:ROLLBACK", "ZI"}, {"T", "D:4MB", "C:SHOW", "ZI"},
			{"E42601", "ZI"}, {"T", "D:4MB", "C:SHOW", "ZI"}, {"C:SET", "E42704", "ZI"}, {"T", "D:4MB", "C:SHOW", "ZI"},
		}},
		{"isolation", []string{"begin isolation level repeatable read read only", "show transaction_isolation", "show transaction_read_only",
			"commit and chain", "show transaction_isolation", "commit", "begin isolation level serializable",
			"show transaction_isolation", "commit", "set transaction read only",
			"show default_transaction_isolation", "set session characteristics as transaction isolation level repeatable read", "show transaction_isolation"}, [][]string{
			{"C:BEGIN", "ZT"}, {"T", "D:repeatable read", "C:SHOW", "ZT"}, {"T", "D:on", "C:SHOW", "ZT"}, {"C:COMMIT", "ZT"},
			{"T", "D:repeatable read", "C:SHOW", "ZT"}, {"C:COMMIT", "ZI"}, {"C:BEGIN", "ZT"},
			{"T", "D:serializable", "C:SHOW", "ZT"}, {"C:COMMIT", "ZI"}, {"N25P01", "C:SET", "ZI"},
			{"T", "D:read committed", "C:SHOW", "ZI"}, {"C:SET", "ZI"}, {"T", "D:repeatable read", "C:SHOW", "ZI"},
		}},
		{"implicit block", []string{"show foo; show work_mem", "begin; commit; show work_mem", "set local work_mem='3MB'; show work_mem", "show work_mem"}, [][]string{
			{"E42704", "ZI"}, {"C:BEGIN", "C:COMMIT", "T", "D:4MB", "C:SHOW", "ZI"},
			{"N25P01", "C:SET", "T", "D:3MB", "C:SHOW", "ZI"}, {"T", "D:4MB", "C:SHOW", "ZI"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ts := startServer(t, nil)
			_, f := ts.login()
			for i, q := range c.queries {
				f.Send(&pgproto3.Query{String: q})
				ts.flush(f)
				if got := ts.until(f, 'Z'); !reflect.DeepEqual(got, c.want[i]) {
					t.Errorf("%s:\n got %v\nwant %v", q, got, c.want[i])
				}
			}
		})
	}
}
