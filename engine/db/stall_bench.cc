// Measures what background work does to those in front of it: point reads of an idle database, then
// the same reads while writers overwrite at full speed, and how long the longest write waited.
//
//   stall_bench DIR [seconds [data_mib [writers [batch [value_bytes]]]]]    60 1024 4 32 1024
//
// Writers commit `batch` puts at a time, every commit durable; one reader asks for one key after
// the other, drawn at random. Prints a line per phase and exits with 1 where a bound is missed:
// reads' p99.9 under ingest at most 10 times the idle one, no write longer than 100 ms, 100 MB/s.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/histogram.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/posix.h"

namespace {

using namespace pgz;  // NOLINT

struct Plan {
  double seconds = 60;
  uint64_t data_mib = 1024;
  int writers = 4;
  int batch = 32;
  uint64_t value_bytes = 1024;
  uint64_t keys() const { return (data_mib << 20) / (value_bytes + 16); }
};

std::string key_of(uint64_t n) {
  char key[24];
  std::snprintf(key, sizeof(key), "k%015lu", static_cast<unsigned long>(n));
  return key;
}

struct Writer {
  Db* db;
  const Plan* plan;
  const std::string* noise;  // values are slices of it, so that they do not compress
  std::mt19937_64 random;
  Histogram micros;
  uint64_t bytes = 0;

  Slice value() {
    return Slice(noise->data() + random() % (noise->size() - plan->value_bytes), plan->value_bytes);
  }
  // One commit; `pick` gives the keys.
  template <typename Pick>
  void commit(Pick pick) {
    auto txn = db->begin({});
    OpNum op = 1;
    for (int i = 0; i < plan->batch; i++) {
      if (!txn->put(op++, key_of(pick()), value()).is_ok()) std::abort();
    }
    const uint64_t begin = system_clock()->now_micros();
    uint64_t ts = 0;
    const Status s = txn->commit(false, 0, &ts);
    if (!s.is_ok()) {
      std::fprintf(stderr, "%s\n", s.to_string().c_str());
      std::abort();
    }
    micros.record(system_clock()->now_micros() - begin);
    bytes += static_cast<uint64_t>(plan->batch) * (plan->value_bytes + 16);
  }
};

struct Figures {
  Histogram reads;   // nanoseconds
  Histogram writes;  // microseconds
  double megabytes_per_second = 0;
};

void read_until(Db* db, const Plan& plan, const std::atomic<bool>& stop, Histogram* nanos) {
  std::mt19937_64 random(7);
  while (!stop.load(std::memory_order_relaxed)) {
    const std::string key = key_of(random() % plan.keys());
    const auto begin = std::chrono::steady_clock::now();
    ReadResult result;
    db->read(nullptr, kNewest, kOpAll, key, &result);
    if (!result.status.is_ok()) std::abort();
    nanos->record(static_cast<uint64_t>((std::chrono::steady_clock::now() - begin).count()));
  }
}

// The reader alone, or beside the writers.
Figures measure(Db* db, const Plan& plan, const std::string& noise, int writers, double seconds) {
  std::atomic<bool> stop{false};
  Figures figures;
  std::vector<Writer> all;
  for (int i = 0; i < writers; i++) {
    all.push_back(
        {db, &plan, &noise, std::mt19937_64(static_cast<uint64_t>(i) + 1), Histogram(), 0});
  }
  std::vector<std::thread> threads;
  threads.emplace_back([&] { read_until(db, plan, stop, &figures.reads); });
  for (Writer& w : all) {
    threads.emplace_back([&] {
      while (!stop.load(std::memory_order_relaxed)) {
        w.commit([&] { return w.random() % plan.keys(); });
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (std::thread& thread : threads) thread.join();
  uint64_t bytes = 0;
  for (const Writer& w : all) {
    figures.writes.merge(w.micros);
    bytes += w.bytes;
  }
  figures.megabytes_per_second = static_cast<double>(bytes) / 1e6 / seconds;
  return figures;
}

void report(const char* name, const Figures& f, const LsmStats& before, const LsmStats& after) {
  const auto us = [](uint64_t nanos) { return static_cast<double>(nanos) / 1e3; };
  std::printf("%-7s reads: %8lu, p50 %6.1f us, p99 %7.1f us, p99.9 %8.1f us, max %8.1f us\n", name,
              static_cast<unsigned long>(f.reads.count()), us(f.reads.percentile(50)),
              us(f.reads.percentile(99)), us(f.reads.percentile(99.9)), us(f.reads.max()));
  if (f.writes.count() == 0) return;
  const auto ms = [](uint64_t micros) { return static_cast<double>(micros) / 1e3; };
  std::printf(
      "        commits: %6.1f MB/s, p50 %5.1f ms, p99 %5.1f ms, p99.9 %5.1f ms, max %5.1f ms; held "
      "back %.1f s; flushed %.0f MB, merged %.0f MB, debt %.0f MB, level 0: %u\n",
      f.megabytes_per_second, ms(f.writes.percentile(50)), ms(f.writes.percentile(99)),
      ms(f.writes.percentile(99.9)), ms(f.writes.max()),
      static_cast<double>(after.stall_micros - before.stall_micros) / 1e6,
      static_cast<double>(after.flushed_bytes - before.flushed_bytes) / 1e6,
      static_cast<double>(after.merged_bytes - before.merged_bytes) / 1e6,
      static_cast<double>(after.debt_bytes) / 1e6, after.level_files[0]);
}

bool load(Db* db, const Plan& plan, const std::string& noise) {
  Writer w{db, &plan, &noise, std::mt19937_64(99), Histogram(), 0};
  uint64_t next = 0;
  while (next < plan.keys()) w.commit([&] { return next++; });
  return db->flush().is_ok() && db->lsm()->merge_now().is_ok();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr,
                 "usage: stall_bench DIR [seconds [data_mib [writers [batch [value_bytes]]]]]\n");
    return 2;
  }
  Plan plan;
  if (argc > 2) plan.seconds = std::atof(argv[2]);
  if (argc > 3) plan.data_mib = std::strtoull(argv[3], nullptr, 10);
  if (argc > 4) plan.writers = std::atoi(argv[4]);
  if (argc > 5) plan.batch = std::atoi(argv[5]);
  if (argc > 6) plan.value_bytes = std::strtoull(argv[6], nullptr, 10);
  std::mt19937_64 random(1);
  std::string noise;
  for (int i = 0; i < 1 << 17; i++) {
    const uint64_t word = random();
    noise.append(reinterpret_cast<const char*>(&word), sizeof(word));
  }
  PosixRuntime runtime;
  Result<std::unique_ptr<Db>> opened = Db::open(runtime.get(), argv[1], {}, [] {});
  if (!opened.is_ok()) {
    std::fprintf(stderr, "%s\n", opened.status().to_string().c_str());
    return 1;
  }
  Db* const db = opened.value().get();
  std::printf("durability: every commit flushed; %s\n", runtime.get().io->describe().c_str());
  if (!load(db, plan, noise)) return 1;
  const double idle_seconds = std::min(10.0, plan.seconds / 3);
  measure(db, plan, noise, 0, idle_seconds / 2);  // fills the cache
  const LsmStats begin = db->stats().lsm;
  const Figures idle = measure(db, plan, noise, 0, idle_seconds);
  report("idle", idle, begin, begin);
  const Figures busy = measure(db, plan, noise, plan.writers, plan.seconds);
  report("ingest", busy, begin, db->stats().lsm);
  const double ratio = static_cast<double>(busy.reads.percentile(99.9)) /
                       static_cast<double>(idle.reads.percentile(99.9));
  std::printf("reads' p99.9 under ingest: %.1f times idle; longest commit %.1f ms\n", ratio,
              static_cast<double>(busy.writes.max()) / 1e3);
  const bool holds =
      ratio <= 10 && busy.writes.max() <= 100'000 && busy.megabytes_per_second >= 100;
  return db->close().is_ok() && holds ? 0 : 1;
}
