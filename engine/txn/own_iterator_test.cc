#include "engine/txn/own_iterator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <utility>

namespace pgz {
namespace {

using Keys = std::map<std::string, OpNum>;  // each key with the number of its write

// Reads its keys until a step is to fail; a seek and a next are a step each.
class FakeSource final : public OwnSource {
 public:
  FakeSource(Keys keys, bool reverse, std::optional<int> fails_at, int* steps)
      : keys_(std::move(keys)), reverse_(reverse), fails_at_(fails_at), steps_(steps) {}

  void seek(Slice key) override {
    if (!step()) return;
    const std::string at(key.data(), key.size());
    if (!reverse_) {
      settle(keys_.lower_bound(at));
    } else {
      settle_before(keys_.upper_bound(at));
    }
  }
  void seek_to_start() override {
    if (!step()) return;
    reverse_ ? settle_before(keys_.end()) : settle(keys_.begin());
  }
  void next() override {
    if (!step()) return;
    reverse_ ? settle_before(at_) : settle(std::next(at_));
  }
  bool valid() const override { return valid_; }
  Slice key() const override { return at_->first; }
  const OwnVersion& version() const override { return version_; }
  Status status() const override { return status_; }

 private:
  bool step() {
    if (fails_at_ == (*steps_)++) status_ = Status::make(Code::kIoError, "read failed");
    valid_ = valid_ && status_.is_ok();
    return status_.is_ok();
  }
  void settle(Keys::const_iterator at) {
    at_ = at;
    valid_ = at != keys_.end();
    if (valid_) version_.op = at->second;
  }
  void settle_before(Keys::const_iterator end) {
    if (end == keys_.begin()) {
      valid_ = false;
    } else {
      settle(std::prev(end));
    }
  }

  const Keys keys_;
  const bool reverse_;
  const std::optional<int> fails_at_;
  int* const steps_;
  Keys::const_iterator at_;
  bool valid_ = false;
  Status status_;
  OwnVersion version_;
};

using Walk = std::vector<std::pair<std::string, OpNum>>;

struct Walked {
  Walk seen;
  Status status;
  int steps = 0;  // of the source that may fail
};

// Walks all sources from `from`, or the start; `failing` fails at its step `fails_at`.
Walked walk(const std::vector<Keys>& sources, bool reverse, const std::optional<std::string>& from,
            size_t failing, std::optional<int> fails_at) {
  Walked out;
  int others = 0;
  std::vector<std::unique_ptr<OwnSource>> made;
  for (size_t i = 0; i < sources.size(); ++i) {
    const bool fails = i == failing;
    made.push_back(std::make_unique<FakeSource>(
        sources[i], reverse, fails ? fails_at : std::nullopt, fails ? &out.steps : &others));
    made.back()->sequence = i;
  }
  OwnIterator it(std::move(made), reverse);
  from.has_value() ? it.seek(*from) : it.seek_to_start();
  for (; it.valid(); it.next()) {
    out.seen.emplace_back(std::string(it.key().data(), it.key().size()), it.version().op);
  }
  out.status = it.status();
  return out;
}

// The newest write of each key, in the direction of travel.
Walk expected(const std::vector<Keys>& sources, bool reverse,
              const std::optional<std::string>& from) {
  Keys newest;
  for (const Keys& keys : sources) {
    for (const auto& [key, op] : keys) newest[key] = std::max(newest[key], op);
  }
  Walk out(newest.begin(), newest.end());
  if (reverse) std::reverse(out.begin(), out.end());
  if (from.has_value()) {
    std::erase_if(out,
                  [&](const auto& at) { return reverse ? at.first > *from : at.first < *from; });
  }
  return out;
}

TEST(OwnIterator, NewestOfEachKeyWins) {
  const std::vector<Keys> sources = {{{"a", 1}, {"c", 2}}, {{"a", 5}, {"b", 4}}, {{"c", 3}}};
  EXPECT_EQ(walk(sources, false, {}, 0, {}).seen, (Walk{{"a", 5}, {"b", 4}, {"c", 3}}));
  EXPECT_EQ(walk(sources, true, "b", 0, {}).seen, (Walk{{"b", 4}, {"a", 5}}));
}

TEST(OwnIterator, NothingToRead) {
  EXPECT_TRUE(walk({}, false, {}, 0, {}).seen.empty());
  EXPECT_TRUE(walk({{}, {}}, true, "k", 0, {}).seen.empty());
}

// Whoever reads on past a source that failed takes keys for absent that it has not seen.
TEST(OwnIterator, AWalkWithAFailedSourceEndsWithItsError) {
  std::mt19937_64 rng(7);
  int failures = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Keys> sources(1 + rng() % 4);
    OpNum op = 0;
    for (int i = 0; i < 12; ++i) {
      sources[rng() % sources.size()][std::string(1, static_cast<char>('a' + rng() % 8))] = ++op;
    }
    const bool reverse = rng() % 2 == 0;
    std::optional<std::string> from;
    if (rng() % 2 == 0) from = std::string(1, static_cast<char>('a' + rng() % 8));
    const Walk all = expected(sources, reverse, from);
    const size_t failing = rng() % sources.size();
    const Walked whole = walk(sources, reverse, from, failing, {});
    ASSERT_TRUE(whole.status.is_ok());
    ASSERT_EQ(whole.seen, all) << "round " << round;
    for (int step = 0; step < whole.steps; ++step, ++failures) {
      const Walked cut = walk(sources, reverse, from, failing, step);
      ASSERT_TRUE(cut.status.is(Code::kIoError)) << "round " << round << ", step " << step;
      ASSERT_LE(cut.seen.size(), all.size());
      ASSERT_TRUE(std::equal(cut.seen.begin(), cut.seen.end(), all.begin()))
          << "round " << round << ", step " << step;
      ASSERT_EQ(cut.steps, step + 1) << "a source that failed is not asked again";
    }
  }
  EXPECT_GT(failures, 500);
}

}  // namespace
}  // namespace pgz
