#include "engine/io/sim/scheduler.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/base/sync.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

// Two writers add to one log under a mutex; the text shows who went when.
std::string interleaving(uint64_t seed, uint64_t* hash) {
  SimRuntime sim(seed);
  std::string text;
  sim.run([&] {
    Mutex mu;
    std::vector<std::unique_ptr<Joinable>> writers;
    for (char name : {'a', 'b', 'c'}) {
      writers.push_back(sim.get().executor->spawn("writer", [&, name] {
        for (int i = 0; i < 5; ++i) {
          MutexLock lock(&mu);
          text.push_back(name);
        }
      }));
    }
    for (auto& w : writers) w->join();
  });
  *hash = sim.trace_hash();
  return text;
}

TEST(Scheduler, OneSeedOneScheduleManySeedsMany) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    uint64_t first_hash = 0;
    uint64_t second_hash = 0;
    const std::string text = interleaving(seed, &first_hash);
    EXPECT_EQ(text.size(), 15u);
    EXPECT_EQ(interleaving(seed, &second_hash), text);
    EXPECT_EQ(first_hash, second_hash);
    seen.insert(text);
  }
  EXPECT_GT(seen.size(), 20u);
}

TEST(Scheduler, FindsALostUpdate) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SimRuntime sim(seed);
    int counter = 0;
    sim.run([&] {
      std::vector<std::unique_ptr<Joinable>> adders;
      for (int t = 0; t < 2; ++t) {
        adders.push_back(sim.get().executor->spawn("adder", [&] {
          const int seen = counter;
          spin_pause();
          counter = seen + 1;
        }));
      }
    });
    lost += counter == 1 ? 1 : 0;
  }
  EXPECT_GT(lost, 0);
}

TEST(Scheduler, PrimitivesWorkOnFibers) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SimRuntime sim(seed);
    int handed = 0;
    int readers_max = 0;
    sim.run([&] {
      Mutex mu;
      CondVar cv;
      Event done;
      SharedMutex shared;
      int readers = 0;
      bool writing = false;
      std::vector<std::unique_ptr<Joinable>> fibers;
      fibers.push_back(sim.get().executor->spawn("consumer", [&] {
        MutexLock lock(&mu);
        while (handed < 3) cv.wait(&mu);
        done.set();
      }));
      for (int i = 0; i < 3; ++i) {
        fibers.push_back(sim.get().executor->spawn("producer", [&] {
          MutexLock lock(&mu);
          ++handed;
          cv.notify_all();
        }));
        fibers.push_back(sim.get().executor->spawn("reader", [&] {
          SharedLock lock(&shared);
          EXPECT_FALSE(writing);
          readers_max = std::max(readers_max, ++readers);
          spin_pause();
          --readers;
        }));
        fibers.push_back(sim.get().executor->spawn("writer", [&] {
          ExclusiveLock lock(&shared);
          EXPECT_EQ(readers, 0);
          writing = true;
          spin_pause();
          writing = false;
        }));
      }
      done.wait();
    });
    EXPECT_EQ(handed, 3);
  }
}

TEST(Scheduler, TimeIsSimulated) {
  SimRuntime sim(7);
  sim.run([&] {
    Clock* clock = sim.get().clock;
    const uint64_t start = clock->now_micros();
    clock->sleep_micros(3600ull * 1000 * 1000);
    EXPECT_GE(clock->now_micros() - start, 3600ull * 1000 * 1000);
    Mutex mu;
    CondVar cv;
    MutexLock lock(&mu);
    EXPECT_FALSE(cv.wait_for(&mu, 5000));
    Event never;
    EXPECT_FALSE(never.wait_for(100));
  });
}

TEST(Scheduler, IoIsAYieldPointAndRunsFollowEachOther) {
  SimRuntime sim(8);
  sim.run([&] {
    auto file = sim.get().io->open("f", OpenMode::kCreate).take();
    auto other =
        sim.get().executor->spawn("writer", [&] { EXPECT_TRUE(file->write(0, "x", 1).is_ok()); });
    other->join();
    EXPECT_TRUE(file->sync().is_ok());
    EXPECT_TRUE(sim.get().io->sync_dir("").is_ok());
  });
  sim.io()->crash_power();
  sim.io()->restart();
  sim.run([&] {
    auto file = sim.get().io->open("f", OpenMode::kRead).take();
    char c = 0;
    EXPECT_TRUE(file->read(0, &c, 1).is_ok());
    EXPECT_EQ(c, 'x');
  });
}

TEST(SchedulerDeathTest, DeadlockAndEndlessLoopStop) {
  EXPECT_DEATH(
      {
        SimRuntime sim(1);
        sim.run([] {
          Event never;
          never.wait();
        });
      },
      "deadlock");
  EXPECT_DEATH(
      {
        SimRuntime sim(1);
        sim.set_step_limit(10000);
        sim.run([] {
          for (;;) spin_pause();
        });
      },
      "too many steps");
}

}  // namespace
}  // namespace pgz
