package catfn

import (
	"github.com/pgzdb/pgz/server/pkg/data"
	"github.com/pgzdb/pgz/server/pkg/expr"
	"github.com/pgzdb/pgz/server/pkg/pgerr"
)

// SnapshotLister is implemented by an Env whose transactions have snapshots to offer.
type SnapshotLister interface {
	// ExportSnapshot offers the transaction's snapshot to others until it ends.
	ExportSnapshot() (string, error)
	// SafeSnapshotBlockers lists the backends that keep pid waiting for a safe snapshot.
	SafeSnapshotBlockers(pid int32) []int32
}

func init() {
	expr.Register(3809, exportSnapshot, expr.NonStrict, expr.IsVolatile)
	expr.Register(3376, safeSnapshotBlockers, expr.IsVolatile)
}

func exportSnapshot(c *expr.Ctx, _ []data.Datum) (data.Datum, error) {
	l, ok := c.Env.(SnapshotLister)
	if !ok {
		return data.Null, pgerr.FeatureNotSupported("pg_export_snapshot")
	}
	name, err := l.ExportSnapshot()
	if err != nil {
		return data.Null, err
	}
	return data.String(name), nil
}

func safeSnapshotBlockers(c *expr.Ctx, a []data.Datum) (data.Datum, error) {
	l, ok := c.Env.(SnapshotLister)
	if !ok {
		return data.Null, pgerr.FeatureNotSupported("pg_safe_snapshot_blocking_pids")
	}
	return pidArray(c, l.SafeSnapshotBlockers(int32(a[0].Int()))), nil
}
