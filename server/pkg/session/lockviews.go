package session

import (
	"bytes"
	"slices"

	"github.com/pgzdb/pgz/server/pkg/builtin/catfn"
	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// Locks lists the locks of all sessions for pg_locks and, with reads, what serializable
// transactions have read.
func (s *Session) Locks(reads bool) ([]catfn.Lock, error) {
	locks, err := s.srv.store.Locks(reads)
	if err != nil {
		return nil, storeError(err)
	}
	return s.showLocks(locks)
}

func (s *Session) showLocks(locks []kv.LockInfo) ([]catfn.Lock, error) {
	rows, err := s.newRowFinder()
	if err != nil {
		return nil, err
	}
	defer rows.txn.Rollback()
	out := make([]catfn.Lock, 0, len(locks))
	var read readList
	for len(locks) > 0 {
		l := locks[0]
		switch {
		case l.Read != kv.NoRead:
			err = read.add(rows, l)
		case l.Row != nil:
			var q *rowQueue
			if q, err = takeRowQueue(&locks, rows); err == nil {
				out = append(out, q.show(s)...)
			}
			if err != nil {
				return nil, err
			}
			continue
		default:
			out = append(out, s.objectLock(l))
		}
		if err != nil {
			return nil, err
		}
		locks = locks[1:]
	}
	return append(out, read.show()...), nil
}

func (s *Session) objectLock(l kv.LockInfo) catfn.Lock {
	lock := catfn.Lock{PID: int32(l.Owner), Mode: l.Mode.String(), Granted: l.Granted}
	if !l.Granted {
		lock.WaitStart = s.waitStart(lock.PID)
	}
	switch l.Tag.Space {
	case kv.RelationLock:
		lock.Type, lock.Database, lock.Relation = catfn.LockRelation, uint32(l.Tag.A), uint32(l.Tag.B)
	case kv.AdvisoryLock:
		lock.Type, lock.Database = catfn.LockAdvisory, uint32(l.Tag.A>>1)
		lock.Key, lock.TwoKeys = l.Tag.B, l.Tag.A&1 == 1
	default:
		lock.Type = catfn.LockObject
	}
	return lock
}

func (s *Session) waitStart(pid int32) int64 {
	if t := s.srv.find(pid); t != nil {
		return t.activity.waitAt.Load()
	}
	return 0
}

// rowFinder tells what keys of the store are to SQL.
type rowFinder struct {
	s   *Session
	txn kv.Txn
}

func (s *Session) newRowFinder() (rowFinder, error) {
	txn, err := s.srv.store.Begin(kv.TxnOptions{})
	return rowFinder{s, txn}, storeError(err)
}

// relation is the relation a key belongs to; nil for both: of another database, or none
// that a user made.
func (f rowFinder) relation(key []byte) (*catalog.Table, *catalog.Index, error) {
	database, storage, ok := rowcodec.Prefix(key)
	view := f.s.view()
	if !ok || database != view.Database() || storage < catalog.FirstUserOID {
		return nil, nil, nil
	}
	oid, kind, err := catalog.RelationOfStorage(view, storage)
	if err != nil || oid == 0 {
		return nil, nil, err
	}
	if kind == catalog.RelkindIndex {
		ix, err := view.Index(oid)
		return nil, ix, err
	}
	t, err := view.Relation(oid)
	return t, nil, err
}

// place is where the newest row at key lies, as its ctid has it; ok is false if there is none.
func (f rowFinder) place(key []byte) (page, tuple int64, ok bool, err error) {
	val, v, err := f.txn.Get(kv.View{TS: kv.Newest}, key, nil)
	if err != nil || !v.Found() {
		return 0, 0, false, storeError(err)
	}
	h, err := rowcodec.ReadHeader(val)
	return int64(h.RowID >> 16), int64(h.RowID & 0xffff), err == nil, err
}

// rowQueue is a row that somebody waits for. In PostgreSQL who waits for a row first
// takes the lock of its tuple, which holders of the row and inserts of its key do without,
// and then waits for the transaction that has the row; the others wait for the tuple.
type rowQueue struct {
	table       *catalog.Table // nil: no row of a table that can be named here
	page, tuple int64
	holders     []kv.LockInfo
	waits       []kv.LockInfo // in order
}

// takeRowQueue takes the locks of one row off the list.
func takeRowQueue(locks *[]kv.LockInfo, rows rowFinder) (*rowQueue, error) {
	q := &rowQueue{}
	key := (*locks)[0].Row
	for len(*locks) > 0 && (*locks)[0].Read == kv.NoRead && bytes.Equal((*locks)[0].Row, key) {
		if l := (*locks)[0]; l.Granted {
			q.holders = append(q.holders, l)
		} else {
			q.waits = append(q.waits, l)
		}
		*locks = (*locks)[1:]
	}
	t, _, err := rows.relation(key)
	if err != nil || t == nil {
		return q, err
	}
	var there bool
	if q.page, q.tuple, there, err = rows.place(key); there {
		q.table = t
	}
	return q, err
}

// queues tells whether the n-th wait is for the tuple's lock, granted or not.
func (q *rowQueue) queues(n int) bool {
	w := q.waits[n]
	holds := slices.ContainsFunc(q.holders, func(h kv.LockInfo) bool { return h.Owner == w.Owner })
	return q.table != nil && w.RowMode != kv.Unwritten && !holds
}

// ahead lists the owners that keep the n-th wait from the tuple's lock.
func (q *rowQueue) ahead(n int) (owners []uint64) {
	if !q.queues(n) {
		return nil
	}
	for i, w := range q.waits[:n] {
		if q.queues(i) && w.RowMode.Conflicts(q.waits[n].RowMode) {
			owners = append(owners, w.Owner)
		}
	}
	return owners
}

// blockers lists the owners that the n-th wait is for.
func (q *rowQueue) blockers(n int) []uint64 {
	if owners := q.ahead(n); len(owners) > 0 {
		return owners
	}
	var owners []uint64
	for _, h := range q.holders {
		if h.Owner != q.waits[n].Owner && h.RowMode.Conflicts(q.waits[n].RowMode) && !slices.Contains(owners, h.Owner) {
			owners = append(owners, h.Owner)
		}
	}
	return owners
}

func (q *rowQueue) show(s *Session) (out []catfn.Lock) {
	for n, w := range q.waits {
		pid := int32(w.Owner)
		since := s.waitStart(pid)
		blocked := len(q.ahead(n)) > 0
		if q.queues(n) {
			out = append(out, catfn.Lock{Type: catfn.LockTuple, Database: q.table.Database, Relation: q.table.OID,
				Page: q.page, Tuple: q.tuple, PID: pid, Mode: tupleMode(w.RowMode).String(), Granted: !blocked, WaitStart: since})
		}
		if blocked {
			continue
		}
		lock := catfn.Lock{Type: catfn.LockTransaction, PID: pid, Mode: kv.ShareLock.String(), WaitStart: since}
		if owners := q.blockers(n); len(owners) > 0 {
			lock.Holder = int32(owners[0])
		}
		out = append(out, lock)
	}
	return out
}

// tupleMode is the lock of the tuple that PostgreSQL takes before it waits for a row.
func tupleMode(m kv.RowMode) kv.ObjectMode {
	switch m {
	case kv.KeyShare:
		return kv.AccessShare
	case kv.Share:
		return kv.RowShare
	case kv.NoKeyUpdate, kv.ForNoKeyUpdate:
		return kv.ExclusiveLock
	}
	return kv.AccessExclusive
}

// behind tells, of a wait for a row in that mode that has just ended with an error, whether
// others had come before it in the row's queue.
func (s *Session) behind(key []byte, mode kv.RowMode) bool {
	locks, err := s.srv.store.Awaited()
	if err != nil {
		return false
	}
	ahead, since := false, s.activity.waitAt.Load()
	for _, l := range locks {
		switch {
		case !bytes.Equal(l.Row, key):
		case l.Owner == uint64(s.pid):
			return false // holders of the row do not queue for it
		case !l.Granted && l.RowMode != kv.Unwritten && l.RowMode.Conflicts(mode):
			ahead = ahead || s.waitStart(int32(l.Owner)) < since
		}
	}
	return ahead
}

// BlockingPIDs lists the sessions the one with that process id waits for.
func (s *Session) BlockingPIDs(pid int32) []int32 {
	owners, err := s.rowBlockers(uint64(uint32(pid)))
	if err != nil || len(owners) == 0 {
		owners = s.srv.store.BlockedBy(uint64(uint32(pid)))
	}
	var out []int32
	for _, owner := range owners {
		out = append(out, int32(owner))
	}
	return out
}

// rowBlockers are the owners that `owner` waits for where it waits for a row.
func (s *Session) rowBlockers(owner uint64) ([]uint64, error) {
	locks, err := s.srv.store.Awaited()
	if err != nil {
		return nil, err
	}
	waits := slices.IndexFunc(locks, func(l kv.LockInfo) bool { return l.Owner == owner && !l.Granted && l.Row != nil })
	if waits < 0 {
		return nil, nil
	}
	row := locks[waits].Row
	locks = slices.DeleteFunc(locks, func(l kv.LockInfo) bool { return l.Row == nil || !bytes.Equal(l.Row, row) })
	rows, err := s.newRowFinder()
	if err != nil {
		return nil, err
	}
	defer rows.txn.Rollback()
	q, err := takeRowQueue(&locks, rows)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(q.waits, func(l kv.LockInfo) bool { return l.Owner == owner })
	return q.blockers(n), nil
}

// readList is what serializable transactions have read, as PostgreSQL's predicate locks:
// a whole table or index is a relation, a part of an index a page of it (which one cannot
// be told: there are ranges of keys, no pages), one row a tuple. Rows lie in the order of
// their primary key, so that a range of them is a page of both, and a row that is read by
// its key also one of the index, unless the transaction came to the table through another.
type readList struct {
	locks []catfn.Lock
	seen  map[catfn.Lock]bool
	keys  []keyRead
	other map[readOf]bool // tables that were reached through another index
}

// keyRead is a page of a primary key that a single row stands for.
type keyRead struct {
	of   readOf
	lock catfn.Lock
}

type readOf struct {
	pid   int32
	table uint32
}

func (r *readList) add(rows rowFinder, l kv.LockInfo) error {
	t, ix, err := rows.relation(l.Row)
	if err != nil || t == nil && ix == nil {
		return err
	}
	lock := catfn.Lock{Type: catfn.LockPage, Database: rows.s.view().Database(), PID: int32(l.Owner), Mode: "SIReadLock", Granted: true}
	if wholeStorage(l) {
		lock.Type = catfn.LockRelation
	}
	if ix != nil {
		lock.Relation = ix.OID
		if r.other == nil {
			r.other = map[readOf]bool{}
		}
		r.other[readOf{lock.PID, ix.Table}] = true
		r.note(lock)
		return nil
	}
	lock.Relation = t.OID
	if l.Read == kv.ReadKey {
		var there bool
		if lock.Page, lock.Tuple, there, err = rows.place(l.Row); err != nil {
			return err
		}
		if lock.Type = catfn.LockTuple; there {
			r.note(lock)
		}
		lock.Page, lock.Tuple = 0, 0
		if t.Key != nil && t.PrimaryKey != nil {
			lock.Type, lock.Relation = catfn.LockPage, t.PrimaryKey.OID
			if there {
				r.keys = append(r.keys, keyRead{readOf{lock.PID, t.OID}, lock})
			} else {
				r.note(lock)
			}
		}
		return nil
	}
	r.note(lock)
	if lock.Type == catfn.LockPage && t.Key != nil && t.PrimaryKey != nil {
		lock.Relation = t.PrimaryKey.OID
		r.note(lock)
	}
	return nil
}

// note adds a lock that is not there yet.
func (r *readList) note(lock catfn.Lock) {
	if r.seen[lock] {
		return
	}
	if r.seen == nil {
		r.seen = map[catfn.Lock]bool{}
	}
	r.seen[lock] = true
	r.locks = append(r.locks, lock)
}

func (r *readList) show() []catfn.Lock {
	for _, k := range r.keys {
		if !r.other[k.of] {
			r.note(k.lock)
		}
	}
	return r.locks
}

// wholeStorage tells whether a read is of all keys of a storage id, or more.
func wholeStorage(l kv.LockInfo) bool {
	if l.Read == kv.ReadKey || len(l.Row) > rowcodec.PrefixLen {
		return false
	}
	database, storage, ok := rowcodec.Prefix(l.Row)
	if !ok {
		return false
	}
	return l.Read == kv.ReadFrom || bytes.Compare(l.End, rowcodec.AppendPrefixEnd(nil, database, storage)) >= 0
}
