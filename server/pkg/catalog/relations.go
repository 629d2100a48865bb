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

// OIDs of the catalog indexes this package reads through.
const (
	ClassOIDIndex          = 2662
	ClassNameIndex         = 2663
	ClassStorageIndex      = 3455 // by tablespace and relfilenode
	AttributeNameIndex     = 2658
	AttributeNumIndex      = 2659
	TypeOIDIndex           = 2703
	TypeNameIndex          = 2704
	ProcOIDIndex           = 2690
	ProcNameIndex          = 2691
	AggregateOIDIndex      = 2650
	OperatorOIDIndex       = 2688
	OperatorNameIndex      = 2689
	CastSourceTargetIndex  = 2661
	OpClassOIDIndex        = 2687
	OpClassNameIndex       = 2686
	AmOpStrategyIndex      = 2653
	AmOpOperatorIndex      = 2654
	AmProcIndex            = 2655
	CollationOIDIndex      = 3085
	CollationNameIndex     = 3164
	NamespaceOIDIndex      = 2685
	NamespaceNameIndex     = 2684
	IndexRelidIndex        = 2678 // pg_index by table
	IndexOIDIndex          = 2679
	ConstraintOIDIndex     = 2667
	ConstraintNameIndex    = 2664
	ConstraintRelidIndex   = 2665
	ConstraintTypeIndex    = 2666
	AttrDefaultOIDIndex    = 2657
	AttrDefaultIndex       = 2656
	SequenceIndex          = 5002
	DependDependerIndex    = 2673
	DependReferenceIndex   = 2674
	ShdependDependerIndex  = 1232
	ShdependReferenceIndex = 1233
	DescriptionIndex       = 2675
	ShdescriptionIndex     = 2397
	RewriteRelationIndex   = 2693
	StatisticIndex         = 2696
	EnumSortIndex          = 3534
	EnumLabelIndex         = 3503
	RangeTypeIndex         = 3542
	RangeMultirangeIndex   = 2228
	DatabaseOIDIndex       = 2672
	DatabaseNameIndex      = 2671
	AuthIDOIDIndex         = 2677
	AuthIDNameIndex        = 2676
	AuthMembersRoleIndex   = 2694
	AuthMembersMemberIndex = 2695
	InheritsRelidIndex     = 2680
	InheritsParentIndex    = 2187
	TablespaceNameIndex    = 2698
)

// StorageMarks is the storage id, in every database, of the marks that tell since when a storage id holds its rows:
// key storage id, value one byte. The mark's commit timestamp is the storage id's valid_from.
const StorageMarks = 1
