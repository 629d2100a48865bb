// Target segment: a whole value segment, a segment that a crash left open, and what tables and logs
// say of values: pointers, places, slot sets, compressed bytes.
#include <algorithm>
#include <string>
#include <vector>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/vlog/compress.h"
#include "engine/vlog/format.h"
#include "engine/vlog/open_segment.h"
#include "engine/vlog/vlog.h"
#include "tests/fuzz/fuzz.h"

namespace pgz::fuzz {

const char* const kTarget = "segment";

namespace {

constexpr uint64_t kNumber = 7;
constexpr size_t kFooterCrcAt = 64;
constexpr size_t kHeaderCrcAt = vlog::kHeaderBytes - 4;

// Makes the file the segment `kNumber` with right checksums, whatever else is wrong with it.
void put_checksums(std::string* file) {
  if (file->size() < 2 * vlog::kHeaderBytes) return;
  const std::string header = vlog::encode_header(kNumber, kNumber);
  std::copy(header.begin(), header.begin() + 8, file->begin());
  put_fixed64(file->data() + 16, kNumber);
  put_fixed64(file->data() + 24, kNumber);
  put_fixed32(file->data() + kHeaderCrcAt, crc32c(0, file->data(), kHeaderCrcAt));
  char* footer = file->data() + file->size() - vlog::kFooterBytes;
  put_fixed64(footer, kNumber);
  put_fixed64(footer + 8, kNumber);
  put_fixed64(footer + 16, file->size());
  const uint64_t at = get_fixed64(footer + 32);
  const uint64_t bytes = uint64_t{get_fixed32(footer + 44)} * vlog::kEntryBytes;
  if (at <= file->size() && bytes <= file->size() - at) {
    put_fixed32(footer + 48, crc32c(0, file->data() + at, bytes));
  }
  put_fixed32(footer + kFooterCrcAt, crc32c(0, footer, kFooterCrcAt));
}

void read_segment(std::string file, bool checksums) {
  if (checksums) put_checksums(&file);
  Disk disk;
  disk.make_dir("/vlog");
  disk.put(segment_path("/vlog", kNumber), file);
  vlog::Footer footer;
  if (file.size() < vlog::kFooterBytes ||
      !vlog::Footer::decode(Slice(file).substr(file.size() - vlog::kFooterBytes), "", &footer)
           .is_ok()) {
    footer.meta = {kNumber, kNumber, file.size(), 1, 1, 1};
  }
  auto opened = Segment::open(disk.runtime().io, "/vlog", footer.meta);
  if (!opened.is_ok()) return;
  const Segment& segment = *opened.value();
  std::vector<Segment::Entry> entries;
  if (!segment.read_directory(&entries).is_ok()) return;
  SlotSet live;
  std::vector<ValueRead> reads;
  std::vector<std::string> values(std::min<size_t>(entries.size(), 64));
  for (uint32_t slot = 0; slot < values.size(); slot++) {
    if (entries[slot].length == 0) continue;
    live.add(slot);
    values[slot].resize(std::min<uint32_t>(entries[slot].length, 1 << 20));
    ValueRead& read = reads.emplace_back();
    read.segment = &segment;
    read.pointer = {footer.meta.id, slot, static_cast<uint32_t>(values[slot].size()),
                    entries[slot].crc, 0};
    if (entries[slot].is_compressed && entries[slot].length < kCompressedRawMax / 8) {
      // The pointer's word for it, right or wrong.
      const uint32_t raw = entries[slot].length * (1 + entries[slot].crc % 7) + 1;
      read.pointer.raw_length = raw;
      values[slot].resize(raw);
    }
    read.to = values[slot].data();
  }
  read_values(disk.runtime().io, reads);
  SegmentMeta moved;
  if (!live.empty()) {
    (void)rewrite_segment(disk.runtime().io, "/vlog", segment, live, kNumber + 1, &moved).is_ok();
  }
}

// Places as a log might name them, in a file without a directory.
void reopen_segment(Input* input) {
  std::string file = vlog::encode_header(kNumber, kNumber);
  file += std::string(input->piece());
  Disk disk;
  disk.make_dir("/vlog");
  disk.put(segment_path("/vlog", kNumber), file);
  auto opened = OpenSegment::reopen(disk.runtime().io, "/vlog", kNumber, nullptr);
  if (!opened.is_ok()) return;
  OpenSegment& segment = *opened.value();
  while (!input->empty()) {
    PlacedValue placed;
    placed.pointer = {kNumber, input->number() % 4096, input->byte() + 1u, 0, 0};
    placed.offset = vlog::kHeaderBytes + input->number() % 65536;
    const uint64_t at = placed.offset;
    if (at + placed.pointer.length <= file.size()) {
      placed.pointer.crc =
          value_crc(kNumber, placed.pointer.slot, Slice(file).substr(at, placed.pointer.length));
      (void)segment.restore(placed).is_ok();
    } else {
      PGZ_ASSERT(!segment.restore(placed).is_ok());
      return;
    }
  }
  SegmentMeta meta;
  if (segment.finish(&meta).is_ok() && meta.values != 0) {
    PGZ_ASSERT(Segment::open(disk.runtime().io, "/vlog", meta).is_ok());
  }
}

// What one side decodes and encodes again must come out as it went in.
void read_uses(Slice bytes) {
  SegmentUses uses;
  if (SegmentUses::decode(bytes, &uses)) {
    std::string again;
    uses.encode(&again);
    SegmentUses second;
    PGZ_ASSERT(SegmentUses::decode(again, &second) && second == uses);
  }
  PlacedValue placed;
  if (PlacedValue::decode(bytes, &placed)) {
    std::string again;
    placed.encode(&again);
    PlacedValue second;
    PGZ_ASSERT(PlacedValue::decode(again, &second) && second.pointer == placed.pointer);
  }
  ValuePointer pointer;
  if (ValuePointer::decode(bytes, &pointer)) {
    std::string again;
    pointer.encode(&again);
    ValuePointer second;
    PGZ_ASSERT(ValuePointer::decode(again, &second) && second == pointer);
  }
  SegmentMeta meta;
  (void)SegmentMeta::decode(&bytes, &meta);
}

// Bytes with a right checksum that no compressor wrote, and a length they may not have.
void uncompress(Input* input) {
  const uint32_t raw_length = input->number() % (4 * kCompressedRawMax);
  const Slice stored = input->rest();
  std::string to(std::min(raw_length, kCompressedRawMax), '\0');
  std::string whole;
  const bool fits = uncompress_value(stored, raw_length, to.data());
  const bool is_known = uncompress_value(stored, &whole);
  PGZ_ASSERT(!fits || (is_known && whole == to));
}

}  // namespace
}  // namespace pgz::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgz;
  fuzz::Input input(data, size);
  switch (input.byte() % 5) {
    case 0:
      fuzz::read_segment(std::string(input.rest()), true);
      break;
    case 1:
      fuzz::read_segment(std::string(input.rest()), false);
      break;
    case 2:
      fuzz::reopen_segment(&input);
      break;
    case 3:
      fuzz::read_uses(input.rest());
      break;
    default:
      fuzz::uncompress(&input);
  }
  return 0;
}
