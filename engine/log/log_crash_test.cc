// A log with several writers on fibers, crashed at every I/O call, and again during recovery.
#include <gtest/gtest.h>

#include "engine/base/sync.h"
#include "engine/io/sim/scheduler.h"
#include "engine/log/log_test_util.h"

namespace pgz {
namespace {

// What a life of the log did, as its clients saw it.
struct History {
  bool created = false;  // Log::create answered
  std::vector<std::string> appended;
  std::vector<Lsn> ends;
  size_t acknowledged = 0;  // so many of them, in order
  Lsn recycled = 0;
  size_t first_kept = 0;
};

class Life {
 public:
  Life(SimRuntime* sim, History* history) : sim_(sim), history_(history) {}

  void run() {
    auto created = Log::create(sim_->get(), "log", small_log_options());
    if (!created.is_ok() || !sim_->get().io->sync_dir("").is_ok()) return;
    log_ = created.take();
    history_->created = !sim_->io()->crashed();
    std::vector<std::unique_ptr<Joinable>> fibers;
    for (size_t w = 0; w < 3; ++w) {
      fibers.push_back(sim_->get().executor->spawn("writer", [this, w] { write(w); }));
    }
    fibers.push_back(sim_->get().executor->spawn("slots", [this] {
      if (log_->wants_slots()) (void)log_->prepare_slots().is_ok();
    }));
    auto flusher = sim_->get().executor->spawn("flusher", [this] { flush(); });
    fibers.clear();
    {
      MutexLock lock(&mu_);
      stopping_ = true;
      work_.notify_all();
    }
  }

 private:
  void write(size_t writer) {
    for (size_t i = 0; i < 4; ++i) {
      const size_t n = (writer + i) % 4 == 3 ? 9000 : 20 + 700 * i;
      MutexLock lock(&mu_);
      const std::string record = text_of(100 * writer + i, n);
      auto at = log_->append(record);
      if (!at.is_ok()) return;
      history_->appended.push_back(record);
      history_->ends.push_back(at.value().lsn_end);
      work_.notify_all();
    }
  }

  void flush() {
    bool idle = false;
    for (size_t round = 0;; ++round) {
      {
        MutexLock lock(&mu_);
        while (!log_->has_pending() && !stopping_) work_.wait(&mu_);
        idle = !log_->has_pending();
      }
      if (idle) break;
      Lsn durable = 0;
      if (!log_->flush(&durable).is_ok()) return;
      acknowledge(durable);
      if (round % 2 == 1 && !recycle_all()) return;
    }
    (void)log_->seal().is_ok();
  }

  void acknowledge(Lsn durable) {
    while (history_->acknowledged < history_->ends.size() &&
           history_->ends[history_->acknowledged] <= durable) {
      ++history_->acknowledged;
    }
  }

  // As if everything acknowledged so far stood in tables.
  bool recycle_all() {
    if (history_->acknowledged == 0) return true;
    history_->first_kept = history_->acknowledged;
    history_->recycled = history_->ends[history_->first_kept - 1];
    return log_->recycle(history_->recycled).is_ok();
  }

  SimRuntime* sim_;
  History* history_;
  std::unique_ptr<Log> log_;
  Mutex mu_;
  CondVar work_;
  bool stopping_ = false;
};

struct Check {
  uint64_t seed;
  SimFault crash;
};

void expect_prefix(const History& h, const Recovered& r) {
  ASSERT_TRUE(r.status.is_ok()) << r.status.to_string();
  const size_t kept = h.appended.size() - h.first_kept;
  ASSERT_LE(r.records.size(), kept);
  ASSERT_GE(r.records.size(), h.acknowledged - h.first_kept);
  for (size_t i = 0; i < r.records.size(); ++i) {
    ASSERT_EQ(r.records[i], h.appended[h.first_kept + i]);
    ASSERT_EQ(r.ends[i], h.ends[h.first_kept + i]);
  }
}

// One life crashed at call `crash_at`, a recovery crashed at `recovery_crash_at` (by power if
// `power`), a whole recovery, another life of one record, a last look.
void crash_twice(const Check& check, uint64_t crash_at, uint64_t recovery_crash_at) {
  SCOPED_TRACE("seed " + std::to_string(check.seed) + " call " + std::to_string(crash_at) +
               " recovery " + std::to_string(recovery_crash_at));
  SimRuntime sim(check.seed);
  History h;
  sim.io()->set_plan({{crash_at, check.crash}});
  sim.run([&] { Life(&sim, &h).run(); });
  if (!h.created) return;
  if (!sim.io()->crashed()) sim.io()->crash_power();
  sim.io()->restart();
  Recovered first;
  sim.io()->set_plan({{recovery_crash_at, SimFault::kCrashPower}});
  sim.run([&] { first = reopen(sim.io(), h.recycled); });
  if (first.status.is_ok()) expect_prefix(h, first);
  first.log.reset();
  if (!sim.io()->crashed()) sim.io()->crash_power();
  sim.io()->restart();
  sim.run([&] {
    Recovered second = reopen(sim.io(), h.recycled);
    expect_prefix(h, second);
    if (first.status.is_ok()) {
      EXPECT_EQ(second.records, first.records) << "what one recovery showed, the next shows";
    }
    if (!second.status.is_ok()) return;
    second.records.push_back("after");
    put_durable(second.log.get(), "after");
    sim.io()->crash_power();
    sim.io()->restart();
    EXPECT_EQ(reopen(sim.io(), h.recycled).records, second.records);
  });
}

uint64_t calls_of_a_life(uint64_t seed) {
  SimRuntime sim(seed);
  History h;
  sim.run([&] { Life(&sim, &h).run(); });
  EXPECT_EQ(h.acknowledged, 12u);
  EXPECT_EQ(h.appended.size(), 12u);
  return sim.io()->calls();
}

TEST(LogCrash, AtEveryCallAndDuringRecovery) {
  constexpr uint64_t kRecoveryCallsMax = 60;
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    const uint64_t calls = calls_of_a_life(seed);
    ASSERT_GT(calls, 15u);
    for (uint64_t at = 0; at <= calls; ++at) {
      const SimFault crash = at % 3 == 2 ? SimFault::kCrashKill : SimFault::kCrashPower;
      crash_twice({seed, crash}, at, (at * 7 + seed) % kRecoveryCallsMax);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(LogCrash, RecoveryCrashedAtEachOfItsCalls) {
  const uint64_t calls = calls_of_a_life(9);
  for (uint64_t at : {calls / 4, calls / 2, calls - 3, calls}) {
    for (uint64_t recovery_at = 0; recovery_at < 80; ++recovery_at) {
      crash_twice({9, SimFault::kCrashPower}, at, recovery_at);
      crash_twice({9, SimFault::kCrashKill}, at, recovery_at);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

// A failing write or sync anywhere: what was acknowledged stays, whatever the restart looks like.
TEST(LogCrash, FailuresAtEveryCall) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const uint64_t calls = calls_of_a_life(seed);
    for (uint64_t at = 0; at <= calls; ++at) {
      for (SimFault fault : {SimFault::kEio, SimFault::kSyncFailed, SimFault::kNoSpace}) {
        SCOPED_TRACE("seed " + std::to_string(seed) + " call " + std::to_string(at));
        SimRuntime sim(seed);
        History h;
        sim.io()->set_plan({{at, fault}});
        sim.run([&] { Life(&sim, &h).run(); });
        if (!h.created) continue;
        at % 2 == 0 ? sim.io()->crash_kill() : sim.io()->crash_power();
        sim.io()->restart();
        sim.run([&] { expect_prefix(h, reopen(sim.io(), h.recycled)); });
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST(LogCrash, RunsRepeatExactly) {
  uint64_t hashes[2];
  for (uint64_t& hash : hashes) {
    SimRuntime sim(77);
    History h;
    sim.run([&] { Life(&sim, &h).run(); });
    hash = sim.trace_hash();
  }
  EXPECT_EQ(hashes[0], hashes[1]);
}

}  // namespace
}  // namespace pgz
