#include "engine/txn/lock_table.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <thread>

#include "engine/base/clock.h"

namespace pgz {
namespace {

// Collects how waits ended; lets a test wait for one.
class Sink : public LockSink {
 public:
  void lock_wait_ended(uint64_t tag, Status status) override {
    MutexLock lock(&mu_);
    EXPECT_FALSE(ended_.contains(tag)) << "told twice: " << tag;
    ended_[tag] = status.code();
    cv_.notify_all();
  }
  Code wait_for(uint64_t tag) {
    MutexLock lock(&mu_);
    while (!ended_.contains(tag)) {
      if (!cv_.wait_for(&mu_, 20'000'000)) return Code::kUnknown;
    }
    const Code code = ended_[tag];
    ended_.erase(tag);
    return code;
  }
  bool told(uint64_t tag) {
    MutexLock lock(&mu_);
    return ended_.contains(tag);
  }

 private:
  Mutex mu_;
  CondVar cv_;
  std::map<uint64_t, Code> ended_;
};

class LockTableTest : public testing::Test {
 protected:
  void make(uint64_t memory_bytes, uint64_t deadlock_timeout_micros) {
    Runtime runtime;
    runtime.clock = system_clock();
    runtime.executor = thread_executor();
    LockTableOptions options;
    options.memory_bytes = memory_bytes;
    options.deadlock_timeout_micros = deadlock_timeout_micros;
    table_ = std::make_unique<LockTable>(runtime, options, &sink_);
  }
  void SetUp() override { make(1 << 20, 20'000); }
  void TearDown() override {
    table_->end_waits(Status::make(Code::kClosed, "over"));
    for (auto& [id, owner] : owners_) table_->release_all(owner.get());
    EXPECT_EQ(table_->stats().held, 0u);
    EXPECT_EQ(table_->stats().memory_bytes, 0u);
    owners_.clear();
    table_.reset();
  }
  LockOwner* owner(int id) {
    auto& slot = owners_[id];
    if (slot == nullptr) slot = std::make_unique<LockOwner>(id);
    return slot.get();
  }
  // A wait of owner `id` has the tag `id`.
  Code lock(int id, LockSpace space, Slice name, LockMode mode, OpNum op = 1,
            uint64_t timeout_micros = 0) {
    LockWait wait;
    wait.tag = static_cast<uint64_t>(id);
    wait.timeout_micros = timeout_micros;
    return table_->acquire(owner(id), space, name, mode, op, wait, nullptr).code();
  }
  Code row(int id, Slice name, LockMode mode = kRowUpdate, OpNum op = 1) {
    return lock(id, LockSpace::kRow, name, mode, op);
  }
  Code try_row(int id, Slice name, LockMode mode) {
    LockWait wait;
    wait.try_only = true;
    return table_->acquire(owner(id), LockSpace::kRow, name, mode, 1, wait, nullptr).code();
  }

  // Waits for a victim; counts those of the waits that ended so far.
  int victims_of(std::initializer_list<uint64_t> tags) {
    int victims = 0;
    while (victims == 0) {
      for (uint64_t tag : tags) {
        if (sink_.told(tag) && sink_.wait_for(tag) == Code::kDeadlock) victims++;
      }
      std::this_thread::yield();
    }
    return victims;
  }

  Sink sink_;
  std::unique_ptr<LockTable> table_;
  std::map<int, std::unique_ptr<LockOwner>> owners_;
};

// The matrices of PostgreSQL's documentation (13.3.1 and 13.3.2), one row per mode.
TEST(LockModes, ConflictsArePostgresqls) {
  // The fifth and sixth as the third and fourth, but for the seventh.
  const char* const row_conflicts[] = {"...X.X.", "..XXXX.", ".XXXXXX", "XXXXXXX",
                                       ".XXXXX.", "XXXXXX.", "..XX..."};
  const char* const table_conflicts[] = {".......X", "......XX", "....XXXX", "...XXXXX",
                                         "..XX.XXX", "..XXXXXX", ".XXXXXXX", "XXXXXXXX"};
  for (int a = 1; a <= 7; a++) {
    for (int b = 1; b <= 7; b++) {
      EXPECT_EQ(row_conflicts[a - 1][b - 1] == 'X',
                (conflicting_modes(LockSpace::kRow, a) & mode_bit(b)) != 0)
          << a << " " << b;
    }
  }
  for (int a = 1; a <= 8; a++) {
    for (int b = 1; b <= 8; b++) {
      EXPECT_EQ(table_conflicts[a - 1][b - 1] == 'X',
                (conflicting_modes(LockSpace::kTable, a) & mode_bit(b)) != 0)
          << a << " " << b;
    }
  }
  EXPECT_TRUE(covers(LockSpace::kTable, mode_bit(kAccessExclusive), kShare));
  EXPECT_FALSE(covers(LockSpace::kTable, mode_bit(kShare), kRowExclusive));
  EXPECT_TRUE(covers(LockSpace::kRow, mode_bit(kRowNoKeyUpdate), kRowKeyShare));
  EXPECT_TRUE(covers(LockSpace::kRow, mode_bit(kRowUpdate), kRowForUpdate));
  EXPECT_FALSE(covers(LockSpace::kRow, mode_bit(kRowForUpdate), kRowNoKeyUpdate));
}

TEST_F(LockTableTest, SharersShareAndWritersWaitInOrder) {
  EXPECT_EQ(row(1, "k", kRowShare), Code::kOk);
  EXPECT_EQ(row(2, "k", kRowShare), Code::kOk);
  EXPECT_EQ(row(3, "k", kRowUpdate), Code::kPending);
  EXPECT_EQ(row(4, "k", kRowNoKeyUpdate), Code::kPending);
  EXPECT_EQ(row(6, "other"), Code::kOk);
  table_->release_all(owner(1));
  EXPECT_FALSE(sink_.told(3));
  table_->release_all(owner(2));
  EXPECT_EQ(sink_.wait_for(3), Code::kOk);
  EXPECT_FALSE(sink_.told(4));
  EXPECT_TRUE(table_->holds(owner(3), LockSpace::kRow, "k", kRowUpdate));
  EXPECT_EQ(try_row(5, "k", kRowKeyShare), Code::kBusy);
  table_->release_all(owner(3));
  EXPECT_EQ(sink_.wait_for(4), Code::kOk);
  EXPECT_EQ(try_row(5, "k", kRowKeyShare), Code::kOk);
}

// As in PostgreSQL: what no holder forbids is granted, whoever waits. What 4 could have beside 2 it
// does not get while 3 waits ahead of it.
TEST_F(LockTableTest, ARowsSharersPassItsQueue) {
  EXPECT_EQ(row(1, "k", kRowShare), Code::kOk);
  EXPECT_EQ(row(2, "k", kRowKeyShare), Code::kOk);
  EXPECT_EQ(row(3, "k", kRowUpdate), Code::kPending);
  EXPECT_EQ(row(4, "k", kRowNoKeyUpdate), Code::kPending);
  EXPECT_EQ(row(5, "k", kRowShare), Code::kOk);
  EXPECT_EQ(try_row(6, "k", kRowKeyShare), Code::kOk);
  for (int id : {1, 5}) table_->release_all(owner(id));
  EXPECT_FALSE(sink_.told(4));
  EXPECT_TRUE(table_->cancel(owner(3)));
  EXPECT_EQ(sink_.wait_for(3), Code::kCancelled);
  EXPECT_EQ(sink_.wait_for(4), Code::kOk);
}

// Tables keep the order: a reader that comes after a writer does not overtake it.
TEST_F(LockTableTest, ATablesSharersWaitBehindItsQueue) {
  const auto table = [&](int id, LockMode mode) { return lock(id, LockSpace::kTable, "t", mode); };
  EXPECT_EQ(table(1, kAccessShare), Code::kOk);
  EXPECT_EQ(table(2, kAccessExclusive), Code::kPending);
  EXPECT_EQ(table(3, kAccessShare), Code::kPending);
  table_->release_all(owner(1));
  EXPECT_EQ(sink_.wait_for(2), Code::kOk);
  EXPECT_FALSE(sink_.told(3));
  table_->release_all(owner(2));
  EXPECT_EQ(sink_.wait_for(3), Code::kOk);
}

// 3 and 4 hold the row and want more: they go ahead of 2, which waits for them, in their own order.
TEST_F(LockTableTest, ARowsHoldersUpgradeAheadOfTheQueue) {
  EXPECT_EQ(row(1, "k", kRowShare), Code::kOk);
  EXPECT_EQ(row(2, "k", kRowUpdate), Code::kPending);
  EXPECT_EQ(row(3, "k", kRowKeyShare), Code::kOk);
  EXPECT_EQ(row(4, "k", kRowKeyShare), Code::kOk);
  EXPECT_EQ(row(3, "k", kRowNoKeyUpdate), Code::kPending);
  EXPECT_EQ(row(4, "k", kRowNoKeyUpdate), Code::kPending);
  table_->release_all(owner(1));
  EXPECT_EQ(sink_.wait_for(3), Code::kOk);
  EXPECT_FALSE(sink_.told(4));
  table_->release_all(owner(3));
  EXPECT_EQ(sink_.wait_for(4), Code::kOk);
  EXPECT_FALSE(sink_.told(2));
  table_->release_all(owner(4));
  EXPECT_EQ(sink_.wait_for(2), Code::kOk);
  EXPECT_EQ(table_->stats().deadlocks, 0u);
}

TEST_F(LockTableTest, SpacesAreApart) {
  EXPECT_EQ(lock(1, LockSpace::kTable, "n", kAccessExclusive), Code::kOk);
  EXPECT_EQ(lock(2, LockSpace::kAdvisory, "n", kExclusive), Code::kOk);
  EXPECT_EQ(row(3, "n"), Code::kOk);
}

TEST_F(LockTableTest, HolderUpgradesAheadOfTheQueue) {
  EXPECT_EQ(lock(1, LockSpace::kTable, "t", kAccessShare), Code::kOk);
  EXPECT_EQ(lock(2, LockSpace::kTable, "t", kAccessExclusive), Code::kPending);
  // Waiting behind 2 would be a deadlock: 2 waits for 1.
  EXPECT_EQ(lock(1, LockSpace::kTable, "t", kRowExclusive), Code::kOk);
  table_->release_all(owner(1));
  EXPECT_EQ(sink_.wait_for(2), Code::kOk);
}

TEST_F(LockTableTest, RollbackReleasesWhatCameAfter) {
  EXPECT_EQ(row(1, "a", kRowKeyShare, 1), Code::kOk);
  EXPECT_EQ(row(1, "a", kRowUpdate, 5), Code::kOk);
  EXPECT_EQ(row(1, "b", kRowUpdate, 5), Code::kOk);
  EXPECT_EQ(row(2, "b", kRowUpdate), Code::kPending);
  table_->release_from(owner(1), 5);
  EXPECT_EQ(sink_.wait_for(2), Code::kOk);
  EXPECT_EQ(try_row(3, "a", kRowNoKeyUpdate), Code::kOk);
  EXPECT_EQ(try_row(4, "a", kRowUpdate), Code::kBusy);
}

TEST_F(LockTableTest, CancelEndsOnceAndLetsOthersThrough) {
  const auto table = [&](int id, LockMode mode) { return lock(id, LockSpace::kTable, "t", mode); };
  EXPECT_EQ(table(1, kShare), Code::kOk);
  EXPECT_EQ(table(2, kExclusive), Code::kPending);
  EXPECT_EQ(table(3, kShare), Code::kPending);
  EXPECT_TRUE(table_->cancel(owner(2)));
  EXPECT_FALSE(table_->cancel(owner(2)));
  EXPECT_EQ(sink_.wait_for(2), Code::kCancelled);
  EXPECT_EQ(sink_.wait_for(3), Code::kOk);
}

TEST_F(LockTableTest, TimesOut) {
  make(1 << 20, 60'000'000);
  EXPECT_EQ(row(1, "k"), Code::kOk);
  EXPECT_EQ(lock(2, LockSpace::kRow, "k", kRowUpdate, 1, 10'000), Code::kPending);
  EXPECT_EQ(sink_.wait_for(2), Code::kTimedOut);
  EXPECT_EQ(lock(3, LockSpace::kRow, "k", kRowUpdate, 1, 5'000'000), Code::kPending);
  EXPECT_EQ(lock(4, LockSpace::kRow, "k", kRowUpdate, 1, 10'000), Code::kPending);
  EXPECT_EQ(sink_.wait_for(4), Code::kTimedOut);
  table_->release_all(owner(1));
  EXPECT_EQ(sink_.wait_for(3), Code::kOk);
}

TEST_F(LockTableTest, DeadlockOfThree) {
  EXPECT_EQ(row(1, "a"), Code::kOk);
  EXPECT_EQ(row(2, "b"), Code::kOk);
  EXPECT_EQ(row(3, "c"), Code::kOk);
  EXPECT_EQ(row(1, "b"), Code::kPending);
  EXPECT_EQ(row(2, "c"), Code::kPending);
  EXPECT_EQ(table_->blocked_by(1), std::vector<uint64_t>({2}));
  EXPECT_EQ(row(3, "a"), Code::kPending);
  // Exactly one victim, however long one looks.
  EXPECT_EQ(victims_of({1, 2, 3}), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  EXPECT_EQ(table_->stats().deadlocks, 1u);
}

// 1 reads table a; 2, holding b, waits to have it alone; 3, holding c, waits behind 2 to read it:
// on its place in the queue alone. 1 -> 3 (c), 3 -> 2, 2 -> 1: 3 goes first, and nobody fails.
TEST_F(LockTableTest, ACycleThroughTheQueueIsRearranged) {
  const auto table = [&](int id, LockMode mode) { return lock(id, LockSpace::kTable, "a", mode); };
  EXPECT_EQ(table(1, kAccessShare), Code::kOk);
  EXPECT_EQ(row(2, "b"), Code::kOk);
  EXPECT_EQ(row(3, "c"), Code::kOk);
  EXPECT_EQ(table(2, kAccessExclusive), Code::kPending);
  EXPECT_EQ(table(3, kAccessShare), Code::kPending);
  EXPECT_EQ(row(1, "c"), Code::kPending);
  EXPECT_EQ(sink_.wait_for(3), Code::kOk);
  table_->release_all(owner(3));
  EXPECT_EQ(sink_.wait_for(1), Code::kOk);
  table_->release_all(owner(1));
  EXPECT_EQ(sink_.wait_for(2), Code::kOk);
  EXPECT_EQ(table_->stats().deadlocks, 0u);
}

// Two readers each hold one table and wait for the other's behind a writer: either could go first.
// It is the one at the far end from whoever looks (PostgreSQL's order).
TEST_F(LockTableTest, OfTwoOrdersTheFartherChanges) {
  make(1 << 20, 60'000'000);
  const auto table = [&](int id, Slice name, LockMode mode, uint64_t deadlock_micros) {
    LockWait wait;
    wait.tag = static_cast<uint64_t>(id);
    wait.deadlock_timeout_micros = deadlock_micros;
    return table_->acquire(owner(id), LockSpace::kTable, name, mode, 1, wait, nullptr).code();
  };
  EXPECT_EQ(table(1, "a", kAccessShare, 0), Code::kOk);
  EXPECT_EQ(table(2, "b", kAccessShare, 0), Code::kOk);
  EXPECT_EQ(table(3, "a", kAccessExclusive, 0), Code::kPending);
  EXPECT_EQ(table(4, "b", kAccessExclusive, 0), Code::kPending);
  EXPECT_EQ(table(1, "b", kAccessShare, 0), Code::kPending);
  EXPECT_EQ(table(2, "a", kAccessShare, 1'000), Code::kPending);
  EXPECT_EQ(sink_.wait_for(1), Code::kOk);
  EXPECT_FALSE(sink_.told(2));
  table_->release_all(owner(1));
  EXPECT_EQ(sink_.wait_for(3), Code::kOk);
  table_->release_all(owner(3));
  EXPECT_EQ(sink_.wait_for(2), Code::kOk);
}

// 1 holds KEY SHARE on a; 2 and 3 wait for more than it allows: no order helps.
TEST_F(LockTableTest, DeadlockThroughTheQueue) {
  EXPECT_EQ(row(1, "a", kRowKeyShare), Code::kOk);
  EXPECT_EQ(row(2, "b"), Code::kOk);
  EXPECT_EQ(row(3, "c"), Code::kOk);
  EXPECT_EQ(row(2, "a", kRowUpdate), Code::kPending);
  EXPECT_EQ(row(3, "a", kRowUpdate), Code::kPending);
  EXPECT_EQ(row(1, "c"), Code::kPending);
  EXPECT_EQ(victims_of({1, 2, 3}), 1);
}

// Moving 3 ahead of 2 would only make another cycle: 2 -> 3 -> 2.
TEST_F(LockTableTest, ARearrangementMustNotMakeAnotherCycle) {
  make(1 << 20, 60'000'000);
  const auto patient = [&](int id, Slice name, LockMode mode, uint64_t deadlock_micros) {
    LockWait wait;
    wait.tag = static_cast<uint64_t>(id);
    wait.deadlock_timeout_micros = deadlock_micros;
    return table_->acquire(owner(id), LockSpace::kTable, name, mode, 1, wait, nullptr).code();
  };
  EXPECT_EQ(patient(1, "a", kRowExclusive, 0), Code::kOk);
  EXPECT_EQ(patient(3, "c", kAccessExclusive, 0), Code::kOk);
  EXPECT_EQ(patient(2, "b", kAccessExclusive, 0), Code::kOk);
  // 2 waits for 1; 3 waits behind 2 and, being in the way of nobody but 2, for 2 alone; 1 waits for
  // 2's b, behind 3, which it shuts out: 1 -> 2 -> 1 stays whatever the queue of a looks like.
  EXPECT_EQ(patient(2, "a", kExclusive, 60'000'000), Code::kPending);
  EXPECT_EQ(patient(3, "a", kRowExclusive, 60'000'000), Code::kPending);
  EXPECT_EQ(patient(1, "b", kAccessShare, 1'000), Code::kPending);
  EXPECT_EQ(sink_.wait_for(1), Code::kDeadlock);
  EXPECT_EQ(table_->stats().deadlocks, 1u);
  EXPECT_FALSE(sink_.told(3));
}

// One cycle through all four spaces; the victim can say who waited for what.
TEST_F(LockTableTest, ACycleThroughEverySpaceIsTold) {
  const LockSpace spaces[] = {LockSpace::kRow, LockSpace::kTable, LockSpace::kAdvisory,
                              LockSpace::kName};
  const LockMode modes[] = {kRowUpdate, kShare, kShare, kExclusive};
  make(1 << 20, 60'000'000);
  for (int i = 0; i < 4; i++) {
    EXPECT_EQ(lock(i + 1, spaces[i], std::to_string(i), modes[i]), Code::kOk);
  }
  for (int i = 0; i < 4; i++) {
    const int next = (i + 1) % 4;
    LockWait wait;
    wait.tag = static_cast<uint64_t>(i + 1);
    wait.deadlock_timeout_micros = i == 3 ? 1'000 : 0;
    EXPECT_EQ(table_
                  ->acquire(owner(i + 1), spaces[next], std::to_string(next),
                            next == 0 ? kRowShare : kExclusive, 1, wait, nullptr)
                  .code(),
              Code::kPending);
  }
  EXPECT_EQ(sink_.wait_for(4), Code::kDeadlock);
  std::string told;
  for (const LockInfo& w : owner(4)->cycle()) {
    told += std::to_string(w.session) + ">" + w.name + (w.granted ? "! " : " ");
  }
  EXPECT_EQ(told, "4>0 1>1 2>2 3>3 ");
}

// Two that hold a table lock and each want more than the other's allows: waiting tells nothing new.
TEST_F(LockTableTest, TwoUpgradesAreADeadlockAtOnce) {
  make(1 << 20, 60'000'000);
  EXPECT_EQ(lock(1, LockSpace::kTable, "t", kShare), Code::kOk);
  EXPECT_EQ(lock(2, LockSpace::kTable, "t", kShare), Code::kOk);
  EXPECT_EQ(lock(2, LockSpace::kTable, "t", kExclusive), Code::kPending);
  EXPECT_EQ(lock(1, LockSpace::kTable, "t", kExclusive), Code::kDeadlock);
  ASSERT_EQ(owner(1)->cycle().size(), 2u);
  EXPECT_EQ(owner(1)->cycle()[1].session, 2u);
  EXPECT_EQ(table_->stats().deadlocks, 1u);
  table_->release_all(owner(1));
  EXPECT_EQ(sink_.wait_for(2), Code::kOk);
}

// A session holds advisory locks in several transactions, none of which stands in another's way.
TEST_F(LockTableTest, AdvisoryLocksOfOneSession) {
  owners_[11] = std::make_unique<LockOwner>(1);
  EXPECT_EQ(lock(1, LockSpace::kAdvisory, "n", kExclusive), Code::kOk);
  EXPECT_EQ(lock(2, LockSpace::kAdvisory, "n", kExclusive), Code::kPending);
  EXPECT_EQ(lock(11, LockSpace::kAdvisory, "n", kShare), Code::kOk);  // past 2, which waits for us
  table_->release_all(owner(1));
  EXPECT_FALSE(sink_.told(2));
  table_->release_all(owner(11));
  EXPECT_EQ(sink_.wait_for(2), Code::kOk);
  // Other locks know transactions, not sessions.
  EXPECT_EQ(row(1, "r"), Code::kOk);
  EXPECT_EQ(try_row(11, "r", kRowUpdate), Code::kBusy);
}

// 2 waits for a lock that session 1 holds in a transaction other than the one that waits.
TEST_F(LockTableTest, DeadlockThroughASession) {
  owners_[11] = std::make_unique<LockOwner>(1);
  EXPECT_EQ(lock(11, LockSpace::kAdvisory, "n", kExclusive), Code::kOk);
  EXPECT_EQ(row(2, "r"), Code::kOk);
  EXPECT_EQ(row(1, "r"), Code::kPending);
  EXPECT_EQ(lock(2, LockSpace::kAdvisory, "n", kExclusive), Code::kPending);
  EXPECT_EQ(victims_of({1, 2}), 1);
}

// 1 holds the hot row, 2 another, and they wait for each other, 2 behind eight more. Each of these
// is on a cycle through 2's place in the queue, but only 1 or 2 has to fail.
TEST_F(LockTableTest, WhoWaitsBesideADeadlockIsSpared) {
  make(1 << 20, 50'000);
  EXPECT_EQ(row(1, "hot"), Code::kOk);
  EXPECT_EQ(row(2, "other"), Code::kOk);
  for (int id = 3; id <= 10; id++) EXPECT_EQ(row(id, "hot"), Code::kPending);
  EXPECT_EQ(row(2, "hot"), Code::kPending);
  EXPECT_EQ(row(1, "other"), Code::kPending);
  EXPECT_EQ(victims_of({1, 2}), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  for (int id = 3; id <= 10; id++) EXPECT_FALSE(sink_.told(id)) << id;
  EXPECT_EQ(table_->stats().deadlocks, 1u);
}

// The detector holds up everyone while it looks: 3,000 looks at a queue of 3,000 must not take
// long.
TEST_F(LockTableTest, ALongQueueIsLookedAtQuickly) {
  constexpr uint64_t kWaiters = 1500;
  make(16 << 20, 50'000);
  EXPECT_EQ(row(1, "hot"), Code::kOk);
  for (uint64_t id = 2; id < kWaiters + 2; id++) ASSERT_EQ(row(id, "hot"), Code::kPending);
  // A cycle elsewhere, which is found when all of them were looked at.
  constexpr uint64_t kOne = kWaiters + 2;
  constexpr uint64_t kTwo = kWaiters + 3;
  EXPECT_EQ(row(kOne, "a"), Code::kOk);
  EXPECT_EQ(row(kTwo, "b"), Code::kOk);
  EXPECT_EQ(row(kOne, "b"), Code::kPending);
  EXPECT_EQ(row(kTwo, "a"), Code::kPending);
  EXPECT_EQ(victims_of({kOne, kTwo}), 1);
  EXPECT_EQ(table_->stats().deadlocks, 1u);
  // One look walks at most as many waits as there are and is made once for each. Were the queue
  // walked for each of its waiters, it would be kWaiters / 2 times as much.
  EXPECT_LT(table_->stats().detector_steps, 10 * kWaiters * kWaiters);
}

TEST_F(LockTableTest, ListsWhatIsHeldAndWaitedFor) {
  EXPECT_EQ(row(1, "r"), Code::kOk);
  EXPECT_EQ(row(2, "r"), Code::kPending);
  EXPECT_EQ(lock(1, LockSpace::kTable, "t", kAccessShare), Code::kOk);
  EXPECT_EQ(lock(1, LockSpace::kTable, "t", kRowExclusive), Code::kOk);
  EXPECT_EQ(row(1, "alone"), Code::kOk);
  const auto shown = [&](LockTable::HeldRows rows) {
    std::vector<std::string> lines;
    for (const LockInfo& info : table_->list(rows)) {
      lines.push_back(std::to_string(info.session) + " " + info.name + " " +
                      std::to_string(info.mode) + (info.granted ? " held" : " awaited"));
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  };
  const std::vector<std::string> most = {"1 t 1 held", "1 t 3 held", "2 r 4 awaited"};
  EXPECT_EQ(shown(LockTable::HeldRows::kNone), most);
  std::vector<std::string> all = {"1 r 4 held", "1 t 1 held", "1 t 3 held", "2 r 4 awaited"};
  EXPECT_EQ(shown(LockTable::HeldRows::kAwaited), all);
  all.insert(all.begin(), "1 alone 4 held");
  EXPECT_EQ(shown(LockTable::HeldRows::kAll), all);
}

TEST_F(LockTableTest, MemoryIsBounded) {
  make(20'000, 1'000'000);
  int taken = 0;
  while (row(1, "key" + std::to_string(taken)) == Code::kOk) taken++;
  EXPECT_GT(taken, 50);
  EXPECT_LT(taken, 400);
  EXPECT_EQ(row(1, "another"), Code::kTooManyLocks);
  EXPECT_EQ(row(1, "key0"), Code::kOk);  // held already
  EXPECT_EQ(lock(2, LockSpace::kAdvisory, "a", kShare), Code::kTooManyLocks);
  EXPECT_EQ(lock(2, LockSpace::kTable, "t", kAccessShare), Code::kOk);
  int tables = 0;
  while (lock(2, LockSpace::kTable, "t" + std::to_string(tables), kShare) == Code::kOk) tables++;
  EXPECT_GT(tables, 5);
  table_->release_all(owner(2));
  table_->release_all(owner(1));
  EXPECT_EQ(row(1, "another"), Code::kOk);
}

// A place in a queue takes no memory, being granted does.
TEST_F(LockTableTest, AWaitMayEndForLackOfMemory) {
  make(20'000, 1'000'000);
  const auto advisory = [&](int id, const std::string& name, LockMode mode) {
    return lock(id, LockSpace::kAdvisory, name, mode);
  };
  EXPECT_EQ(advisory(1, "a", kShare), Code::kOk);
  EXPECT_EQ(advisory(2, "a", kExclusive), Code::kPending);
  EXPECT_EQ(advisory(3, "a", kShare), Code::kPending);  // behind the second
  EXPECT_EQ(advisory(4, "b", kExclusive), Code::kOk);
  EXPECT_EQ(advisory(5, "b", kExclusive), Code::kPending);
  int taken = 0;
  while (advisory(6, "key" + std::to_string(taken), kShare) == Code::kOk) taken++;
  for (int id = 7; advisory(id, "key0", kShare) == Code::kOk;) id++;
  EXPECT_TRUE(table_->cancel(owner(2)));
  EXPECT_EQ(sink_.wait_for(2), Code::kCancelled);
  EXPECT_EQ(sink_.wait_for(3), Code::kTooManyLocks);
  // What one gives back is there for the next.
  table_->release_all(owner(4));
  EXPECT_EQ(sink_.wait_for(5), Code::kOk);
}

TEST_F(LockTableTest, EndWaitsEndsThemAll) {
  EXPECT_EQ(row(1, "k"), Code::kOk);
  EXPECT_EQ(row(2, "k"), Code::kPending);
  Code blocked = Code::kOk;
  std::thread waiter([&] {
    blocked = table_->acquire(owner(7), LockSpace::kRow, "k", kRowShare, 1, {}, nullptr).code();
  });
  while (table_->stats().waits < 2) std::this_thread::yield();
  table_->end_waits(Status::make(Code::kClosed, "over"));
  waiter.join();
  EXPECT_EQ(blocked, Code::kClosed);
  EXPECT_EQ(sink_.wait_for(2), Code::kClosed);
  EXPECT_EQ(row(3, "k"), Code::kClosed);
}

// Exclusion under load: each thread adds to unprotected numbers under their row locks, taking two
// at a time in any order, so deadlocks happen and must all be resolved.
TEST_F(LockTableTest, StressExcludes) {
  make(1 << 20, 2'000);
  constexpr int kRows = 5;
  int64_t numbers[kRows] = {};
  std::atomic<int64_t> added{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; t++) {
    LockOwner* me = owner(100 + t);
    threads.emplace_back([&, t, me] {
      std::mt19937 random(t);
      for (int i = 0; i < 2000; i++) {
        const int a = static_cast<int>(random() % kRows);
        const int b = static_cast<int>(random() % kRows);
        LockWait wait;
        wait.timeout_micros = random() % 10 == 0 ? 500 : 0;
        Status s =
            table_->acquire(me, LockSpace::kRow, std::to_string(a), kRowUpdate, 1, wait, nullptr);
        if (s.is_ok()) {
          s = table_->acquire(me, LockSpace::kRow, std::to_string(b), kRowNoKeyUpdate, 2, wait,
                              nullptr);
        }
        if (s.is_ok()) {
          numbers[a]++;
          numbers[b]++;
          added += 2;
        } else {
          ASSERT_TRUE(s.is(Code::kDeadlock) || s.is(Code::kTimedOut)) << s.to_string();
        }
        table_->release_all(me);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  int64_t sum = 0;
  for (int64_t n : numbers) sum += n;
  EXPECT_EQ(sum, added.load());
  EXPECT_GT(sum, 0);
}

}  // namespace
}  // namespace pgz
