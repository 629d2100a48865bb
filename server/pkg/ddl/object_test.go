package ddl_test

import (
	"testing"

	"github.com/pgzdb/pgz/server/pkg/ddl"
)

func TestSequences(t *testing.T) {
	s := newServer(t)
	s.script([][2]string{
		{"create sequence q increment 0", "22023 INCREMENT must not be zero"},
		{"create sequence q minvalue 5 maxvalue 4", "22023 MINVALUE (5) must be less than MAXVALUE (4)"},
		{"create sequence q start 0", "22023 START value (0) cannot be less than MINVALUE (1)"},
		{"create sequence q as smallint maxvalue 40000", "22023 MAXVALUE (40000) is out of range for sequence data type smallint"},
		{"create sequence q as text", "22023 sequence type must be smallint, integer, or bigint"},
		{"create sequence q start 3 start 4", "42601 conflicting or redundant options"},
		{"create sequence q maxvalue 3", "CREATE SEQUENCE"},
		{"create sequence if not exists q", "NOTICE relation \"q\" already exists, skipping\nCREATE SEQUENCE"},
		{"select * from q", "1|0|f"},
		{"select nextval('q'), nextval('q')", "1|2"},
		{"select * from q", "2|1|t"},
		{"select nextval('q')", "3"},
		{"select nextval('q')", "2200H nextval: reached maximum value of sequence \"q\" (3)"},
		{"alter sequence q cycle", "ALTER SEQUENCE"},
		{"select nextval('q')", "1"},
		{"alter sequence q restart 3 no maxvalue", "ALTER SEQUENCE"},
		{"select nextval('q'), nextval('q')", "3|4"},
		{"create sequence n cache 5 maxvalue 7", "CREATE SEQUENCE"},
		{"select nextval('n'), nextval('n')", "1|6"}, // who asks has taken five
		{"select * from n", "7|0|t"},
		{"create sequence d increment -2 minvalue -5 as int2", "CREATE SEQUENCE"},
		{"select nextval('d'), nextval('d'), nextval('d')", "-1|-3|-5"},
		{"select nextval('d')", "2200H nextval: reached minimum value of sequence \"d\" (-5)"},
		{"create table t(id bigserial, x int)", "CREATE TABLE"},
		{"insert into t(x) values (1),(2) returning id", "1\n2"},
		{"select deptype, refobjsubid from pg_depend where classid='pg_class'::regclass and objid='t_id_seq'::regclass and refobjid='t'::regclass", "a|1"},
		{"drop sequence t_id_seq", "2BP01 cannot drop sequence t_id_seq because other objects depend on it\n" +
			"DETAIL default value for column id of table t depends on sequence t_id_seq\nHINT Use DROP ... CASCADE to drop the dependent objects too."},
		{"drop table t", "DROP TABLE"},
		{"select count(*) from pg_class where relname='t_id_seq'", "0"},
	})
}

// A server that starts anew does not know how many of the values covered by
// the last durable commit were given.
func TestSequenceAfterRestart(t *testing.T) {
	s := newServer(t)
	s.script([][2]string{
		{"create sequence q", "CREATE SEQUENCE"},
		{"select nextval('q'), nextval('q')", "1|2"},
	})
	s.seqs = ddl.NewSequences()
	s.script([][2]string{
		{"select nextval('q')", "34"},
		{"select nextval('q')", "35"},
	})
}

func TestViews(t *testing.T) {
	newServer(t).script([][2]string{
		{"create table t(a int, b text, c numeric(10,2))", "CREATE TABLE"},
		{"insert into t values (1,'x',2.5)", ""},
		{"create view v as select * from t", "CREATE VIEW"},
		{"select * from v", "1|x|2.50"},
		{"create view v as select 1", "42P07 relation \"v\" already exists"},
		{"create or replace view t as select 1", "42809 \"t\" is not a view"},
		{"create view w(x,y,z,u) as select * from t", "42601 CREATE VIEW specifies more column names than columns"},
		{"create view w as select a, a from t", "42701 column \"a\" specified more than once"},
		{"create view w(x,y) as select * from t", "CREATE VIEW"},
		{"select attname from pg_attribute where attrelid='w'::regclass order by attnum", "x\ny\nc"},
		{"create or replace view w as select a from t", "42P16 cannot drop columns from view"},
		{"create or replace view w(x,zz,c) as select * from t", "42P16 cannot change name of view column \"y\" to \"zz\"\n" +
			"HINT Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."},
		{"create or replace view w(x,y,c) as select a,a,c from t", "42P16 cannot change data type of view column \"y\" from text to integer"},
		{"create or replace view w(x,y,c,d) as select a+1,b,c,1 from t", "CREATE VIEW"},
		{"select * from w", "2|x|2.50|1"},
		{"create view vv as select x from w", "CREATE VIEW"},
		{"select deptype from pg_depend where classid='pg_rewrite'::regclass and refobjid='vv'::regclass order by 1", "i\nn"},
		{"drop table t", "2BP01 cannot drop table t because other objects depend on it\n" +
			"DETAIL view v depends on table t\nview w depends on table t\nview vv depends on view w\n" +
			"HINT Use DROP ... CASCADE to drop the dependent objects too."},
		{"drop table t cascade", "NOTICE drop cascades to 3 other objects\nDETAIL drop cascades to view v\ndrop cascades to view w\ndrop cascades to view vv\nDROP TABLE"},
		{"select count(*) from pg_rewrite where ev_class >= 16384", "0"},
	})
}

func TestSchemasAndComments(t *testing.T) {
	newServer(t).script([][2]string{
		{"create schema x1", "CREATE SCHEMA"},
		{"create schema x1", "42P06 schema \"x1\" already exists"},
		{"create schema if not exists x1", "NOTICE schema \"x1\" already exists, skipping\nCREATE SCHEMA"},
		{"create schema pg_foo", "42939 unacceptable schema name \"pg_foo\"\nDETAIL The prefix \"pg_\" is reserved for system schemas."},
		{"create table x1.t(a int primary key)", "CREATE TABLE"},
		{"drop schema x1", "2BP01 cannot drop schema x1 because other objects depend on it\nDETAIL table x1.t depends on schema x1\n" +
			"HINT Use DROP ... CASCADE to drop the dependent objects too."},
		{"comment on table x1.t is 'tab'", "COMMENT"},
		{"comment on column x1.t.a is 'col'", "COMMENT"},
		{"comment on column x1.t.z is 'col'", "42703 column \"z\" of relation \"t\" does not exist"},
		{"comment on constraint t_pkey on x1.t is 'con'", "COMMENT"},
		{"comment on index x1.t is 'no'", "42809 \"t\" is not an index"},
		{"comment on column x1.t_pkey.a is 'x'", "42809 cannot set comment on relation \"t_pkey\"\nDETAIL This operation is not supported for indexes."},
		{"comment on schema x9 is 'a'", "3F000 schema \"x9\" does not exist"},
		{"comment on database nodb is 'a'", "WARNING database \"nodb\" does not exist\nCOMMENT"},
		{"select objsubid, description from pg_description where objoid >= 16384 order by 1, 2", "0|con\n0|tab\n1|col"},
		{"comment on table x1.t is null", "COMMENT"},
		{"alter schema x1 rename to x2", "ALTER SCHEMA"},
		{"drop schema x2 cascade", "NOTICE drop cascades to table x2.t\nDROP SCHEMA"},
		{"select count(*) from pg_description where objoid >= 16384", "0"},
	})
}

func TestAnalyze(t *testing.T) {
	s := newServer(t)
	s.script([][2]string{
		{"create table t(a int primary key, b text, c int, g text)", "CREATE TABLE"},
		{"insert into t select i, 'x' || (i % 5), i % 100 from generate_series(1, 1000) i", ""},
		{"analyze t(a, a)", "42701 column \"a\" of relation \"t\" appears more than once"},
		{"vacuum t(a)", "0A000 ANALYZE option must be specified when a column list is provided"},
		{"vacuum (foo) t", "42601 unrecognized VACUUM option \"foo\""},
		{"analyze (full) t", "42601 unrecognized ANALYZE option \"full\""},
		{"vacuum (index_cleanup foo) t", "42601 index_cleanup requires a Boolean value"},
		{"vacuum foo", "42P01 relation \"foo\" does not exist"},
		{"analyze t", "ANALYZE"},
		{"select reltuples from pg_class where relname='t'", "1000"},
		{"select staattnum, stanullfrac, stawidth, stadistinct, stakind1, stakind2, staop1, staop2, stacoll1 from pg_statistic where starelid='t'::regclass order by 1",
			"1|0|4|-1|2|3|97|97|0\n2|0|3|5|1|3|98|664|100\n3|0|4|100|1|3|96|97|0\n4|1|0|0|0|0|0|0|0"},
		{"select stanumbers1, stanumbers2 from pg_statistic where starelid='t'::regclass and staattnum = 2", "{0.2,0.2,0.2,0.2,0.2}|{0.1999952}"},
		{"alter table t drop b", "ALTER TABLE"},
		{"select count(*) from pg_statistic where starelid='t'::regclass", "3"},
		{"vacuum (analyze, verbose off) t", "VACUUM"},
	})
	s.inBlock = true
	s.script([][2]string{{"vacuum t", "25001 VACUUM cannot run inside a transaction block"}, {"analyze t", "ANALYZE"}})
}

func TestSetSchema(t *testing.T) {
	newServer(t).script([][2]string{
		{"create schema z2", "CREATE SCHEMA"},
		{"create table t(a int primary key, d serial)", "CREATE TABLE"},
		{"insert into t values (1)", ""},
		{"alter sequence t_d_seq set schema z2", "0A000 cannot move an owned sequence into another schema\nDETAIL Sequence \"t_d_seq\" is linked to table \"t\"."},
		{"alter table t set schema z2", "ALTER TABLE"},
		{"select * from t", "42P01 relation \"t\" does not exist"},
		{"insert into z2.t values (2) returning *", "2|2"},
		{"select count(*) from pg_class where relnamespace = (select oid from pg_namespace where nspname='z2')", "3"},
		{"create table t(a int)", "CREATE TABLE"},
		{"alter table t set schema z2", "42P07 relation \"t\" already exists in schema \"z2\""},
		{"alter table t set schema nosch", "3F000 schema \"nosch\" does not exist"},
		{"alter table if exists nope set schema z2", "NOTICE relation \"nope\" does not exist, skipping\nALTER TABLE"},
		{"alter schema z2 owner to postgres", "ALTER SCHEMA"},
		{"drop schema z2 cascade", "NOTICE drop cascades to table z2.t\nDROP SCHEMA"},
		{"select count(*) from pg_class where oid >= 16384", "1"},
	})
}
