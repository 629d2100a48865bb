// Keys, values and choices: the same stream for every engine, from a seed.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kvbench {

// splitmix64: small, seedable, good enough to choose keys with.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t n) { return static_cast<uint64_t>((__uint128_t{next()} * n) >> 64); }
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

inline constexpr size_t kKeyBytes = 16;

// Number i as a key of 16 decimal digits. Stored keys are even numbers, so that an odd one is a
// miss with neighbours on both sides.
class Key {
 public:
  explicit Key(uint64_t index, bool miss = false) {
    uint64_t n = 2 * index + (miss ? 1 : 0);
    for (size_t i = kKeyBytes; i-- > 0; n /= 10) text_[i] = static_cast<char>('0' + n % 10);
  }
  std::string_view view() const { return {text_, kKeyBytes}; }

 private:
  char text_[kKeyBytes];
};

// A permutation of [0, n): four Feistel rounds over the next even power of two, walking on until
// the result falls below n.
class Permutation {
 public:
  Permutation(uint64_t n, uint64_t seed) : n_(n), seed_(seed) {
    while ((uint64_t{1} << (2 * half_)) < n) half_++;
  }
  uint64_t at(uint64_t i) const {
    do {
      i = round(i);
    } while (i >= n_);
    return i;
  }

 private:
  uint64_t round(uint64_t i) const {
    const uint64_t mask = (uint64_t{1} << half_) - 1;
    uint64_t left = i >> half_;
    uint64_t right = i & mask;
    for (uint64_t r = 0; r < 4; r++) {
      const uint64_t mixed = left ^ (Random(seed_ + 4 * right + r).next() & mask);
      left = right;
      right = mixed;
    }
    return (left << half_) | right;
  }
  uint64_t n_;
  uint64_t seed_;
  unsigned half_ = 1;
};

// YCSB's scrambled Zipf distribution over [0, n), exponent 0.99 (Gray et al., "Quickly generating
// billion-record synthetic databases", SIGMOD 1994).
class Zipf {
 public:
  explicit Zipf(uint64_t n) : n_(n) {
    zeta_n_ = zeta(n);
    alpha_ = 1 / (1 - kTheta);
    eta_ = (1 - std::pow(2.0 / static_cast<double>(n), 1 - kTheta)) / (1 - zeta(2) / zeta_n_);
  }
  // The rank: 0 is the most frequent.
  uint64_t rank(Random* random) const {
    const double u = random->unit();
    const double uz = u * zeta_n_;
    if (uz < 1) return 0;
    if (uz < 1 + std::pow(0.5, kTheta)) return 1 % n_;
    const double r = static_cast<double>(n_) * std::pow(eta_ * u - eta_ + 1, alpha_);
    return r >= static_cast<double>(n_) ? n_ - 1 : static_cast<uint64_t>(r);
  }
  // Frequent ones spread over the key space.
  uint64_t scrambled(Random* random) const { return Random(rank(random)).next() % n_; }

 private:
  static constexpr double kTheta = 0.99;
  static double zeta(uint64_t n) {
    double sum = 0;
    for (uint64_t i = 1; i <= n; i++) sum += 1 / std::pow(static_cast<double>(i), kTheta);
    return sum;
  }
  uint64_t n_;
  double zeta_n_;
  double alpha_;
  double eta_;
};

// Values that LZ4 halves: every second piece of 32 bytes repeats one byte. A value begins with its
// key's number where it has the room, so that a read can be checked.
class Values {
 public:
  explicit Values(uint64_t seed) : pool_(kPoolBytes, '\0') {
    Random random(seed);
    for (size_t at = 0; at < kPoolBytes; at += 8) {
      const uint64_t word = (at / 32) % 2 == 0 ? random.next() : 0x4141414141414141u;
      std::memcpy(pool_.data() + at, &word, 8);
    }
  }
  std::string_view make(uint64_t index, size_t bytes, Random* random, std::string* scratch) const {
    const size_t at = random->below(kPoolBytes - bytes);
    scratch->assign(pool_, at, bytes);
    if (bytes >= 8) std::memcpy(scratch->data(), &index, 8);
    return *scratch;
  }
  static bool matches(uint64_t index, size_t bytes, std::string_view value) {
    return value.size() == bytes && (bytes < 8 || std::memcmp(value.data(), &index, 8) == 0);
  }

 private:
  static constexpr size_t kPoolBytes = size_t{1} << 20;
  std::string pool_;
};

}  // namespace kvbench
