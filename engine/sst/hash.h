// The 64-bit hash of user keys that filters are built on. Part of the table format: never change.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/base/slice.h"

namespace pgz {

inline uint64_t hash_key(Slice key) {
  constexpr uint64_t kFactor = 0x9ddfea08eb382d69u;
  uint64_t hash = 0x51ed270b0a1f39c1u ^ (key.size() * kFactor);
  const char* at = key.data();
  size_t left = key.size();
  while (left >= 8) {
    uint64_t word = 0;
    std::memcpy(&word, at, 8);
    hash = (hash ^ word) * kFactor;
    hash ^= hash >> 32;
    at += 8;
    left -= 8;
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, at, left);
    hash = (hash ^ word) * kFactor;
    hash ^= hash >> 32;
  }
  hash *= 0xc2b2ae3d27d4eb4fu;
  return hash ^ (hash >> 29);
}

}  // namespace pgz
