package catalog

// informationViews are the views of information_schema, by name. What they show is the SQL standard's, with the
// conventions of PostgreSQL 15 for what the standard leaves open. Only relations the current role has some right on
// are shown. Columns have the base types of the standard's domains, which is also what clients are told.
var informationViews = map[string]string{
	"information_schema_catalog_name": `SELECT current_database()::name AS catalog_name`,

	"enabled_roles": `SELECT a.rolname::name AS role_name
		FROM pg_authid a WHERE pg_has_role(a.oid, 'USAGE')`,

	"schemata": `SELECT current_database()::name AS catalog_name,
		n.nspname::name AS schema_name,
		r.rolname::name AS schema_owner,
		NULL::name AS default_character_set_catalog,
		NULL::name AS default_character_set_schema,
		NULL::name AS default_character_set_name,
		NULL::text::varchar AS sql_path
		FROM pg_namespace n JOIN pg_authid r ON r.oid = n.nspowner
		WHERE pg_has_role(n.nspowner, 'USAGE') OR has_schema_privilege(n.oid, 'CREATE, USAGE')`,

	"tables": `SELECT current_database()::name AS table_catalog,
		n.nspname::name AS table_schema,
		c.relname::name AS table_name,
		(CASE WHEN c.relpersistence = 't' THEN 'LOCAL TEMPORARY' WHEN c.relkind IN ('r', 'p') THEN 'BASE TABLE'
			WHEN c.relkind = 'v' THEN 'VIEW' WHEN c.relkind = 'f' THEN 'FOREIGN' END)::varchar
			AS table_type,
		NULL::name AS self_referencing_column_name,
		NULL::text::varchar AS reference_generation,
		NULL::name AS user_defined_type_catalog,
		NULL::name AS user_defined_type_schema,
		NULL::name AS user_defined_type_name,
		(CASE WHEN c.relkind IN ('r', 'p') THEN 'YES' ELSE 'NO' END)::varchar(3) AS is_insertable_into,
		(CASE WHEN c.reloftype <> 0 THEN 'YES' ELSE 'NO' END)::varchar(3) AS is_typed,
		NULL::text::varchar AS commit_action
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'v', 'f', 'p')
			AND (pg_has_role(c.relowner, 'USAGE')
			OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))`,

	"columns": informationColumns,

	"table_constraints": `SELECT current_database()::name AS constraint_catalog,
		k.nspname::name AS constraint_schema,
		k.conname::name AS constraint_name,
		current_database()::name AS table_catalog,
		n.nspname::name AS table_schema,
		c.relname::name AS table_name,
		k.kind::varchar AS constraint_type,
		(CASE WHEN k.condeferrable THEN 'YES' ELSE 'NO' END)::varchar(3) AS is_deferrable,
		(CASE WHEN k.condeferred THEN 'YES' ELSE 'NO' END)::varchar(3) AS initially_deferred,
		'YES'::text::varchar(3) AS enforced,
		(CASE WHEN k.contype = 'u' THEN
			(SELECT CASE WHEN i.indnullsnotdistinct THEN 'NO' ELSE 'YES' END FROM pg_index i WHERE i.indexrelid = k.conindid)
			END)::varchar(3) AS nulls_distinct
		FROM (SELECT o.conrelid, o.conname::text AS conname, s.nspname, o.contype, o.condeferrable, o.condeferred, o.conindid,
				CASE o.contype WHEN 'c' THEN 'CHECK' WHEN 'f' THEN 'FOREIGN KEY' WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END AS kind
				FROM pg_constraint o JOIN pg_namespace s ON s.oid = o.connamespace WHERE o.contype IN ('c', 'f', 'p', 'u')
			UNION ALL
			SELECT a.attrelid, t.relnamespace::text || '_' || t.oid::text || '_' || a.attnum::text || '_not_null', s.nspname,
				'n'::"char", false, false, 0::oid, 'CHECK'
				FROM pg_attribute a JOIN pg_class t ON t.oid = a.attrelid JOIN pg_namespace s ON s.oid = t.relnamespace
				WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped) k
		JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p')
			AND (pg_has_role(c.relowner, 'USAGE')
			OR has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))`,

	"key_column_usage": `SELECT current_database()::name AS constraint_catalog,
		s.nspname::name AS constraint_schema,
		o.conname::name AS constraint_name,
		current_database()::name AS table_catalog,
		n.nspname::name AS table_schema,
		c.relname::name AS table_name,
		a.attname::name AS column_name,
		g.place::int4 AS ordinal_position,
		(CASE WHEN o.contype = 'f' THEN
			(SELECT u.at FROM (SELECT generate_series(1, array_length(x.conkey, 1)) AS at, x.conkey
				FROM pg_constraint x WHERE x.conindid = o.conindid AND x.contype IN ('p', 'u')) u
				WHERE u.conkey[u.at] = o.confkey[g.place]) END)::int4
			AS position_in_unique_constraint
		FROM (SELECT p.oid, generate_series(1, array_length(p.conkey, 1)) AS place FROM pg_constraint p
			WHERE p.contype IN ('p', 'u', 'f')) g
		JOIN pg_constraint o ON o.oid = g.oid JOIN pg_namespace s ON s.oid = o.connamespace
		JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = o.conkey[g.place]
		WHERE c.relkind IN ('r', 'p') AND NOT a.attisdropped
			AND (pg_has_role(c.relowner, 'USAGE') OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))`,

	"constraint_column_usage": `SELECT current_database()::name AS table_catalog,
		n.nspname::name AS table_schema,
		c.relname::name AS table_name,
		a.attname::name AS column_name,
		current_database()::name AS constraint_catalog,
		s.nspname::name AS constraint_schema,
		g.conname::name AS constraint_name
		FROM (SELECT d.refobjid AS relid, d.refobjsubid AS num, o.connamespace, o.conname FROM pg_constraint o
				JOIN pg_depend d ON d.classid = 'pg_constraint'::regclass AND d.objid = o.oid
					AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
				WHERE o.contype = 'c'
			UNION SELECT p.relid, p.cols[p.place], p.connamespace, p.conname
				FROM (SELECT o.conname, o.connamespace, CASE o.contype WHEN 'f' THEN o.confrelid ELSE o.conrelid END AS relid,
					CASE o.contype WHEN 'f' THEN o.confkey ELSE o.conkey END AS cols,
					generate_series(1, array_length(o.conkey, 1)) AS place
					FROM pg_constraint o WHERE o.contype IN ('p', 'u', 'f')) p) g
		JOIN pg_namespace s ON s.oid = g.connamespace JOIN pg_class c ON c.oid = g.relid
		JOIN pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = g.num
		WHERE c.relkind IN ('r', 'p') AND NOT a.attisdropped AND pg_has_role(c.relowner, 'USAGE')`,

	"referential_constraints": `SELECT current_database()::name AS constraint_catalog,
		s.nspname::name AS constraint_schema,
		o.conname::name AS constraint_name,
		(CASE WHEN us.nspname IS NOT NULL THEN current_database() END)::name
			AS unique_constraint_catalog,
		us.nspname::name AS unique_constraint_schema,
		u.conname::name AS unique_constraint_name,
		(CASE o.confmatchtype WHEN 'f' THEN 'FULL' WHEN 'p' THEN 'PARTIAL' WHEN 's' THEN 'NONE' END
			)::varchar AS match_option,
		(CASE o.confupdtype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT'
			WHEN 'r' THEN 'RESTRICT' WHEN 'a' THEN 'NO ACTION' END)::varchar AS update_rule,
		(CASE o.confdeltype WHEN 'c' THEN 'CASCADE' WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT'
			WHEN 'r' THEN 'RESTRICT' WHEN 'a' THEN 'NO ACTION' END)::varchar AS delete_rule
		FROM pg_constraint o JOIN pg_namespace s ON s.oid = o.connamespace JOIN pg_class c ON c.oid = o.conrelid
		LEFT JOIN pg_constraint u ON u.conindid = o.conindid AND u.contype IN ('p', 'u')
		LEFT JOIN pg_namespace us ON us.oid = u.connamespace
		WHERE o.contype = 'f' AND c.relkind IN ('r', 'p') AND (pg_has_role(c.relowner, 'USAGE')
			OR has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'))`,

	"sequences": `SELECT current_database()::name AS sequence_catalog,
		n.nspname::name AS sequence_schema,
		c.relname::name AS sequence_name,
		format_type(q.seqtypid, NULL)::varchar AS data_type,
		(CASE q.seqtypid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 END)::int4
			AS numeric_precision,
		2::int4 AS numeric_precision_radix,
		0::int4 AS numeric_scale,
		q.seqstart::text::varchar AS start_value,
		q.seqmin::text::varchar AS minimum_value,
		q.seqmax::text::varchar AS maximum_value,
		q.seqincrement::text::varchar AS increment,
		(CASE WHEN q.seqcycle THEN 'YES' ELSE 'NO' END)::varchar(3) AS cycle_option
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence q ON q.seqrelid = c.oid
		WHERE c.relkind = 'S'
			AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
				AND d.deptype = 'i')
			AND (pg_has_role(c.relowner, 'USAGE') OR has_sequence_privilege(c.oid, 'SELECT, UPDATE, USAGE'))`,
}

// informationColumns is information_schema.columns. tid and tmod are a column's type with domains seen through.
const informationColumns = `SELECT current_database()::name AS table_catalog,
	v.nspname::name AS table_schema,
	v.relname::name AS table_name,
	v.attname::name AS column_name,
	v.attnum::int4 AS ordinal_position,
	(CASE WHEN v.attgenerated = '' THEN pg_get_expr(f.adbin, f.adrelid) END)::varchar
		AS column_default,
	(CASE WHEN v.attnotnull OR v.typnotnull AND v.typtype = 'd' THEN 'NO' ELSE 'YES' END)::varchar(3)
		AS is_nullable,
	(CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN 'ARRAY'
		WHEN bn.nspname = 'pg_catalog' THEN format_type(v.tid, NULL)
		ELSE 'USER-DEFINED' END)::varchar AS data_type,
	(CASE WHEN v.tmod < 0 THEN NULL WHEN v.tid IN (1042, 1043) THEN v.tmod - 4 WHEN v.tid IN (1560, 1562) THEN v.tmod
		END)::int4 AS character_maximum_length,
	(CASE WHEN v.tid NOT IN (25, 1042, 1043) THEN NULL WHEN v.tmod < 0 THEN 1073741824 ELSE (v.tmod - 4) * 4
		END)::int4 AS character_octet_length,
	(CASE v.tid WHEN 21 THEN 16 WHEN 23 THEN 32 WHEN 20 THEN 64 WHEN 700 THEN 24 WHEN 701 THEN 53
		WHEN 1700 THEN CASE WHEN v.tmod >= 0 THEN (v.tmod - 4) >> 16 END END)::int4
		AS numeric_precision,
	(CASE WHEN v.tid IN (20, 21, 23, 700, 701) THEN 2 WHEN v.tid = 1700 THEN 10 END)::int4
		AS numeric_precision_radix,
	(CASE WHEN v.tid IN (20, 21, 23) THEN 0 WHEN v.tid = 1700 AND v.tmod >= 0 THEN (v.tmod - 4) & 65535
		END)::int4 AS numeric_scale,
	(CASE WHEN v.tid = 1082 THEN 0
		WHEN v.tid IN (1083, 1114, 1184, 1266) THEN CASE WHEN v.tmod < 0 THEN 6 ELSE v.tmod END
		WHEN v.tid = 1186 THEN CASE WHEN v.tmod < 0 OR v.tmod & 65535 = 65535 THEN 6 ELSE v.tmod & 65535 END
		END)::int4 AS datetime_precision,
	(CASE WHEN v.tid = 1186 AND v.tmod >= 0 AND v.tmod >> 16 <> 32767 THEN upper(substr(format_type(v.tid, v.tmod), 10))
		END)::varchar AS interval_type,
	NULL::int4 AS interval_precision,
	NULL::name AS character_set_catalog,
	NULL::name AS character_set_schema,
	NULL::name AS character_set_name,
	(CASE WHEN l.oid IS NOT NULL THEN current_database() END)::name AS collation_catalog,
	ln.nspname::name AS collation_schema,
	l.collname::name AS collation_name,
	(CASE WHEN v.typtype = 'd' THEN current_database() END)::name AS domain_catalog,
	(CASE WHEN v.typtype = 'd' THEN v.typschema END)::name AS domain_schema,
	(CASE WHEN v.typtype = 'd' THEN v.typname END)::name AS domain_name,
	current_database()::name AS udt_catalog,
	bn.nspname::name AS udt_schema,
	b.typname::name AS udt_name,
	NULL::name AS scope_catalog,
	NULL::name AS scope_schema,
	NULL::name AS scope_name,
	NULL::int4 AS maximum_cardinality,
	v.attnum::text::name AS dtd_identifier,
	'NO'::text::varchar(3) AS is_self_referencing,
	(CASE WHEN v.attidentity IN ('a', 'd') THEN 'YES' ELSE 'NO' END)::varchar(3) AS is_identity,
	(CASE v.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END)::varchar
		AS identity_generation,
	q.seqstart::text::varchar AS identity_start,
	q.seqincrement::text::varchar AS identity_increment,
	q.seqmax::text::varchar AS identity_maximum,
	q.seqmin::text::varchar AS identity_minimum,
	(CASE WHEN q.seqcycle THEN 'YES' ELSE 'NO' END)::varchar(3) AS identity_cycle,
	(CASE WHEN v.attgenerated <> '' THEN 'ALWAYS' ELSE 'NEVER' END)::varchar AS is_generated,
	(CASE WHEN v.attgenerated <> '' THEN pg_get_expr(f.adbin, f.adrelid) END)::varchar
		AS generation_expression,
	(CASE WHEN v.relkind IN ('r', 'p') THEN 'YES' ELSE 'NO' END)::varchar(3) AS is_updatable
	FROM (SELECT n.nspname, c.relname, c.relkind, a.attrelid, a.attname, a.attnum, a.attnotnull, a.attgenerated,
			a.attidentity, a.attcollation, t.typtype, t.typnotnull, t.typname, tn.nspname AS typschema,
			CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE a.atttypid END AS tid,
			CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS tmod
			FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
			JOIN pg_namespace tn ON tn.oid = t.typnamespace
			WHERE c.relkind IN ('r', 'v', 'f', 'p') AND a.attnum > 0 AND NOT a.attisdropped
				AND (pg_has_role(c.relowner, 'USAGE')
				OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'))) v
	JOIN pg_type b ON b.oid = v.tid JOIN pg_namespace bn ON bn.oid = b.typnamespace
	LEFT JOIN pg_attrdef f ON f.adrelid = v.attrelid AND f.adnum = v.attnum
	LEFT JOIN pg_collation l ON l.oid = v.attcollation AND l.oid <> 100
	LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
	LEFT JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = v.attrelid AND d.refobjsubid = v.attnum
		AND d.classid = 'pg_class'::regclass AND d.deptype = 'i' AND v.attidentity <> ''
	LEFT JOIN pg_sequence q ON q.seqrelid = d.objid`
