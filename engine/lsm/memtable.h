// A memtable: a sorted list of internal keys in an arena, and the range drops applied with them.
//
// Threads: any number of readers without locks; any number of concurrent writers. A reader sees an
// insert that happened before it looked; one under way it sees wholly or not at all.
// Adding an internal key that is already present changes nothing (replay may repeat a record).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/base/sync.h"
#include "engine/lsm/keys.h"
#include "engine/lsm/sorted_list.h"
#include "engine/sst/iterator.h"

namespace pgz {

class MemTable {
 public:
  MemTable();
  ~MemTable();
  MemTable(const MemTable&) = delete;
  MemTable& operator=(const MemTable&) = delete;

  // kOutOfMemory when the arena cannot grow; kInvalidArgument beyond the key and value limits.
  // The hint (may be null) is of this table and this thread.
  Status add(Slice user_key, uint64_t ts, Kind kind, Slice value, InsertHint* hint = nullptr);
  // As add() of each, ascending by key, and quicker: a few are looked up at the same time. Before
  // an error some may have been added.
  Status add_sorted(std::span<const KeyWrite> writes, uint64_t ts, InsertHint* hint);
  void add_drop(RangeDrop drop);

  struct Found {
    bool found = false;
    Kind kind = Kind::kValue;
    uint64_t ts = 0;
    Slice value;  // lives as long as the memtable
  };
  // The newest version at or below `read_ts`; range drops are the caller's business.
  Found get(Slice user_key, uint64_t read_ts) const;
  // Over internal keys. Must not outlive the memtable.
  std::unique_ptr<Iterator> new_iterator() const;

  // A copy; changes only while writers are at work.
  std::vector<RangeDrop> drops() const;
  bool has_drops() const { return drop_count_.load(std::memory_order_acquire) != 0; }

  uint64_t memory_bytes() const { return list_.memory_bytes(); }
  uint64_t entries() const { return list_.entries(); }
  bool empty() const { return entries() == 0 && !has_drops(); }
  uint64_t max_ts() const { return max_ts_.load(std::memory_order_acquire); }

 private:
  SortedList list_;
  std::atomic<uint64_t> max_ts_{0};
  std::atomic<uint32_t> drop_count_{0};
  mutable Mutex drops_mutex_;
  std::vector<RangeDrop> drops_ PGZ_GUARDED_BY(drops_mutex_);
};

}  // namespace pgz
