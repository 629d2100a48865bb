#include "engine/lsm/list_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/lsm/sorted_list.h"

namespace pgz {
namespace {

struct Less {
  bool operator()(const ListNode* a, const ListNode* b) const {
    return compare_internal(a->key(), b->key()) < 0;
  }
};

class ListIndexTest : public testing::Test {
 protected:
  ListNode* make(const std::string& user_key, uint64_t ts) {
    auto* node =
        new (arena_.allocate_words(sizeof(ListNode) + user_key.size() + kTrailerBytes)) ListNode;
    node->key_bytes = static_cast<uint16_t>(user_key.size() + kTrailerBytes);
    std::copy(user_key.begin(), user_key.end(), node->bytes());
    store_trailer(node->bytes() + user_key.size(), make_trailer(ts, 1));
    return node;
  }
  static ListKey key_of(const ListNode* node) {
    return {node->user_key(), load_trailer(node->key())};
  }
  void add(ListNode* node) { index_.add(node, index_.find(key_of(node))); }

  // How many of the sorted nodes between what the index gives and the key, over all.
  uint64_t steps(const std::vector<ListNode*>& sorted) {
    uint64_t sum = 0;
    for (size_t i = 0; i < sorted.size(); i++) {
      const ListNode* below = index_.find(key_of(sorted[i])).below;
      size_t at = 0;
      if (below != head_) {
        at = static_cast<size_t>(std::lower_bound(sorted.begin(), sorted.end(), below, Less()) -
                                 sorted.begin()) +
             1;
      }
      EXPECT_LE(at, i) << "not below the key";
      sum += i - at;
    }
    return sum;
  }

  ConcurrentArena arena_;
  ListNode* head_ = make("", 0);
  ListIndex index_{&arena_, head_};
};

std::string number(uint64_t n, size_t digits) {
  std::string text = std::to_string(n);
  return std::string(digits - std::min(digits, text.size()), '0') + text;
}

// Shapes of keys that differ in how much they have in common.
std::vector<std::function<std::string(uint64_t)>> shapes() {
  return {
      [](uint64_t n) { return number(n, 16); },
      [](uint64_t n) { return "table" + number(n % 7, 8) + "/" + number(n / 7, 12); },
      [](uint64_t n) { return std::string(n % 50, 'a') + number(n, 1); },
      [](uint64_t n) { return std::string(1 + n % 300, '\0'); },  // many versions of each
      [](uint64_t n) { return std::string(1, static_cast<char>(n >> 8)) + number(n, 5) + "tail"; },
  };
}

TEST_F(ListIndexTest, LeadsToTheLastNodeBelowWhoeverComesFirst) {
  constexpr uint64_t kNodes = 5000;
  for (const auto& shape : shapes()) {
    for (const std::string order : {"up", "down", "random"}) {
      ListNode* head = make("", 0);
      ListIndex index(&arena_, head);
      std::vector<ListNode*> sorted;
      for (uint64_t n = 0; n < kNodes; n++) sorted.push_back(make(shape(n), 1 + n));
      std::sort(sorted.begin(), sorted.end(), Less());
      std::vector<ListNode*> nodes = sorted;
      if (order == "down") std::reverse(nodes.begin(), nodes.end());
      if (order == "random") std::shuffle(nodes.begin(), nodes.end(), std::mt19937(7));
      for (ListNode* node : nodes) index.add(node, index.find(key_of(node)));
      for (size_t i = 0; i < kNodes; i++) {
        const ListNode* below = index.find(key_of(sorted[i])).below;
        ASSERT_EQ(below, i == 0 ? head : sorted[i - 1]) << order << " " << sorted[i]->user_key();
      }
      EXPECT_EQ(index.near_end(), sorted.back());
    }
  }
}

TEST_F(ListIndexTest, TogetherLeadsWhereEachAloneDoes) {
  for (const auto& shape : shapes()) {
    ListNode* head = make("", 0);
    ListIndex index(&arena_, head);
    std::vector<ListNode*> sorted;
    for (uint64_t n = 0; n < 3000; n++) sorted.push_back(make(shape(n), 1 + n));
    std::sort(sorted.begin(), sorted.end(), Less());
    for (size_t i = 0; i < sorted.size(); i += 2)
      index.add(sorted[i], index.find(key_of(sorted[i])));
    std::vector<ListKey> keys;
    const auto check = [&] {
      std::vector<ListIndex::Place> places(keys.size());
      index.find_together(keys, places.data());
      for (size_t i = 0; i < keys.size(); i++) {
        const ListIndex::Place alone = index.find(keys[i]);
        ASSERT_EQ(places[i].below, alone.below);
        ASSERT_EQ(places[i].block, alone.block);
        ASSERT_EQ(places[i].slot, alone.slot);
      }
      keys.clear();
    };
    for (const ListNode* node : sorted) {
      keys.push_back(key_of(node));
      if (keys.size() == ListIndex::kTogether) check();
    }
    check();
  }
}

// A block that was right once may have been split since: the index goes on to the right.
TEST_F(ListIndexTest, AnOldBlockIsAsGood) {
  std::vector<ListNode*> nodes;
  for (uint64_t n = 0; n < 3000; n++) nodes.push_back(make(number(n, 16), 1));
  const ListIndex::Place first = index_.find(key_of(nodes[0]));
  for (ListNode* node : nodes) index_.add(node, {head_, first.block});
  EXPECT_EQ(steps(nodes), 0u);
}

TEST_F(ListIndexTest, ManyWritersAndReaders) {
  constexpr uint64_t kWriters = 4;
  constexpr uint64_t kEach = 5000;
  std::vector<ListNode*> sorted;
  for (uint64_t n = 0; n < kWriters * kEach; n++) sorted.push_back(make(number(n, 16), 1));
  std::atomic<bool> done{false};
  std::thread reader([&] {
    std::mt19937 rng(3);
    while (!done.load()) {
      std::array<ListKey, ListIndex::kTogether> keys;
      std::array<ListIndex::Place, ListIndex::kTogether> places;
      for (ListKey& key : keys) key = key_of(sorted[rng() % sorted.size()]);
      index_.find_together(keys, places.data());
      for (size_t i = 0; i < keys.size(); i++) {
        for (const ListNode* below : {places[i].below, index_.find(keys[i]).below}) {
          ASSERT_TRUE(below == head_ || compare_node(below, keys[i]) < 0);
        }
      }
    }
  });
  std::vector<std::thread> writers;
  for (uint64_t w = 0; w < kWriters; w++) {
    writers.emplace_back([&, w] {
      std::vector<ListNode*> mine;
      for (uint64_t i = 0; i < kEach; i++) mine.push_back(sorted[i * kWriters + w]);
      if (w > 0) std::shuffle(mine.begin(), mine.end(), std::mt19937(static_cast<unsigned>(w)));
      for (ListNode* node : mine) add(node);
    });
  }
  for (std::thread& writer : writers) writer.join();
  done = true;
  reader.join();
  // How many were left out because a block was busy depends on who lost the processor meanwhile.
  // With nobody else at work, whatever is put in stays in, at its place.
  for (ListNode* node : sorted) add(node);
  EXPECT_EQ(steps(sorted), 0u);
}

// Writers that lose the processor while they hold a block make others leave out thousands of nodes.
// Whoever walks over those puts some in, so that no look-up after them walks as far.
TEST(SortedListIndex, WhatWasLeftOutIsPutInByThoseWhoWalk) {
  constexpr uint64_t kKeys = 4000;
  SortedList list;
  const uint64_t trailer = make_trailer(1, 1);
  const auto key = [](uint64_t n) { return number(n, 16); };
  const auto farthest = [&] {
    uint64_t most = 0;
    for (uint64_t n = 0; n < kKeys; n++) {
      const std::string user_key = key(n);
      const ListNode* node = list.index()->find({user_key, trailer}).below;
      uint64_t steps = 0;
      for (; (node = SortedList::next(node))->user_key() < Slice(user_key); steps++) {
      }
      most = std::max(most, steps);
    }
    return most;
  };
  const std::string first = key(0);
  ListIndex::Block* block = list.index()->find({first, trailer}).block;
  ASSERT_TRUE(ListIndex::hold(block));
  for (uint64_t n = 0; n < kKeys; n++) ASSERT_TRUE(list.insert(key(n), trailer, ""));
  EXPECT_EQ(farthest(), kKeys - 1);
  ListIndex::let_go(block);
  ASSERT_NE(list.at_or_after(key(kKeys - 1), trailer), nullptr);
  EXPECT_LE(farthest(), 16u);
}

}  // namespace
}  // namespace pgz
