// What a cursor makes of a merge that is in order, and of one that is not.
#include "engine/lsm/user_iterator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <utility>

namespace pgz {
namespace {

struct Entry {
  std::string key;  // internal
  std::string value;
};

Entry entry(const std::string& user_key, uint64_t ts, Kind kind = Kind::kValue) {
  Entry e;
  append_internal_key(&e.key, user_key, ts, kind);
  e.value = user_key + "@" + std::to_string(ts);
  return e;
}

bool in_order(const Entry& a, const Entry& b) { return compare_internal(a.key, b.key) < 0; }

// Entries as they stand, looked up as in a block: as though they were in order.
class Fixed final : public Iterator {
 public:
  explicit Fixed(std::vector<Entry> entries) : entries_(std::move(entries)), at_(entries_.size()) {}

  bool valid() const override { return at_ < entries_.size(); }
  void seek_to_first() override { at_ = 0; }
  void seek_to_last() override { at_ = entries_.size() - 1; }
  void seek(Slice target) override { at_ = place(target); }
  void seek_for_prev(Slice target) override {
    at_ = place(target);
    if (!valid() || compare_internal(key(), target) != 0) prev();
  }
  void next() override { ++at_; }
  void prev() override { at_ = at_ == 0 ? entries_.size() : at_ - 1; }
  Slice key() const override { return entries_[at_].key; }
  Slice value() const override { return entries_[at_].value; }
  Status status() const override { return Status::ok(); }

 private:
  size_t place(Slice target) const {
    const auto at = std::lower_bound(
        entries_.begin(), entries_.end(), target,
        [](const Entry& e, Slice key) { return compare_internal(e.key, key) < 0; });
    return static_cast<size_t>(at - entries_.begin());
  }

  const std::vector<Entry> entries_;
  size_t at_;
};

struct Walked {
  std::vector<std::string> seen;
  Status status;
  bool ended = false;
};

constexpr uint64_t kReadTs = 10;
constexpr size_t kRowsMax = 1000;
constexpr uint64_t kStepsMax = 100'000;

Walked walk(const std::vector<Entry>& entries, bool reverse) {
  Walked out;
  const auto it =
      new_user_iterator(std::make_unique<Fixed>(entries), nullptr, {.read_ts = kReadTs});
  it->set_step_limit(kStepsMax);
  reverse ? it->seek_to_last() : it->seek_to_first();
  while (it->valid() && out.seen.size() < kRowsMax) {
    Slice value;
    EXPECT_TRUE(it->value(&value).is_ok());
    out.seen.emplace_back(value);
    reverse ? it->prev() : it->next();
  }
  out.ended = !it->valid() && !it->paused();
  out.status = it->status();
  return out;
}

std::vector<std::string> expected(const std::vector<Entry>& entries, bool reverse) {
  std::map<std::string, const Entry*> newest;
  for (const Entry& e : entries) {
    if (trailer_ts(load_trailer(e.key)) > kReadTs) continue;
    newest.emplace(user_key_of(e.key), &e);  // versions stand newest first
  }
  std::vector<std::string> out;
  for (const auto& [key, e] : newest) {
    if (!is_tombstone(trailer_kind(load_trailer(e->key)))) out.push_back(e->value);
  }
  if (reverse) std::reverse(out.begin(), out.end());
  return out;
}

// Many versions, of which some are too new and some deletions.
std::vector<Entry> some_entries(std::mt19937* rng) {
  std::vector<Entry> entries;
  for (char c = 'a'; c < 'g'; ++c) {
    for (uint64_t ts = 1; ts <= 40; ++ts) {
      if ((*rng)() % 3 != 0) continue;
      const Kind kind = (*rng)() % 2 == 0 ? Kind::kTombstone : Kind::kValue;
      entries.push_back(entry(std::string(1, c), ts, kind));
    }
  }
  std::sort(entries.begin(), entries.end(), in_order);
  return entries;
}

TEST(UserIterator, ShowsTheNewestVisibleVersionOfEachKey) {
  std::mt19937 rng(1);
  for (int round = 0; round < 300; ++round) {
    const std::vector<Entry> entries = some_entries(&rng);
    for (const bool reverse : {false, true}) {
      const Walked walked = walk(entries, reverse);
      ASSERT_TRUE(walked.status.is_ok() && walked.ended);
      ASSERT_EQ(walked.seen, expected(entries, reverse)) << "round " << round;
    }
  }
}

TEST(UserIterator, KeysOutOfOrderEndAWalk) {
  std::vector<Entry> entries = {entry("z", 5, Kind::kTombstone)};
  for (uint64_t ts = 9; ts > 0; --ts) entries.push_back(entry("a", ts, Kind::kTombstone));
  const Walked walked = walk(entries, false);
  EXPECT_TRUE(walked.ended);
  EXPECT_TRUE(walked.status.is(Code::kCorruption)) << walked.status.to_string();
}

TEST(UserIterator, NoDisorderKeepsAWalkForEver) {
  std::mt19937 rng(2);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::vector<Entry> entries = some_entries(&rng);
    if (entries.size() < 2) continue;
    for (size_t swaps = 1 + rng() % 4; swaps > 0; --swaps) {
      const size_t begin = rng() % entries.size();
      const auto from = entries.begin() + static_cast<ptrdiff_t>(begin);
      std::rotate(
          entries.begin(), from,
          entries.begin() + static_cast<ptrdiff_t>(begin + rng() % (entries.size() - begin)));
    }
    for (const bool reverse : {false, true}) {
      const Walked walked = walk(entries, reverse);
      ASSERT_TRUE(walked.ended) << "round " << round << (reverse ? " backward" : " forward");
      ASSERT_TRUE(walked.status.is_ok() || walked.status.is(Code::kCorruption));
      if (!walked.status.is_ok()) ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST(UserIterator, KindsOfANewerVersionAreRefused) {
  for (const bool reverse : {false, true}) {
    for (const int kind : {0, 5, 255}) {
      const Walked walked = walk({entry("a", 1), entry("b", 2, static_cast<Kind>(kind))}, reverse);
      EXPECT_TRUE(walked.status.is(Code::kNotSupported)) << walked.status.to_string();
      EXPECT_EQ(walked.seen.size(), reverse ? 0u : 1u);
    }
  }
}

}  // namespace
}  // namespace pgz
