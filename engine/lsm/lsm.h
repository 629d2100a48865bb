// The ordered, versioned store below transactions: a queue of memtables and ingested runs over
// levels of sorted tables.
//
//   append mutex (db):  ref = lsm->reserve_active(lsn_end)     position, timestamp and memtable
//   committing thread:  lsm->admit(bytes) before the append mutex; ref.add(...) after it; ref dies
//   background:         a sealed memtable whose last writer is done becomes tables; the manifest
//                       edit waits for wait_durable(its last position); then on_flushed(position)
//
// What the caller promises
//   - reserve_active, rotate and ingest are called in log order (under the append mutex), with
//     growing positions and timestamps. Nothing else needs outer locking.
//   - A reader's read_ts is at or below the horizon, or it accepts what is applied so far.
//   - Options::boundaries() names every registered snapshot and the horizon, atomically against new
//     snapshots; no snapshot below its smallest element is ever taken again.
//
// What it promises
//   - get and scans see exactly the newest version at or below read_ts, range drops applied.
//   - Tables hold only what the log has durably; files and directories are synced before the
//     manifest names them; after start() the files in DIR/sst are those the manifest or the queue
//     names, plus runs of open transactions.
//   - No upfront memory: an idle, empty store costs well under a megabyte beyond its threads.
//
// Errors: a failed manifest write or a table that cannot be read stops background work for good:
// on_failed is called once, background_status() tells, writers get it from admit(). A full disk
// does not: flushes and merges ask for room before they begin and are tried again, what they had
// written is removed, and admit() returns kNoSpace once memory for unflushed data runs out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/runtime.h"
#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/lsm/insert_hint.h"
#include "engine/lsm/iterator.h"
#include "engine/lsm/keys.h"
#include "engine/lsm/placed_values.h"

namespace pgz {

struct LsmOptions {
  std::string uuid;  // 16 bytes, the database's

  // Memtables, open tables' indexes and block cache together; the cache holds filters as well. It
  // gets what the others leave, at least a quarter.
  uint64_t memory_budget_bytes = uint64_t{256} << 20;
  uint64_t memtable_bytes = uint64_t{64} << 20;  // lowered to a quarter of the budget if above it
  uint32_t max_queued_memtables = 4;             // sealed and not yet flushed; then admit() waits
  uint32_t open_files_max = 400;                 // descriptors of tables
  uint32_t block_bytes = 8 * 1024;
  uint64_t table_file_bytes = uint64_t{32} << 20;
  uint32_t level0_merge_trigger = 4;
  uint32_t level0_slowdown_files = 8;  // from here on writers are slowed down, ever more
  uint32_t level0_stop_files = 24;     // and wait
  uint64_t level_base_bytes = 0;       // see compaction.h; 0: twice what makes level 0 merge
  uint32_t level_fan_out = 10;
  // Values from this size on go to the value log when a memtable is flushed or a run merged; 0:
  // all stay in the tables. Values in the log are read whatever this says.
  uint32_t value_inline_max_bytes = 0;
  uint64_t value_segment_bytes = uint64_t{64} << 20;
  // Values there that are smaller are written anew where merges find neighbours in many segments
  // (value_order.h); 0: none is.
  uint32_t value_order_max_bytes = 4096;
  // LZ4 below the base level, which level 0 merges into (tables that move down unread stay as they
  // are), and for the values that flushes and merges put into the value log.
  bool compress = true;
  bool background = true;  // false: only flush_now(), merge_now() and merge_step() do work (tests)

  // Returns once the log is durable to `lsn`; an error stops background work.
  std::function<Status(uint64_t lsn)> wait_durable;
  // Up to where the log is durable by now; may be empty. The manifest notes it with every flush.
  std::function<uint64_t()> log_durable;
  // Registered snapshots, the horizon and the retention floor, in any order, never empty.
  std::function<std::vector<uint64_t>()> boundaries;
  // Everything below the position is in tables: the log may recycle. Called on a background thread.
  std::function<void(uint64_t flushed_lsn)> on_flushed;
  std::function<void(const Status&)> on_failed;
  // A flush or merge that wants so much room met a full disk and will be tried again; 0: a flush
  // met it more than once, whatever the file system says is free. On a background thread, or that
  // of a commit whose values did not fit.
  std::function<void(uint64_t wanted_bytes)> on_no_space;
};

struct LsmRecovered {
  uint64_t flushed_lsn = 0;  // replay records that end above this position
  uint64_t last_ts = 0;      // newest commit timestamp the tables hold
  uint64_t log_end = 0;      // the log was durable at least up to here; 0: not known
};

// A sorted run of a transaction, written before its commit (RunWriter). All fields go into the
// commit record, so that replay can name the file again.
struct RunFile {
  uint64_t number = 0;
  uint64_t file_bytes = 0;
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  std::string smallest;  // user keys, inclusive
  std::string largest;

  void encode(std::string* to) const;
  static bool decode(Slice* from, RunFile* run);
  bool operator==(const RunFile&) const = default;
};

class RunWriter {
 public:
  virtual ~RunWriter() = default;  // not finished: the file is removed
  // User keys in strictly ascending order, each once.
  virtual Status add(Slice user_key, Kind kind, Slice value) = 0;
  virtual uint64_t estimated_bytes() const = 0;
  // Writes and syncs the file and its directory entry. An empty run is kInvalidArgument.
  virtual Result<RunFile> finish() = 0;
};

class RunReader {
 public:
  virtual ~RunReader() = default;
  // kNotFound when the run says nothing of the key; else ok, *kind set, *value the value (or the
  // new key of a moved row). `value` may be null. Any thread.
  virtual Status get(Slice user_key, std::string* value, Kind* kind) const = 0;
  // Over internal keys with timestamp 0; must not outlive the reader.
  virtual std::unique_ptr<Iterator> new_iterator() const = 0;
};

struct GetResult {
  Status status;             // ok: a value; kNotFound: none, or a tombstone or drop; or an error
  uint64_t version_ts = 0;   // of the version found, tombstones included; 0: no version at all
  Kind kind = Kind::kValue;  // meaningful when version_ts != 0
  std::string value;         // for kMovedTombstone: the key the row moved to
};

struct LsmStats {
  uint64_t memtable_bytes = 0;  // active and queued
  uint32_t queued_entries = 0;  // sealed memtables and ingested runs not yet in the manifest
  uint32_t level_files[8] = {};
  uint64_t level_bytes[8] = {};
  uint64_t range_drops = 0;
  uint64_t flushes = 0;
  uint64_t merges = 0;
  uint64_t moves = 0;            // tables put to a deeper level without being read
  uint64_t debt_bytes = 0;       // level 0 and what levels hold above their aims
  uint64_t flushed_bytes = 0;    // table bytes written by flushes
  uint64_t merged_bytes = 0;     // table and segment bytes written by merges
  uint64_t ordered_bytes = 0;    // of values that merges wrote anew
  uint64_t stall_micros = 0;     // time writers spent in admit()
  uint64_t collected_bytes = 0;  // segment bytes written by collections
  uint64_t placed_bytes = 0;     // value bytes written by commits
  uint32_t segments = 0;
  uint64_t segment_bytes = 0;       // of their files
  uint64_t segment_live_bytes = 0;  // of the values that tables point at
  uint64_t cache_usage_bytes = 0;
  uint64_t cache_hits = 0;
  uint64_t cache_misses = 0;
  uint64_t table_memory_bytes = 0;  // filters, top indexes
};

// Versions committed in a stretch of time that the store still has: an estimate.
struct VersionCount {
  uint64_t versions = 0;
  uint64_t bytes = 0;  // of their keys and values, as they take room on disk
};

class Lsm;
struct MemTableHandle;

// A place in one memtable, held from reserve_active until the writes are applied. Move-only; a
// memtable is not flushed while one of its references lives. Use by one thread at a time.
class MemTableRef {
 public:
  MemTableRef() = default;
  MemTableRef(MemTableRef&& other) noexcept;
  MemTableRef& operator=(MemTableRef&& other) noexcept;
  ~MemTableRef() { reset(); }

  explicit operator bool() const { return handle_ != nullptr; }
  // kOutOfMemory, or kInvalidArgument beyond the limits of keys.h.
  Status add(Kind kind, Slice user_key, uint64_t ts, Slice value);
  // As add() of each, ascending by key, and quicker. Before an error some may have been added.
  Status add_sorted(std::span<const KeyWrite> writes, uint64_t ts);
  // As add() of the value that was placed; what Lsm::place_values() holds may go afterwards.
  Status add_placed(Slice user_key, uint64_t ts, const PlacedValues& placed, size_t i);
  // And of what the log has of it (PlacedValues::logged). The value is read and checked:
  // kCorruption when it is not there.
  Status add_logged(Slice user_key, uint64_t ts, Slice logged);
  // Visible to readers when it returns.
  Status drop_range(Slice begin, Slice end, uint64_t ts);
  // Says that the writes are applied.
  void reset();

 private:
  friend class Lsm;
  void note_large(Kind kind, Slice value);

  Lsm* lsm_ = nullptr;
  MemTableHandle* handle_ = nullptr;
  InsertHint hint_;
};

class Lsm {
 public:
  // `dir` is the database's; sst/ and manifest/ are made in it. The caller syncs the parent.
  static Result<std::unique_ptr<Lsm>> create(const Runtime& runtime, const std::string& dir,
                                             const LsmOptions& options);
  // Opens and checks that every file named exists. Replay the log with reserve_active, ingest and
  // the counter calls; until settle() or start() nothing is written, so that a directory that is
  // refused stays as it was. Make the log durable, then call start(). `meanwhile` is called when
  // *recovered is known and the tables are still to be opened: it may start reading the log.
  static Result<std::unique_ptr<Lsm>> open(const Runtime& runtime, const std::string& dir,
                                           const LsmOptions& options, LsmRecovered* recovered,
                                           const std::function<void()>& meanwhile = {});
  // shutdown() if it was not called.
  ~Lsm();
  Lsm(const Lsm&) = delete;
  Lsm& operator=(const Lsm&) = delete;

  // Makes durable what open() has read, before the log gives up slots or anything else that rests
  // on it. Before start(), which does it too; the log may be written meanwhile, by another thread.
  Status settle();
  // Notes that the log is durable up to there. Before start() or after shutdown().
  Status note_log_end(uint64_t lsn);
  // Deletes files nobody names and starts background work. Required after create() as well.
  Status start();
  // Stops background work, without flushing. Call flush_now() first for a clean close.
  void shutdown();

  // --- writes; see the top of this file
  // May wait: for memory, or to slow writers down as debt grows (admission.cc). `bytes` is about to
  // be written. What only takes away, and so makes room, is let in where merges wait for space.
  Status admit(uint64_t bytes, bool makes_room = false);
  // Writes large values to the value log, ahead of the commit whose record will point at them. Call
  // it after admit(). On an error nothing of *placed may be used.
  Status place_values(std::span<const Slice> values, PlacedValues* placed);
  // Makes what was placed so far durable: before the log writes a record that points there.
  Status sync_values();
  // The log may have a record that points there, and no memtable does: their files stay for the
  // replay that will tell. Once nothing is flushed any more.
  void keep_values(const PlacedValues& placed);
  MemTableRef reserve_active(uint64_t lsn_end);
  // Seals the active memtable if it holds anything.
  void rotate();
  // Queues the runs as one entry, committed at `ts`, whose memtable takes the rest of the same
  // record, so that all of it is flushed together. kNotFound or kCorruption when a file is missing
  // or not what it was (replay).
  Result<MemTableRef> ingest(std::vector<RunFile> runs, uint64_t ts, uint64_t lsn_end);

  // --- reads; any thread, no outer lock
  // kNotFound when no value is visible; *version_ts and *kind (may be null) then tell of a
  // tombstone, and *value is the new key of a moved row. A range drop counts as a tombstone with
  // its own timestamp. `value` may be null.
  Status get(Slice user_key, uint64_t read_ts, std::string* value, uint64_t* version_ts,
             Kind* kind) const;
  void multi_get(std::span<const Slice> user_keys, uint64_t read_ts,
                 std::vector<GetResult>* results) const;
  // The timestamp of the newest version applied, tombstones and drops included; 0: none.
  Status newest_version(Slice user_key, uint64_t* ts) const;
  // [lower, upper); an empty upper means no bound. The iterator must not outlive the Lsm.
  std::unique_ptr<UserIterator> new_iterator(uint64_t read_ts, Slice lower, Slice upper) const;

  // Roughly the bytes that [lower, upper) takes in tables and runs; an empty upper means no bound.
  // A table that straddles a bound counts half. Memtables are counted by a sample of their keys.
  uint64_t approximate_bytes(Slice lower, Slice upper) const;

  // For each of the timestamps, ascending, the versions committed after it and up to the next one,
  // after the last one up to `newest`. From what is known of each table: its timestamps count as
  // spread evenly between its smallest and its largest. Reads no file.
  std::vector<VersionCount> versions_between(std::span<const uint64_t> after,
                                             uint64_t newest) const;

  // --- runs of transactions
  Result<std::unique_ptr<RunWriter>> new_run();
  // Reads a finished, not yet ingested run (a transaction reading its own writes).
  Result<std::unique_ptr<RunReader>> open_run(const RunFile& run) const;
  // Removes the file of a run that will not be ingested.
  void discard_run(const RunFile& run);

  // --- counters: values as of the newest call; durable through the caller's log record, and kept
  // in the manifest once the tables of that log position are. Set and erase in log order (under the
  // append mutex); `lsn_end` is where their record ends, 0 when a reserve_active covers it.
  std::optional<uint64_t> counter(Slice name) const;
  void set_counter(Slice name, uint64_t next, uint64_t lsn_end = 0);
  void erase_counter(Slice name, uint64_t lsn_end = 0);
  std::map<std::string, uint64_t> counters() const;

  // --- background work on demand
  // Waits until everything sealed so far is in the manifest. Call rotate() first.
  Status flush_now();
  // Merges level 0 into the levels below, until no level is above its aim, and drops what dropped
  // ranges cover; waits.
  Status merge_now();
  // The one job the background would do next, if any; waits.
  Status merge_step(bool* did_something);
  // Collects value segments until there is nothing worth it; waits.
  Status collect_now();
  // Looks for work again: call when old snapshots went away or the horizon moved on.
  void poke();
  // Recomputes from all tables' entries and all segments' directories what is known of live values
  // and compares: kCorruption names what differs. Reads every table.
  Status verify_values() const;
  uint64_t flushed_lsn() const;
  Status background_status() const;
  LsmStats stats() const;

 private:
  friend class MemTableRef;
  struct Rep;
  explicit Lsm(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace pgz
