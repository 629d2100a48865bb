package pgwire

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// pgx opens a connection with pgx's high-level client.
func (ts *testServer) pgx() *pgx.Conn {
	ts.t.Helper()
	c, err := pgx.Connect(context.Background(), "host="+ts.dir+" port=5432 user=postgres dbname=postgres sslmode=disable")
	if err != nil {
		ts.t.Fatalf("connect: %v", err)
	}
	ts.t.Cleanup(func() { c.Close(context.Background()) })
	return c
}

// TestPgxTypes sends and receives values in binary form.
func TestPgxTypes(t *testing.T) {
	ts := startServer(t, nil)
	c := ts.pgx()
	ctx := context.Background()
	if _, err := c.Exec(ctx, `create table v (i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, b bool, s text,
		n numeric(20,3), d date, ts timestamp, tz timestamptz, u uuid, y bytea, c char(4), vc varchar(3))`); err != nil {
		t.Fatal(err)
	}
	day := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	at := time.Date(2024, 2, 29, 13, 14, 15, 123456000, time.UTC)
	uuid := [16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}
	if _, err := c.Exec(ctx, `insert into v values ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15)`,
		int16(-5), int32(1<<30), int64(-1)<<62, float32(1.5), 2.25, true, "äöü", "123456789.1239", day, at, at,
		uuid, []byte{0, 255}, "ab", "xyz"); err != nil {
		t.Fatal(err)
	}
	var (
		i2         int16
		i4         int32
		i8         int64
		f4         float32
		f8         float64
		b          bool
		s, n, ch   string
		d, t1, tz1 time.Time
		u          [16]byte
		y          []byte
		vc         *string
	)
	if err := c.QueryRow(ctx, "select i2,i4,i8,f4,f8,b,s,n::text,d,ts,tz,u,y,c,vc from v").Scan(
		&i2, &i4, &i8, &f4, &f8, &b, &s, &n, &d, &t1, &tz1, &u, &y, &ch, &vc); err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprintln(i2, i4, i8, f4, f8, b, s, n, d.Equal(day), t1.Equal(at), tz1.Equal(at), u == uuid, y, ch, *vc)
	if want := "-5 1073741824 -4611686018427387904 1.5 2.25 true äöü 123456789.124 true true true true [0 255] ab   xyz\n"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestErrorsInSQL: code and position as PostgreSQL's, also with parameters.
func TestErrorsInSQL(t *testing.T) {
	ts := startServer(t, nil)
	c := ts.connect()
	ctx := context.Background()
	for _, q := range []string{"create table e (a int primary key, b text)", "insert into e values (1, 'x')"} {
		if _, err := c.Exec(ctx, q).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	for _, x := range []struct {
		q, code  string
		position int32
	}{
		{"select nope from e", "42703", 8},
		{"select 'ä', nope from e", "42703", 13},
		{"select * from nope", "42P01", 15},
		{"select 1/0", "22012", 0},
		{"insert into e values (1, 'y')", "23505", 0},
		{"select a from e where a = 'x'", "22P02", 27},
		{"select a from e where a = 99999999999999999999", "", 0},
		{"select $1", "42P02", 8},
		{"begin; select 1/0", "22012", 0},
		{"select 1", "25P02", 0},
		{"rollback", "", 0},
	} {
		_, err := c.Exec(ctx, x.q).ReadAll()
		var e *pgconn.PgError
		if x.code == "" {
			if err != nil {
				t.Errorf("%s: %v", x.q, err)
			}
			continue
		}
		if ok := asPg(err, &e); !ok || e.Code != x.code || e.Position != x.position {
			t.Errorf("%s: %v, want %s at %d", x.q, err, x.code, x.position)
		}
	}
}

func asPg(err error, e **pgconn.PgError) bool {
	pe, ok := err.(*pgconn.PgError)
	*e = pe
	return ok
}

// TestShapesGiveFreshResults: the cached way equals the long way, errors too.
func TestShapesGiveFreshResults(t *testing.T) {
	ts := startServer(t, nil)
	c := ts.connect()
	run := func(q string) string {
		r, err := c.Exec(context.Background(), q).ReadAll()
		if err != nil {
			e := err.(*pgconn.PgError)
			return fmt.Sprintf("%s %s at %d", e.Code, e.Message, e.Position)
		}
		out := ""
		for _, x := range r {
			for _, row := range x.Rows {
				out += fmt.Sprintf("%s;", row)
			}
			out += x.CommandTag.String()
		}
		return out
	}
	run("create table k (a int primary key, b varchar(3), n numeric(6,2))")
	for _, step := range [][2]string{
		{"insert into k values (1, 'one', 1.5)", "INSERT 0 1"},
		{"insert into k values (2, 'two', -2.555)", "INSERT 0 1"},
		{"insert into k values (3, 'it''s', 1.5)", "22001 value too long for type character varying(3) at 0"},
		{"insert into k values (3, 'x''y', 1e3)", "INSERT 0 1"},
		{"insert into k values (3, 'dup', 1)", `23505 duplicate key value violates unique constraint "k_pkey" at 0`},
		{"select b, n from k where a = 1", "[one 1.50];SELECT 1"},
		{"select b, n from k where a = 2", "[two -2.56];SELECT 1"},
		{"select b, n from k where a = -1", "SELECT 0"},
		{"select b, n from k where a = 3000000000", "SELECT 0"},
		{"select b, n from k where a = '3'", "[x'y 1000.00];SELECT 1"},
		{"select b, n from k where a = 'x'", `22P02 invalid input syntax for type integer: "x" at 30`},
		{"select b, n from k where a = '1'", "[one 1.50];SELECT 1"},
		{"update k set n = n + 1 where a = 1", "UPDATE 1"},
		{"update k set n = n + -1.25 where a = 1", "UPDATE 1"},
		{"update k set n = n + 99999 where a = 1", "22003 numeric field overflow at 0"},
		{"select b, n from k where a = 1", "[one 1.25];SELECT 1"},
		{"delete from k where a = 7", "DELETE 0"},
		{"delete from k where a = 2", "DELETE 1"},
		{"alter table k rename to k2", "ALTER TABLE"},
		{"select b, n from k where a = 1", `42P01 relation "k" does not exist at 18`},
	} {
		if got := run(step[0]); got != step[1] {
			t.Errorf("%s:\n got %s\nwant %s", step[0], got, step[1])
		}
	}
}

func TestCopyInAndOut(t *testing.T) {
	ts := startServer(t, nil)
	c := ts.connect()
	ctx := context.Background()
	if _, err := c.Exec(ctx, "create table c (a int primary key, b text)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	var in strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&in, "%d\tline %d\n", i, i)
	}
	tag, err := c.CopyFrom(ctx, strings.NewReader(in.String()), "copy c from stdin")
	if err != nil || tag.String() != "COPY 5000" {
		t.Fatalf("%v %v", tag, err)
	}
	var out strings.Builder
	if tag, err = c.CopyTo(ctx, &out, "copy (select * from c order by a) to stdout"); err != nil || tag.String() != "COPY 5000" {
		t.Fatalf("%v %v", tag, err)
	}
	if out.String() != in.String() {
		t.Fatal("what came back is not what went in")
	}
	_, err = c.CopyFrom(ctx, strings.NewReader("9000\ta\nx\tb\n"), "copy c from stdin")
	var e *pgconn.PgError
	if !asPg(err, &e) || e.Code != "22P02" || e.Where != `COPY c, line 2, column a: "x"` {
		t.Fatalf("got %v", err)
	}
	r, err := c.Exec(ctx, "select count(*) from c").ReadAll()
	if err != nil || string(r[0].Rows[0][0]) != "5000" {
		t.Fatalf("a failed COPY left rows: %v %v", r, err)
	}
}

// TestVanishedCopy: a client that goes away in the middle leaves nothing.
func TestVanishedCopy(t *testing.T) {
	ts := startServer(t, nil)
	watch := ts.connect()
	ctx := context.Background()
	if _, err := watch.Exec(ctx, "create table g (a int)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	conn, f := ts.login()
	f.Send(&pgproto3.Query{String: "copy g from stdin"})
	ts.flush(f)
	ts.until(f, 'G')
	f.Send(&pgproto3.CopyData{Data: []byte("1\n2\n")})
	ts.flush(f)
	conn.Close()
	for range 200 {
		r, err := watch.Exec(ctx, "lock table g in access exclusive mode nowait; select count(*) from g").ReadAll()
		if err == nil {
			if string(r[1].Rows[0][0]) != "0" {
				t.Fatalf("%s rows were left", r[1].Rows[0][0])
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("its lock was not given back")
}

// TestCancel interrupts a statement that waits for a lock.
func TestCancel(t *testing.T) {
	ts := startServer(t, nil)
	holder, waiter := ts.connect(), ts.connect()
	ctx := context.Background()
	if _, err := holder.Exec(ctx, "create table l (a int primary key); insert into l values (1)").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec(ctx, "begin; update l set a = 1 where a = 1").ReadAll(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := waiter.Exec(ctx, "update l set a = 1 where a = 1").ReadAll()
		done <- err
	}()
	time.Sleep(50 * time.Millisecond)
	if err := waiter.CancelRequest(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		var e *pgconn.PgError
		if !asPg(err, &e) || e.Code != "57014" || e.Message != "canceling statement due to user request" {
			t.Fatalf("got %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("not cancelled")
	}
	if _, err := waiter.Exec(ctx, "set statement_timeout = 50; update l set a = 1 where a = 1").ReadAll(); err == nil ||
		!strings.Contains(err.Error(), "statement timeout") {
		t.Fatalf("got %v", err)
	}
	if _, err := waiter.Exec(ctx, "set statement_timeout = 0; set lock_timeout = 50; update l set a = 1 where a = 1").ReadAll(); err == nil ||
		!strings.Contains(err.Error(), "55P03") {
		t.Fatalf("got %v", err)
	}
}

// TestSuspendedQueries: two portals over one table, in turns, and their ends.
func TestSuspendedQueries(t *testing.T) {
	ts := startServer(t, nil)
	_, f := ts.login()
	f.Send(&pgproto3.Query{String: "begin"})
	f.Send(&pgproto3.Parse{Name: "s", Query: "select i from generate_series(1, $1) i"})
	f.Send(&pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "s", Parameters: [][]byte{[]byte("3")}})
	f.Send(&pgproto3.Bind{DestinationPortal: "q", PreparedStatement: "s", Parameters: [][]byte{[]byte("2")}})
	for _, x := range []struct {
		portal string
		n      uint32
	}{{"p", 2}, {"q", 1}, {"p", 0}, {"q", 5}, {"q", 5}} {
		f.Send(&pgproto3.Execute{Portal: x.portal, MaxRows: x.n})
	}
	f.Send(&pgproto3.Sync{})
	ts.flush(f)
	ts.until(f, 'Z')
	got := ts.until(f, 'Z')
	want := []string{"1", "2", "2", "D:1", "D:2", "s", "D:1", "s", "D:3", "C:SELECT 1", "D:2", "C:SELECT 1", "C:SELECT 0", "ZT"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
