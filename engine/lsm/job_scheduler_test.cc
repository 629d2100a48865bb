// Under the simulated clock: work is time that passes between two calls of give_way().
#include "engine/lsm/job_scheduler.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "engine/base/runtime.h"
#include "engine/io/sim/scheduler.h"

namespace pgz {
namespace {

constexpr uint64_t kBlockMicros = 1'000;

class JobSchedulerTest : public ::testing::Test {
 protected:
  // Runs fn in the simulation, with a scheduler of its own.
  void simulate(const std::function<void()>& fn) {
    runtime_.run([&] {
      scheduler_ = std::make_unique<JobScheduler>(clock());
      fn();
      scheduler_.reset();
    });
  }
  Clock* clock() { return runtime_.get().clock; }
  std::unique_ptr<Joinable> spawn(const std::function<void()>& fn) {
    return runtime_.get().executor->spawn("job", fn);
  }
  void work(JobTurn* turn, uint64_t micros) {
    for (uint64_t done = 0; done < micros; done += kBlockMicros) {
      clock()->sleep_micros(kBlockMicros);
      turn->give_way();
    }
  }
  // How long a job of the class takes for so much work.
  uint64_t elapsed(JobClass which, uint64_t work_micros) {
    const uint64_t begin = clock()->now_micros();
    JobTurn turn(scheduler_.get(), which);
    work(&turn, work_micros);
    return clock()->now_micros() - begin;
  }
  // The same while a job of another class is at work all the time.
  uint64_t elapsed_beside(JobClass other, JobClass which, uint64_t work_micros) {
    bool over = false;
    const auto beside = spawn([&] {
      JobTurn turn(scheduler_.get(), other);
      while (!over) work(&turn, kBlockMicros);
    });
    clock()->sleep_micros(kBlockMicros);
    const uint64_t micros = elapsed(which, work_micros);
    over = true;
    beside->join();
    return micros;
  }

  SimRuntime runtime_{1};
  std::unique_ptr<JobScheduler> scheduler_;
};

TEST_F(JobSchedulerTest, EachClassHasAShareBesideAMoreUrgentOne) {
  simulate([&] {
    const JobClass classes[] = {JobClass::kFlush, JobClass::kLevel0, JobClass::kDeeper,
                                JobClass::kCollection};
    for (const JobClass urgent : classes) {
      for (const JobClass other : classes) {
        if (other <= urgent) continue;
        const uint64_t micros = elapsed_beside(urgent, other, 1'000'000);
        EXPECT_GE(micros, 3'500'000) << static_cast<int>(urgent) << static_cast<int>(other);
        EXPECT_LE(micros, 4'500'000) << static_cast<int>(urgent) << static_cast<int>(other);
        EXPECT_LE(elapsed_beside(other, urgent, 1'000'000), 1'200'000);
      }
    }
  });
}

TEST_F(JobSchedulerTest, TheShareFollowsDebt) {
  simulate([&] {
    scheduler_->set_debt(JobClass::kCollection, 1.0 / 3);
    EXPECT_DOUBLE_EQ(scheduler_->share(JobClass::kCollection), 0.5);
    const uint64_t half = elapsed_beside(JobClass::kFlush, JobClass::kCollection, 1'000'000);
    EXPECT_GE(half, 1'800'000);
    EXPECT_LE(half, 2'300'000);
    scheduler_->set_debt(JobClass::kCollection, 5);
    EXPECT_LE(elapsed_beside(JobClass::kFlush, JobClass::kCollection, 1'000'000), 1'200'000);
    scheduler_->set_debt(JobClass::kCollection, -5);
    EXPECT_GE(elapsed_beside(JobClass::kFlush, JobClass::kCollection, 1'000'000), 3'500'000);
  });
}

TEST_F(JobSchedulerTest, AloneAJobDoesNotRest) {
  simulate([&] { EXPECT_LE(elapsed(JobClass::kCollection, 1'000'000), 1'200'000); });
}

TEST_F(JobSchedulerTest, ARestEndsWithTheMoreUrgentJob) {
  simulate([&] {
    const auto flush = spawn([&] {
      JobTurn turn(scheduler_.get(), JobClass::kFlush);
      clock()->sleep_micros(30'000);
    });
    clock()->sleep_micros(1'000);
    JobTurn turn(scheduler_.get(), JobClass::kDeeper);
    clock()->sleep_micros(20'000);  // owes 60 ms
    const uint64_t begin = clock()->now_micros();
    turn.give_way();
    EXPECT_LE(clock()->now_micros() - begin, 15'000);
    flush->join();
  });
}

TEST_F(JobSchedulerTest, StoppingEndsRests) {
  simulate([&] {
    JobTurn flush(scheduler_.get(), JobClass::kFlush);
    const auto job = spawn([&] {
      JobTurn turn(scheduler_.get(), JobClass::kDeeper);
      clock()->sleep_micros(20'000);
      const uint64_t begin = clock()->now_micros();
      turn.give_way();
      EXPECT_LE(clock()->now_micros() - begin, 15'000);
    });
    clock()->sleep_micros(25'000);
    scheduler_->stop();
    job->join();
  });
}

// The merge thread: level 0 always wants another merge.
TEST_F(JobSchedulerTest, DeeperMergesGetTheirShareBetweenThoseOfLevel0) {
  simulate([&] {
    uint64_t nested = 0;
    JobTurn deeper(scheduler_.get(), JobClass::kDeeper);
    for (int block = 0; block < 2'000; block++) {
      clock()->sleep_micros(kBlockMicros);
      deeper.give_way();
      if (!scheduler_->goes_before(JobClass::kLevel0, JobClass::kDeeper)) continue;
      deeper.suspend();
      nested += elapsed(JobClass::kLevel0, 50'000);
      deeper.resume();
    }
    EXPECT_GE(nested, 4'000'000);
    EXPECT_LE(nested, 7'000'000);
  });
}

TEST_F(JobSchedulerTest, ALevel0ThatSlowsWritersGoesFirst) {
  simulate([&] {
    (void)elapsed(JobClass::kLevel0, 1'000'000);
    EXPECT_FALSE(scheduler_->goes_before(JobClass::kLevel0, JobClass::kDeeper));
    scheduler_->set_debt(JobClass::kLevel0, 1);
    EXPECT_TRUE(scheduler_->goes_before(JobClass::kLevel0, JobClass::kDeeper));
  });
}

}  // namespace
}  // namespace pgz
