package types

import (
	"bytes"
	"encoding/binary"

	"github.com/pgzdb/pgz/server/pkg/data"
)

// An aclitem's Bytes, big-endian: grantee u32 (0 is PUBLIC), grantor u32, privileges
// u32: bits 0-15 the privileges in the order of aclLetters, bits 16-31 the same with
// grant option.
const aclLetters = "arwdDxtXUCTcsA"

func init() {
	setFamily(&family{
		out:     aclOut,
		compare: func(_ *Type, a, b data.Datum) int { return bytes.Compare(a.Bytes(), b.Bytes()) },
		hash:    textHash,
	}, ACLItem)
}

func aclOut(_ *Type, c *Ctx, dst []byte, d data.Datum) []byte {
	b := d.Bytes()
	grantee, grantor := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	privs := binary.BigEndian.Uint32(b[8:])
	if grantee != 0 {
		dst = append(dst, regText(c, RegRole, grantee)...)
	}
	dst = append(dst, '=')
	for i := range len(aclLetters) {
		if privs&(1<<i) != 0 {
			dst = append(dst, aclLetters[i])
			if privs&(1<<(16+i)) != 0 {
				dst = append(dst, '*')
			}
		}
	}
	dst = append(dst, '/')
	return append(dst, regText(c, RegRole, grantor)...)
}
