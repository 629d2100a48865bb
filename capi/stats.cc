// What a database tells of itself.
#include "capi/api.h"

using namespace pgz;        // NOLINT: the definitions below are C functions
using namespace pgz::capi;  // NOLINT

namespace {

static_assert(std::size(pgz_stats{}.level_files) == std::size(LsmStats{}.level_files));

pgz_stats to_stats(const DbStats& in) {
  pgz_stats out{};
  out.horizon = in.horizon;
  out.commits = in.pipeline.commits;
  out.log_flushes = in.pipeline.flushes;
  out.log_bytes = in.pipeline.record_bytes;
  out.spilled_runs = in.spilled_runs;
  out.locks_held = in.locks.held;
  out.lock_waits = in.locks.waits;
  out.deadlocks = in.locks.deadlocks;
  out.lock_memory_bytes = in.locks.memory_bytes;
  out.snapshots = in.snapshots;
  out.oldest_snapshot = in.oldest_snapshot;
  out.open_transactions = in.transactions;
  out.log_flush_micros = in.pipeline.flush_micros;
  out.memtable_bytes = in.lsm.memtable_bytes;
  out.queued_memtables = in.lsm.queued_entries;
  for (size_t i = 0; i < std::size(out.level_files); i++) {
    out.level_files[i] = in.lsm.level_files[i];
    out.level_bytes[i] = in.lsm.level_bytes[i];
  }
  out.flushes = in.lsm.flushes;
  out.flushed_bytes = in.lsm.flushed_bytes;
  out.compactions = in.lsm.merges;
  out.compacted_bytes = in.lsm.merged_bytes;
  out.write_stall_micros = in.lsm.stall_micros;
  out.cache_bytes = in.lsm.cache_usage_bytes;
  out.cache_hits = in.lsm.cache_hits;
  out.cache_misses = in.lsm.cache_misses;
  out.table_memory_bytes = in.lsm.table_memory_bytes;
  out.value_segments = in.lsm.segments;
  out.value_log_bytes = in.lsm.segment_bytes;
  out.value_live_bytes = in.lsm.segment_live_bytes;
  out.value_collected_bytes = in.lsm.collected_bytes;
  out.value_placed_bytes = in.lsm.placed_bytes;
  out.compaction_moves = in.lsm.moves;
  out.compaction_debt_bytes = in.lsm.debt_bytes;
  out.range_drops = in.lsm.range_drops;
  out.written_bytes = in.pipeline.record_bytes + in.lsm.placed_bytes + in.lsm.flushed_bytes +
                      in.lsm.merged_bytes + in.lsm.collected_bytes;
  return out;
}

pgz_latency to_latency(const Histogram& in, uint64_t nanos_per_unit) {
  pgz_latency out{};
  out.count = in.count();
  out.mean_nanos = static_cast<uint64_t>(in.mean() * static_cast<double>(nanos_per_unit));
  out.p50_nanos = in.percentile(50) * nanos_per_unit;
  out.p99_nanos = in.percentile(99) * nanos_per_unit;
  out.p999_nanos = in.percentile(99.9) * nanos_per_unit;
  out.max_nanos = in.max() * nanos_per_unit;
  return out;
}

}  // namespace

pgz_status pgz_stats_get(pgz_db* db, pgz_stats* stats, pgz_error* err) {
  return guarded(err, [&] {
    if (stats == nullptr || stats->struct_size < 8) return invalid("stats", err);
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    pgz_stats out = to_stats(call.db->stats());
    out.point_reads = call.db->latencies()->read.snapshot().count() * DbLatencies::kReadSample;
    write_struct(out, stats);
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_latency_get(pgz_db* db, uint32_t operation, pgz_latency* latency, pgz_error* err) {
  return guarded(err, [&] {
    if (latency == nullptr || latency->struct_size < 8) return invalid("latency", err);
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    constexpr uint64_t kMicros = 1000;
    switch (operation) {
      case PGZ_OPERATION_READ:
        write_struct(to_latency(call.db->latencies()->read.snapshot(), 1), latency);
        break;
      case PGZ_OPERATION_SCAN:
        write_struct(to_latency(call.db->latencies()->scan.snapshot(), 1), latency);
        break;
      case PGZ_OPERATION_COMMIT:
        write_struct(to_latency(call.db->pipeline()->commit_latency(), kMicros), latency);
        break;
      case PGZ_OPERATION_LOG_FLUSH:
        write_struct(to_latency(call.db->pipeline()->flush_latency(), kMicros), latency);
        break;
      default:
        return invalid("operation", err);
    }
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_snapshot_pins(pgz_db* db, pgz_snapshot_pin* out, size_t capacity, size_t* count,
                             pgz_error* err) {
  constexpr size_t kCapacityMax = 1024;
  if ((out == nullptr && capacity != 0) || count == nullptr) return invalid("out or count", err);
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    size_t i = 0;
    for (const SnapshotPins& pin :
         call.db->snapshot_pins(std::min(capacity, kCapacityMax), count)) {
      out[i++] = {
          pin.ts,           pin.users, pin.age_micros, pin.commits_since, pin.at_most.versions,
          pin.at_most.bytes};
    }
    return report(PGZ_OK, err);
  });
}

pgz_status pgz_snapshot_list(pgz_db* db, pgz_snapshot_info* out, size_t capacity, size_t* count,
                             pgz_error* err) {
  if ((out == nullptr && capacity != 0) || count == nullptr) return invalid("out or count", err);
  return guarded(err, [&] {
    Call call;
    const pgz_status s = call.pin_db(db);
    if (s != PGZ_OK) return report(s, err);
    const std::vector<Snapshots::Registered> all = call.db->snapshots()->list();
    const uint64_t newest = call.db->snapshots()->base();
    *count = all.size();
    for (size_t i = 0; i < std::min(all.size(), capacity); i++) {
      out[i] = {all[i].ts, all[i].users, newest > all[i].ts ? newest - all[i].ts : 0};
    }
    return report(PGZ_OK, err);
  });
}
