#include "engine/sst/block_index.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>
#include <string>

#include "engine/sst/block.h"
#include "engine/sst/hash.h"
#include "engine/sst/internal_key.h"

namespace pgz::sst {
namespace {

struct InternalLess {
  bool operator()(const std::string& a, const std::string& b) const {
    return compare_internal(a, b) < 0;
  }
};
using Model = std::map<std::string, std::string, InternalLess>;

std::string random_user_key(std::mt19937* rng) {
  std::string user;
  const char letters[] = {'a', 'b', '\0', '\xff', '\xfe'};
  for (size_t n = (*rng)() % 14; n > 0; n--) user.push_back(letters[(*rng)() % 5]);
  if ((*rng)() % 10 == 0) user.append(40, 'x');
  return user;
}

Model random_model(std::mt19937* rng, int entries, bool one_version, const std::string& prefix) {
  Model model;
  for (int i = 0; i < entries; i++) {
    const std::string user = prefix + random_user_key(rng);
    const uint64_t versions = one_version ? 1 : 1 + (*rng)() % 6;
    for (uint64_t v = 0; v < versions; v++) {
      std::string key;
      const Kind kind = !one_version && (*rng)() % 5 == 0 ? Kind::kTombstone : Kind::kValue;
      append_internal_key(&key, user, one_version ? 0 : 1 + (*rng)() % 30, kind);
      model.emplace(std::move(key), std::string((*rng)() % 200, 'v') + std::to_string(i));
    }
  }
  return model;
}

OwnedBlock block_of(const Model& model, uint32_t interval) {
  BlockBuilder builder(interval);
  for (const auto& [key, value] : model) builder.add(key, value);
  const Slice bytes = builder.finish();
  OwnedBlock block = BlockContents::make(bytes.size(), 0);
  std::memcpy(block->bytes(), bytes.data(), bytes.size());
  return block;
}

// What the model says of the newest version at or below read_ts.
const std::pair<const std::string, std::string>* expected(const Model& model, Slice user,
                                                          uint64_t read_ts) {
  std::string seek;
  append_seek_key(&seek, user, read_ts);
  const auto at = model.lower_bound(seek);
  return at == model.end() || user_key_of(at->first) != user ? nullptr : &*at;
}

void expect_version(const Model& model, const BlockContents& block, Slice user, uint64_t read_ts) {
  const auto* want = expected(model, user, read_ts);
  uint64_t trailer = 0;
  Slice value;
  const BlockFind found =
      find_version(block, 0, user, hash_key(user), make_trailer(read_ts, 0xff), &trailer, &value);
  ASSERT_EQ(found, want == nullptr ? BlockFind::kAbsent : BlockFind::kFound);
  if (want == nullptr) return;
  EXPECT_EQ(trailer, load_trailer(want->first));
  EXPECT_EQ(value, want->second);
}

TEST(BlockIndex, VersionsAreFoundWithAndWithoutIt) {
  int with_index = 0;
  for (uint32_t seed = 0; seed < 60; seed++) {
    std::mt19937 rng(seed);
    const Model model =
        random_model(&rng, 1 + static_cast<int>(seed), false, std::string(seed % 9, 'p'));
    const OwnedBlock plain = block_of(model, 1 + seed % 17);
    OwnedBlock indexed = block_of(model, 1 + seed % 17);
    add_hash_index(&indexed);
    ASSERT_EQ(plain->slice(), indexed->slice());
    if (indexed->index_kind == BlockContents::Index::kHash) with_index++;
    for (int i = 0; i < 200; i++) {
      const auto at = std::next(model.begin(), static_cast<long>(rng() % model.size()));
      const std::string user = rng() % 2 == 0 ? std::string(user_key_of(at->first))
                                              : std::string(seed % 9, 'p') + random_user_key(&rng);
      const uint64_t read_ts = rng() % 32;
      expect_version(model, *plain, user, read_ts);
      expect_version(model, *indexed, user, read_ts);
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
    }
  }
  EXPECT_GT(with_index, 40);
}

TEST(BlockIndex, AGlobalTimestampStandsForTheKeysOwn) {
  std::mt19937 rng(1);
  const Model model = random_model(&rng, 40, true, "p");
  OwnedBlock block = block_of(model, 4);
  add_hash_index(&block);
  ASSERT_EQ(block->index_kind, BlockContents::Index::kHash);
  for (const auto& [key, bytes] : model) {
    const Slice user = user_key_of(key);
    uint64_t trailer = 0;
    Slice value;
    const auto find = [&](uint64_t read_ts) {
      return find_version(*block, 7, user, hash_key(user), make_trailer(read_ts, 0xff), &trailer,
                          &value);
    };
    EXPECT_EQ(find(6), BlockFind::kAbsent);
    ASSERT_EQ(find(7), BlockFind::kFound);
    EXPECT_EQ(trailer_ts(trailer), 7u);
    EXPECT_EQ(trailer_kind(trailer), trailer_kind(load_trailer(key)));
    EXPECT_EQ(value, bytes);
  }
}

TEST(BlockIndex, ChildrenAreFoundWithAndWithoutIt) {
  for (uint32_t seed = 0; seed < 60; seed++) {
    std::mt19937 rng(seed);
    const std::string prefix(seed * 3 % 50, seed % 2 == 0 ? 'p' : '\xff');
    Model model = random_model(&rng, 1 + static_cast<int>(seed) * 2, false, prefix);
    uint64_t blocks = 0;
    for (auto& [key, handle] : model) {
      handle.clear();
      BlockHandle{blocks++ * 12345, 1 + rng() % 100000}.encode(&handle);
    }
    const OwnedBlock plain = block_of(model, 1);
    OwnedBlock indexed = block_of(model, 1);
    add_prefix_index(&indexed);
    ASSERT_EQ(indexed->index_kind, BlockContents::Index::kPrefix);
    for (int i = 0; i < 300; i++) {
      const std::string user = (rng() % 8 == 0 ? std::string() : prefix) + random_user_key(&rng);
      const uint64_t trailer = make_trailer(rng() % 32, 0xff);
      std::string seek;
      append_internal_key(&seek, user, trailer);
      const auto want = model.lower_bound(seek);
      for (const BlockContents* block : {plain.get(), indexed.get()}) {
        Child child;
        const BlockFind found = find_child(*block, user, trailer, &child);
        ASSERT_EQ(found, want == model.end() ? BlockFind::kAbsent : BlockFind::kFound) << seed;
        if (want == model.end()) continue;
        std::string handle;
        child.handle.encode(&handle);
        ASSERT_EQ(handle, want->second) << seed;
        ASSERT_EQ(child.ordinal, std::distance(model.begin(), want)) << seed;
      }
    }
  }
}

TEST(BlockIndex, AHandleTooLargeForItIsFoundAllTheSame) {
  Model model;
  for (uint64_t i = 0; i < 3; i++) {
    std::string key;
    append_internal_key(&key, std::string(1, static_cast<char>('b' + i)), 1, Kind::kValue);
    BlockHandle{i << 40, i << 25}.encode(&model[key]);
  }
  OwnedBlock block = block_of(model, 1);
  add_prefix_index(&block);
  Child child;
  ASSERT_EQ(find_child(*block, "c", 0, &child), BlockFind::kFound);
  EXPECT_EQ(child.handle.offset, uint64_t{1} << 40);
  EXPECT_EQ(child.handle.size, uint64_t{1} << 25);
}

TEST(BlockIndex, BytesThatAreNoBlockAreRefused) {
  std::mt19937 rng(1);
  for (int round = 0; round < 5000; round++) {
    const Model model = random_model(&rng, 10, false, "p");
    OwnedBlock block = block_of(model, round % 2 == 0 ? 1 : 4);
    for (uint64_t n = 1 + rng() % 4; n > 0; n--) {
      block->bytes()[rng() % block->size] = static_cast<char>(rng());
    }
    round % 2 == 0 ? add_prefix_index(&block) : add_hash_index(&block);
    uint64_t trailer = 0;
    Slice value(block->bytes(), 0);
    Child child;
    // Whatever they answer, they stay within the block.
    for (const auto& [key, unused] : model) {
      const Slice user = user_key_of(key);
      const BlockFind found = round % 2 == 0 ? find_child(*block, user, load_trailer(key), &child)
                                             : find_version(*block, 0, user, hash_key(user),
                                                            load_trailer(key), &trailer, &value);
      if (found == BlockFind::kFound) {
        ASSERT_GE(value.data(), block->bytes());
        ASSERT_LE(value.data() + value.size(), block->bytes() + block->size);
      }
    }
  }
}

}  // namespace
}  // namespace pgz::sst
