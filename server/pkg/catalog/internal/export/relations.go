package main

// relation is one catalog relation to export.
type relation struct {
	name  string
	where string            // which rows, "" for all
	order string            // the primary key
	expr  map[string]string // columns exported as another expression
}

const (
	// Relations without storage here: TOAST tables and their indexes.
	noToast           = "relnamespace <> 99"
	builtinCollations = "oid IN (100, 950, 951) OR collname = 'ucs_basic'"
)

// relations lists what the image holds, in the file's order. Node trees are PostgreSQL's own format and are left
// NULL; the few that matter (argument defaults) are exported as SQL text instead.
var relations = []relation{
	{name: "pg_class", where: noToast + " AND oid < 16384", order: "oid", expr: map[string]string{
		"reltoastrelid": "0", "relpages": "0", "reltuples": "-1", "relallvisible": "0", "relpartbound": "NULL"}},
	{name: "pg_attribute", where: "attrelid < 16384 AND attrelid IN (SELECT oid FROM pg_class WHERE " + noToast + ")",
		order: "attrelid, attnum", expr: map[string]string{"attmissingval": "NULL"}},
	{name: "pg_type", where: "oid < 16384", order: "oid", expr: map[string]string{"typdefaultbin": "NULL"}},
	{name: "pg_proc", where: "oid < 16384", order: "oid", expr: map[string]string{
		"proargdefaults": "pg_get_expr(proargdefaults, 0)", "prosqlbody": "NULL"}},
	{name: "pg_operator", where: "oid < 16384", order: "oid"},
	{name: "pg_opclass", where: "oid < 16384", order: "oid"},
	{name: "pg_opfamily", where: "oid < 16384", order: "oid"},
	{name: "pg_amop", where: "oid < 16384", order: "oid"},
	{name: "pg_amproc", where: "oid < 16384", order: "oid"},
	{name: "pg_cast", where: "oid < 16384", order: "oid"},
	{name: "pg_aggregate", where: "aggfnoid < 16384", order: "aggfnoid"},
	{name: "pg_collation", where: builtinCollations, order: "oid"},
	{name: "pg_language", where: "lanname <> 'plpgsql'", order: "oid"},
	{name: "pg_namespace", where: "oid < 16384", order: "oid"},
	{name: "pg_am", where: "oid < 16384", order: "oid"},
	{name: "pg_conversion", where: "oid < 16384", order: "oid"},
	{name: "pg_index", where: "indexrelid IN (SELECT oid FROM pg_class WHERE oid < 16384 AND " + noToast + ")", order: "indexrelid",
		expr: map[string]string{"indexprs": "NULL", "indpred": "NULL"}},
	{name: "pg_constraint", where: "oid < 16384", order: "oid", expr: map[string]string{"conbin": "NULL"}},
	{name: "pg_range", where: "rngtypid < 16384", order: "rngtypid"},
	{name: "pg_ts_config", where: "oid < 16384", order: "oid"},
	{name: "pg_ts_config_map", where: "mapcfg < 16384", order: "mapcfg, maptokentype, mapseqno"},
	{name: "pg_ts_dict", where: "oid < 16384", order: "oid"},
	{name: "pg_ts_parser", where: "oid < 16384", order: "oid"},
	{name: "pg_ts_template", where: "oid < 16384", order: "oid"},
	{name: "pg_description", where: "objoid < 16384", order: "objoid, classoid, objsubid"},
	{name: "pg_init_privs", where: "objoid < 16384", order: "objoid, classoid, objsubid"},
	{name: "pg_database", where: "datname IN ('postgres', 'template0', 'template1')", order: "oid"},
	{name: "pg_authid", where: "oid < 16384", order: "oid", expr: map[string]string{"rolpassword": "NULL"}},
	{name: "pg_auth_members", where: "roleid < 16384 AND member < 16384", order: "roleid, member"},
	{name: "pg_tablespace", where: "oid < 16384", order: "oid"},
	{name: "pg_shdescription", where: "objoid < 16384", order: "objoid, classoid"},
}
