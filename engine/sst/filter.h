// Bloom filter in cache lines: all bits of one key lie in one 64-byte line, so that a probe costs
// one cache miss. Bytes: the lines, then one byte with the number of probes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/slice.h"

namespace pgz {

class FilterBuilder {
 public:
  explicit FilterBuilder(uint32_t bits_per_key) : bits_per_key_(bits_per_key) {}
  // Versions of one key follow one another and count once.
  void add(Slice user_key);
  std::string finish() const;

 private:
  uint32_t bits_per_key_;
  std::vector<uint64_t> hashes_;
};

// True when the bytes have a filter's shape.
bool filter_is_sound(Slice filter);
// Asks for the line a probe will read.
void filter_prefetch(Slice filter, uint64_t key_hash);
// False: the key was never added. Requires a sound filter.
bool filter_may_contain(Slice filter, uint64_t key_hash);

}  // namespace pgz
