#include "engine/base/sync.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/runtime.h"

namespace pgz {
namespace {

TEST(Sync, MutexExcludes) {
  Mutex mu;
  int counter = 0;
  std::vector<std::unique_ptr<Joinable>> threads;
  for (int t = 0; t < 4; ++t) {
    threads.push_back(thread_executor()->spawn("adder", [&] {
      for (int i = 0; i < 10000; ++i) {
        MutexLock lock(&mu);
        ++counter;
      }
    }));
  }
  for (auto& t : threads) t->join();
  EXPECT_EQ(counter, 40000);
}

TEST(Sync, CondVarHandsOver) {
  Mutex mu;
  CondVar cv;
  int turn = 0;
  auto other = thread_executor()->spawn("pong", [&] {
    for (int i = 0; i < 1000; ++i) {
      MutexLock lock(&mu);
      while (turn != 1) cv.wait(&mu);
      turn = 0;
      cv.notify_all();
    }
  });
  for (int i = 0; i < 1000; ++i) {
    MutexLock lock(&mu);
    while (turn != 0) cv.wait(&mu);
    turn = 1;
    cv.notify_all();
  }
  other->join();
  EXPECT_EQ(turn, 0);
}

TEST(Sync, WaitForTimesOut) {
  Mutex mu;
  CondVar cv;
  MutexLock lock(&mu);
  const uint64_t start = system_clock()->now_micros();
  while (cv.wait_for(&mu, 2000)) {
  }
  EXPECT_GE(system_clock()->now_micros() - start, 1900u);
}

TEST(Sync, EventMayDieAsSoonAsItWasWaitedFor) {
  for (int i = 0; i < 500; ++i) {
    auto event = std::make_unique<Event>();
    auto setter = thread_executor()->spawn("setter", [e = event.get()] { e->set(); });
    event->wait();
    EXPECT_TRUE(event->is_set());
    event.reset();
    setter->join();
  }
  Event event;
  EXPECT_FALSE(event.wait_for(1000));
  event.set();
  event.reset();
  EXPECT_FALSE(event.is_set());
}

TEST(Sync, SharedMutexLetsReadersInTogether) {
  SharedMutex mu;
  Event both_in;
  Event reader_in;
  auto reader = thread_executor()->spawn("reader", [&] {
    SharedLock lock(&mu);
    reader_in.set();
    both_in.wait();
  });
  reader_in.wait();
  {
    SharedLock lock(&mu);
    both_in.set();
  }
  reader->join();
  ExclusiveLock alone(&mu);
}

TEST(Sync, ThreadNumbersDiffer) {
  std::set<uint64_t> numbers = {thread_number()};
  EXPECT_EQ(numbers.count(thread_number()), 1u);
  for (int i = 0; i < 3; ++i) {
    thread_executor()->spawn("n", [&] { numbers.insert(thread_number()); })->join();
  }
  EXPECT_EQ(numbers.size(), 4u);
}

}  // namespace
}  // namespace pgz
