package session

import (
	"errors"
	"fmt"
	"testing"

	"github.com/pgzdb/pgz/server/pkg/kv"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// A serialization failure's detail is PostgreSQL's reason, however the error
// came here, and nothing of what is inside.
func TestSerializationFailureDetail(t *testing.T) {
	const read = "Canceled on conflict out to pivot, during read."
	told := fmt.Errorf("%w: %s", kv.ErrSerialization, read)
	for _, c := range []struct {
		err  error
		want string
	}{
		{told, read},
		{fmt.Errorf("scan of t: %w", told), read},
		{pgerr.Internal("evaluating: %v", told).WithCause(told), read},
		{kv.ErrSerialization, serialReasonDefault},
		{fmt.Errorf("%w: the transaction 7 failed at transaction.cc:12", kv.ErrSerialization), serialReasonDefault},
		{fmt.Errorf("%w: commit", errors.Join(kv.ErrSerialization)), serialReasonDefault},
	} {
		e := pgerr.As(storeError(c.err))
		if e == nil || e.Code != pgerr.TRSerializationFailure || e.Detail != "Reason code: "+c.want || e.Hint == "" {
			t.Errorf("%v: %+v, want %q", c.err, e, c.want)
		}
	}
}
