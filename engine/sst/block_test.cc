#include "engine/sst/block.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace pgz {
namespace {

struct InternalLess {
  bool operator()(const std::string& a, const std::string& b) const {
    return compare_internal(a, b) < 0;
  }
};
using Model = std::map<std::string, std::string, InternalLess>;

std::string ikey(Slice user_key, uint64_t ts, Kind kind = Kind::kValue) {
  std::string key;
  append_internal_key(&key, user_key, ts, kind);
  return key;
}

std::string build(const Model& model, uint32_t interval) {
  BlockBuilder builder(interval);
  for (const auto& [key, value] : model) builder.add(key, value);
  return std::string(builder.finish());
}

Model random_model(uint32_t seed, int entries, bool unique_keys_at_zero) {
  std::mt19937 rng(seed);
  Model model;
  for (int i = 0; i < entries; i++) {
    // Bytes 0xff and 0x00 make user keys look like trailers.
    std::string user;
    const char letters[] = {'a', 'b', '\0', '\xff', '\xfe'};
    for (size_t n = rng() % 12; n > 0; n--) user.push_back(letters[rng() % 5]);
    if (rng() % 10 == 0) user.append(300, 'x');
    const uint64_t ts = unique_keys_at_zero ? 0 : rng() % 20;
    model[ikey(user, ts)] = std::string(rng() % 40, static_cast<char>('a' + rng() % 26));
  }
  return model;
}

void expect_same(const Model& model, BlockIterator* it) {
  it->seek_to_first();
  for (const auto& [key, value] : model) {
    ASSERT_TRUE(it->valid());
    EXPECT_EQ(it->key(), key);
    EXPECT_EQ(it->value(), value);
    it->next();
  }
  EXPECT_FALSE(it->valid());
  it->seek_to_last();
  for (auto at = model.rbegin(); at != model.rend(); ++at) {
    ASSERT_TRUE(it->valid());
    EXPECT_EQ(it->key(), at->first);
    it->prev();
  }
  EXPECT_FALSE(it->valid());
  EXPECT_FALSE(it->corrupt());
}

TEST(Block, WalksAndSeeksLikeAMap) {
  for (uint32_t seed = 0; seed < 30; seed++) {
    const Model model = random_model(seed, 1 + static_cast<int>(seed) * 7, false);
    const std::string block = build(model, 1 + seed % 17);
    BlockIterator it;
    it.init(block, 0);
    expect_same(model, &it);
    const Model targets = random_model(seed + 1000, 50, false);
    for (const auto& [target, unused] : targets) {
      it.seek(target);
      const auto expected = model.lower_bound(target);
      ASSERT_EQ(it.valid(), expected != model.end());
      if (it.valid()) {
        EXPECT_EQ(it.key(), expected->first);
      }
    }
  }
}

TEST(Block, PutsTheGlobalTimestampIntoEveryKey) {
  for (uint32_t seed = 0; seed < 20; seed++) {
    const Model stored = random_model(seed, 60, true);
    Model shown;
    for (const auto& [key, value] : stored) shown[ikey(user_key_of(key), 77)] = value;
    const std::string block = build(stored, 16);
    BlockIterator it;
    it.init(block, 77);
    expect_same(shown, &it);
    for (const auto& [key, value] : shown) {
      it.seek(ikey(user_key_of(key), 78));
      ASSERT_TRUE(it.valid());
      EXPECT_EQ(it.key(), key);
      it.seek(ikey(user_key_of(key), 76));  // older than the run: the next user key
      const auto after = std::next(shown.find(key));
      ASSERT_EQ(it.valid(), after != shown.end());
      if (it.valid()) {
        EXPECT_EQ(it.key(), after->first);
      }
    }
  }
}

TEST(Block, KeysLongerThanAnyAreRefused) {
  for (const size_t bytes : {kMaxUserKeyBytes, kMaxUserKeyBytes + 1, size_t{70'000}}) {
    BlockBuilder builder(16);
    builder.add(ikey(std::string(bytes, 'k'), 1), "v");
    const std::string block(builder.finish());
    BlockIterator it;
    it.init(block, 0);
    it.seek_to_first();
    EXPECT_EQ(it.valid(), bytes == kMaxUserKeyBytes);
    EXPECT_EQ(it.corrupt(), bytes != kMaxUserKeyBytes);
  }
}

TEST(Block, AnyBytesAreWalkedWithoutHarm) {
  const Model model = random_model(5, 100, false);
  const std::string sound = build(model, 16);
  std::mt19937 rng(1);
  for (int round = 0; round < 3000; round++) {
    std::string block = sound;
    for (int hits = 1 + static_cast<int>(rng() % 4); hits > 0; hits--) {
      block[rng() % block.size()] = static_cast<char>(rng());
    }
    if (rng() % 4 == 0) block.resize(rng() % block.size());
    // A copy of exact size lets the address sanitizer see a read beyond the end.
    const auto exact = std::make_unique<char[]>(block.size() + 1);
    std::copy(block.begin(), block.end(), exact.get());
    BlockIterator it;
    it.init(Slice(exact.get(), block.size()), 0);
    int steps = 0;
    for (it.seek_to_first(); it.valid() && steps < 10000; it.next()) steps++;
    it.init(Slice(exact.get(), block.size()), 0);
    for (it.seek_to_last(); it.valid() && steps < 20000; it.prev()) steps++;
    it.init(Slice(exact.get(), block.size()), 0);
    it.seek(ikey("ab", 3));
    EXPECT_LT(steps, 20000);
  }
}

}  // namespace
}  // namespace pgz
