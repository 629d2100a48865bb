package catalog

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
	"github.com/pgzdb/pgz/server/pkg/types"
)

// Values of pg_class.relkind.
const (
	RelkindTable            = 'r'
	RelkindIndex            = 'i'
	RelkindSequence         = 'S'
	RelkindView             = 'v'
	RelkindMatView          = 'm'
	RelkindComposite        = 'c'
	RelkindToast            = 't'
	RelkindForeignTable     = 'f'
	RelkindPartitionedTable = 'p'
	RelkindPartitionedIndex = 'I'
)

// Values of pg_class.relpersistence.
const (
	PersistencePermanent = 'p'
	PersistenceUnlogged  = 'u'
	PersistenceTemp      = 't'
)

// Table describes one relation of pg_class: table, view, sequence, composite type. (Index relations are Index.)
type Table struct {
	OID         uint32
	Name        string
	Schema      uint32
	SchemaName  string
	Owner       uint32
	Relkind     byte
	Persistence byte
	TypeOID     uint32 // row type, 0 for none
	Shared      bool   // rows belong to the whole cluster
	Version     uint64 // changes whenever any row the descriptor was built from changes

	// Columns in order of attnum, Columns[i].Num == i+1; dropped columns stay as place holders.
	Columns []Column

	// Where the rows lie: keys begin with Database (0 for shared relations) and StorageID.
	Database  uint32
	StorageID uint32
	ValidFrom uint64 // commit timestamp from which StorageID holds all rows; older snapshots must not read it

	// PrimaryKey is nil when there is none. Key is the row key: attribute numbers of the primary key's columns
	// when the table is organised by it, nil when rows are keyed by the hidden 64-bit row id.
	PrimaryKey *Index
	Key        []KeyColumn
	RowKey     []rowcodec.KeyColumn // Key for the codec
	Row        *rowcodec.RowDesc    // layout of the rows
	Indexes    []*Index             // all indexes, primary key included, ordered by OID

	Checks      []*Constraint // CHECK constraints by name (PostgreSQL's order of evaluation)
	ForeignKeys []*Constraint // FOREIGN KEY constraints of this table
	Referenced  []*Constraint // FOREIGN KEY constraints of other tables that point here
	Constraints []*Constraint // all of them, by name; empty for catalog relations

	ViewQuery []byte // views: the stored query tree (package query's codec); nil until first asked for, see View.ViewQuery
	ViewText  string // the image's views: the definition as SQL text, to be resolved with only pg_catalog visible
	Sequence  *Sequence

	Options                                    []string // reloptions
	Fillfactor                                 int
	RelTuples                                  float64 // -1 = never analyzed, as in pg_class
	RelPages                                   int32
	RowSecurity, ForceRowSecurity, HasTriggers bool
	ACL                                        []ACLItem // nil means the owner's default
	IsCatalog                                  bool      // lives in the image: reads need WithImage, writes are DDL's
}

// KeyColumn is one column of a row key or index key.
type KeyColumn struct {
	Attnum     int16 // 0 for an expression
	Desc       bool
	NullsFirst bool
}

// Column is one row of pg_attribute.
type Column struct {
	Name        string
	Num         int16 // from 1
	TypeOID     uint32
	Typmod      int32
	Len         int16
	ByVal       bool
	Align       byte
	Storage     byte
	Compression byte
	NDims       int32
	Collation   uint32
	NotNull     bool
	Dropped     bool
	HasDefault  bool
	Default     []byte // stored expression (query codec); for Generated 's' the generation expression
	Identity    byte   // 0, 'a' or 'd'
	Generated   byte   // 0 or 's'
	HasMissing  bool   // rows written before ADD COLUMN read as Missing
	Missing     data.Datum
	StatsTarget int32
	ACL         []ACLItem
	Type        *types.Type // nil for a dropped column, and for a type values of which cannot be stored yet
}

// Index is one row of pg_index with its pg_class row.
type Index struct {
	OID              uint32
	Name             string
	Schema           uint32
	Table            uint32
	Owner            uint32
	AM               uint32 // access method
	Version          uint64
	Database         uint32
	StorageID        uint32 // equals the table's StorageID when IsRowKey
	ValidFrom        uint64 // snapshots older than this plan without the index
	IsRowKey         bool   // the table is organised by this index: no entries of its own
	Unique           bool
	NullsNotDistinct bool
	Primary          bool
	Immediate        bool          // false: deferrable, checked at statement end or commit
	Valid            bool          // may be used by queries
	Ready            bool          // must be kept by writes
	Constraint       uint32        // the constraint it implements, 0 for none
	Columns          []IndexColumn // key columns, then INCLUDE columns
	NumKeys          int
	Predicate        []byte          // partial index: stored expression
	Exprs            []byte          // stored expression list, one for each key column with Attnum 0, in order
	Entry            *rowcodec.Index // layout of the entries
	Options          []string        // reloptions
	Fillfactor       int
	RelTuples        float64
	RelPages         int32
}

// IndexColumn is one column of an index.
type IndexColumn struct {
	KeyColumn
	Name      string
	TypeOID   uint32
	Typmod    int32
	OpClass   uint32
	OpFamily  uint32
	InType    uint32 // the operator class's input type
	Collation uint32
}

// Values of pg_constraint.contype.
const (
	ConstraintCheck     = 'c'
	ConstraintForeign   = 'f'
	ConstraintPrimary   = 'p'
	ConstraintUnique    = 'u'
	ConstraintTrigger   = 't'
	ConstraintExclusion = 'x'
)

// Constraint is one row of pg_constraint.
type Constraint struct {
	OID        uint32
	Name       string
	Schema     uint32
	Table      uint32
	Type       byte
	Deferrable bool
	Deferred   bool
	Validated  bool
	Local      bool
	NoInherit  bool
	Index      uint32
	Columns    []int16
	Expr       []byte // CHECK: stored expression

	RefTable     uint32
	RefColumns   []int16
	UpdateAction byte // 'a' 'r' 'c' 'n' 'd'
	DeleteAction byte
	MatchType    byte     // 'f' 'p' 's'
	EqualOps     []uint32 // pk = fk operator per column
}

// Sequence is one row of pg_sequence.
type Sequence struct {
	TypeOID   uint32
	Start     int64
	Increment int64
	Max       int64
	Min       int64
	Cache     int64
	Cycle     bool
}

// ACLItem is one element of an aclitem[]. Privileges and GrantOptions are PostgreSQL's bit sets.
type ACLItem struct {
	Grantee      uint32 // 0 is PUBLIC
	Grantor      uint32
	Privileges   uint32
	GrantOptions uint32
}

// Column returns the column with that name, or nil. Dropped columns have no name to find them by.
func (t *Table) Column(name string) *Column {
	for i := range t.Columns {
		if c := &t.Columns[i]; !c.Dropped && c.Name == name {
			return c
		}
	}
	return nil
}

// Index returns the table's index with that OID, or nil.
func (t *Table) Index(oid uint32) *Index {
	for _, ix := range t.Indexes {
		if ix.OID == oid {
			return ix
		}
	}
	return nil
}

// HasStorage tells whether the relation holds rows of its own that a scan can read.
func (t *Table) HasStorage() bool {
	switch t.Relkind {
	case RelkindTable, RelkindMatView, RelkindToast, RelkindSequence:
		return true
	}
	return false
}
