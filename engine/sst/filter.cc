#include "engine/sst/filter.h"

#include <algorithm>

#include "engine/sst/hash.h"

namespace pgz {

namespace {

constexpr size_t kLineBytes = 64;
constexpr uint32_t kMaxProbes = 12;

// The upper half of the hash chooses the line, the lower half the bits in it.
size_t line_of(uint64_t hash, size_t lines) {
  return static_cast<size_t>(((hash >> 32) * lines) >> 32);
}

// Each probe takes 9 bits from the top of a running product.
uint32_t next_bit(uint32_t* state) {
  *state = *state * 0x9e3779b9u + 0x7f4a7c15u;
  return *state >> 23;
}

}  // namespace

void FilterBuilder::add(Slice user_key) {
  const uint64_t hash = hash_key(user_key);
  if (hashes_.empty() || hashes_.back() != hash) hashes_.push_back(hash);
}

std::string FilterBuilder::finish() const {
  const size_t bits = std::max<size_t>(hashes_.size() * bits_per_key_, 1);
  const size_t lines = (bits + kLineBytes * 8 - 1) / (kLineBytes * 8);
  // Bits per key times ln 2, one less for the uneven filling of lines.
  const uint32_t probes = std::clamp<uint32_t>(bits_per_key_ * 69 / 100, 1, kMaxProbes);
  std::string filter(lines * kLineBytes, '\0');
  constexpr size_t kAhead = 16;  // a filter of many keys is larger than the processor's caches
  for (size_t i = 0; i < hashes_.size(); i++) {
    const uint64_t hash = hashes_[i];
    if (i + kAhead < hashes_.size()) {
      const uint64_t later = hashes_[i + kAhead];
      __builtin_prefetch(filter.data() + line_of(later, lines) * kLineBytes, 1);
    }
    char* line = filter.data() + line_of(hash, lines) * kLineBytes;
    uint32_t state = static_cast<uint32_t>(hash);
    for (uint32_t probe = 0; probe < probes; probe++) {
      const uint32_t bit = next_bit(&state);
      line[bit / 8] = static_cast<char>(line[bit / 8] | (1 << (bit % 8)));
    }
  }
  filter.push_back(static_cast<char>(probes));
  return filter;
}

bool filter_is_sound(Slice filter) {
  return filter.size() > kLineBytes && filter.size() % kLineBytes == 1 && filter.back() >= 1 &&
         filter.back() <= static_cast<char>(kMaxProbes);
}

void filter_prefetch(Slice filter, uint64_t key_hash) {
  __builtin_prefetch(filter.data() + line_of(key_hash, filter.size() / kLineBytes) * kLineBytes);
}

bool filter_may_contain(Slice filter, uint64_t key_hash) {
  const size_t lines = filter.size() / kLineBytes;
  const char* line = filter.data() + line_of(key_hash, lines) * kLineBytes;
  const int probes = filter.back();
  uint32_t state = static_cast<uint32_t>(key_hash);
  for (int i = 0; i < probes; i++) {
    const uint32_t bit = next_bit(&state);
    if ((line[bit / 8] & (1 << (bit % 8))) == 0) return false;
  }
  return true;
}

}  // namespace pgz
