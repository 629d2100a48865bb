// Where an insert into a memtable went.
#pragma once

#include <cstdint>

namespace pgz {

// For the next insert of the same writer: keys that come in order are found from there. Any order
// is right, only slower. Belongs to one list and to one thread at a time.
struct InsertHint {
  void* node = nullptr;   // the one inserted; null: none was
  void* block = nullptr;  // of the index
  uint32_t slot = 0;      // in the block
};

}  // namespace pgz
