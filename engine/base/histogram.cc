#include "engine/base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

namespace pgz {

int Histogram::bucket_of(uint64_t value) {
  constexpr uint64_t kExact = uint64_t{1} << kSubBits;
  if (value < kExact) return static_cast<int>(value);
  const int shift = std::bit_width(value) - 1 - kSubBits;
  return (shift << kSubBits) + static_cast<int>(value >> shift);
}

uint64_t Histogram::bucket_max(int bucket) {
  constexpr int kExact = 1 << kSubBits;
  if (bucket < 2 * kExact) return static_cast<uint64_t>(bucket);
  const int shift = (bucket >> kSubBits) - 1;
  const uint64_t mantissa = static_cast<uint64_t>(bucket - (shift << kSubBits));
  return ((mantissa + 1) << shift) - 1;
}

void Histogram::record(uint64_t value) {
  ++buckets_[static_cast<size_t>(bucket_of(value))];
  ++count_;
  sum_ += value;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
}

void Histogram::merge(const Histogram& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  min_ = std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
}

void Histogram::clear() { *this = Histogram(); }

double Histogram::mean() const {
  return count_ == 0 ? 0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

uint64_t Histogram::percentile(double p) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(p, 0.0, 100.0) / 100 * static_cast<double>(count_));
  const uint64_t rank = std::max<uint64_t>(1, static_cast<uint64_t>(wanted));
  uint64_t seen = 0;
  for (int i = 0; i < kBuckets; ++i) {
    seen += buckets_[static_cast<size_t>(i)];
    if (seen >= rank) return std::min(bucket_max(i), max_);
  }
  return max_;
}

std::string Histogram::to_string() const {
  char line[160];
  std::snprintf(line, sizeof line, "count %llu mean %.1f p50 %llu p99 %llu p99.9 %llu max %llu",
                static_cast<unsigned long long>(count_), mean(),
                static_cast<unsigned long long>(percentile(50)),
                static_cast<unsigned long long>(percentile(99)),
                static_cast<unsigned long long>(percentile(99.9)),
                static_cast<unsigned long long>(max_));
  return line;
}

void SharedHistogram::record(uint64_t value) {
  constexpr auto relaxed = std::memory_order_relaxed;
  buckets_[static_cast<size_t>(Histogram::bucket_of(value))].fetch_add(1, relaxed);
  sum_.fetch_add(value, relaxed);
  for (uint64_t seen = min_.load(relaxed); value < seen;) {
    if (min_.compare_exchange_weak(seen, value, relaxed)) break;
  }
  for (uint64_t seen = max_.load(relaxed); value > seen;) {
    if (max_.compare_exchange_weak(seen, value, relaxed)) break;
  }
}

Histogram SharedHistogram::snapshot() const {
  constexpr auto relaxed = std::memory_order_relaxed;
  Histogram copy;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    copy.buckets_[i] = buckets_[i].load(relaxed);
    copy.count_ += copy.buckets_[i];
  }
  copy.sum_ = sum_.load(relaxed);
  copy.min_ = min_.load(relaxed);
  copy.max_ = max_.load(relaxed);
  return copy;
}

}  // namespace pgz
