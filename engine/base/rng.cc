#include "engine/base/rng.h"

#include <random>

#include "engine/base/assert.h"

namespace pgz {

uint64_t Rng::uniform(uint64_t n) {
  PGZ_ASSERT(n > 0);
  // Numbers below 2^64 mod n are drawn again, so that every remainder is equally likely.
  const uint64_t low = (0 - n) % n;
  for (;;) {
    const uint64_t v = next64();
    if (v >= low) return v % n;
  }
}

uint64_t SplitMixRng::next64() {
  // Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014).
  constexpr uint64_t kGolden = 0x9e3779b97f4a7c15;
  uint64_t z = state_.fetch_add(kGolden, std::memory_order_relaxed) + kGolden;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

uint64_t random_seed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

}  // namespace pgz
