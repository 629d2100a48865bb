// The state behind Lsm, shared by its source files.
//
// Locks, taken in this order:
//   flush_mutex, merge_mutex  one flush and one merge at a time
//   manifest_mutex  appending edits and making the Version that goes with them; held over I/O
//   mutex           the queue and everything small; never held over I/O
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/io/io.h"
#include "engine/lsm/block_cache.h"
#include "engine/lsm/compaction.h"
#include "engine/lsm/job_scheduler.h"
#include "engine/lsm/lsm.h"
#include "engine/lsm/manifest.h"
#include "engine/lsm/value_order.h"
#include "engine/lsm/value_output.h"
#include "engine/lsm/values.h"
#include "engine/lsm/view.h"

namespace pgz {

class VersionFilter;

// How tables of one flush or merge are written.
struct OutputPlan {
  Compression compression = Compression::kNone;
  bool separates = true;    // large values leave the table
  ValueOrderOptions order;  // moved_bytes_max 0: values in segments stay where they are
  // Tables of the level below the output's, in order: outputs end where they do, and before they
  // overlap too many of them.
  std::vector<TableRef> grandparents;
  std::vector<std::string> cuts;  // ascending; an output lies wholly on one side of each
  std::atomic<uint64_t>* written_bytes = nullptr;
  // Called every kBetweenBytes of input: the place to let more urgent work go first.
  std::function<Status()> between;
};

// Of what surely lives, values may take so much before the collector moves some; from the second
// on writers are slowed down, and at the third they have next to nothing.
inline constexpr uint32_t kCollectPercent = 155;
inline constexpr double kGarbageSlowdown = 1.6;
inline constexpr double kGarbageStop = 1.75;

// The rate at which debt goes away, as the last jobs showed it. Any thread.
class DrainRate {
 public:
  void add(uint64_t bytes, uint64_t micros);
  double bytes_per_second() const { return rate_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> rate_{double{64 << 20}};
};

struct Lsm::Rep {
  Rep(const Runtime& r, const std::string& dir_of_database, const LsmOptions& o);

  // lsm.cc
  Status open_tables();
  Status remove_orphans();
  uint64_t new_file_number() { return next_file_number.fetch_add(1, std::memory_order_relaxed); }
  uint64_t memtable_limit() const;
  bool has_table(uint64_t number) const PGZ_REQUIRES(mutex);
  // Puts a view over the queue and version in place.
  void install_view() PGZ_REQUIRES(mutex);
  void rotate_locked() PGZ_REQUIRES(mutex);
  void fit_cache() PGZ_REQUIRES(mutex);
  void fail(const Status& status) PGZ_EXCLUDES(mutex);
  void writer_done(MemTableHandle* handle);

  // edits.cc: makes an edit durable, then visible; takes `entry` off the queue with it.
  Status commit_edit(VersionEdit edit, std::vector<TableRef> opened, const MemTableHandle* entry,
                     std::vector<SegmentRef> segments = {}) PGZ_REQUIRES(manifest_mutex);
  Result<TableRef> open_table(const FileMeta& meta);
  // kNoSpace unless the disk has room for `bytes`.
  Status check_room(uint64_t bytes);
  uint64_t room_beside_flush(uint64_t job_bytes);
  void note_version(const Version& now) PGZ_REQUIRES(mutex);  // refreshes what admit() looks at

  // write_tables.cc
  class TableSequence;
  ValueOutputOptions value_options(bool separates);
  // Writes what the filter keeps to new tables, synced and opened. On an error some may have been
  // added to *tables: the caller makes them obsolete. kClosed when the store is being shut down.
  Status write_tables(Iterator* it, VersionFilter* filter, const OutputPlan& plan,
                      std::vector<TableRef>* tables);
  Status write_window(ValueOrder* order, const OutputPlan& plan, TableSequence* to);

  // admission.cc
  double level0_debt() const;  // debts: from 0 on writers are slowed down, and stand still at 1
  double deeper_debt() const;
  double garbage_debt() const;
  double allowed_bytes_per_second() const;
  void pace(uint64_t bytes);
  void note_debts();  // for the scheduler

  static constexpr uint64_t kBetweenBytes = 64 * 1024;

  // flush.cc
  std::shared_ptr<MemTableHandle> next_to_flush() PGZ_REQUIRES(mutex);
  bool flush_can_proceed() PGZ_REQUIRES(mutex);
  Status check_flush_room(const MemTableHandle& entry);
  void note_flush_refused(const MemTableHandle& entry);
  Status flush_entry(const std::shared_ptr<MemTableHandle>& entry);
  Status write_memtable(const MemTableHandle& entry, std::vector<TableRef>* tables);
  int level_for_run(const Version& now, const MemTableHandle& entry, const Table& run)
      PGZ_REQUIRES(manifest_mutex);
  Status commit_flush(const MemTableHandle& entry, const std::vector<TableRef>& tables,
                      const std::vector<SegmentRef>& segments);
  Status flush_all();
  void flush_loop();

  // collect.cc
  Status collect_round(CollectLimits limits, bool* did_something);
  // kClosed when the store is being shut down.
  Status move_values(const Version& now, uint64_t id, std::vector<SegmentRef>* moved);
  // Waits for work; false when the store stops. *is_idle: nothing has changed for a while.
  bool wait_to_collect(bool* is_idle);
  void collect_loop();
  // The open segments of a memtable become as any other.
  Status finish_segments(const MemTableHandle& entry, std::vector<SegmentRef>* finished);
  // kCorruption when a table points into a segment that is not there.
  Status check_segments(const Version& first);

  // merge_job.cc
  struct MergePick {
    std::shared_ptr<const Version> version;
    std::vector<uint64_t> boundaries;  // as of the pick
    VersionEdit edit;                  // what needs no reading: moves, whole tables dropped
    std::optional<CompactionJob> job;
    bool is_tidy = false;  // there is time to bring values together
    bool is_edit() const {
      return !edit.added.empty() || !edit.removed.empty() || !edit.drops_removed.empty();
    }
  };
  enum class Choice : uint8_t { kDue, kForced, kLevel0Only };
  CompactionLimits limits() const;
  MergePick pick_merge(Choice choice) PGZ_REQUIRES(merge_mutex, manifest_mutex);
  void pick_drops(MergePick* pick) PGZ_REQUIRES(manifest_mutex);
  OutputPlan plan_output(const MergePick& pick, JobTurn* turn) PGZ_REQUIRES(merge_mutex);
  ValueOrderOptions plan_order(const MergePick& pick) PGZ_REQUIRES(merge_mutex);
  bool wants_order(const MergePick& pick);
  void note_scattered_scans();
  Status run_merge(MergePick* pick) PGZ_REQUIRES(merge_mutex);
  Status between_blocks(const CompactionJob& job, JobTurn* turn) PGZ_REQUIRES(merge_mutex);
  Status merge_level0_first(JobTurn* turn) PGZ_REQUIRES(merge_mutex);
  void note_level0_drained(uint64_t bytes) PGZ_REQUIRES(merge_mutex);
  // One job, or one edit without a job. Merges nest: a job below level 0 lets one of level 0 go
  // first between two of its blocks.
  Status merge_round(Choice choice, bool* did_something) PGZ_REQUIRES(merge_mutex);
  void merge_loop();

  Runtime runtime;
  const std::string dir;
  const std::string sst_dir;
  const std::string vlog_dir;
  const std::string manifest_dir;
  LsmOptions options;
  TableBlockCache cache;
  OpenFiles files;
  const Values values;
  ValuePlacer placer;
  std::atomic<uint64_t> next_file_number{1};
  std::atomic<bool> stopping{false};
  std::atomic<uint64_t> flushed_lsn{0};

  Mutex manifest_mutex;
  std::unique_ptr<Manifest> manifest PGZ_GUARDED_BY(manifest_mutex);
  // Jobs under way, outermost first: picks keep clear of their tables, sinking tables of their
  // range.
  std::vector<const CompactionJob*> running PGZ_GUARDED_BY(manifest_mutex);

  mutable Mutex mutex;
  CondVar flush_work;    // something to flush, or stopping
  CondVar merge_work;    // something to merge, or stopping
  CondVar collect_work;  // tables went, or stopping
  CondVar progress;      // a flush or merge ended; writers and waiters look again
  std::deque<std::shared_ptr<MemTableHandle>> queue PGZ_GUARDED_BY(mutex);  // newest first
  std::shared_ptr<const Version> version PGZ_GUARDED_BY(mutex);
  std::map<std::string, uint64_t, std::less<>> counters PGZ_GUARDED_BY(mutex);
  uint64_t sealed_total PGZ_GUARDED_BY(mutex) = 0;   // entries ever sealed
  uint64_t flushed_total PGZ_GUARDED_BY(mutex) = 0;  // and flushed
  bool collect_poked PGZ_GUARDED_BY(mutex) = true;
  bool collect_settled PGZ_GUARDED_BY(mutex) = false;  // collected since anything changed
  bool merge_poked PGZ_GUARDED_BY(mutex) = false;
  bool merge_forced PGZ_GUARDED_BY(mutex) = false;    // level 0 hides garbage: merge what it has
  bool no_space PGZ_GUARDED_BY(mutex) = false;        // the last flush met a full disk
  bool merge_no_space PGZ_GUARDED_BY(mutex) = false;  // and so did the last merge
  Status background PGZ_GUARDED_BY(mutex);
  std::atomic<uint32_t> level0_files{0};
  std::atomic<uint64_t> debt_bytes{0};
  std::atomic<uint64_t> version_count{1};  // versions made so far
  JobScheduler scheduler;
  std::atomic<uint32_t> flush_refusals{0};  // for lack of room, in a row
  DrainRate flush_rate;
  DrainRate level0_rate;
  DrainRate collect_rate;                     // of garbage
  std::atomic<uint64_t> value_bytes{0};       // in segments
  std::atomic<uint64_t> live_value_bytes{0};  // of them, what tables point at
  // And of these, what tables of level 0 point at: each may have replaced another one below.
  std::atomic<uint64_t> level0_value_bytes{0};
  // Values that commits wrote to segments and no flush has put into a table, as of the last edit.
  std::atomic<uint64_t> unflushed_value_bytes{0};
  std::atomic<uint64_t> next_admission_micros{0};  // when the writes admitted so far are paid for
  std::atomic<uint32_t> queued{0};
  std::atomic<bool> order_owed{false};  // merges left values scattered
  std::atomic<bool> is_failed{false};

  std::unique_ptr<ViewCell> views;
  Mutex collect_mutex;  // one collection at a time
  Mutex flush_mutex;    // one flush at a time, by whichever thread
  Mutex merge_mutex;    // one thread merges at a time
  // The version between_blocks() last found nothing urgent in, and when level 0 last became
  // smaller.
  uint64_t nothing_urgent_in PGZ_GUARDED_BY(merge_mutex) = 0;
  uint64_t level0_since_micros PGZ_GUARDED_BY(merge_mutex) = 0;
  // Tables from this number on are not looked at for values to bring together.
  uint64_t order_before PGZ_GUARDED_BY(merge_mutex) = 0;
  uint64_t merge_wanted PGZ_GUARDED_BY(merge_mutex) = 0;  // room for the last job that began
  std::unique_ptr<Joinable> flush_thread;
  std::unique_ptr<Joinable> merge_thread;
  std::unique_ptr<Joinable> collect_thread;

  std::atomic<uint64_t> flushes{0};
  std::atomic<uint64_t> merges{0};
  std::atomic<uint64_t> moves{0};
  std::atomic<uint64_t> flushed_bytes{0};
  std::atomic<uint64_t> merged_bytes{0};
  std::atomic<uint64_t> ordered_bytes{0};
  std::atomic<uint64_t> collected_bytes{0};
  std::atomic<uint64_t> stall_micros{0};
};

}  // namespace pgz
