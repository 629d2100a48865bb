package exec

import (
	"bytes"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// ascentAfter is how many keys one statement looks up in a storage id before it asks
// for the greatest key there instead.
var ascentAfter = 64

// ascent answers, for keys that ascend, whether a key is free without asking the store:
// whatever lies above the greatest key of its storage id is. That holds while nobody
// but the statement writes there, so it is for the owner of the storage id or of a lock
// that keeps writers out. State.Writes tells when another command of the same
// transaction has written meanwhile (a function that inserts, another portal): the
// greatest key is then read anew.
type ascent struct {
	tops  []ascentTop
	wrote uint64 // State.Writes after the statement's own last write
}

type ascentTop struct {
	prefix [rowcodec.PrefixLen]byte
	asked  int
	known  bool
	empty  bool
	key    []byte // greatest key, unless empty
}

func (a *ascent) top(key []byte) *ascentTop {
	for i := range a.tops {
		if bytes.Equal(a.tops[i].prefix[:], key[:rowcodec.PrefixLen]) {
			return &a.tops[i]
		}
	}
	a.tops = append(a.tops, ascentTop{prefix: [rowcodec.PrefixLen]byte(key)})
	return &a.tops[len(a.tops)-1]
}

// free tells that key is certainly not there. The caller holds off other writers, and
// writes the key next if it writes at all.
func (a *ascent) free(st *State, key []byte) (bool, error) {
	if st.Writes == nil {
		return false, nil
	}
	t := a.top(key)
	if t.asked++; t.asked < ascentAfter {
		return false, nil
	}
	if a.wrote != *st.Writes {
		for i := range a.tops {
			a.tops[i].known = false
		}
		a.wrote = *st.Writes
	}
	if !t.known {
		if err := t.find(st); err != nil {
			return false, err
		}
		t.known = true
	}
	if !t.empty && bytes.Compare(key, t.key) <= 0 {
		return false, nil
	}
	t.empty, t.key = false, append(t.key[:0], key...)
	return true, nil
}

// find reads the greatest key of the storage id.
func (t *ascentTop) find(st *State) error {
	database, storage, _ := rowcodec.Prefix(t.prefix[:])
	sc, err := st.Txn.NewScan(newest, kv.ScanSpec{
		Start: t.prefix[:], End: rowcodec.AppendPrefixEnd(nil, database, storage), Reverse: true, KeysOnly: true,
	})
	if err != nil {
		return err
	}
	defer sc.Close()
	var rows kv.Rows
	for more := true; more; {
		if more, err = sc.Next(&rows, 1); err != nil {
			return err
		}
		if rows.Len() > 0 {
			t.empty, t.key = false, append(t.key[:0], rows.Key(0)...)
			return nil
		}
	}
	t.empty, t.key = true, t.key[:0]
	return nil
}

// noteWrite counts a write of the statement's own.
func (a *ascent) noteWrite(st *State) {
	if st.Writes == nil {
		return
	}
	if a.wrote == *st.Writes {
		a.wrote++
	}
	*st.Writes++
}
