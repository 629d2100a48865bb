// Measures durable commits through the whole pipeline: threads x transactions that lock, write and
// commit three keys each, as pgbench's TPC-B-like script does. Prints commits per second, the size
// of a group and the share of time the log thread spent in the device.
//
//   commit_bench DIR [seconds]     DIR must be on the file system to measure
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/clock.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/posix.h"

namespace {

using namespace pgz;  // NOLINT

struct Outcome {
  uint64_t commits = 0;
  std::vector<uint64_t> micros;         // of transactions, with the waits for hot rows
  std::vector<uint64_t> commit_micros;  // of their last call alone
};

uint64_t percentile(std::vector<uint64_t>* micros, size_t percent) {
  if (micros->empty()) return 0;
  const size_t at = micros->size() * percent / 100;
  std::nth_element(micros->begin(), micros->begin() + static_cast<ptrdiff_t>(at), micros->end());
  return (*micros)[at];
}

void work(Db* db, unsigned seed, const std::atomic<bool>* stop, Outcome* out) {
  std::mt19937_64 random(seed);
  const std::string value(100, 'v');
  while (!stop->load(std::memory_order_relaxed)) {
    const uint64_t start = system_clock()->now_micros();
    auto txn = db->begin({});
    OpNum op = 1;
    for (uint64_t rows : {uint64_t{2'000'000}, uint64_t{200}, uint64_t{1'000'000'000}}) {
      const std::string key =
          "table" + std::to_string(rows) + "/" + std::to_string(random() % rows);
      Status s = txn->lock(LockSpace::kRow, key, kRowNoKeyUpdate, op, {});
      if (s.is_ok()) s = txn->put(op++, key, value);
      if (!s.is_ok()) std::abort();
    }
    uint64_t ts = 0;
    const uint64_t commit_start = system_clock()->now_micros();
    if (!txn->commit(false, 0, &ts).is_ok()) std::abort();
    const uint64_t end = system_clock()->now_micros();
    out->commits++;
    out->micros.push_back(end - start);
    out->commit_micros.push_back(end - commit_start);
  }
}

void measure(Db* db, int threads, double seconds) {
  std::atomic<bool> stop{false};
  std::vector<Outcome> outcomes(static_cast<size_t>(threads));
  std::vector<std::thread> running;
  const PipelineStats before = db->stats().pipeline;
  for (int t = 0; t < threads; t++) {
    running.emplace_back(work, db, static_cast<unsigned>(t), &stop,
                         &outcomes[static_cast<size_t>(t)]);
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (auto& thread : running) thread.join();
  const PipelineStats after = db->stats().pipeline;
  Outcome all;
  for (const Outcome& o : outcomes) {
    all.commits += o.commits;
    all.micros.insert(all.micros.end(), o.micros.begin(), o.micros.end());
    all.commit_micros.insert(all.commit_micros.end(), o.commit_micros.begin(),
                             o.commit_micros.end());
  }
  const double flushes = static_cast<double>(after.flushes - before.flushes);
  std::printf(
      "%2d threads  %8.0f commits/s  transaction p50 %5lu us  p99 %5lu us  commit p50 %5lu us  p99 "
      "%5lu us  group %5.1f  flushes %6.0f/s  log thread in the device %3.0f %%\n",
      threads, static_cast<double>(all.commits) / seconds,
      static_cast<unsigned long>(percentile(&all.micros, 50)),
      static_cast<unsigned long>(percentile(&all.micros, 99)),
      static_cast<unsigned long>(percentile(&all.commit_micros, 50)),
      static_cast<unsigned long>(percentile(&all.commit_micros, 99)),
      static_cast<double>(after.commits - before.commits) / flushes, flushes / seconds,
      static_cast<double>(after.flush_micros - before.flush_micros) / seconds / 1e4);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: commit_bench DIR [seconds]\n");
    return 2;
  }
  PosixRuntime runtime;
  Result<std::unique_ptr<Db>> db = Db::open(runtime.get(), argv[1], {}, [] {});
  if (!db.is_ok()) {
    std::fprintf(stderr, "%s\n", db.status().to_string().c_str());
    return 1;
  }
  std::printf("durability: every commit flushed; %s\n", runtime.get().io->describe().c_str());
  for (int threads : {1, 8, 32, 64}) {
    measure(db.value().get(), threads, argc > 2 ? std::atof(argv[2]) : 3.0);
  }
  return db.value()->close().is_ok() ? 0 : 1;
}
