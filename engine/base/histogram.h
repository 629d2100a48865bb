// Histogram of unsigned values (latencies in microseconds, sizes in bytes) with 16 buckets per
// power of two, so that a percentile is at most 1/16 above the truth. Thread-compatible; merge
// per-thread copies.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace pgz {

class Histogram {
 public:
  void record(uint64_t value);
  void merge(const Histogram& other);
  void clear();

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  uint64_t min() const { return count_ == 0 ? 0 : min_; }
  uint64_t max() const { return max_; }
  double mean() const;
  // The upper bound of the bucket in which the p-th percentile (0..100) lies, never above max();
  // 0 when empty.
  uint64_t percentile(double p) const;
  std::string to_string() const;

 private:
  friend class SharedHistogram;
  static constexpr int kSubBits = 4;
  static constexpr int kBuckets = (64 - kSubBits + 1) << kSubBits;
  static int bucket_of(uint64_t value);
  static uint64_t bucket_max(int bucket);

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t min_ = ~uint64_t{0};
  uint64_t max_ = 0;
};

// A histogram that many threads record into while others look: an atomic addition or two a value
// and no lock. A snapshot taken meanwhile may miss values that are being recorded.
class SharedHistogram {
 public:
  void record(uint64_t value);
  Histogram snapshot() const;

 private:
  std::array<std::atomic<uint64_t>, Histogram::kBuckets> buckets_{};
  std::atomic<uint64_t> sum_{0};
  std::atomic<uint64_t> min_{~uint64_t{0}};
  std::atomic<uint64_t> max_{0};
};

}  // namespace pgz
