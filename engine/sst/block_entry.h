// The bytes of blocks and their entries (block.h), decoded; private to this room.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/base/coding.h"
#include "engine/base/slice.h"
#include "engine/sst/internal_key.h"

namespace pgz::sst {

struct EntryHeader {
  uint32_t shared = 0;
  uint32_t rest = 0;
  uint32_t value = 0;
};

// Decodes the three lengths; null when they or the bytes they promise are not there.
inline const char* read_header(const char* from, const char* end, EntryHeader* header) {
  if (end - from >= 3) {
    const auto a = static_cast<uint8_t>(from[0]);
    const auto b = static_cast<uint8_t>(from[1]);
    const auto c = static_cast<uint8_t>(from[2]);
    if ((a | b | c) < 128) {
      *header = EntryHeader{a, b, c};
      from += 3;
      return static_cast<size_t>(end - from) < size_t{b} + c ? nullptr : from;
    }
  }
  Slice in(from, static_cast<size_t>(end - from));
  if (!get_varint32(&in, &header->shared) || !get_varint32(&in, &header->rest) ||
      !get_varint32(&in, &header->value) || in.size() < size_t{header->rest} + header->value) {
    return nullptr;
  }
  return in.data();
}

// Where a block's entries and restart points lie.
struct BlockParts {
  const char* entries = nullptr;
  const char* end = nullptr;  // of the entries; the restart points begin here
  uint32_t restarts = 0;

  // False when the bytes are no block.
  bool parse(Slice block) {
    if (block.size() < 8) return false;
    restarts = get_fixed32(block.data() + block.size() - 4);
    if (restarts == 0 || restarts > (block.size() - 4) / 4) return false;
    entries = block.data();
    end = block.data() + block.size() - 4 - size_t{restarts} * 4;
    return true;
  }
  // What parse() makes of a block that was parsed before.
  void trust(Slice block, uint32_t restart_count) {
    restarts = restart_count;
    entries = block.data();
    end = block.data() + block.size() - 4 - size_t{restarts} * 4;
  }
  uint32_t offset(uint32_t restart) const { return get_fixed32(end + size_t{restart} * 4); }
  // The whole internal key at a restart point, and where its value begins; false: corrupt.
  bool entry(uint32_t restart, Slice* key, Slice* value) const {
    const uint32_t at = offset(restart);
    if (at >= static_cast<size_t>(end - entries)) return false;
    EntryHeader header;
    const char* from = read_header(entries + at, end, &header);
    if (from == nullptr || header.shared != 0 || header.rest < kTrailerBytes) return false;
    *key = Slice(from, header.rest);
    *value = Slice(from + header.rest, header.value);
    return true;
  }
};

}  // namespace pgz::sst
