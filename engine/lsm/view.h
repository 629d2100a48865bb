// Views: what one read looks at, the queue of memtables and ingested runs over a Version; and the
// cell that hands the current view to readers without a shared counter.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/sync.h"
#include "engine/lsm/memtable.h"
#include "engine/lsm/version.h"
#include "engine/vlog/open_segment.h"

namespace pgz {

// One entry of the queue: a memtable, over the runs that one transaction ingested as the entry was
// begun (set before the entry is shared).
struct MemTableHandle {
  // Reserved writers that have not applied yet, plus kSealed once nobody may reserve any more.
  static constexpr uint32_t kSealed = uint32_t{1} << 31;

  MemTable table;
  std::vector<TableRef> runs;
  std::atomic<uint32_t> writers{0};
  // Guarded by Lsm::Rep::mutex until sealed, constant afterwards.
  uint64_t lsn_end = 0;
  std::map<std::string, std::optional<uint64_t>, std::less<>> counters;  // nullopt: erased

  // Value segments that the memtable points into, by id. A null one was the manifest's when replay
  // met it. Any thread.
  void hold_segment(uint64_t id, const OpenSegmentRef& segment);
  OpenSegmentRef open_segment(uint64_t id) const;
  std::map<uint64_t, OpenSegmentRef> segments() const;
  std::atomic<uint64_t> placed_bytes{0};  // of the values pointed at
  std::atomic<uint64_t> large_bytes{0};   // of values held that may leave the tables

  bool is_empty() const { return table.empty() && runs.empty() && counters.empty(); }

 private:
  mutable Mutex segments_mutex_;
  std::map<uint64_t, OpenSegmentRef> segments_ PGZ_GUARDED_BY(segments_mutex_);
};

struct View {
  std::vector<std::shared_ptr<MemTableHandle>> queue;  // newest first; [0] is written to
  std::shared_ptr<const Version> version;
  std::atomic<uint32_t> references{1};
};

// Each thread prefers one slot, which holds a reference of its own to the current view; taking and
// giving back the view is a compare-and-swap on that slot's cache line. When slots are shared or
// the view has just changed, the mutex and the view's counter are used instead.
class ViewCell {
 public:
  explicit ViewCell(std::unique_ptr<View> first) : current_(first.release()) {}
  // No view may be in use.
  ~ViewCell();
  ViewCell(const ViewCell&) = delete;
  ViewCell& operator=(const ViewCell&) = delete;

  // A view in use; gives it back on destruction.
  class Guard {
   public:
    explicit Guard(ViewCell* cell);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    const View& operator*() const { return *view_; }
    const View* operator->() const { return view_; }

   private:
    friend class ViewCell;
    std::atomic<uintptr_t>* slot_ = nullptr;  // null: a counted reference
    View* view_ = nullptr;
  };

  // A counted reference, for long use.
  std::shared_ptr<const View> share();
  // New readers see `next` when it returns.
  void install(std::unique_ptr<View> next);

 private:
  struct alignas(64) Slot {
    std::atomic<uintptr_t> word{0};  // 0, a View*, or a View* | kInUse
  };
  static constexpr uintptr_t kInUse = 1;
  static void drop_reference(View* view);

  std::array<Slot, 16> slots_;
  Mutex mutex_;
  View* current_ PGZ_GUARDED_BY(mutex_);
};

}  // namespace pgz
