package ddl_test

import "testing"

// Facts come from PostgreSQL 15.18.

func TestAddColumn(t *testing.T) {
	newServer(t).script([][2]string{
		{"create table t(a int primary key, b text)", "CREATE TABLE"},
		{"insert into t values (2,'y'),(1,'x')", ""},
		{"alter table t add c int default 1 + 4 not null", "ALTER TABLE"},
		{"select * from t", "1|x|5\n2|y|5"},
		{"select attmissingval is null, atthasmissing from pg_attribute where attrelid='t'::regclass and attname='c'", "f|t"},
		{"alter table t add c int", "42701 column \"c\" of relation \"t\" already exists"},
		{"alter table t add column if not exists c int", "NOTICE column \"c\" of relation \"t\" already exists, skipping\nALTER TABLE"},
		{"alter table t add d int not null", "23502 column \"d\" of relation \"t\" contains null values"},
		{"alter table t add d int default 1 check (d > 1)", "23514 check constraint \"t_d_check\" of relation \"t\" is violated by some row"},
		{"alter table t add ctid int", "42701 column name \"ctid\" conflicts with a system column name"},
		{"alter table t add h serial", "ALTER TABLE"},
		{"select * from t", "1|x|5|1\n2|y|5|2"},
		{"select atthasmissing from pg_attribute where attrelid='t'::regclass and attname='c'", "f"},
		{"insert into t values (3,'z') returning *", "3|z|5|3"},
		{"alter table if exists nope add x int", "NOTICE relation \"nope\" does not exist, skipping\nALTER TABLE"},
		{"alter table t add u text unique, add v text default 'v'", "ALTER TABLE"},
		{"select conname from pg_constraint where conrelid='t'::regclass order by 1", "t_pkey\nt_u_key"},
		{"select v from t where a = 2", "v"},
	})
}

func TestDropColumn(t *testing.T) {
	newServer(t).script([][2]string{
		{"create table t(a int primary key, b text, c int check (c > 0), d int unique)", "CREATE TABLE"},
		{"create index ti on t(b, c)", "CREATE INDEX"},
		{"create view v as select b from t", "CREATE VIEW"},
		{"insert into t values (2,'y',1,20),(1,'x',2,10)", ""},
		{"alter table t drop b", "2BP01 cannot drop column b of table t because other objects depend on it\n" +
			"DETAIL view v depends on column b of table t\nHINT Use DROP ... CASCADE to drop the dependent objects too."},
		{"alter table t drop b cascade", "NOTICE drop cascades to view v\nALTER TABLE"},
		{"select relname from pg_class where relname in ('v','ti','t_d_key')", "t_d_key"},
		{"select attname, attisdropped, atttypid, attlen from pg_attribute where attrelid='t'::regclass and attnum=2",
			"........pg.dropped.2........|t|0|-1"},
		{"alter table t drop c", "ALTER TABLE"},
		{"select relchecks, relnatts from pg_class where relname='t'", "0|4"},
		{"insert into t values (3, 30)", ""},
		{"alter table t drop a", "ALTER TABLE"},
		{"select * from t order by 1", "10\n20\n30"},
		{"select count(*) from t where d = 20", "1"},
		{"insert into t values (30)", "23505 duplicate key value violates unique constraint \"t_d_key\"\nDETAIL Key (d)=(30) already exists."},
		{"alter table t drop zz", "42703 column \"zz\" of relation \"t\" does not exist"},
		{"alter table t drop if exists zz", "NOTICE column \"zz\" of relation \"t\" does not exist, skipping\nALTER TABLE"},
		{"alter table t drop xmin", "0A000 cannot drop system column \"xmin\""},
	})
}

func TestConstraints(t *testing.T) {
	newServer(t).script([][2]string{
		{"create table t(a int, b int)", "CREATE TABLE"},
		{"insert into t values (3,1),(1,2),(2,3)", ""},
		{"alter table t add primary key (a), add unique (b), add constraint pos check (a > 0)", "ALTER TABLE"},
		{"select * from t", "1|2\n2|3\n3|1"},
		{"select a from t where b = 3", "2"},
		{"insert into t values (1, 9)", "23505 duplicate key value violates unique constraint \"t_pkey\"\nDETAIL Key (a)=(1) already exists."},
		{"alter table t add constraint small check (a < 3)", "23514 check constraint \"small\" of relation \"t\" is violated by some row"},
		{"alter table t add constraint pos check (a > 1)", "42710 constraint \"pos\" for relation \"t\" already exists"},
		{"alter table t add primary key (b)", "42P16 multiple primary keys for table \"t\" are not allowed"},
		{"alter table t alter a drop not null", "42P16 column \"a\" is in a primary key"},
		{"drop index t_pkey", "2BP01 cannot drop index t_pkey because constraint t_pkey on table t requires it\n" +
			"HINT You can drop constraint t_pkey on table t instead."},
		{"alter table t drop constraint t_pkey, drop constraint pos", "ALTER TABLE"},
		{"insert into t values (1, 9)", ""},
		{"select a from t where b = 9", "1"},
		{"select count(*) from t", "4"},
		{"alter table t add primary key (a)", "23505 could not create unique index \"t_pkey\"\nDETAIL Key (a)=(1) is duplicated."},
		{"select count(*) from t", "4"},
		{"alter table t drop constraint zz", "42704 constraint \"zz\" of relation \"t\" does not exist"},
		{"alter table t alter b set default 7, alter b set not null", "ALTER TABLE"},
		{"insert into t(a) values (5) returning *", "5|7"},
		{"alter table t alter b drop default", "ALTER TABLE"},
		{"insert into t(a) values (6)", "23502 null value in column \"b\" of relation \"t\" violates not-null constraint\n" +
			"DETAIL Failing row contains (6, null)."},
		{"alter table t alter b set statistics -2", "22023 statistics target -2 is too low"},
		{"alter table t set (fillfactor=5)", "22023 value 5 out of bounds for option \"fillfactor\"\nDETAIL Valid values are between \"10\" and \"100\"."},
		{"alter table t set (fillfactor=70)", "ALTER TABLE"},
		{"select reloptions from pg_class where relname='t'", "{fillfactor=70}"},
		{"alter table t reset (fillfactor)", "ALTER TABLE"},
	})
}

func TestRename(t *testing.T) {
	newServer(t).script([][2]string{
		{"create table r(a int primary key, b text unique, check (a > 0))", "CREATE TABLE"},
		{"create view rv as select a, b from r", "CREATE VIEW"},
		{"alter table r rename a to b", "42701 column \"b\" of relation \"r\" already exists"},
		{"alter table r rename zz to c", "42703 column \"zz\" does not exist"},
		{"alter table r rename a to c", "ALTER TABLE"},
		{"alter table r rename c to ctid", "42701 column name \"ctid\" conflicts with a system column name"},
		{"alter view rv rename a to q", "ALTER VIEW"},
		{"insert into r values (1,'x')", ""},
		{"select q, b from rv", "1|x"},
		{"alter table r rename constraint r_pkey to pk", "ALTER TABLE"},
		{"select relname from pg_class where relname in ('pk','r_pkey')", "pk"},
		{"alter table r rename constraint r_b_key to pk", "42P07 relation \"pk\" already exists"},
		{"alter index pk rename to pk2", "ALTER INDEX"},
		{"select conname from pg_constraint where conrelid='r'::regclass order by 1", "pk2\nr_a_check\nr_b_key"},
		{"alter table r rename to s", "ALTER TABLE"},
		{"select typname from pg_type where typrelid='s'::regclass", "s"},
		{"alter table if exists r rename to x", "NOTICE relation \"r\" does not exist, skipping\nALTER TABLE"},
		{"alter schema public rename to pg_x", "42939 unacceptable schema name \"pg_x\"\nDETAIL The prefix \"pg_\" is reserved for system schemas."},
	})
}

func TestColumnType(t *testing.T) {
	newServer(t).script([][2]string{
		{"create table t(a int primary key, b text default '5', c int unique default 7, d serial, e varchar(3))", "CREATE TABLE"},
		{"insert into t(a, e) values (2,'y')", ""},
		{"insert into t(a, c, e) values (10, 1, 'x')", ""},
		{"alter table t alter b type int", "42804 column \"b\" cannot be cast automatically to type integer\nHINT You might need to specify \"USING b::integer\"."},
		{"alter table t alter b type int using b::int", "42804 default for column \"b\" cannot be cast automatically to type integer"},
		{"alter table t alter b drop default, alter b type int using b::int + a, alter c type bigint, alter a type text, alter d type bigint, alter e type text",
			"ALTER TABLE"},
		{"select * from t", "10|15|1|2|x\n2|7|7|1|y"},
		{"select a from t where c = 1", "10"},
		{"select c from t where a = '2'", "7"},
		{"insert into t(a, e) values ('z', 'longer') returning *", "23505 duplicate key value violates unique constraint \"t_c_key\"\nDETAIL Key (c)=(7) already exists."},
		{"insert into t(a, c, e) values ('z', 8, 'longer') returning a, c, e", "z|8|longer"},
		{"create view v as select e from t", "CREATE VIEW"},
		{"alter table t alter e type varchar(2)", "0A000 cannot alter type of a column used by a view or rule\n" +
			"DETAIL rule _RETURN on view v depends on column \"e\""},
		{"alter table t alter c type int using 1", "23505 could not create unique index \"t_c_key\"\nDETAIL Key (c)=(1) is duplicated."},
		{"alter table t alter zz type int", "42703 column \"zz\" of relation \"t\" does not exist"},
	})
}
