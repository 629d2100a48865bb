// What a database can be opened with.
#pragma once

#include <cstdint>

namespace pgz {

// Zero means the default given beside it.
struct DbOptions {
  bool create_if_missing = true;
  bool error_if_exists = false;
  uint64_t memory_budget_bytes = 0;      // memtables and cache: 384 MiB
  uint64_t memtable_bytes = 0;           // an eighth of the budget, at most 32 MiB
  uint64_t log_slot_bytes = 0;           // as the memtable, 4 to 32 MiB; the first one: 4 MiB
  uint64_t spill_bytes = 0;              // write buffer of one transaction: 4 MiB
  uint64_t lock_memory_bytes = 0;        // 256 MiB or a quarter of the budget, the larger
  uint64_t deadlock_timeout_micros = 0;  // 1 s

  // Values from this size on leave the sorted tables for the value log; here 0 means that none
  // does.
  uint32_t value_inline_max_bytes = 512;
  // Values from this size on go there when they are committed, and the log has a pointer; from
  // eight times it in small commits that are waited for. 0: none.
  uint32_t value_direct_min_bytes = 4096;
  uint64_t value_segment_bytes = 0;  // 64 MiB

  // With the defaults filled in, and bounds kept sensible.
  DbOptions resolved() const;
};

}  // namespace pgz
