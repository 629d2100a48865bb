\set ON_ERROR_STOP off
CREATE TABLE city (id serial PRIMARY KEY, name text NOT NULL, pop int CHECK (pop >= 0));
CREATE INDEX city_name ON city (name);
INSERT INTO city (name, pop) VALUES ('Rome', 2873000), ('Oslo', 697000), ('Ulm', NULL);
SELECT * FROM city ORDER BY id;
\d
\dt
\d city
\di
\ds
\l
\du postgres
\dn
\df
\x on
SELECT * FROM city WHERE id = 1;
\x off
\pset null '(null)'
SELECT name, pop FROM city ORDER BY pop DESC NULLS LAST;
SELECT nonsense FROM city;
SELECT 1/0;
\echo :ROW_COUNT :LAST_ERROR_SQLSTATE
BEGIN;
DELETE FROM city;
SELEC;
SELECT 1;
ROLLBACK;
SELECT count(*) FROM city;
\copy city (name, pop) FROM STDIN (FORMAT csv)
Bern,134000
"Aix, en",143000
\.
COPY city TO STDOUT (FORMAT csv, HEADER);
\gset
SELECT 42 AS answer \gset
\echo :answer
SELECT format('SELECT %s', g) FROM generate_series(1, 2) g \gexec
UPDATE city SET pop = pop + 1 WHERE name = 'Ulm';
\timing off
DROP TABLE city;
\d
\d city
