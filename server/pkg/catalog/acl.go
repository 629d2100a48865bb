package catalog

import (
	"encoding/binary"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// Privilege bits of an ACLItem, PostgreSQL's.
const (
	ACLInsert uint32 = 1 << iota
	ACLSelect
	ACLUpdate
	ACLDelete
	ACLTruncate
	ACLReferences
	ACLTrigger
	ACLExecute
	ACLUsage
	ACLCreate
	ACLCreateTemp
	ACLConnect
	ACLSet
	ACLAlterSystem
)

// All privileges of a kind of object.
const (
	ACLAllTable    = ACLInsert | ACLSelect | ACLUpdate | ACLDelete | ACLTruncate | ACLReferences | ACLTrigger
	ACLAllSequence = ACLUsage | ACLSelect | ACLUpdate
	ACLAllSchema   = ACLUsage | ACLCreate
	ACLAllDatabase = ACLCreate | ACLCreateTemp | ACLConnect
	ACLAllFunction = ACLExecute
)

// aclItemLen is the size of an aclitem value: grantee, grantor, privileges with grant options above bit 15, each
// four bytes, big endian.
const aclItemLen = 12

// Datum returns the item as an aclitem value.
func (a ACLItem) Datum() data.Datum {
	b := make([]byte, 0, aclItemLen)
	b = binary.BigEndian.AppendUint32(b, a.Grantee)
	b = binary.BigEndian.AppendUint32(b, a.Grantor)
	b = binary.BigEndian.AppendUint32(b, a.Privileges|a.GrantOptions<<16)
	return data.Bytes(b)
}

// ACLItemOf reads an aclitem value; a value of another size is an item without privileges.
func ACLItemOf(d data.Datum) ACLItem {
	b := d.Bytes()
	if len(b) != aclItemLen {
		return ACLItem{}
	}
	bits := binary.BigEndian.Uint32(b[8:])
	return ACLItem{
		Grantee: binary.BigEndian.Uint32(b), Grantor: binary.BigEndian.Uint32(b[4:]),
		Privileges: bits & 0xffff, GrantOptions: bits >> 16,
	}
}
