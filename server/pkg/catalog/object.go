package catalog

// Values of pg_proc.prokind, provolatile and pg_aggregate.aggkind.
const (
	ProkindFunction  = 'f'
	ProkindAggregate = 'a'
	ProkindWindow    = 'w'
	ProkindProcedure = 'p'

	VolatileImmutable = 'i'
	VolatileStable    = 's'
	VolatileVolatile  = 'v'

	AggkindNormal       = 'n'
	AggkindOrderedSet   = 'o'
	AggkindHypothetical = 'h'
)

// Proc is one row of pg_proc.
type Proc struct {
	OID             uint32
	Name            string
	Schema          uint32
	Owner           uint32
	Lang            uint32
	Version         uint64
	Cost            float64
	Rows            float64
	Variadic        uint32 // element type of the variadic argument, 0 for none
	Support         uint32
	Kind            byte
	SecDef          bool
	Leakproof       bool
	Strict          bool
	RetSet          bool
	Volatile        byte
	Parallel        byte
	NumDefaults     int // the last NumDefaults input arguments have defaults
	RetType         uint32
	ArgTypes        []uint32 // input arguments
	AllArgTypes     []uint32 // nil when all arguments are IN
	ArgModes        []byte   // with AllArgTypes: 'i' 'o' 'b' 'v' 't'
	ArgNames        []string // nil when no argument has a name
	ArgDefaults     []byte   // stored expression list; nil for the image's functions
	ArgDefaultTexts []string // the image's functions: the defaults as SQL text
	Src             string
	ACL             []ACLItem

	Agg *Aggregate // set when Kind is ProkindAggregate
}

// Aggregate is one row of pg_aggregate.
type Aggregate struct {
	Kind          byte
	NumDirectArgs int
	TransFn       uint32
	FinalFn       uint32
	CombineFn     uint32
	SerialFn      uint32
	DeserialFn    uint32
	MTransFn      uint32
	MInvTransFn   uint32
	MFinalFn      uint32
	FinalExtra    bool
	MFinalExtra   bool
	FinalModify   byte
	MFinalModify  byte
	SortOp        uint32
	TransType     uint32
	MTransType    uint32
	InitVal       string
	HasInitVal    bool
}

// Operator is one row of pg_operator. Left is 0 for a prefix operator.
type Operator struct {
	OID        uint32
	Name       string
	Schema     uint32
	Owner      uint32
	Kind       byte // 'b' infix, 'l' prefix
	CanMerge   bool
	CanHash    bool
	Left       uint32
	Right      uint32
	Result     uint32
	Commutator uint32
	Negator    uint32
	Code       uint32 // pg_proc OID; 0 for a shell operator
	Rest       uint32
	Join       uint32
	Version    uint64
}

// Values of pg_cast.castcontext and castmethod.
const (
	CastImplicit   = 'i'
	CastAssignment = 'a'
	CastExplicit   = 'e'

	CastMethodFunction = 'f'
	CastMethodInOut    = 'i'
	CastMethodBinary   = 'b'
)

// Cast is one row of pg_cast.
type Cast struct {
	OID     uint32
	Source  uint32
	Target  uint32
	Func    uint32
	Context byte
	Method  byte
}

// Values of pg_type.typtype.
const (
	TyptypeBase       = 'b'
	TyptypeComposite  = 'c'
	TyptypeDomain     = 'd'
	TyptypeEnum       = 'e'
	TyptypePseudo     = 'p'
	TyptypeRange      = 'r'
	TyptypeMultirange = 'm'
)

// TypeDesc is one row of pg_type. What values of the type do is package types' part.
type TypeDesc struct {
	OID         uint32
	Name        string
	Schema      uint32
	Owner       uint32
	Version     uint64
	Len         int16
	ByVal       bool
	Type        byte // typtype
	Category    byte
	Preferred   bool
	Defined     bool
	Delim       byte
	RelID       uint32 // composite: its relation
	Subscript   uint32
	Elem        uint32 // element type (arrays, and name, point, ... which subscript)
	Array       uint32 // the type's array type
	Input       uint32
	Output      uint32
	Receive     uint32
	Send        uint32
	ModIn       uint32
	ModOut      uint32
	Align       byte
	Storage     byte
	NotNull     bool   // domain
	BaseType    uint32 // domain
	Typmod      int32  // domain
	NDims       int32
	Collation   uint32
	HasDefault  bool
	Default     string
	DefaultExpr []byte
	Labels      []EnumLabel // enum, in sort order
	Range       *Range      // range and multirange
}

// IsArray tells whether the type is a true array type (typsubscript = array_subscript_handler).
func (t *TypeDesc) IsArray() bool { return t.Elem != 0 && t.Subscript == arraySubscriptHandler }

const arraySubscriptHandler = 6179

// EnumLabel is one row of pg_enum.
type EnumLabel struct {
	OID   uint32
	Order float32
	Label string
}

// Range is one row of pg_range.
type Range struct {
	Type       uint32
	Subtype    uint32
	Multirange uint32
	Collation  uint32
	SubOpClass uint32
	Canonical  uint32
	SubDiff    uint32
}

// Access methods of the image.
const (
	HeapAM   = 2
	BtreeAM  = 403
	HashAM   = 405
	GistAM   = 783
	GinAM    = 2742
	BrinAM   = 3580
	SpgistAM = 4000
)

// Btree strategy numbers, and the hash access method's only one.
const (
	BTLess         = 1
	BTLessEqual    = 2
	BTEqual        = 3
	BTGreaterEqual = 4
	BTGreater      = 5
	HTEqual        = 1
)

// OpClass is one row of pg_opclass.
type OpClass struct {
	OID     uint32
	AM      uint32
	Name    string
	Schema  uint32
	Family  uint32
	InType  uint32
	Default bool
	KeyType uint32
}

// AmOp is one row of pg_amop: an operator's place in an operator family.
type AmOp struct {
	OID        uint32
	Family     uint32
	Left       uint32
	Right      uint32
	Strategy   int16
	Purpose    byte // 's' search, 'o' ordering
	Operator   uint32
	AM         uint32
	SortFamily uint32
}

// AmProc is one row of pg_amproc: a support function of an operator family.
type AmProc struct {
	OID    uint32
	Family uint32
	Left   uint32
	Right  uint32
	Num    int16
	Proc   uint32
}

// Collation is one row of pg_collation.
type Collation struct {
	OID           uint32
	Name          string
	Schema        uint32
	Provider      byte
	Deterministic bool
	Encoding      int32
	Collate       string
	Ctype         string
}

// Schema is one row of pg_namespace.
type Schema struct {
	OID     uint32
	Name    string
	Owner   uint32
	Version uint64
	ACL     []ACLItem
}

// Role is one row of pg_authid.
type Role struct {
	OID         uint32
	Name        string
	Super       bool
	Inherit     bool
	CreateRole  bool
	CreateDB    bool
	CanLogin    bool
	Replication bool
	BypassRLS   bool
	ConnLimit   int32
	Password    string // the stored verifier, "" for none
	MemberOf    []uint32
	Version     uint64
}

// Database is one row of pg_database.
type Database struct {
	OID        uint32
	Name       string
	Owner      uint32
	Encoding   int32
	IsTemplate bool
	AllowConn  bool
	ConnLimit  int32
	Collate    string
	Ctype      string
	Version    uint64
	ACL        []ACLItem
}
