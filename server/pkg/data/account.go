package data

import "errors"

// ErrOutOfMemory is what Account.Reserve returns above the limit. Callers
// spill, or turn it into SQLSTATE 53200.
var ErrOutOfMemory = errors.New("memory limit reached")

// Account counts the bytes an operator, a statement or a session holds. A
// charge goes to the account and all its parents. It is used by one goroutine
// at a time. A nil Account counts nothing.
type Account struct {
	parent *Account
	limit  int64 // bytes; 0: no limit of its own
	used   int64
	peak   int64
}

// NewAccount returns an account under parent (may be nil) that admits
// reservations up to limitBytes (0: no limit of its own).
func NewAccount(parent *Account, limitBytes int64) *Account {
	return &Account{parent: parent, limit: limitBytes}
}

// Reserve charges n bytes if every account up the chain admits them.
func (a *Account) Reserve(n int64) error {
	for p := a; p != nil; p = p.parent {
		if p.limit > 0 && p.used+n > p.limit {
			return ErrOutOfMemory
		}
	}
	a.Grow(n)
	return nil
}

// Grow charges n bytes without asking; for memory already taken.
func (a *Account) Grow(n int64) {
	for p := a; p != nil; p = p.parent {
		p.used += n
		p.peak = max(p.peak, p.used)
	}
}

// Shrink gives n bytes back.
func (a *Account) Shrink(n int64) {
	for p := a; p != nil; p = p.parent {
		p.used -= n
	}
}

// Used returns the bytes charged now.
func (a *Account) Used() int64 {
	if a == nil {
		return 0
	}
	return a.used
}

// Peak returns the largest Used ever seen.
func (a *Account) Peak() int64 {
	if a == nil {
		return 0
	}
	return a.peak
}

// Limit returns the account's own limit in bytes, 0 if it has none.
func (a *Account) Limit() int64 {
	if a == nil {
		return 0
	}
	return a.limit
}

// Init makes a an empty account without parent, as NewAccount does, in place.
func (a *Account) Init(limitBytes int64) { *a = Account{limit: limitBytes} }

// Over reports whether the account itself is above its limit.
func (a *Account) Over() bool { return a != nil && a.limit > 0 && a.used > a.limit }
