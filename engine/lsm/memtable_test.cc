#include "engine/lsm/memtable.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pgz {
namespace {

std::string seek_key(Slice user_key, uint64_t ts) {
  std::string key;
  append_seek_key(&key, user_key, ts);
  return key;
}

TEST(MemTable, FindsTheNewestVersionNotAboveTheReader) {
  MemTable table;
  ASSERT_TRUE(table.add("a", 10, Kind::kValue, "ten").is_ok());
  ASSERT_TRUE(table.add("a", 20, Kind::kTombstone, "").is_ok());
  ASSERT_TRUE(table.add("a", 30, Kind::kMovedTombstone, "elsewhere").is_ok());
  ASSERT_TRUE(table.add(Slice("a\0", 2), 15, Kind::kValue, "other").is_ok());
  EXPECT_FALSE(table.get("a", 9).found);
  EXPECT_EQ(table.get("a", 10).value, "ten");
  EXPECT_EQ(table.get("a", 19).ts, 10u);
  EXPECT_EQ(table.get("a", 29).kind, Kind::kTombstone);
  EXPECT_EQ(table.get("a", kMaxTimestamp).value, "elsewhere");
  EXPECT_EQ(table.get(Slice("a\0", 2), 30).value, "other");
  EXPECT_FALSE(table.get("b", 30).found);
  EXPECT_FALSE(table.get("", 30).found);
  EXPECT_EQ(table.max_ts(), 30u);
  EXPECT_EQ(table.entries(), 4u);
}

TEST(MemTable, ARepeatedRecordChangesNothing) {
  MemTable table;
  for (int i = 0; i < 2; i++) {
    ASSERT_TRUE(table.add("a", 10, Kind::kValue, "ten").is_ok());
    table.add_drop({"a", "b", 12});
  }
  EXPECT_EQ(table.entries(), 1u);
  EXPECT_EQ(table.drops().size(), 1u);
  EXPECT_FALSE(table.empty());
}

TEST(MemTable, Limits) {
  MemTable table;
  EXPECT_TRUE(table.add(std::string(kMaxUserKeyBytes, 'k'), 1, Kind::kValue, "").is_ok());
  EXPECT_TRUE(table.add(std::string(kMaxUserKeyBytes + 1, 'k'), 1, Kind::kValue, "")
                  .is(Code::kInvalidArgument));
}

TEST(MemTable, WalksLikeAMap) {
  struct Less {
    bool operator()(const std::string& a, const std::string& b) const {
      return compare_internal(a, b) < 0;
    }
  };
  std::mt19937 rng(1);
  MemTable table;
  std::map<std::string, std::string, Less> model;
  for (int i = 0; i < 5000; i++) {
    const std::string user = "k" + std::to_string(rng() % 1000);
    const uint64_t ts = 1 + rng() % 10;
    std::string key;
    append_internal_key(&key, user, ts, Kind::kValue);
    const std::string value = std::to_string(i);
    if (model.emplace(key, value).second) {
      ASSERT_TRUE(table.add(user, ts, Kind::kValue, value).is_ok());
    }
  }
  EXPECT_EQ(table.entries(), model.size());
  const auto it = table.new_iterator();
  it->seek_to_first();
  for (const auto& [key, value] : model) {
    ASSERT_TRUE(it->valid());
    ASSERT_EQ(it->key(), key);
    ASSERT_EQ(it->value(), value);
    it->next();
  }
  EXPECT_FALSE(it->valid());
  it->seek_to_last();
  for (auto at = model.rbegin(); at != model.rend(); ++at) {
    ASSERT_TRUE(it->valid());
    ASSERT_EQ(it->key(), at->first);
    it->prev();
  }
  EXPECT_FALSE(it->valid());
  for (int i = 0; i < 2000; i++) {
    const std::string target = seek_key("k" + std::to_string(rng() % 1200), rng() % 12);
    const auto expected = model.lower_bound(target);
    it->seek(target);
    ASSERT_EQ(it->valid(), expected != model.end());
    if (it->valid()) {
      ASSERT_EQ(it->key(), expected->first);
    }
    it->seek_for_prev(target);
    ASSERT_EQ(it->valid(), expected != model.begin());
    if (it->valid()) {
      ASSERT_EQ(it->key(), std::prev(expected)->first);
    }
  }
}

// Commits of many sorted keys, of all shapes, side by side with what each may already find there.
TEST(MemTable, SortedCommitsAgreeWithAMap) {
  const std::vector<std::function<std::string(uint64_t)>> shapes = {
      [](uint64_t n) { return "key" + std::to_string(1'000'000 + n); },
      [](uint64_t n) { return std::string(n % 40, 'a') + std::to_string(n % 977); },
      [](uint64_t n) { return "t" + std::to_string(n % 3) + std::string(8, '/') + char(n >> 4); },
  };
  for (size_t shape = 0; shape < shapes.size(); shape++) {
    std::mt19937 rng(static_cast<unsigned>(shape));
    MemTable table;
    std::map<std::pair<std::string, uint64_t>, std::string> model;
    for (uint64_t commit = 1; commit <= 300; commit++) {
      std::map<std::string, std::string> rows;
      // Some keys at random, and a stretch that lies between two of those there are.
      for (uint64_t i = rng() % 40; i > 0; i--) rows[shapes[shape](rng() % 100'000)];
      for (uint64_t at = rng() % 100'000, i = rng() % 40; i > 0; i--) rows[shapes[shape](at++)];
      const uint64_t ts = 1 + commit / 2;  // a repeated record is the same again, in part
      std::vector<KeyWrite> writes;
      for (auto& [key, value] : rows) {
        value = model.try_emplace({key, ts}, std::to_string(rng())).first->second;
        writes.push_back({key, Kind::kValue, value});
      }
      InsertHint hint;
      ASSERT_TRUE(table.add_sorted(writes, ts, &hint).is_ok());
    }
    EXPECT_EQ(table.entries(), model.size());
    for (const auto& [key, value] : model) ASSERT_EQ(table.get(key.first, key.second).value, value);
    const auto it = table.new_iterator();
    std::string last;
    for (it->seek_to_first(); it->valid(); it->next()) {
      if (!last.empty()) {
        ASSERT_LT(compare_internal(last, it->key()), 0);
      }
      last.assign(it->key());
    }
  }
}

TEST(MemTable, SortedCommitsKeepTheLimits) {
  MemTable table;
  InsertHint hint;
  const std::string large(kMaxUserKeyBytes + 1, 'k');
  const std::vector<KeyWrite> writes = {{"a", Kind::kValue, "1"}, {large, Kind::kValue, ""}};
  EXPECT_TRUE(table.add_sorted(writes, 1, &hint).is(Code::kInvalidArgument));
  EXPECT_TRUE(table.add_sorted({}, 1, &hint).is_ok());
}

// Sorted commits of several writers whose keys lie side by side, among readers that look up what
// was there before and walk.
TEST(MemTable, SortedCommitsSideBySide) {
  MemTable table;
  constexpr uint64_t kWriters = 4;
  constexpr uint64_t kCommits = 60;
  constexpr uint64_t kRows = 100;
  constexpr uint64_t kKeys = 20'000;
  const auto key_of = [](uint64_t n) { return "row" + std::to_string(100'000 + n); };
  std::atomic<bool> done{false};
  std::thread reader([&] {
    std::mt19937 rng(5);
    while (!done.load()) {
      const auto it = table.new_iterator();
      it->seek(seek_key(key_of(rng() % kKeys), kMaxTimestamp));
      std::string last;
      for (int steps = 0; it->valid() && steps < 500; it->next(), steps++) {
        if (!last.empty()) {
          ASSERT_LT(compare_internal(last, it->key()), 0);
        }
        ASSERT_EQ(it->value(), user_key_of(it->key()));
        last.assign(it->key());
      }
    }
  });
  std::vector<std::thread> writers;
  for (uint64_t w = 0; w < kWriters; w++) {
    writers.emplace_back([&, w] {
      std::mt19937 rng(static_cast<unsigned>(w));
      for (uint64_t c = 0; c < kCommits; c++) {
        std::set<std::string> keys;
        const uint64_t from = rng() % kKeys;
        for (uint64_t i = 0; i < kRows; i++) {
          keys.insert(key_of(c % 2 == 0 ? rng() % kKeys : (from + i) % kKeys));
        }
        std::vector<KeyWrite> writes;
        for (const std::string& key : keys) writes.push_back({key, Kind::kValue, key});
        InsertHint hint;
        // Other writers' commits of the same keys have the same number: only one of each stays.
        ASSERT_TRUE(table.add_sorted(writes, 1 + c % 3, &hint).is_ok());
        for (const std::string& key : keys) ASSERT_EQ(table.get(key, 1 + c % 3).value, key);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  const auto it = table.new_iterator();
  uint64_t counted = 0;
  for (it->seek_to_first(); it->valid(); it->next(), counted++) {
    const auto found = table.get(user_key_of(it->key()), trailer_ts(load_trailer(it->key())));
    ASSERT_EQ(found.value, it->value());
  }
  EXPECT_EQ(counted, table.entries());
}

TEST(MemTable, ManyWritersAndReaders) {
  MemTable table;
  constexpr int kWriters = 4;
  constexpr uint64_t kEach = 5000;
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done.load()) {
      const auto it = table.new_iterator();
      std::string last;
      for (it->seek_to_first(); it->valid(); it->next()) {
        if (!last.empty()) {
          ASSERT_LT(compare_internal(last, it->key()), 0);
        }
        ASSERT_EQ(it->value(), user_key_of(it->key()));
        last.assign(it->key());
      }
    }
  });
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; w++) {
    writers.emplace_back([&table, w] {
      for (uint64_t i = 0; i < kEach; i++) {
        // Keys of different writers lie side by side; every fourth is written by all.
        const uint64_t n = i % 4 == 0 ? i * kWriters : i * kWriters + static_cast<uint64_t>(w);
        const std::string key = "key" + std::to_string(n);
        ASSERT_TRUE(table.add(key, 7, Kind::kValue, key).is_ok());
        ASSERT_EQ(table.get(key, 7).value, key);
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  uint64_t counted = 0;
  const auto it = table.new_iterator();
  for (it->seek_to_first(); it->valid(); it->next()) counted++;
  EXPECT_EQ(counted, kEach / 4 + kWriters * (kEach - kEach / 4));
  EXPECT_EQ(table.entries(), counted);
}

// Runs of ascending keys, some repeated and some out of order, through one hint each.
TEST(MemTable, HintedWritersSideBySide) {
  MemTable table;
  constexpr int kWriters = 4;
  constexpr int kKeys = 20'000;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; w++) {
    writers.emplace_back([&table, w] {
      std::mt19937 rng(static_cast<unsigned>(w));
      for (int at = 0; at < kKeys;) {
        InsertHint hint;
        for (int run = 0; run < 500 && at < kKeys; run++, at++) {
          const int n = rng() % 20 == 0 ? static_cast<int>(rng() % kKeys) : at;
          char key[16];
          std::snprintf(key, sizeof(key), "%06d", n);
          ASSERT_TRUE(table.add(key, 1 + rng() % 2, Kind::kValue, key, &hint).is_ok());
        }
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  const auto it = table.new_iterator();
  std::string last;
  uint64_t counted = 0;
  for (it->seek_to_first(); it->valid(); it->next(), counted++) {
    if (!last.empty()) {
      ASSERT_LT(compare_internal(last, it->key()), 0);
    }
    last.assign(it->key());
    // What the upper levels lead to is what level 0 holds.
    const auto found = table.get(user_key_of(last), trailer_ts(load_trailer(last)));
    ASSERT_EQ(found.value, user_key_of(last));
  }
  EXPECT_EQ(counted, table.entries());
  EXPECT_GT(counted, uint64_t{kKeys});
}

}  // namespace
}  // namespace pgz
