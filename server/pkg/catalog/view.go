package catalog

// View is the catalog as one statement sees it: the newest committed rows, under the session's own uncommitted DDL.
// Analyze, planner and executor read it. A schema argument of "" means: along the search path. Every lookup returns
// nil (no error) for what is not there, and is written down in the view's Deps. Slices are shared: do not change them.
//
// A View belongs to one statement of one session and is not safe for concurrent use; the descriptors it returns are.
type View interface {
	// Database is the OID of the current database.
	Database() uint32
	// SearchPath returns the schemas unqualified names are looked up in, in order, with pg_catalog (and the
	// session's temporary schema) in the place PostgreSQL implies when the setting does not name them.
	SearchPath() []uint32
	// CreationSchema is where an unqualified CREATE puts its object; nil when the path names no existing schema.
	CreationSchema() (*Schema, error)
	SchemaByName(name string) (*Schema, error)
	Schema(oid uint32) (*Schema, error)

	// RelationByName finds tables, views, sequences, composite types, but no indexes (see IndexByName).
	RelationByName(schema, name string) (*Table, error)
	Relation(oid uint32) (*Table, error)
	IndexByName(schema, name string) (*Index, error)
	Index(oid uint32) (*Index, error)
	// RelationOID finds any relation of pg_class, indexes included; 0 when absent.
	RelationOID(schema, name string) (uint32, error)
	// ViewQuery returns a view's stored query tree.
	ViewQuery(t *Table) ([]byte, error)
	Constraint(oid uint32) (*Constraint, error)

	TypeByName(schema, name string) (*TypeDesc, error)
	Type(oid uint32) (*TypeDesc, error)

	// ProcsByName returns every function, aggregate and procedure of that name: of the schema, or of all schemas on
	// the search path, nearest schema first (overload resolution prefers the nearer of two equal signatures).
	ProcsByName(schema, name string) ([]*Proc, error)
	Proc(oid uint32) (*Proc, error)
	// ProcNotYet tells whether PostgreSQL has a function of that name in pg_catalog that this server does not have.
	ProcNotYet(name string) bool

	// OperatorsByName follows ProcsByName.
	OperatorsByName(schema, name string) ([]*Operator, error)
	Operator(oid uint32) (*Operator, error)

	Cast(source, target uint32) (*Cast, error)

	CollationByName(schema, name string) (*Collation, error)
	Collation(oid uint32) (*Collation, error)

	OpClassByName(am uint32, schema, name string) (*OpClass, error)
	OpClass(oid uint32) (*OpClass, error)
	// DefaultOpClass finds the access method's default class for the type: exact, else binary coercible
	// (varchar to text, domains to their base, enums, arrays, ranges and records to their any-class).
	DefaultOpClass(am, typ uint32) (*OpClass, error)
	// OpFamilyMember returns the operator with that strategy for the input types, 0 for none.
	OpFamilyMember(family, left, right uint32, strategy int16) (uint32, error)
	// SupportProc returns the family's support function, 0 for none.
	SupportProc(family, left, right uint32, num int16) (uint32, error)
	// OperatorFamilies returns every place an operator has in an operator family.
	OperatorFamilies(operator uint32) ([]AmOp, error)

	RoleByName(name string) (*Role, error)
	Role(oid uint32) (*Role, error)
	DatabaseByName(name string) (*Database, error)
	DatabaseByOID(oid uint32) (*Database, error)

	// Deps is what this view was asked so far.
	Deps() *Deps
}

// Deps lists what a plan was made from. It is valid while every object still has the version it had and every name
// that was absent still is.
type Deps struct {
	Objects []ObjectDep
	Absent  []NameDep
	Path    []uint32 // the search path names were resolved along; nil when none was
	Many    bool     // there were more names absent than maxAbsent: the plan is for once
}

// maxAbsent bounds Deps.Absent, for statements that look up a name for each row.
const maxAbsent = 4096

// ObjectDep is one object a statement depends on. Class is the catalog relation its row is in (RelationClass, ...).
type ObjectDep struct {
	Class   uint32
	OID     uint32
	Version uint64
}

// NameDep is one name that was looked up and not found in a schema.
type NameDep struct {
	Class  uint32
	Schema uint32
	Name   string
}
