package settings

import (
	"fmt"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// TestSetShow holds facts taken from PostgreSQL 15.18.
func TestSetShow(t *testing.T) {
	for _, c := range []struct{ name, value, shown, err string }{
		{"work_mem", "1.5MB", "1536kB", ""},
		{"work_mem", "5000", "5000kB", ""},
		{"work_mem", "64MB", "64MB", ""},
		{"work_mem", "1kB", "", `1 kB is outside the valid range for parameter "work_mem" (64 .. 2147483647)`},
		{"work_mem", "abc", "", `invalid value for parameter "work_mem": "abc"`},
		{"work_mem", "4 XB", "", `invalid value for parameter "work_mem": "4 XB"`},
		{"work_mem", "3000000000", "", `invalid value for parameter "work_mem": "3000000000"`},
		{"seq_page_cost", "-1", "", `-1 is outside the valid range for parameter "seq_page_cost" (0 .. 1.79769e+308)`},
		{"random_page_cost", "1.50", "1.5", ""},
		{"random_page_cost", "1e400", "", `invalid value for parameter "random_page_cost": "1e400"`},
		{"enable_seqscan", "of", "off", ""},
		{"enable_seqscan", "o", "", `parameter "enable_seqscan" requires a Boolean value`},
		{"statement_timeout", "1min", "1min", ""},
		{"statement_timeout", "90s", "90s", ""},
		{"statement_timeout", "1.5h", "90min", ""},
		{"vacuum_cost_delay", "2.5", "2500us", ""},
		{"bytea_output", "x", "", `invalid value for parameter "bytea_output": "x"`},
		{"default_transaction_isolation", "READ committed", "read committed", ""},
		{"synchronous_commit", "false", "off", ""},
		{"port", "1", "", `parameter "port" cannot be changed without restarting the server`},
		{"server_version", "1", "", `parameter "server_version" cannot be changed`},
		{"fsync", "off", "", `parameter "fsync" cannot be changed now`},
		{"datestyle", "foo", "", `invalid value for parameter "DateStyle": "foo"`},
		{"datestyle", "iso, sql", "", `invalid value for parameter "DateStyle": "iso, sql"`},
		{"datestyle", "SQL, DMY", "SQL, DMY", ""},
		{"datestyle", "german", "German, DMY", ""},
		{"timezone", "utc", "UTC", ""},
		{"timezone", "europe/berlin", "Europe/Berlin", ""},
		{"timezone", "foo", "", `invalid value for parameter "TimeZone": "foo"`},
		{"timezone", "-5", "<-05>+05", ""},
		{"timezone", "5.5", "<+05:30>-05:30", ""},
		{"timezone", "<+03>-3", "<+03>-3", ""},
		{"timezone", "EST5EDT", "EST5EDT", ""},
		{"timezone", "00:00", "00:00", ""},
		{"timezone", "+02:00", "+02:00", ""},
		{"timezone", "-3.5", "<-03:30>+03:30", ""},
		{"timezone", "foo+2", "FOO+2", ""},
		{"timezone", "Z", "", `invalid value for parameter "TimeZone": "Z"`},
		{"timezone", "", "", `invalid value for parameter "TimeZone": ""`},
		{"client_encoding", "utf-8", "UTF8", ""},
		{"client_encoding", "foo", "", `invalid value for parameter "client_encoding": "foo"`},
		{"application_name", "äx", "??x", ""},
		{"foo", "1", "", `unrecognized configuration parameter "foo"`},
		{"foo.bar", "1", "1", ""},
		{"foo.x-y", "1", "", `invalid configuration parameter name "foo.x-y"`},
	} {
		s := NewSession(nil)
		err := s.Set(c.name, c.value, false, true)
		if c.err != "" {
			if e := pgerr.As(err); e == nil || e.Message != c.err {
				t.Errorf("%s = %s: %v, want %s", c.name, c.value, err, c.err)
			}
			continue
		}
		if shown, _ := s.Show(c.name); err != nil || shown != c.shown {
			t.Errorf("%s = %s: shows %q (%v), want %q", c.name, c.value, shown, err, c.shown)
		}
	}
}

func TestDefaultsAreCanonical(t *testing.T) {
	for i := range table {
		d := &table[i]
		if d.Type == String && d.Default == "" || d.Name == "session_authorization" || d.Name == "seed" {
			continue
		}
		got, err := d.Check(d.Name, d.Default)
		if err != nil || got != d.Default {
			t.Errorf("%s: default %q becomes %q (%v)", d.Name, d.Default, got, err)
		}
	}
}

func TestUndo(t *testing.T) {
	s := NewSession(nil)
	set := func(v string, local bool) {
		t.Helper()
		if err := s.Set("work_mem", v, local, true); err != nil {
			t.Fatal(err)
		}
	}
	want := func(v string) {
		t.Helper()
		if got, _ := s.Show("work_mem"); got != v {
			t.Fatalf("work_mem is %s, want %s", got, v)
		}
	}
	set("1MB", false)
	s.Commit()
	set("2MB", false)
	mark := s.Mark()
	set("3MB", true)
	want("3MB")
	s.RollbackTo(mark)
	want("2MB")
	set("5MB", true)
	s.Commit()
	want("2MB")
	set("6MB", true)
	set("7MB", false)
	s.Rollback()
	want("2MB")
	set("8MB", true)
	set("9MB", false) // overrides the local value, too
	want("9MB")
	s.Commit()
	want("9MB")
	if err := s.Reset("work_mem", true); err != nil {
		t.Fatal(err)
	}
	want("4MB")

	if err := s.Set("my.var", "x", false, true); err != nil {
		t.Fatal(err)
	}
	s.Rollback()
	if _, known := s.Show("my.var"); known {
		t.Fatal("a custom setting outlived its transaction")
	}
}

// A setting that changes again and again is noted once for each savepoint.
func TestUndoIsBounded(t *testing.T) {
	s := NewSession(nil)
	set := func(name, value string) {
		t.Helper()
		if err := s.Set(name, value, false, true); err != nil {
			t.Fatal(err)
		}
	}
	want := func(when, custom, mem string, notes int) {
		t.Helper()
		if got := s.Value("a.b"); got != custom {
			t.Errorf("%s: a.b is %q, want %q", when, got, custom)
		}
		if got, _ := s.Show("work_mem"); got != mem {
			t.Errorf("%s: work_mem is %s, want %s", when, got, mem)
		}
		if len(s.undo) != notes {
			t.Errorf("%s: %d notes, want %d", when, len(s.undo), notes)
		}
	}
	change := func(to string) {
		t.Helper()
		for i := range 100 {
			set("a.b", fmt.Sprint(i))
			set("work_mem", fmt.Sprint(100+i, "kB"))
		}
		set("a.b", to)
		set("work_mem", to+"MB")
	}
	set("a.b", "0")
	set("work_mem", "9MB")
	s.Commit()
	change("1")
	want("before a savepoint", "1", "1MB", 2)
	outer := s.Mark()
	change("2")
	inner := s.Mark()
	change("3")
	want("behind the second", "3", "3MB", 6)
	s.RollbackTo(inner)
	want("back to the second", "2", "2MB", 4)
	change("4")
	s.RollbackTo(inner)
	want("back to the second again", "2", "2MB", 4)
	s.RollbackTo(outer)
	want("back to the first", "1", "1MB", 2)
	change("5")
	want("on from there", "5", "5MB", 4)
	s.Rollback()
	want("the end", "0", "9MB", 0)
	change("6")
	s.Commit()
	s.Rollback()
	want("committed", "6", "6MB", 0)
}

func TestReport(t *testing.T) {
	s := NewSession(map[string]string{"application_name": "psql"})
	told := map[string]string{}
	s.ReportAll(func(n, v string) { told[n] = v })
	if told["application_name"] != "psql" || told["server_version"] != "15.18" || len(told) != 13 {
		t.Fatalf("told %v", told)
	}
	changes := 0
	_ = s.Set("datestyle", "dmy", false, true)
	_ = s.Set("work_mem", "1MB", false, true)
	s.Report(func(n, v string) {
		changes++
		if n != "DateStyle" || v != "ISO, DMY" {
			t.Errorf("told %s = %s", n, v)
		}
	})
	s.Report(func(n, v string) { t.Errorf("told %s again", n) })
	if changes != 1 {
		t.Fatalf("%d changes told, want 1", changes)
	}
}
