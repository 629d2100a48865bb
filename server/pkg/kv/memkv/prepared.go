package memkv

import (
	"context"
	"encoding/json"

	"github.com/pgzdb/pgz/server/pkg/kv"
)

// prepared is a transaction as Prepare gives it.
type prepared struct {
	Writes []preparedWrite
	Locks  []preparedLock
	Serial bool
}

type preparedWrite struct {
	Key, Value []byte
	Kind       kv.VersionKind
}

type preparedLock struct {
	Name []byte // as in store.locks: not always UTF-8
	Tag  kv.ObjectTag
	Mode uint8
}

// Prepare implements kv.Txn.
func (t *txn) Prepare() ([]byte, error) {
	if err := t.begin(); err != nil {
		return nil, err
	}
	defer t.store.mu.Unlock()
	if len(t.drops) > 0 {
		return nil, kv.ErrNotSupported
	}
	if err := t.judge(); err != nil {
		return nil, err
	}
	p := prepared{Serial: t.serial != nil}
	if p.Serial {
		t.serial.prepared = true
	}
	for _, key := range t.order {
		ws := t.writes[key]
		last := ws[len(ws)-1]
		p.Writes = append(p.Writes, preparedWrite{Key: []byte(key), Kind: last.kind, Value: last.value})
	}
	for _, g := range t.held {
		p.Locks = append(p.Locks, preparedLock{Name: []byte(g.lock.name), Tag: g.lock.tag, Mode: g.hold.mode})
	}
	t.owner = 0
	return json.Marshal(p)
}

// Adopt implements kv.Store.
func (s *Store) Adopt(state []byte) (kv.Txn, error) {
	var p prepared
	if err := json.Unmarshal(state, &p); err != nil {
		return nil, kv.ErrCorruption
	}
	x, err := s.Begin(kv.TxnOptions{})
	if err != nil {
		return nil, err
	}
	t := x.(*txn)
	for _, l := range p.Locks {
		_, err := t.lock(context.Background(), 1, string(l.Name), l.Tag, l.Mode, kv.LockOptions{Policy: kv.NoWait})
		if err != nil {
			t.Rollback()
			return nil, err
		}
	}
	if p.Serial {
		if _, err := t.Serialize(false, nil); err != nil {
			t.Rollback()
			return nil, err
		}
		t.serial.prepared, t.serial.adopted = true, true
	}
	for _, w := range p.Writes {
		if err := t.write(1, w.Key, write{kind: w.Kind, value: w.Value}); err != nil {
			t.Rollback()
			return nil, err
		}
	}
	s.mu.Lock()
	t.excl = true // one of the locks may be an AccessExclusive one
	s.exclusive++
	s.mu.Unlock()
	return t, nil
}
