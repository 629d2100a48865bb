// Target log: a slot of the commit log, as recovery reads it, and the records in it.
#include <algorithm>
#include <cstring>

#include "engine/base/coding.h"
#include "engine/db/record.h"
#include "engine/log/format.h"
#include "engine/log/log.h"
#include "tests/fuzz/fuzz.h"

namespace pgz::fuzz {

const char* const kTarget = "log";

namespace {

constexpr uint64_t kSlotBytesMax = 1 << 18;

class Ignore final : public CommitVisitor {
 public:
  Status begin(uint64_t, uint64_t) override { return Status::ok(); }
  Status drop(Slice, Slice) override { return Status::ok(); }
  Status runs(std::vector<RunFile>) override { return Status::ok(); }
  Status write(Kind, Slice, Slice) override { return Status::ok(); }
  Status end() override { return Status::ok(); }
};

void read_record(Slice record) {
  RecordType type{};
  if (!parse_record_type(record, &type).is_ok()) return;
  Ignore ignore;
  Slice name;
  uint64_t next = 0;
  Status s = type == RecordType::kCommit ? parse_commit(record, &ignore)
                                         : parse_counter(record, &name, &next);
  (void)s.is_ok();
}

// Seals each block anew, chained to the one before.
void put_checksums(std::string* slot, const log::Uuid& uuid) {
  uint32_t before = 0;
  for (size_t at = 0; at + log::kBlockBytes <= slot->size(); at += log::kBlockBytes) {
    char* block = slot->data() + at;
    if (std::all_of(block, block + log::kBlockHeaderBytes, [](char c) { return c == 0; })) continue;
    const uint64_t epoch = get_fixed64(block + 8);
    const uint64_t position = get_fixed64(block + 16);
    const uint64_t durable = get_fixed64(block + 24);
    before = log::seal_block(block, uuid, epoch, position, durable, before);
  }
}

}  // namespace
}  // namespace pgz::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgz;
  fuzz::Input input(data, size);
  const uint8_t how = input.byte();
  if (how % 4 == 3) {
    fuzz::read_record(input.rest());
    return 0;
  }
  std::string slot(input.take(fuzz::kSlotBytesMax));
  slot.resize(std::max<size_t>((slot.size() + 4095) / 4096 * 4096, 2 * 4096), '\0');
  LogOptions options;
  options.first_slot_bytes = options.slot_bytes = 64 << 10;
  options.direct = false;
  if (how % 4 != 2) {
    // The slot's own idea of its length, so that it is not refused for that at once.
    const size_t at = log::kBlockHeaderBytes;
    const uint64_t wanted = get_fixed64(slot.data() + at);
    if (wanted % 4096 == 0 && wanted > slot.size() && wanted <= fuzz::kSlotBytesMax) {
      slot.resize(wanted, '\0');
    }
    fuzz::put_checksums(&slot, options.uuid);
  }
  fuzz::Disk disk;
  disk.make_dir("/log");
  disk.put("/log/000001.slot", slot);
  auto opened = Log::open(disk.runtime(), "/log", options);
  if (!opened.is_ok()) return 0;
  RecoverResult result;
  Status s = opened.value()->recover(
      0,
      [](Lsn, Slice record) {
        fuzz::read_record(record);
        return Status::ok();
      },
      &result);
  (void)s.is_ok();
  return 0;
}
