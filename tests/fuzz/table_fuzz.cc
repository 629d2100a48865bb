// Target table: a whole sorted table, and single blocks, filters and properties without their
// checksums.
#include <algorithm>
#include <memory>

#include "engine/base/coding.h"
#include "engine/base/crc32c.h"
#include "engine/sst/block.h"
#include "engine/sst/block_index.h"
#include "engine/sst/filter.h"
#include "engine/sst/format.h"
#include "engine/sst/hash.h"
#include "engine/sst/table.h"
#include "tests/fuzz/fuzz.h"

namespace pgz::fuzz {

const char* const kTarget = "table";

namespace {

constexpr size_t kFooterCrcOffset = 104;

void read_block(Slice bytes, Slice target) {
  for (uint64_t global_ts : {uint64_t{0}, uint64_t{7}}) {
    BlockIterator it;
    it.init(bytes, global_ts);
    for (it.seek_to_first(); it.valid(); it.next()) {
      if (it.key().size() < kTrailerBytes) break;
    }
    for (it.seek_to_last(); it.valid(); it.prev()) {
    }
    if (target.size() >= kTrailerBytes) it.seek(target);
  }
  if (target.size() < kTrailerBytes) return;
  for (bool hash : {true, false}) {
    OwnedBlock block = BlockContents::make(bytes.size(), 0);
    std::copy(bytes.begin(), bytes.end(), block->bytes());
    Slice value;
    uint64_t trailer = 0;
    const Slice user_key = user_key_of(target);
    if (hash) {
      sst::add_hash_index(&block);
      (void)sst::find_version(*block, 0, user_key, hash_key(user_key), load_trailer(target),
                              &trailer, &value);
    } else {
      sst::add_prefix_index(&block);
      sst::Child child;
      (void)sst::find_child(*block, user_key, load_trailer(target), &child);
    }
  }
}

void put_block_checksum(std::string* file, uint64_t table_id, sst::BlockHandle handle) {
  if (handle.offset > file->size() || handle.size > file->size() - handle.offset ||
      file->size() - handle.offset - handle.size < sst::kBlockTrailerBytes) {
    return;
  }
  char* trailer = file->data() + handle.offset + handle.size;
  const Slice bytes(file->data() + handle.offset, handle.size);
  put_fixed32(trailer + 1,
              sst::block_crc(table_id, handle.offset, bytes, static_cast<uint8_t>(trailer[0])));
}

void read_table(std::string file, bool put_checksums) {
  uint64_t table_id = 1;
  if (file.size() >= sst::kFooterBytes) {
    char* footer_bytes = file.data() + file.size() - sst::kFooterBytes;
    if (put_checksums) {
      put_fixed32(footer_bytes + kFooterCrcOffset, crc32c(0, footer_bytes, kFooterCrcOffset));
    }
    sst::Footer footer;
    const uint64_t offset = file.size() - sst::kFooterBytes;
    if (sst::Footer::decode(Slice(footer_bytes, sst::kFooterBytes), "t", offset, &footer).is_ok()) {
      table_id = footer.table_id;
      for (const sst::BlockHandle& handle : {footer.filter, footer.top_index, footer.properties}) {
        if (put_checksums) put_block_checksum(&file, table_id, handle);
      }
    }
  }
  Disk disk;
  disk.put("/t", file);
  for (uint64_t global_ts : {uint64_t{0}, uint64_t{9}}) {
    TableReadOptions options;
    options.table_id = table_id;
    options.global_ts = global_ts;
    auto reader = TableReader::open(std::make_unique<FileSource>(disk.open("/t")), "/t", options);
    if (!reader.is_ok()) continue;
    (void)reader.value()->verify().is_ok();
    std::string seek;
    append_internal_key(&seek, "k/07", make_trailer(kMaxTimestamp, 0xff));
    std::string value;
    TableGetResult result;
    (void)reader.value()->get(Slice(seek), &value, &result).is_ok();
    const std::unique_ptr<Iterator> it = reader.value()->new_iterator();
    it->seek(seek);
    for (it->seek_to_last(); it->valid(); it->prev()) {
    }
    (void)it->status().is_ok();
  }
}

}  // namespace
}  // namespace pgz::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgz;
  fuzz::Input input(data, size);
  switch (input.byte() % 4) {
    case 0:
      fuzz::read_table(std::string(input.rest()), true);
      break;
    case 1:
      fuzz::read_table(std::string(input.rest()), false);
      break;
    case 2: {
      const Slice target = input.piece();
      fuzz::read_block(input.rest(), target);
      break;
    }
    default: {
      TableProperties properties;
      (void)sst::decode_properties(input.rest(), &properties);
      if (filter_is_sound(input.rest())) (void)filter_may_contain(input.rest(), hash_key("k"));
    }
  }
  return 0;
}
