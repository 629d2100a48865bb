package catalog

// systemViews are the definitions of pg_catalog's views, by name. Their relations, columns and OIDs come with the
// image; a view without a definition here is left out of it. Text is resolved with only pg_catalog on the path.
var systemViews = map[string]string{
	"pg_roles": `SELECT a.rolname, a.rolsuper, a.rolinherit, a.rolcreaterole, a.rolcreatedb, a.rolcanlogin,
		a.rolreplication, a.rolconnlimit, '********'::text AS rolpassword, a.rolvaliduntil, a.rolbypassrls,
		s.setconfig AS rolconfig, a.oid
		FROM pg_authid a LEFT JOIN pg_db_role_setting s ON a.oid = s.setrole AND s.setdatabase = 0`,
	"pg_user": `SELECT u.rolname AS usename, u.oid AS usesysid, u.rolcreatedb AS usecreatedb, u.rolsuper AS usesuper,
		u.rolreplication AS userepl, u.rolbypassrls AS usebypassrls, '********'::text AS passwd,
		u.rolvaliduntil AS valuntil, s.setconfig AS useconfig
		FROM pg_authid u LEFT JOIN pg_db_role_setting s ON u.oid = s.setrole AND s.setdatabase = 0
		WHERE u.rolcanlogin`,
	"pg_settings": `SELECT a.name, a.setting, a.unit, a.category, a.short_desc, a.extra_desc, a.context, a.vartype,
		a.source, a.min_val, a.max_val, a.enumvals, a.boot_val, a.reset_val, a.sourcefile, a.sourceline,
		a.pending_restart FROM pg_show_all_settings() a`,
	"pg_locks": `SELECT l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid,
		l.objid, l.objsubid, l.virtualtransaction, l.pid, l.mode, l.granted, l.fastpath, l.waitstart
		FROM pg_lock_status() l`,
	"pg_prepared_statements": `SELECT p.name, p.statement, p.prepare_time, p.parameter_types, p.from_sql,
		p.generic_plans, p.custom_plans FROM pg_prepared_statement() p`,
	"pg_prepared_xacts": `SELECT p.transaction, p.gid, p.prepared, u.rolname AS owner, d.datname AS database
		FROM pg_prepared_xact() p LEFT JOIN pg_authid u ON p.ownerid = u.oid
		LEFT JOIN pg_database d ON p.dbid = d.oid`,
	"pg_stat_activity": `SELECT s.datid, d.datname, s.pid, s.leader_pid, s.usesysid, u.rolname AS usename,
		s.application_name, s.client_addr, s.client_hostname, s.client_port, s.backend_start, s.xact_start,
		s.query_start, s.state_change, s.wait_event_type, s.wait_event, s.state, s.backend_xid, s.backend_xmin,
		s.query_id, s.query, s.backend_type
		FROM pg_stat_get_activity(NULL::integer) s LEFT JOIN pg_database d ON s.datid = d.oid
		LEFT JOIN pg_authid u ON s.usesysid = u.oid`,
	"pg_tables": `SELECT n.nspname AS schemaname, c.relname AS tablename, r.rolname AS tableowner,
		t.spcname AS tablespace, c.relhasindex AS hasindexes, c.relhasrules AS hasrules,
		c.relhastriggers AS hastriggers, c.relrowsecurity AS rowsecurity
		FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_authid r ON r.oid = c.relowner LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
		WHERE c.relkind IN ('r', 'p')`,
	"pg_indexes": `SELECT n.nspname AS schemaname, t.relname AS tablename, c.relname AS indexname,
		s.spcname AS tablespace, pg_get_indexdef(c.oid) AS indexdef
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
		LEFT JOIN pg_namespace n ON n.oid = t.relnamespace LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
		WHERE t.relkind IN ('r', 'm', 'p') AND c.relkind IN ('i', 'I')`,
	"pg_shadow": `SELECT u.rolname AS usename, u.oid AS usesysid, u.rolcreatedb AS usecreatedb, u.rolsuper AS usesuper,
		u.rolreplication AS userepl, u.rolbypassrls AS usebypassrls, u.rolpassword AS passwd,
		u.rolvaliduntil AS valuntil, s.setconfig AS useconfig
		FROM pg_authid u LEFT JOIN pg_db_role_setting s ON u.oid = s.setrole AND s.setdatabase = 0
		WHERE u.rolcanlogin`,
	"pg_group": `SELECT g.rolname AS groname, g.oid AS grosysid,
		ARRAY(SELECT m.member FROM pg_auth_members m WHERE m.roleid = g.oid) AS grolist
		FROM pg_authid g WHERE NOT g.rolcanlogin`,
	"pg_policies": `SELECT n.nspname AS schemaname, c.relname AS tablename, p.polname AS policyname,
		CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END AS permissive,
		CASE WHEN p.polroles = '{0}' THEN ARRAY['public'::name]
			ELSE ARRAY(SELECT r.rolname FROM pg_authid r WHERE r.oid = ANY (p.polroles) ORDER BY r.rolname) END AS roles,
		CASE p.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
			WHEN '*' THEN 'ALL' END AS cmd,
		pg_get_expr(p.polqual, p.polrelid) AS qual, pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
		FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid LEFT JOIN pg_namespace n ON n.oid = c.relnamespace`,
}

// systemView returns a system view's definition, "" for none. Views outside pg_catalog are information_schema's.
func systemView(schema uint32, name string) string {
	if schema == PgCatalogNamespace {
		return systemViews[name]
	}
	return informationViews[name]
}
