CREATE TABLE pgbench_accounts (aid int PRIMARY KEY, bid int, abalance int, filler char(84));
CREATE TABLE pgbench_branches (bid int PRIMARY KEY, bbalance int, filler char(88));
CREATE TABLE pgbench_tellers (tid int PRIMARY KEY, bid int, tbalance int, filler char(84));
CREATE TABLE pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
CREATE TABLE t (id int PRIMARY KEY, name text, amount numeric(8,2), tags text[], born date, code varchar(10), big bigint, ok bool);
CREATE TABLE u (id bigint, name varchar(20), ratio float8);
