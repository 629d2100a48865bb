// Reading a log back: which blocks are the log, where it ends, what is damage. Private to log/.
//
// The rules (engine design, Correctness 5):
//  - A block counts when its checksum, epoch and position are right and it continues the chain.
//  - The log goes from slot to slot by epoch: the successor of a slot is the one of the highest
//    epoch that names it as predecessor, and the slot's log ends where the successor says. A slot
//    that a crash left unreachable is dead, as is what lies beyond an accepted end.
//  - Any whole block in any slot, dead or alive, tells how far the log was durable when it was
//    written, and so does the manifest, which notices the loss of the last slot. A bad block below
//    that is corruption; the first bad block elsewhere ends the log.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/base/arena.h"
#include "engine/log/format.h"
#include "engine/log/log_impl.h"
#include "engine/log/slots.h"

namespace pgz::log {

// Blocks [first, end) of a slot file.
struct BlockRange {
  SlotRef slot;
  uint64_t first = 0;
  uint64_t end = 0;
};

// Reads blocks of slot files in pieces, and several pieces ahead, on into the range that comes
// next: what a start waits for is the device, and devices are fastest with more than one request at
// hand.
class BlockReader {
 public:
  explicit BlockReader(std::vector<BlockRange> order) : order_(std::move(order)) {}
  ~BlockReader();
  BlockReader(const BlockReader&) = delete;
  BlockReader& operator=(const BlockReader&) = delete;
  // *block points to block `index` of the slot, valid until the next call, or is null past the
  // file's end. Blocks outside the ranges are read too, but none ahead of them.
  Status read(const SlotRef& slot, uint64_t index, const char** block);
  // Waits for what is being read ahead: the files may be closed afterwards. No block is valid any
  // more.
  void stop();

 private:
  static constexpr size_t kPieces = 8;
  struct Piece {
    AlignedBuffer buffer;  // made when it is needed
    IoSlice slice;
    IoOp op;
    bool in_flight = false;
    const SlotFile* slot = nullptr;  // null: the piece holds nothing
    uint64_t first = 0;              // index of its first block
    uint64_t count = 0;              // of blocks read; valid when it is not in flight
  };

  struct Place {
    const SlotFile* slot = nullptr;  // null: behind the last one
    uint64_t first = 0;
    uint64_t end = 0;                   // of the range
    const BlockRange* range = nullptr;  // null: in none
  };

  Place place_of(const SlotFile* slot, uint64_t index) const;
  Place behind(Place place) const;
  Status fetch(Place place);
  static void start(Piece* piece, const Place& place);
  static void wait(Piece* piece);

  const std::vector<BlockRange> order_;
  std::array<Piece, kPieces> pieces_;  // consecutive ones, from current_ on
  size_t current_ = 0;
};

// Puts records together from fragments.
class Assembler {
 public:
  using Deliver = std::function<Status(Lsn lsn_end, Slice record)>;
  Assembler(Lsn from, const Deliver& deliver, RecoverResult* result)
      : from_(from), deliver_(deliver), result_(result) {}

  // One data block; `where` names it in messages.
  Status feed(Lsn position, Slice payload, const std::string& where);
  // What is unfinished will stay so.
  void drop_unfinished();

 private:
  Status finish(Lsn lsn_end, Slice record);

  const Lsn from_;
  const Deliver& deliver_;
  RecoverResult* result_;
  std::string record_;
  bool in_record_ = false;
  bool seen_beginning_ = false;
};

class Recovery {
 public:
  Recovery(const LogOptions& options, std::vector<SlotRef> slots);

  // Reads the head of every slot.
  Status scan_heads();
  // Then, of what is behind the heads, all that may have been written since the record that ends at
  // `from`. What replay() will want is kept in memory, as far as that is little.
  Status scan(Lsn from);
  // Delivers the records after `from`. `known_durable`: what somebody else knows to have been
  // durable.
  Status replay(Lsn from, Lsn known_durable, const Assembler::Deliver& deliver,
                RecoverResult* result);
  // Makes what was accepted durable, also where an earlier process met a failing sync.
  Status make_durable();

  // Valid after replay().
  Restart restart() const;
  // Slots to release: `now` before a new slot is begun, `after` once it is durable, the others when
  // everything below the LSN is kept elsewhere.
  struct Release {
    std::vector<SlotRef> now;
    std::vector<SlotRef> after;
    std::vector<std::pair<SlotRef, Lsn>> later;
  };
  Release release(Lsn from) const;

 private:
  struct Slot {
    SlotRef file;
    std::optional<BlockHeader> first;  // of a valid slot header block
    SlotHeader header;
    bool any_valid = false;
    // The head does not say what else the slot holds: it is damaged, or newer blocks stand in it.
    bool is_doubtful = false;
    // By index in the slot: the block as scan() found it, or null when it was not kept.
    std::vector<const char*> kept;
    Lsn begin() const { return first->position; }
    Lsn end() const { return first->position + header.slot_bytes; }
  };
  // A stretch of the log in one slot that was accepted.
  struct Walked {
    const Slot* slot = nullptr;
    Lsn begin = 0;
    Lsn end = 0;
    bool has_records = false;
  };

  Status scan_range(BlockReader* reader, Slot* slot, const BlockRange& range, Lsn from);
  Status scan_block(Slot* slot, uint64_t index, const char* block, Lsn from, bool* is_wanted);
  Status write_again(const Walked& w, AlignedBuffer* buffer) const;
  void note_block(Slot* slot, uint64_t index, const BlockHeader& h, const char* block);
  static BlockRange behind_head(const Slot& slot, Lsn from);
  void keep(Slot* slot, uint64_t index, const char* block);
  Status read(const Slot& slot, uint64_t index, const char** block);
  const Slot* find_start(Lsn from) const;
  const Slot* successor(const Slot& slot) const;
  Status walk_slot(Assembler* assembler, Lsn from, bool* ended);
  Status end_at(const Slot& slot, Lsn lsn, const char* what, bool* ended);
  size_t first_empty() const;
  static std::string where(const Slot& slot, Lsn lsn);

  const LogOptions& options_;
  std::vector<Slot> slots_;
  std::optional<BlockReader> reader_;  // behind the heads; between scan() and replay()
  Arena kept_;

  uint64_t epoch_max_ = 0;
  Lsn position_end_max_ = 0;
  Lsn durable_max_ = 0;
  std::string durable_where_;

  std::vector<Walked> walked_;
  std::optional<uint32_t> last_checksum_;
  BlockKind last_kind_ = BlockKind::kSlotHeader;
  std::string end_reason_;
};

}  // namespace pgz::log
