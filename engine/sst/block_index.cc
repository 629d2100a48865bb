#include "engine/sst/block_index.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "engine/base/block_memory.h"
#include "engine/base/coding.h"
#include "engine/sst/block_entry.h"
#include "engine/sst/hash.h"
#include "engine/sst/internal_key.h"

namespace pgz {

void BlockFree::operator()(BlockContents* block) const { free_block(block, block->memory_bytes); }

OwnedBlock BlockContents::make(size_t size, size_t spare) {
  size_t got = 0;
  void* memory = allocate_block(sizeof(BlockContents) + size + spare, &got);
  OwnedBlock block(new (memory) BlockContents);
  block->size = size;
  block->memory_bytes = got;
  return block;
}

namespace sst {

namespace {

// A bucket is tag << 8 | restart point; this one is empty.
constexpr uint16_t kEmptyBucket = 0xffff;
constexpr uint32_t kHashRestartsMax = 255;

uint32_t bucket_of(uint64_t hash, uint32_t buckets) {
  return static_cast<uint32_t>(((hash & 0xffffffffu) * buckets) >> 32);
}
uint16_t tag_of(uint64_t hash) { return static_cast<uint16_t>((hash >> 56) << 8); }

// Bytes in which two keys of at least n bytes agree from their beginning.
size_t common_bytes(const char* a, const char* b, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const uint64_t differ = get_fixed64(a + i) ^ get_fixed64(b + i);
    if (differ != 0) return i + static_cast<size_t>(__builtin_ctzll(differ)) / 8;
  }
  while (i < n && a[i] == b[i]) i++;
  return i;
}

// The first eight bytes as a number that sorts as they do, zeros behind a shorter key.
uint64_t prefix_of(Slice key) {
  if (key.size() >= 8) return get_big64(key.data());
  char bytes[8] = {};
  if (!key.empty()) std::memcpy(bytes, key.data(), key.size());
  return get_big64(bytes);
}

// Makes room for an index behind the bytes.
void reserve_index(OwnedBlock* block, size_t index_bytes) {
  const size_t need = BlockContents::index_offset((*block)->size) + index_bytes;
  if (sizeof(BlockContents) + need <= (*block)->memory_bytes) return;
  OwnedBlock bigger = BlockContents::make((*block)->size, need - (*block)->size);
  std::memcpy(bigger->bytes(), (*block)->bytes(), (*block)->size);
  *block = std::move(bigger);
}

int compare_at(Slice raw_key, uint64_t global_ts, Slice user_key, uint64_t trailer) {
  const int order = user_key_of(raw_key).compare(user_key);
  if (order != 0) return order;
  uint64_t own = load_trailer(raw_key);
  if (global_ts != 0) own = make_trailer(global_ts, static_cast<uint8_t>(trailer_kind(own)));
  return own < trailer ? -1 : (own > trailer ? 1 : 0);
}

// What a search for one key knows of the entry before the one it looks at.
struct Scan {
  Slice user_key;
  uint64_t global_ts;
  uint64_t seek_trailer;
  uint64_t* trailer;
  Slice* value;

  BlockFind from(const BlockParts& parts, uint32_t offset) const;
};

// Walks the entries from a restart point on. Keys are never put together: with `matched` bytes of
// the target equal to the entry before, which is smaller, an entry sharing more is smaller too,
// one sharing less is greater, and of one sharing as much only the rest need be compared.
BlockFind Scan::from(const BlockParts& parts, uint32_t offset) const {
  if (offset >= static_cast<size_t>(parts.end - parts.entries)) return BlockFind::kCorrupt;
  const char* at = parts.entries + offset;
  size_t before_bytes = 0;
  size_t matched = 0;
  while (at < parts.end) {
    EntryHeader header;
    const char* key = read_header(at, parts.end, &header);
    if (key == nullptr || header.rest < kTrailerBytes || header.shared > before_bytes) {
      return BlockFind::kCorrupt;
    }
    const size_t rest = header.rest - kTrailerBytes;
    if (header.shared == 0) matched = 0;  // a restart point says nothing of the entry before
    if (header.shared < matched) return BlockFind::kAbsent;
    if (header.shared == matched) {
      const size_t left = user_key.size() - matched;
      const size_t same = common_bytes(key, user_key.data() + matched, std::min(rest, left));
      if (same == left) {
        if (rest > left) return BlockFind::kAbsent;
        uint64_t own = load_trailer(Slice(key, header.rest));
        if (global_ts != 0) own = make_trailer(global_ts, static_cast<uint8_t>(trailer_kind(own)));
        if (own >= seek_trailer) {
          *trailer = own;
          *value = Slice(key + header.rest, header.value);
          return BlockFind::kFound;
        }
      } else if (same<rest&& static_cast<uint8_t>(key[same])> static_cast<uint8_t>(
                     user_key[matched + same])) {
        return BlockFind::kAbsent;
      }
      matched += same;
    }
    before_bytes = header.shared + rest;
    at = key + header.rest + header.value;
  }
  return BlockFind::kAbsent;
}

}  // namespace

void add_hash_index(OwnedBlock* block) {
  BlockParts parts;
  if (!parts.parse((*block)->slice()) || parts.restarts > kHashRestartsMax) return;
  uint32_t entries = 0;
  EntryHeader header;
  for (const char* at = parts.entries; at < parts.end; entries++) {
    at = read_header(at, parts.end, &header);
    if (at == nullptr) return;
    at += size_t{header.rest} + header.value;
  }
  const uint32_t buckets = entries + entries / 2 + 1;
  // Where entries are small the index would weigh too much, and a group is short in bytes.
  if (size_t{buckets} * 2 > (*block)->size / 16 + 64) return;
  reserve_index(block, size_t{buckets} * 2);
  if (!parts.parse((*block)->slice())) return;
  auto* table = reinterpret_cast<uint16_t*>((*block)->index());
  std::fill(table, table + buckets, kEmptyBucket);
  std::string key;
  uint32_t restart = 0;
  for (const char* at = parts.entries; at < parts.end;) {
    const auto offset = static_cast<uint32_t>(at - parts.entries);
    if (restart + 1 < parts.restarts && parts.offset(restart + 1) <= offset) restart++;
    at = read_header(at, parts.end, &header);
    if (header.rest < kTrailerBytes || header.shared > key.size()) return;
    const Slice rest(at, header.rest - kTrailerBytes);
    const bool older_version = offset != 0 && rest == Slice(key).substr(header.shared);
    key.resize(header.shared);
    key.append(rest);
    at += size_t{header.rest} + header.value;
    if (older_version) continue;
    const uint64_t hash = hash_key(key);
    uint32_t bucket = bucket_of(hash, buckets);
    while (table[bucket] != kEmptyBucket) bucket = bucket + 1 == buckets ? 0 : bucket + 1;
    table[bucket] = static_cast<uint16_t>(tag_of(hash) | restart);
  }
  (*block)->restarts = parts.restarts;
  (*block)->index_count = buckets;
  (*block)->index_kind = BlockContents::Index::kHash;
}

BlockFind find_version(const BlockContents& block, uint64_t global_ts, Slice user_key,
                       uint64_t key_hash, uint64_t seek_trailer, uint64_t* trailer, Slice* value) {
  BlockParts parts;
  const Scan scan{user_key, global_ts, seek_trailer, trailer, value};
  if (block.index_kind == BlockContents::Index::kHash) {
    parts.trust(block.slice(), block.restarts);
    const auto* table = reinterpret_cast<const uint16_t*>(block.index());
    const uint16_t tag = tag_of(key_hash);
    uint32_t bucket = bucket_of(key_hash, block.index_count);
    for (uint16_t at = table[bucket]; at != kEmptyBucket; at = table[bucket]) {
      if ((at & 0xff00) == tag) {
        const BlockFind found = scan.from(parts, parts.offset(at & 0xff));
        if (found != BlockFind::kAbsent) return found;
      }
      bucket = bucket + 1 == block.index_count ? 0 : bucket + 1;
    }
    return BlockFind::kAbsent;
  }
  if (!parts.parse(block.slice())) return BlockFind::kCorrupt;
  // The last restart point below the target.
  uint32_t low = 0;
  uint32_t high = parts.restarts - 1;
  while (low < high) {
    const uint32_t middle = low + (high - low + 1) / 2;
    Slice key;
    Slice unused;
    if (!parts.entry(middle, &key, &unused)) return BlockFind::kCorrupt;
    if (compare_at(key, global_ts, user_key, seek_trailer) < 0) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return scan.from(parts, parts.offset(low));
}

namespace {
constexpr uint32_t kSizeBits = 20;
constexpr uint64_t kOffsetMax = uint64_t{1} << (64 - kSizeBits);

bool decode_handle(Slice value, BlockHandle* handle) { return handle->decode(&value); }
}  // namespace

void add_prefix_index(OwnedBlock* block) {
  BlockParts parts;
  if (!parts.parse((*block)->slice())) return;
  Slice first;
  Slice last;
  Slice value;
  if (!parts.entry(0, &first, &value) || !parts.entry(parts.restarts - 1, &last, &value)) return;
  first = user_key_of(first);
  last = user_key_of(last);
  const size_t limit = std::min({first.size(), last.size(), BlockContents::kSharedMax});
  const size_t shared = common_bytes(first.data(), last.data(), limit);
  const uint32_t count = parts.restarts;
  reserve_index(block, size_t{count} * 16);
  parts.trust((*block)->slice(), count);
  auto* prefixes = reinterpret_cast<uint64_t*>((*block)->index());
  for (uint32_t i = 0; i < count; i++) {
    Slice key;
    BlockHandle handle;
    if (!parts.entry(i, &key, &value) || key.size() < shared + kTrailerBytes ||
        !decode_handle(value, &handle) || handle.offset >= kOffsetMax ||
        handle.size >> kSizeBits != 0) {
      return;
    }
    prefixes[i] = prefix_of(user_key_of(key).substr(shared));
    if (i > 0 && prefixes[i] < prefixes[i - 1]) return;
    prefixes[count + i] = handle.offset << kSizeBits | handle.size;
  }
  parts.entry(0, &first, &value);
  std::memcpy((*block)->shared, first.data(), shared);
  (*block)->restarts = (*block)->index_count = count;
  (*block)->index_shared = static_cast<uint8_t>(shared);
  (*block)->index_kind = BlockContents::Index::kPrefix;
}

namespace {

// Narrows [*low, *high], the places the first entry at or above the key may have, by its prefix.
void narrow(const BlockContents& block, Slice user_key, uint32_t* low, uint32_t* high) {
  const size_t shared = block.index_shared;
  if (shared != 0) {
    const int order = user_key.substr(0, shared).compare(Slice(block.shared, shared));
    if (order < 0) *high = 0;
    if (order > 0) *low = *high;
    if (order != 0) return;
  }
  const uint64_t prefix = prefix_of(user_key.substr(shared));
  const auto* prefixes = reinterpret_cast<const uint64_t*>(block.index());
  uint32_t at = 0;
  for (uint32_t left = block.index_count; left > 0;) {  // without branches to guess
    const uint32_t half = (left + 1) / 2;
    at += prefixes[at + half - 1] < prefix ? half : 0;
    left -= half;
  }
  *low = at;
  while (at < block.index_count && prefixes[at] == prefix && at - *low < 8) at++;
  if (at == block.index_count || prefixes[at] != prefix) *high = at;
}

}  // namespace

BlockFind find_child(const BlockContents& block, Slice user_key, uint64_t trailer, Child* child) {
  const bool indexed = block.index_kind == BlockContents::Index::kPrefix;
  BlockParts parts;
  if (indexed) {
    parts.trust(block.slice(), block.restarts);
  } else if (!parts.parse(block.slice())) {
    return BlockFind::kCorrupt;
  }
  uint32_t low = 0;
  uint32_t high = parts.restarts;
  if (indexed) narrow(block, user_key, &low, &high);
  Slice key;
  Slice value;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (!parts.entry(middle, &key, &value)) return BlockFind::kCorrupt;
    if (compare_at(key, 0, user_key, trailer) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == parts.restarts) return BlockFind::kAbsent;
  child->ordinal = low;
  if (indexed) {
    const uint64_t packed = reinterpret_cast<const uint64_t*>(block.index())[low + block.restarts];
    child->handle = {packed >> kSizeBits, packed & ((uint64_t{1} << kSizeBits) - 1)};
    return BlockFind::kFound;
  }
  return parts.entry(low, &key, &value) && decode_handle(value, &child->handle)
             ? BlockFind::kFound
             : BlockFind::kCorrupt;
}

}  // namespace sst

}  // namespace pgz
