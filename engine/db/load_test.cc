// Loads in key order, into several ranges at once, with what can come between them: keys out of
// order and again, savepoints, reads, ranges created later. Compared with a model.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/db/cursor.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

using Model = std::map<std::string, std::string>;

// The first key that differs, empty when none does.
std::string difference(const Model& seen, const Model& wanted) {
  const auto show = [](const char* what, const auto& kv) {
    return std::string(what) + kv.first + " = " + kv.second + "; ";
  };
  auto a = seen.begin();
  auto b = wanted.begin();
  while (a != seen.end() && b != wanted.end() && *a == *b) a++, b++;
  return (a == seen.end() ? "" : show("seen ", *a)) +
         (b == wanted.end() ? "" : show("wanted ", *b));
}

class LoadTest : public testing::Test {
 protected:
  LoadTest() : io_(2), rng_(1) { open(); }

  void open() {
    const Runtime runtime{&io_, system_clock(), &rng_, thread_executor()};
    DbOptions options;
    options.log_slot_bytes = 1 << 20;
    options.memory_budget_bytes = 8 << 20;
    options.spill_bytes = 16 << 10;
    Result<std::unique_ptr<Db>> opened = Db::open(runtime, "/db", options, [] {});
    ASSERT_TRUE(opened.is_ok()) << opened.status().to_string();
    db_ = opened.take();
  }
  void reopen() {
    ASSERT_TRUE(db_->close().is_ok());
    db_.reset();
    open();
  }
  static std::string key(char stream, uint64_t i) {
    char name[24];
    std::snprintf(name, sizeof name, "%c%08llu", stream, static_cast<unsigned long long>(i));
    return name;
  }
  // Everything in [lower, upper) as the transaction (may be null) sees it.
  Model scan(Transaction* txn, const std::string& lower, const std::string& upper) {
    Model seen;
    Cursor cursor(db_.get(), txn, {}, lower, upper);
    FetchBatch batch;
    do {
      batch = FetchBatch{};
      batch.rows = rows_;
      batch.max_rows = 64;
      batch.buffer = buffer_.data();
      batch.capacity = buffer_.size();
      const Status s = cursor.fetch(&batch);
      EXPECT_TRUE(s.is_ok()) << s.to_string();
      if (!s.is_ok()) break;
      for (uint32_t r = 0; r < batch.count; r++) {
        seen[buffer_.substr(rows_[r].key_offset, rows_[r].key_len)] =
            buffer_.substr(rows_[r].value_offset, rows_[r].value_len);
      }
    } while (!batch.done);
    return seen;
  }
  void load(uint64_t seed);

  SimIo io_;
  SplitMixRng rng_;
  std::unique_ptr<Db> db_;
  Model model_;
  RowOut rows_[64];
  std::string buffer_ = std::string(64 << 10, '\0');
};

// One transaction: streams a to d ascend; c and d go into ranges it creates, d's in the middle.
void LoadTest::load(uint64_t seed) {
  SplitMixRng rng(seed);
  auto txn = db_->begin({});
  OpNum op = 1;
  Model mine = model_;
  struct Savepoint {
    OpNum op;
    Model model;
    bool has_d;
  };
  std::vector<Savepoint> savepoints;
  uint64_t next[4] = {rng.uniform(1000), 0, 0, 0};
  const std::string base = std::to_string(seed % 10);
  bool has_d = false;
  ASSERT_TRUE(txn->own_range(op, "c" + base, "c" + base + "~").is_ok());
  const uint64_t streams = 1 + rng.uniform(4);
  const int steps = 2500;
  for (int i = 0; i < steps; i++) {
    if (i == steps / 3 && !has_d) {
      ASSERT_TRUE(txn->own_range(++op, "d" + base, "d" + base + "~").is_ok());
      has_d = true;
      op++;
    }
    const uint64_t stream = 3 - rng.uniform(streams);
    std::string k = "abcd"[stream] + base + key('k', next[stream] += 1 + rng.uniform(3));
    if (rng.uniform(40) == 0) {  // one that was, or will be, written in order
      const uint64_t near = next[stream] + rng.uniform(200);
      k = "abcd"[stream] + base + key('k', near > 100 ? near - 100 : 0);
    }
    if (rng.uniform(50) == 0) {
      ASSERT_TRUE(txn->remove(op, k).is_ok());
      mine.erase(k);
    } else {
      const std::string value = std::to_string(i) + std::string(rng.uniform(90), 'v');
      ASSERT_TRUE(txn->put(op, k, value).is_ok());
      mine[k] = value;
    }
    const uint64_t what = rng.uniform(1500);
    if (what == 0) {
      savepoints.push_back({++op, mine, has_d});
    } else if (what == 1 && !savepoints.empty() && savepoints.back().has_d == has_d) {
      mine = savepoints.back().model;
      ASSERT_TRUE(txn->rollback_to(savepoints.back().op).is_ok());
      savepoints.pop_back();
    } else if (what == 2) {
      op++;
    } else if (what < 4) {
      ASSERT_EQ(difference(scan(txn.get(), "a", "e"), mine), "") << i;
    } else if (what < 10) {
      auto it = mine.find(k);
      const Model one = scan(txn.get(), k, k + std::string(1, '\0'));
      ASSERT_EQ(one, it == mine.end() ? Model{} : Model{*it});
    }
  }
  ASSERT_EQ(difference(scan(txn.get(), "a", "e"), mine), "");
  uint64_t ts = 0;
  if (rng.uniform(4) == 0) {
    txn->abort();
  } else {
    const Status s = txn->commit(false, 0, &ts);
    ASSERT_TRUE(s.is_ok()) << s.to_string();
    model_ = mine;
  }
}

TEST_F(LoadTest, AgreesWithAModel) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    SCOPED_TRACE(seed);
    if (seed % 10 == 0) {  // ranges that are created must be empty
      auto txn = db_->begin({});
      ASSERT_TRUE(txn->drop_range(1, "a", "e").is_ok());
      uint64_t ts = 0;
      ASSERT_TRUE(txn->commit(false, 0, &ts).is_ok());
      model_.clear();
    }
    load(seed);
    if (HasFatalFailure()) return;
    ASSERT_EQ(difference(scan(nullptr, "a", "e"), model_), "");
    if (seed % 5 != 0) continue;
    reopen();
    ASSERT_EQ(difference(scan(nullptr, "a", "e"), model_), "");
  }
  ASSERT_TRUE(db_->close().is_ok());
}

// Every row moves down by some runs' worth of rows: its new key was deleted under the same number,
// in a run that others followed.
TEST_F(LoadTest, OfWritesWithOneNumberTheLaterStays) {
  constexpr int kRows = 4000;
  constexpr int kDown = 500;
  auto txn = db_->begin({});
  Model wanted;
  for (int i = 0; i < kRows; i++) {
    const std::string k = key('k', static_cast<uint64_t>(kDown + i));
    const std::string down = key('k', static_cast<uint64_t>(i));
    ASSERT_TRUE(txn->remove(1, k).is_ok());
    ASSERT_TRUE(txn->put(1, down, k).is_ok());
    wanted[down] = k;
  }
  ASSERT_EQ(difference(scan(txn.get(), "a", "z"), wanted), "");
  uint64_t ts = 0;
  ASSERT_TRUE(txn->commit(false, 0, &ts).is_ok());
  ASSERT_EQ(difference(scan(nullptr, "a", "z"), wanted), "");
  ASSERT_TRUE(db_->close().is_ok());
}

}  // namespace
}  // namespace pgz
