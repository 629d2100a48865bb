// Bytewise comparison of keys, eight bytes at a time and inline: what searches in memory spend
// their time on. Keys share long prefixes and are short, where a call of memcmp costs more than
// the comparison.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "engine/base/slice.h"

namespace pgz {

// Eight bytes as a number that orders as they do.
inline uint64_t load_big_endian(const char* from) {
  uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  if constexpr (std::endian::native == std::endian::little) word = __builtin_bswap64(word);
  return word;
}

// How many bytes both begin with.
inline size_t common_prefix(Slice a, Slice b) {
  const size_t common = a.size() < b.size() ? a.size() : b.size();
  size_t at = 0;
  for (; at + 8 <= common; at += 8) {
    const uint64_t differ = load_big_endian(a.data() + at) ^ load_big_endian(b.data() + at);
    if (differ != 0) return at + static_cast<size_t>(std::countl_zero(differ)) / 8;
  }
  while (at < common && a[at] == b[at]) at++;
  return at;
}

// As compare(a, b) in slice.h. Reads nothing outside the two slices.
inline int compare_keys(Slice a, Slice b) {
  const size_t common = a.size() < b.size() ? a.size() : b.size();
  const auto order = [](auto x, auto y) { return x < y ? -1 : 1; };
  size_t at = 0;
  for (; at + 8 <= common; at += 8) {
    const uint64_t x = load_big_endian(a.data() + at);
    const uint64_t y = load_big_endian(b.data() + at);
    if (x != y) return order(x, y);
  }
  if (at < common) {
    if (common >= 8) {
      // The last eight bytes once more in part: those seen before are equal.
      const uint64_t x = load_big_endian(a.data() + common - 8);
      const uint64_t y = load_big_endian(b.data() + common - 8);
      if (x != y) return order(x, y);
    } else {
      for (; at < common; at++) {
        const auto x = static_cast<unsigned char>(a[at]);
        const auto y = static_cast<unsigned char>(b[at]);
        if (x != y) return order(x, y);
      }
    }
  }
  return a.size() == b.size() ? 0 : order(a.size(), b.size());
}

}  // namespace pgz
