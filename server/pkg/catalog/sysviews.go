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
	"pg_prepared_statements": `SELECT p.name, p.statement, p.prepare_time, p.parameter_types, p.from_sql,
		p.generic_plans, p.custom_plans FROM pg_prepared_statement() p`,
	"pg_tables": `SELECT n.nspname AS schemaname, c.relname AS tablename, r.rolname AS tableowner,
		t.spcname AS tablespace, c.relhasindex AS hasindexes, c.relhasrules AS hasrules,
		c.relhastriggers AS hastriggers, c.relrowsecurity AS rowsecurity
		FROM pg_class c LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_authid r ON r.oid = c.relowner LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace
		WHERE c.relkind IN ('r', 'p')`,
}

// systemView returns a system view's definition, "" for none.
func systemView(name string) string { return systemViews[name] }
