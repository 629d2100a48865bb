// Random numbers as the engine sees them. Not for secrets.
#pragma once

#include <atomic>
#include <cstdint>

namespace pgz {

class Rng {
 public:
  virtual ~Rng() = default;
  virtual uint64_t next64() = 0;
  // Evenly in [0, n); n > 0.
  uint64_t uniform(uint64_t n);
};

// SplitMix64 on an atomic counter: thread-safe, one seed gives one sequence.
class SplitMixRng final : public Rng {
 public:
  explicit SplitMixRng(uint64_t seed) : state_(seed) {}
  uint64_t next64() override;

 private:
  std::atomic<uint64_t> state_;
};

// A seed from the operating system.
uint64_t random_seed();

}  // namespace pgz
