package ddl

import (
	"bytes"
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"github.com/pgzdb/pgz/server/pkg/catalog"
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
	"github.com/pgzdb/pgz/server/pkg/rowcodec"
)

// A sequence relation holds one row (last_value, log_cnt, is_called), which
// SELECT reads like any other.
const sequenceRowID = 1

func sequenceKey(database, storage uint32) []byte {
	return rowcodec.AppendRowID(rowcodec.AppendPrefix(nil, database, storage), sequenceRowID)
}

// logAhead is how many values after a durable commit may be given before the
// next one, as in PostgreSQL. Where durable commits of one sequence would follow
// each other within logAheadPace it doubles, up to logAheadMax: PostgreSQL waits
// for the disk at the transaction's end only, here every value is safe before it
// is given.
const (
	logAhead     = 32
	logAheadMax  = 4096
	logAheadPace = 100 * time.Millisecond
)

// Sequences hands out values of sequences. One serves all sessions of a server.
//
// Values are taken in small transactions of their own: nobody waits for the end
// of a transaction that took one, and a rollback gives none back. Such a commit
// need not be durable as long as log_cnt, which it counts down from logAhead,
// is above zero. After a crash the row may therefore be log_cnt values behind
// what was given, so the first use skips that many; no value comes twice. Settle
// leaves nothing to skip.
type Sequences struct {
	mu   sync.Mutex
	seen map[sequenceID]*sequenceUse // used since the server started
}

// sequenceUse is how a sequence has been used. Protected by Sequences.mu.
type sequenceUse struct {
	table *catalog.Table
	ahead int64     // logAhead of the last durable commit
	at    time.Time // when that was
}

type sequenceID struct{ database, storage uint32 }

// NewSequences returns a dispenser for a server that has just started.
func NewSequences() *Sequences { return &Sequences{seen: map[sequenceID]*sequenceUse{}} }

// SequenceTxn says how values are taken: the store, or the transaction that has
// itself made the sequence.
type SequenceTxn struct {
	Ctx   context.Context
	Store kv.Store
	Owner uint64 // identifies the session in lock listings
	Lock  kv.LockOptions
	// Own is set when the sequence was made by this transaction, as command Op
	// or an earlier one: nobody else can see it yet.
	Own  kv.Txn
	Op   kv.OpNum
	Kept OwnSequences // with Own: gets the state
}

// OwnSequences are the newest states, by key, of sequences that a transaction has
// made itself and has used. Its rollback to a savepoint must not give values again.
type OwnSequences map[string][]byte

// Restore writes the states again after a rollback to a savepoint, where the
// sequences are still there.
func (o OwnSequences) Restore(txn kv.Txn, op kv.OpNum) error {
	for key, row := range o {
		was, v, err := txn.Get(kv.View{TS: kv.Newest, ReadOp: kv.MaxOp}, []byte(key), nil)
		if err != nil {
			return err
		}
		if !v.Found() || bytes.Equal(was, row) {
			continue
		}
		if err := txn.Put(op, []byte(key), row); err != nil {
			return err
		}
	}
	return nil
}

// Values are those that one call has taken: the first of them, and how far they go.
type Values struct{ First, Last int64 }

// Next takes the next value of a sequence, or as many as its CACHE says; the table
// returned is the sequence as it was then. find looks the sequence up; it is asked
// again when ALTER SEQUENCE has moved the state meanwhile.
func (x *Sequences) Next(how SequenceTxn, find func() (*catalog.Table, error)) (vals Values, seq *catalog.Table, err error) {
	err = x.change(how, find, func(t *catalog.Table, r *sequenceRow) error {
		seq = t
		if id := (sequenceID{t.Database, t.StorageID}); how.Own == nil && !x.used(id) {
			r.skip(t.Sequence, t.Name)
		}
		if vals, err = r.advance(t.Sequence, t.Name); err != nil || !r.durable {
			return err
		}
		ahead := int64(logAhead)
		if how.Own == nil {
			ahead = x.ahead(t)
		}
		r.log = valuesLeft(t.Sequence, r.last, ahead)
		return nil
	})
	return vals, seq, err
}

// ahead is how many values the durable commit that is being made covers.
func (x *Sequences) ahead(t *catalog.Table) int64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	u := x.seen[sequenceID{t.Database, t.StorageID}]
	if u == nil {
		return logAhead
	}
	now := time.Now()
	if u.ahead != 0 && now.Sub(u.at) < logAheadPace {
		u.ahead = min(2*u.ahead, logAheadMax)
	} else {
		u.ahead = logAhead
	}
	u.at = now
	return u.ahead
}

// Settle writes down what every sequence has given, so that the next start skips
// nothing. Nobody takes values meanwhile or afterwards.
func (x *Sequences) Settle(ctx context.Context, store kv.Store) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.seen) == 0 {
		return nil
	}
	txn, err := store.Begin(kv.TxnOptions{})
	if err != nil {
		return err
	}
	defer txn.Rollback()
	how := SequenceTxn{Ctx: ctx, Lock: kv.LockOptions{Policy: kv.NoWait}}
	for _, u := range x.seen {
		_, _, err := changeRow(how, txn, 1, u.table, func(_ *catalog.Table, r *sequenceRow) error {
			r.log = 0
			return nil
		})
		if err != nil && !errors.Is(err, kv.ErrLockNotAvailable) { // locked by what was prepared: it is skipped
			return err
		}
	}
	_, err = txn.Commit(ctx, kv.CommitOptions{Sync: true})
	return err
}

// Set is setval: the value given last, or to be given next.
func (x *Sequences) Set(how SequenceTxn, find func() (*catalog.Table, error), value int64, called bool) error {
	return x.change(how, find, func(t *catalog.Table, r *sequenceRow) error {
		if q := t.Sequence; value < q.Min || value > q.Max {
			return pgerr.Newf(pgerr.NumericValueOutOfRange, "setval: value %d is out of bounds for sequence \"%s\" (%d..%d)",
				value, t.Name, q.Min, q.Max)
		}
		*r = sequenceRow{last: value, called: called, durable: true, header: r.header}
		return nil
	})
}

func (x *Sequences) used(id sequenceID) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seen[id] != nil
}

// change applies f to a sequence's row in a transaction of its own.
func (x *Sequences) change(how SequenceTxn, find func() (*catalog.Table, error), f func(*catalog.Table, *sequenceRow) error) error {
	for last := uint32(0); ; {
		t, err := find()
		if err != nil {
			return err
		}
		if t.StorageID == last {
			return pgerr.Newf(pgerr.UndefinedTable, "could not open relation with OID %d", t.OID)
		}
		last = t.StorageID
		found, err := x.changeOnce(how, t, f)
		if found || err != nil {
			return err
		}
	}
}

func (x *Sequences) changeOnce(how SequenceTxn, t *catalog.Table, f func(*catalog.Table, *sequenceRow) error) (bool, error) {
	if how.Own != nil {
		row, found, err := changeRow(how, how.Own, how.Op, t, f)
		if x.use(t); err == nil && found {
			how.Kept[string(sequenceKey(t.Database, t.StorageID))] = row.encode(t)
		}
		return found, err
	}
	txn, err := how.Store.Begin(kv.TxnOptions{Owner: how.Owner})
	if err != nil {
		return false, err
	}
	defer txn.Rollback()
	row, found, err := changeRow(how, txn, 1, t, f)
	if err != nil || !found {
		return found, err
	}
	if _, err := txn.Commit(how.Ctx, kv.CommitOptions{Sync: row.durable}); err != nil {
		return true, err
	}
	x.use(t)
	return true, nil
}

// use notes that what the row says is exact from now on.
func (x *Sequences) use(t *catalog.Table) {
	x.mu.Lock()
	defer x.mu.Unlock()
	id := sequenceID{t.Database, t.StorageID}
	if x.seen[id] == nil {
		x.seen[id] = &sequenceUse{table: t}
	}
}

// changeRow reads the row under a lock, changes it and writes it back. Not
// found: the sequence's state is elsewhere by now.
func changeRow(how SequenceTxn, txn kv.Txn, op kv.OpNum, t *catalog.Table, f func(*catalog.Table, *sequenceRow) error) (sequenceRow, bool, error) {
	key := sequenceKey(t.Database, t.StorageID)
	val, ver, _, err := txn.LockRowGet(how.Ctx, op, key, kv.Update, how.Lock, nil)
	if err != nil || !ver.Found() {
		return sequenceRow{}, false, err
	}
	r, err := readSequenceRow(t, val)
	if err != nil {
		return r, true, err
	}
	if err := f(t, &r); err != nil {
		return r, true, err
	}
	return r, true, txn.Put(op, key, r.encode(t))
}

// sequenceRow is the state of a sequence.
type sequenceRow struct {
	last   int64 // given last, or to be given first
	log    int64 // values that may be given before the next durable commit
	called bool  // last has been given
	// durable says that the new state must be on disk before it is used.
	durable bool
	header  rowcodec.Header
}

func readSequenceRow(t *catalog.Table, b []byte) (sequenceRow, error) {
	vals := make([]data.Datum, t.Row.Columns())
	if err := rowcodec.DecodeRow(t.Row, b, vals); err != nil {
		return sequenceRow{}, err
	}
	header, err := rowcodec.ReadHeader(b)
	return sequenceRow{last: vals[0].Int(), log: vals[1].Int(), called: vals[2].Bool(), header: header}, err
}

func (r *sequenceRow) encode(t *catalog.Table) []byte {
	return rowcodec.EncodeRow(nil, t.Row, r.header, []data.Datum{data.Int(r.last), data.Int(r.log), data.Bool(r.called)})
}

// skip passes over the values that may have been given after the row was last
// made durable.
func (r *sequenceRow) skip(q *catalog.Sequence, name string) {
	for ; r.log > 0; r.log-- {
		next, err := sequenceAfter(q, r.last, name)
		if err != nil {
			r.log = 0
			return
		}
		r.last = next
	}
}

// advance moves to the next value, and further as far as CACHE says: to the bound at
// most, also where the sequence would begin again. log is the caller's to set when the
// state must be durable.
func (r *sequenceRow) advance(q *catalog.Sequence, name string) (Values, error) {
	first := r.last
	if r.called {
		var err error
		if first, err = sequenceAfter(q, r.last, name); err != nil {
			return Values{}, err
		}
	}
	more := valuesLeft(q, first, max(q.Cache, 1)-1)
	r.last, r.called = first+more*q.Increment, true
	if r.log -= more + 1; r.log < 0 {
		r.log, r.durable = 0, true
	}
	return Values{first, r.last}, nil
}

// valuesLeft is how many values follow last up to the bound, most at most.
func valuesLeft(q *catalog.Sequence, last, most int64) int64 {
	if q.Increment > 0 {
		return int64(min(uint64(most), (uint64(q.Max)-uint64(last))/uint64(q.Increment)))
	}
	return int64(min(uint64(most), (uint64(last)-uint64(q.Min))/-uint64(q.Increment)))
}

// sequenceAfter is the value that follows last.
func sequenceAfter(q *catalog.Sequence, last int64, name string) (int64, error) {
	if q.Increment > 0 {
		if last <= math.MaxInt64-q.Increment && last+q.Increment <= q.Max {
			return max(last+q.Increment, q.Min), nil
		}
		if q.Cycle {
			return q.Min, nil
		}
		return 0, pgerr.Newf(pgerr.SequenceGeneratorLimitExceeded, "nextval: reached maximum value of sequence \"%s\" (%d)", name, q.Max)
	}
	if last >= math.MinInt64-q.Increment && last+q.Increment >= q.Min {
		return min(last+q.Increment, q.Max), nil
	}
	if q.Cycle {
		return q.Max, nil
	}
	return 0, pgerr.Newf(pgerr.SequenceGeneratorLimitExceeded, "nextval: reached minimum value of sequence \"%s\" (%d)", name, q.Min)
}
