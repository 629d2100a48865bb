package catalog

// OIDs of the catalog relations: pg_class.oid of each, and the class of an object wherever PostgreSQL's catalogs
// name one (pg_depend.classid, pg_description.classoid, ObjectDep.Class).
const (
	TypeRelation          = 1247 // pg_type
	AttributeRelation     = 1249 // pg_attribute
	ProcRelation          = 1255 // pg_proc
	RelationRelation      = 1259 // pg_class
	AuthIDRelation        = 1260 // pg_authid
	AuthMembersRelation   = 1261 // pg_auth_members
	DatabaseRelation      = 1262 // pg_database
	TablespaceRelation    = 1213 // pg_tablespace
	ShdependRelation      = 1214 // pg_shdepend
	SequenceRelation      = 2224 // pg_sequence
	ShdescriptionRelation = 2396 // pg_shdescription
	AggregateRelation     = 2600 // pg_aggregate
	AccessMethodRelation  = 2601 // pg_am
	AmOpRelation          = 2602 // pg_amop
	AmProcRelation        = 2603 // pg_amproc
	AttrDefaultRelation   = 2604 // pg_attrdef
	CastRelation          = 2605 // pg_cast
	ConstraintRelation    = 2606 // pg_constraint
	DependRelation        = 2608 // pg_depend
	DescriptionRelation   = 2609 // pg_description
	IndexRelation         = 2610 // pg_index
	InheritsRelation      = 2611 // pg_inherits
	LanguageRelation      = 2612 // pg_language
	NamespaceRelation     = 2615 // pg_namespace
	OpClassRelation       = 2616 // pg_opclass
	OperatorRelation      = 2617 // pg_operator
	RewriteRelation       = 2618 // pg_rewrite
	StatisticRelation     = 2619 // pg_statistic
	TriggerRelation       = 2620 // pg_trigger
	OpFamilyRelation      = 2753 // pg_opfamily
	CollationRelation     = 3456 // pg_collation
	EnumRelation          = 3501 // pg_enum
	RangeRelation         = 3541 // pg_range
)

// OIDs every PostgreSQL database has.
const (
	PgCatalogNamespace = 11
	PgToastNamespace   = 99
	PublicNamespace    = 2200
	BootstrapSuperuser = 10 // role postgres
	DefaultCollation   = 100
	CCollation         = 950
	PosixCollation     = 951
	Template1DB        = 1
	PostgresDB         = 5
	FirstUserOID       = 16384 // objects below come with the image
)
