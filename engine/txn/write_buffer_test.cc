#include "engine/txn/write_buffer.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace pgz {
namespace {

TEST(WriteBuffer, ReadsSeeWritesBelowTheirNumber) {
  WriteBuffer buffer;
  buffer.add(1, Kind::kValue, "a", "one");
  buffer.add(3, Kind::kValue, "a", "three");
  buffer.add(5, Kind::kTombstone, "a", "");
  EXPECT_EQ(buffer.find("a", 0), nullptr);
  EXPECT_EQ(buffer.find("a", 1), nullptr);
  EXPECT_EQ(buffer.find("a", 2)->value, "one");
  EXPECT_EQ(buffer.find("a", 3)->value, "one");
  EXPECT_EQ(buffer.find("a", 4)->value, "three");
  EXPECT_EQ(buffer.find("a", kOpAll)->kind, Kind::kTombstone);
  EXPECT_EQ(buffer.find("b", kOpAll), nullptr);
}

TEST(WriteBuffer, SameNumberReplaces) {
  WriteBuffer buffer;
  buffer.add(2, Kind::kValue, "k", "old");
  buffer.add(2, Kind::kValue, "k", "newer");
  EXPECT_EQ(buffer.live(), 1u);
  EXPECT_EQ(buffer.find("k", 3)->value, "newer");
}

TEST(WriteBuffer, CutUndoesFromTheNumberOn) {
  WriteBuffer buffer;
  buffer.add(1, Kind::kValue, "a", "1");
  buffer.add(2, Kind::kValue, "a", "2");
  buffer.add(3, Kind::kValue, "b", "3");
  buffer.cut(2);
  EXPECT_EQ(buffer.live(), 1u);
  EXPECT_EQ(buffer.find("a", kOpAll)->value, "1");
  EXPECT_EQ(buffer.find("b", kOpAll), nullptr);
  // A number may come back after a rollback to it.
  buffer.add(2, Kind::kValue, "a", "again");
  EXPECT_EQ(buffer.find("a", kOpAll)->value, "again");
  EXPECT_EQ(buffer.live(), 2u);
  buffer.cut(0);
  EXPECT_EQ(buffer.live(), 0u);
  EXPECT_EQ(buffer.live_bytes(), 0u);
}

TEST(WriteBuffer, CutUndoesWhatCameBack) {
  WriteBuffer buffer;
  buffer.add(2, Kind::kTombstone, "k", "");
  buffer.cut(1);
  buffer.add(2, Kind::kValue, "k", "again");
  buffer.cut(2);
  EXPECT_EQ(buffer.live(), 0u);
  EXPECT_EQ(buffer.find("k", kOpAll), nullptr);
}

TEST(WriteBuffer, WalksBackward) {
  WriteBuffer buffer;
  EXPECT_EQ(buffer.last(), nullptr);
  for (const char* key : {"b", "a", "c"}) buffer.add(1, Kind::kValue, key, key);
  EXPECT_EQ(buffer.last()->key, "c");
  EXPECT_EQ(buffer.before("c")->key, "b");
  EXPECT_EQ(buffer.before("a"), nullptr);
  EXPECT_EQ(buffer.seek("bb")->key, "c");
  EXPECT_EQ(buffer.seek("d"), nullptr);
}

// What waits to be sorted ends up as if each write had gone to its place at once.
TEST(WriteBuffer, LaterIsTheSameAsAtOnce) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 40; round++) {
    WriteBuffer at_once;
    WriteBuffer later;
    const std::string prefix(random() % 20, 'p');
    OpNum op = 1;
    for (int i = 0; i < 1000; i++) {
      op += random() % 50 == 0 ? 1 : 0;
      // Keys that begin alike, that one another begin with, zeros at the end, in runs of any order.
      std::string key = prefix.substr(0, random() % 2 == 0 ? prefix.size() : 4);
      if (random() % 8 != 0) {
        key += std::to_string(random() % 300) + std::string(random() % 3, '\0');
      }
      const Kind kind = random() % 10 == 0 ? Kind::kTombstone : Kind::kValue;
      const std::string value = kind == Kind::kValue ? std::to_string(i) : "";
      at_once.add(op, kind, key, value);
      later.add_later(op, kind, key, value);
      EXPECT_FALSE(later.is_empty());
      if (random() % 300 == 0) {
        const OpNum to = 1 + static_cast<OpNum>(random() % op);
        later.settle();
        at_once.cut(to);
        later.cut(to);
      }
      if (random() % 200 == 0) later.add(op, kind, key, value);
      if (random() % 100 == 0) later.settle();
    }
    later.settle();
    EXPECT_EQ(later.live(), at_once.live());
    EXPECT_EQ(later.live_bytes(), at_once.live_bytes());
    EXPECT_EQ(later.max_op(), at_once.max_op());
    const WriteBuffer::Node* b = later.first();
    for (const WriteBuffer::Node* a = at_once.first(); a != nullptr; a = a->next[0]) {
      ASSERT_NE(b, nullptr);
      ASSERT_EQ(a->key, b->key);
      ASSERT_EQ(a->op, b->op);
      ASSERT_EQ(a->dead, b->dead);
      ASSERT_TRUE(a->dead || (a->value == b->value && a->kind == b->kind));
      ASSERT_EQ(later.find(a->key, kOpAll) == nullptr, at_once.find(a->key, kOpAll) == nullptr);
      ASSERT_EQ(later.seek(a->key)->key, a->key);
      b = b->next[0];
    }
    ASSERT_EQ(b, nullptr);
  }
}

TEST(WriteBuffer, OnlyWhatWaitsIsNotEmpty) {
  WriteBuffer buffer;
  EXPECT_TRUE(buffer.is_empty());
  for (int i = 0; i < 100; i++) buffer.add(1, Kind::kValue, "m" + std::to_string(i), "");
  buffer.cut(1);
  EXPECT_TRUE(buffer.is_empty());
  for (int i = 0; i < 100; i++) buffer.add(1, Kind::kValue, "m" + std::to_string(i), "");
  buffer.add_later(2, Kind::kValue, "a", "");
  EXPECT_EQ(buffer.find("a", kOpAll), nullptr);  // it waits
  buffer.cut(1);
  EXPECT_FALSE(buffer.is_empty());
  buffer.settle();
  EXPECT_NE(buffer.find("a", kOpAll), nullptr);
}

TEST(WriteBuffer, AgreesWithAModel) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; round++) {
    WriteBuffer buffer;
    std::map<std::string, std::map<OpNum, std::string>> model;
    OpNum op = 1;
    for (int i = 0; i < 500; i++) {
      op += static_cast<OpNum>(random() % 2);
      const std::string key = std::to_string(random() % 60);
      const std::string value = std::to_string(i);
      buffer.add(op, Kind::kValue, key, value);
      model[key][op] = value;
      if (random() % 40 == 0) {
        const OpNum to = 1 + static_cast<OpNum>(random() % op);
        buffer.cut(to);
        for (auto& [k, versions] : model) versions.erase(versions.lower_bound(to), versions.end());
      }
      const std::string probe = std::to_string(random() % 60);
      const OpNum read_op = static_cast<OpNum>(random() % (op + 2));
      auto it = model[probe].lower_bound(read_op);
      const WriteBuffer::Node* found = buffer.find(probe, read_op);
      if (it == model[probe].begin()) {
        ASSERT_EQ(found, nullptr);
      } else {
        ASSERT_NE(found, nullptr);
        ASSERT_EQ(found->value, std::prev(it)->second);
      }
    }
    // The list is in order and its tails are right: an append lands at the end.
    std::string previous;
    for (auto* n = buffer.first(); n != nullptr; n = n->next[0]) {
      ASSERT_LE(previous, std::string(n->key));
      previous = std::string(n->key);
    }
    buffer.add(op, Kind::kValue, "zzz", "");
    ASSERT_EQ(buffer.last()->key, "zzz");
  }
}

}  // namespace
}  // namespace pgz
