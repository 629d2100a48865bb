package storage

/*
#include "shim.h"
*/
import "C"

import "time"

// Stats implements kv.Store.
func (s *Store) Stats() map[string]int64 {
	var st C.pgz_stats
	if C.sh_stats(C.uint64_t(s.db), &st) != C.PGZ_OK {
		return nil
	}
	return map[string]int64{
		"horizon":               int64(st.horizon),
		"commits":               int64(st.commits),
		"log_flushes":           int64(st.log_flushes),
		"log_bytes":             int64(st.log_bytes),
		"log_flush_micros":      int64(st.log_flush_micros),
		"spilled_runs":          int64(st.spilled_runs),
		"locks_held":            int64(st.locks_held),
		"lock_waits":            int64(st.lock_waits),
		"deadlocks":             int64(st.deadlocks),
		"lock_memory_bytes":     int64(st.lock_memory_bytes),
		"snapshots":             int64(st.snapshots),
		"oldest_snapshot":       int64(st.oldest_snapshot),
		"open_transactions":     int64(st.open_transactions),
		"value_segments":        int64(st.value_segments),
		"value_log_bytes":       int64(st.value_log_bytes),
		"value_live_bytes":      int64(st.value_live_bytes),
		"value_collected_bytes": int64(st.value_collected_bytes),
		"value_placed_bytes":    int64(st.value_placed_bytes),
		"memtable_bytes":        int64(st.memtable_bytes),
		"flushed_bytes":         int64(st.flushed_bytes),
		"compacted_bytes":       int64(st.compacted_bytes),
		"compaction_debt_bytes": int64(st.compaction_debt_bytes),
		"written_bytes":         int64(st.written_bytes),
		"write_stall_micros":    int64(st.write_stall_micros),
		"point_reads":           int64(st.point_reads),
		"cache_hits":            int64(st.cache_hits),
		"cache_misses":          int64(st.cache_misses),
		"range_drops":           int64(st.range_drops),
	}
}

// Latency is how long an operation of the engine took since the store was
// opened; the percentiles are at most 1/16 above the truth.
type Latency struct {
	Count                     uint64
	Mean, P50, P99, P999, Max time.Duration
}

// Latencies gives, by name: point reads (one in 16 is timed), fetches of a
// scan, commits from submission to durable, and flushes of the log.
func (s *Store) Latencies() (map[string]Latency, error) {
	out := map[string]Latency{}
	for name, operation := range map[string]C.uint32_t{
		"read": C.PGZ_OPERATION_READ, "scan": C.PGZ_OPERATION_SCAN,
		"commit": C.PGZ_OPERATION_COMMIT, "log_flush": C.PGZ_OPERATION_LOG_FLUSH,
	} {
		var l C.pgz_latency
		var c C.sh_call
		if st := C.sh_latency(C.uint64_t(s.db), operation, &l, &c); st != C.PGZ_OK {
			return nil, statusError(st, &c.err)
		}
		out[name] = Latency{
			Count: uint64(l.count), Mean: time.Duration(l.mean_nanos), P50: time.Duration(l.p50_nanos),
			P99: time.Duration(l.p99_nanos), P999: time.Duration(l.p999_nanos), Max: time.Duration(l.max_nanos),
		}
	}
	return out, nil
}

// SnapshotPin is what a registered snapshot keeps from being given back.
type SnapshotPin struct {
	TS           uint64
	Users        uint64        // registrations
	Age          time.Duration // since the first
	CommitsSince uint64        // of all transactions
	VersionsMax  uint64        // versions that are kept for it alone, at most
	BytesMax     uint64        // their keys and values, at most
}

// pinsMax bounds a SnapshotPins call, as the engine does.
const pinsMax = 1024

// SnapshotPins lists what the oldest snapshots pin, oldest first, as many as
// limit (at most 1024), and tells how many snapshots there are.
func (s *Store) SnapshotPins(limit int) (pins []SnapshotPin, snapshots int, err error) {
	if limit < 1 || limit > pinsMax {
		limit = pinsMax
	}
	listed := make([]C.pgz_snapshot_pin, limit)
	var count C.size_t
	var c C.sh_call
	if st := C.sh_snapshot_pins(C.uint64_t(s.db), &listed[0], C.size_t(limit), &count, &c); st != C.PGZ_OK {
		return nil, 0, statusError(st, &c.err)
	}
	for _, p := range listed[:min(limit, int(count))] {
		pins = append(pins, SnapshotPin{
			TS: uint64(p.snapshot), Users: uint64(p.users), Age: time.Duration(p.age_micros) * time.Microsecond,
			CommitsSince: uint64(p.commits_since), VersionsMax: uint64(p.versions_max), BytesMax: uint64(p.bytes_max),
		})
	}
	return pins, int(count), nil
}
