// The state behind Lsm, shared by its source files.
//
// Locks, taken in this order:
//   flush_mutex, merge_mutex  one flush and one merge at a time
//   manifest_mutex  appending edits and making the Version that goes with them; held over I/O
//   mutex           the queue and everything small; never held over I/O
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/io/io.h"
#include "engine/lsm/block_cache.h"
#include "engine/lsm/lsm.h"
#include "engine/lsm/manifest.h"
#include "engine/lsm/view.h"

namespace pgz {

class VersionFilter;

struct Lsm::Rep {
  Rep(const Runtime& r, const std::string& dir, const LsmOptions& o);

  // lsm.cc
  Status open_tables();
  Status remove_orphans();
  uint64_t new_file_number() { return next_file_number.fetch_add(1, std::memory_order_relaxed); }
  uint64_t memtable_limit() const;
  // Puts a view over the queue and version in place.
  void install_view() PGZ_REQUIRES(mutex);
  void rotate_locked() PGZ_REQUIRES(mutex);
  void fit_cache() PGZ_REQUIRES(mutex);
  void fail(const Status& status) PGZ_EXCLUDES(mutex);
  void writer_done(MemTableHandle* handle);

  // edits.cc: makes an edit durable, then visible; takes `entry` off the queue with it.
  Status commit_edit(VersionEdit edit, std::vector<TableRef> opened, const MemTableHandle* entry)
      PGZ_REQUIRES(manifest_mutex);
  Result<TableRef> open_table(const FileMeta& meta);
  // Writes what the filter keeps to new tables, synced and opened. On an error some may have been
  // added to *tables: the caller makes them obsolete. kClosed when the store is being shut down.
  Status write_tables(Iterator* it, VersionFilter* filter, std::atomic<uint64_t>* bytes,
                      std::vector<TableRef>* tables);

  // flush.cc
  std::shared_ptr<MemTableHandle> next_to_flush() PGZ_REQUIRES(mutex);
  bool flush_can_proceed() PGZ_REQUIRES(mutex);
  Status flush_entry(const std::shared_ptr<MemTableHandle>& entry);
  Status write_memtable(const MemTableHandle& entry, std::vector<TableRef>* tables);
  int level_for_run(const Version& now, const MemTableHandle& entry, const Table& run)
      PGZ_REQUIRES(manifest_mutex);
  Status commit_flush(const MemTableHandle& entry, const std::vector<TableRef>& tables);
  Status flush_all();
  void flush_loop();

  // merge_job.cc
  struct MergePick {
    std::shared_ptr<const Version> version;
    VersionEdit edit;              // what needs no merging: moves, whole tables dropped
    std::vector<TableRef> level0;  // inputs
    std::vector<TableRef> level1;
    bool is_empty() const {
      return level0.empty() && level1.empty() && edit.added.empty() && edit.removed.empty() &&
             edit.drops_removed.empty();
    }
  };
  MergePick pick_merge(bool forced);
  void pick_drops(const std::vector<uint64_t>& bounds, MergePick* pick);
  void pick_moves(MergePick* pick);
  Status run_merge(MergePick pick);
  Status merge_round(bool forced, bool* did_something);
  void merge_loop();

  Runtime runtime;
  const std::string sst_dir;
  const std::string manifest_dir;
  LsmOptions options;
  TableBlockCache cache;
  OpenFiles files;
  std::atomic<uint64_t> next_file_number{1};
  std::atomic<bool> stopping{false};
  std::atomic<uint64_t> flushed_lsn{0};

  Mutex manifest_mutex;
  std::unique_ptr<Manifest> manifest PGZ_GUARDED_BY(manifest_mutex);
  // Key ranges a running merge will put tables into: nothing may sink into them meanwhile.
  std::vector<TableRange> merging PGZ_GUARDED_BY(manifest_mutex);

  mutable Mutex mutex;
  CondVar flush_work;  // something to flush, or stopping
  CondVar merge_work;  // something to merge, or stopping
  CondVar progress;    // a flush or merge ended; writers and waiters look again
  std::deque<std::shared_ptr<MemTableHandle>> queue PGZ_GUARDED_BY(mutex);  // newest first
  std::shared_ptr<const Version> version PGZ_GUARDED_BY(mutex);
  std::map<std::string, uint64_t, std::less<>> counters PGZ_GUARDED_BY(mutex);
  uint64_t sealed_total PGZ_GUARDED_BY(mutex) = 0;   // entries ever sealed
  uint64_t flushed_total PGZ_GUARDED_BY(mutex) = 0;  // and flushed
  bool merge_poked PGZ_GUARDED_BY(mutex) = false;
  bool no_space PGZ_GUARDED_BY(mutex) = false;        // the last flush met a full disk
  bool merge_no_space PGZ_GUARDED_BY(mutex) = false;  // and so did the last merge
  Status background PGZ_GUARDED_BY(mutex);
  std::atomic<uint32_t> level0_files{0};
  std::atomic<uint32_t> queued{0};
  std::atomic<bool> is_failed{false};

  std::unique_ptr<ViewCell> views;
  Mutex flush_mutex;  // one flush at a time, by whichever thread
  Mutex merge_mutex;  // one merge at a time
  std::unique_ptr<Joinable> flush_thread;
  std::unique_ptr<Joinable> merge_thread;

  std::atomic<uint64_t> flushes{0};
  std::atomic<uint64_t> merges{0};
  std::atomic<uint64_t> flushed_bytes{0};
  std::atomic<uint64_t> merged_bytes{0};
  std::atomic<uint64_t> stall_micros{0};
};

}  // namespace pgz
