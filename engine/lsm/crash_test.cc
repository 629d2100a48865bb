// Flushes and merges that are cut off: at every call to the disk the power fails, the process ends
// or the disk is full, and afterwards nothing is lost, nothing returns, and disk and manifest
// agree.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"
#include "engine/lsm/lsm.h"
#include "engine/lsm/manifest.h"

namespace pgz {
namespace {

constexpr uint64_t kKeys = 40;
constexpr int kRounds = 8;

std::string key_of(uint64_t n) { return "k" + std::to_string(n / 10) + std::to_string(n % 10); }

// A store whose log is this object's memory: everything committed is durable at once.
class Store {
 public:
  explicit Store(uint64_t seed) : rng_(seed), io_(seed) {
    EXPECT_TRUE(io_.mkdir("db").is_ok());
    EXPECT_TRUE(io_.sync_dir("").is_ok());
    lsm_ = Lsm::create(runtime(), "db", options()).take();
    EXPECT_TRUE(lsm_->start().is_ok());
  }

  SimIo& io() { return io_; }

  // Writes, range drops, flushes and merges in a fixed order, until one fails.
  Status work() {
    for (int round = done_; round < kRounds; round++) {
      for (uint64_t i = 0; i < 12; i++) write((i * 7 + static_cast<uint64_t>(round) * 3) % kKeys);
      if (round == 6) drop(5, 25);
      done_ = round + 1;
      PGZ_TRY(settle());
    }
    return Status::ok();
  }

  Status settle() {
    lsm_->rotate();
    PGZ_TRY(lsm_->flush_now());
    bool did_something = true;
    while (did_something) PGZ_TRY(lsm_->merge_step(&did_something));
    return Status::ok();
  }

  void reopen() {
    lsm_.reset();
    io_.restart();
    LsmRecovered recovered;
    auto opened = Lsm::open(runtime(), "db", options(), &recovered);
    ASSERT_TRUE(opened.is_ok()) << opened.status().to_string();
    lsm_ = opened.take();
    for (const Record& r : log_) {
      if (r.ts > recovered.flushed_lsn) apply(r);
    }
    ASSERT_TRUE(lsm_->start().is_ok());
  }

  void check() {
    for (uint64_t n = 0; n < kKeys; n++) {
      std::string value;
      const Status s = lsm_->get(key_of(n), now_, &value, nullptr, nullptr);
      const auto at = model_.find(key_of(n));
      ASSERT_EQ(s.is_ok(), at != model_.end()) << key_of(n) << ": " << s.to_string();
      if (!s.is_ok()) continue;
      ASSERT_EQ(value, at->second) << key_of(n);
    }
    uint64_t tables = 0;
    const LsmStats stats = lsm_->stats();
    for (const uint32_t files : stats.level_files) tables += files;
    EXPECT_EQ(io_.list("db/sst").take().size(), tables);
    EXPECT_GT(stats.level_files[5] + stats.level_files[6], 0u);
  }

 private:
  struct Record {
    uint64_t ts = 0;
    std::string key;
    std::optional<std::string> value;
    std::optional<RangeDrop> drop;
  };

  Runtime runtime() { return {&io_, system_clock(), &rng_, thread_executor()}; }

  LsmOptions options() {
    LsmOptions o;
    o.uuid = std::string(16, 'u');
    o.memory_budget_bytes = 1 << 20;
    o.memtable_bytes = 64 << 10;
    o.block_bytes = 512;
    o.table_file_bytes = 1 << 10;
    o.level0_merge_trigger = 2;
    o.level_base_bytes = 2 << 10;
    o.level_fan_out = 3;
    o.background = false;
    o.wait_durable = [](uint64_t) { return Status::ok(); };
    o.boundaries = [this] { return std::vector<uint64_t>{now_}; };
    return o;
  }

  void write(uint64_t n) {
    Record r;
    r.ts = ++now_;
    r.key = key_of(n);
    if (now_ % 5 != 0) r.value = "v" + std::to_string(now_) + std::string(150, 'x');
    if (r.value) {
      model_[r.key] = *r.value;
    } else {
      model_.erase(r.key);
    }
    log_.push_back(r);
    apply(r);
  }

  void drop(uint64_t from, uint64_t to) {
    Record r;
    r.ts = ++now_;
    r.drop = RangeDrop{key_of(from), key_of(to), r.ts};
    for (uint64_t n = from; n < to; n++) model_.erase(key_of(n));
    log_.push_back(r);
    apply(r);
  }

  void apply(const Record& r) {
    MemTableRef ref = lsm_->reserve_active(r.ts);
    if (r.drop) {
      ASSERT_TRUE(ref.drop_range(r.drop->begin, r.drop->end, r.ts).is_ok());
    } else {
      const Kind kind = r.value ? Kind::kValue : Kind::kTombstone;
      ASSERT_TRUE(ref.add(kind, r.key, r.ts, r.value.value_or("")).is_ok());
    }
  }

  SplitMixRng rng_;
  SimIo io_;
  std::unique_ptr<Lsm> lsm_;
  std::vector<Record> log_;
  std::map<std::string, std::string> model_;
  uint64_t now_ = 0;
  int done_ = 0;
};

// Repeats the work with a fault at the first, second, ... call, until it is over before the fault.
template <typename Then>
void at_every_call(SimFault fault, Then then) {
  for (uint64_t call = 0;; call++) {
    SCOPED_TRACE("call " + std::to_string(call));
    Store store(call + 1);
    store.io().set_plan({{store.io().calls() + call, fault}});
    const uint64_t end = store.io().calls() + call;
    const Status status = store.work();
    if (status.is_ok() && store.io().calls() <= end) {
      EXPECT_GT(call, 200u);  // the work is worth its name
      return;
    }
    then(&store, status);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(LsmCrash, APowerFailureAtEveryCallLosesNothing) {
  at_every_call(SimFault::kCrashPower, [](Store* store, const Status&) {
    store->reopen();
    ASSERT_TRUE(store->work().is_ok());
    ASSERT_TRUE(store->settle().is_ok());
    store->check();
  });
}

TEST(LsmCrash, AnEndOfTheProcessAtEveryCallLosesNothing) {
  at_every_call(SimFault::kCrashKill, [](Store* store, const Status&) {
    store->reopen();
    ASSERT_TRUE(store->work().is_ok());
    ASSERT_TRUE(store->settle().is_ok());
    store->check();
  });
}

// The next attempt succeeds, and no table is left on the disk that the manifest does not name.
TEST(LsmCrash, AFullDiskAtEveryCallHealsWithoutARestart) {
  uint64_t healed = 0;
  at_every_call(SimFault::kNoSpace, [&healed](Store* store, const Status& status) {
    ASSERT_TRUE(status.is_ok() || status.is(Code::kNoSpace)) << status.to_string();
    healed += status.is(Code::kNoSpace) ? 1 : 0;
    ASSERT_TRUE(store->settle().is_ok());
    ASSERT_TRUE(store->work().is_ok());
    store->check();
  });
  EXPECT_GT(healed, 50u);
}

}  // namespace
}  // namespace pgz
