// Where an insert into a memtable went.
#pragma once

namespace pgz {

// For the next insert of the same writer: keys that come in order are found from there. Any order
// is right, only slower. Belongs to one list and to one thread at a time.
struct InsertHint {
  static constexpr int kLevels = 16;
  void* below[kLevels];  // per level, the last node at or before the one inserted
  int levels = 0;        // so many are set
};

}  // namespace pgz
