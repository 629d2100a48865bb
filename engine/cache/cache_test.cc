#include "engine/cache/cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace pgz {
namespace {

std::atomic<int> live{0};

struct Number {
  explicit Number(uint64_t n) : number(n) { live++; }
  ~Number() {
    number = ~uint64_t{0};
    live--;
  }
  uint64_t number;
};

void destroy_number(void* number) { delete static_cast<Number*>(number); }

uint64_t number_in(Cache::Entry* entry) {
  return static_cast<Number*>(Cache::object(entry))->number;
}

void put(Cache* cache, uint64_t n, uint64_t charge) {
  cache->release(cache->insert({n, n * 3}, new Number(n), charge));
}

bool has(Cache* cache, uint64_t n) {
  Cache::Entry* entry = cache->lookup({n, n * 3});
  if (entry == nullptr) return false;
  EXPECT_EQ(number_in(entry), n);
  cache->release(entry);
  return true;
}

TEST(Cache, KeepsWhatFits) {
  {
    Cache cache(1000 * 4096, destroy_number);
    EXPECT_FALSE(has(&cache, 1));
    for (uint64_t i = 0; i < 1000; i++) put(&cache, i, 4096);
    for (uint64_t i = 0; i < 1000; i++) EXPECT_TRUE(has(&cache, i)) << i;
    EXPECT_FALSE(has(&cache, 1000));
    const CacheStats stats = cache.stats();
    EXPECT_EQ(stats.entries, 1000u);
    EXPECT_EQ(stats.usage_bytes, 1000u * 4096);
    EXPECT_EQ(stats.hits, 1000u);
    EXPECT_EQ(stats.misses, 2u);
    EXPECT_EQ(stats.evictions, 0u);
  }
  EXPECT_EQ(live, 0);
}

TEST(Cache, StaysWithinItsCapacity) {
  Cache cache(100 * 1000, destroy_number);
  for (uint64_t i = 0; i < 10000; i++) {
    put(&cache, i, 1000);
    ASSERT_LE(cache.stats().usage_bytes, 100u * 1000 + 1000);
  }
  EXPECT_GE(cache.stats().entries, 40u);  // bounded by the table, made for larger objects
  EXPECT_EQ(static_cast<uint64_t>(live.load()), cache.stats().entries);
}

TEST(Cache, KeepsWhatIsUsed) {
  Cache cache(64 * 4096, destroy_number);
  for (uint64_t i = 0; i < 2000; i++) {
    put(&cache, i, 4096);
    if (i > 0) {
      EXPECT_TRUE(has(&cache, 0)) << i;
    }
  }
}

TEST(Cache, PinnedEntriesStay) {
  Cache cache(10 * 4096, destroy_number);
  std::vector<Cache::Entry*> pinned;
  for (uint64_t i = 0; i < 200; i++) {
    pinned.push_back(cache.insert({i, i * 3}, new Number(i), 4096));
  }
  for (uint64_t i = 0; i < 200; i++) EXPECT_EQ(number_in(pinned[i]), i);
  EXPECT_EQ(cache.stats().usage_bytes, 200u * 4096);
  for (Cache::Entry* entry : pinned) cache.release(entry);
  put(&cache, 1000, 4096);
  EXPECT_LE(cache.stats().usage_bytes, 10u * 4096);
}

TEST(Cache, ShrinksOnDemand) {
  Cache cache(100 * 4096, destroy_number);
  for (uint64_t i = 0; i < 100; i++) put(&cache, i, 4096);
  cache.set_capacity(10 * 4096);
  EXPECT_LE(cache.stats().usage_bytes, 10u * 4096);
  cache.set_capacity(1 << 30);  // no further than at construction
  EXPECT_EQ(cache.stats().capacity_bytes, 100u * 4096);
}

TEST(Cache, ManyThreads) {
  {
    Cache cache(200 * 4096, destroy_number);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++) {
      threads.emplace_back([&cache, t] {
        uint64_t state = static_cast<uint64_t>(t) + 1;
        for (int i = 0; i < 50000; i++) {
          state = state * 6364136223846793005u + 1442695040888963407u;
          const uint64_t n = (state >> 33) % 500;
          Cache::Entry* entry = cache.lookup({n, n * 3});
          if (entry == nullptr) {
            entry = cache.insert({n, n * 3}, new Number(n), 4096);
          }
          ASSERT_EQ(number_in(entry), n);
          cache.release(entry);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    const CacheStats stats = cache.stats();
    EXPECT_LE(stats.usage_bytes, 204u * 4096);
    EXPECT_EQ(static_cast<uint64_t>(live.load()), stats.entries);
    EXPECT_EQ(stats.usage_bytes, stats.entries * 4096);
  }
  EXPECT_EQ(live, 0);
}

}  // namespace
}  // namespace pgz
