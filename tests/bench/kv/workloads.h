// The workloads of the key-value benchmark, run one at a time against one store.
//
// Keys are 16 bytes; `keys` of them are loaded. Unless a workload says "sync", commits are not
// waited for on either side. Loads and overwrites are one writer's single-pair commits, timed until
// the last one returned; their bytes, CPU time and space are taken after memtables are flushed and
// background work has come to rest. The others run for `seconds`.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/histogram.h"
#include "tests/bench/kv/generator.h"
#include "tests/bench/kv/store.h"

namespace kvbench {

struct BenchOptions {
  StoreOptions store;
  uint64_t keys = 100'000;
  size_t value_bytes = 100;
  double seconds = 1;
  unsigned threads = 2;  // of the read and YCSB workloads
};

struct Outcome {
  std::string workload;
  uint64_t operations = 0;
  double seconds = 0;
  double settle_seconds = 0;  // until background work was at rest
  pgz::Histogram nanos;
  double cpu_seconds = 0;
  uint64_t user_bytes = 0;    // keys and values written
  uint64_t device_bytes = 0;  // written in the meantime
  uint64_t disk_bytes = 0;
  uint64_t live_bytes = 0;  // keys and values in the store
  uint64_t resident_bytes = 0;
};

class Bench {
 public:
  explicit Bench(const BenchOptions& options);

  // Runs a workload by name; several outcomes where readers and writers are told apart. Names:
  //   fresh reopen                      an empty store; close and open again (seconds tell)
  //   load_in_order load_random overwrite
  //   read_hit read_miss scan_10 scan_100 read_while_writing ycsb_a .. ycsb_f
  //   sync_1 sync_8 sync_64             synced commits of one pair, by that many threads
  //   plain_8 plain_64 plain_1024       `keys` pairs into a fresh store, four ways (see .cc)
  std::vector<Outcome> run(const std::string& workload);

 private:
  // One thread's part of a workload: operations end to end, each timed from the last one's end.
  struct Part {
    uint64_t operations = 0;
    uint64_t user_bytes = 0;
    uint64_t ended_nanos = 0;
    pgz::Histogram nanos;
  };
  struct Worker {
    Random random;
    std::string value;    // scratch
    std::string scratch;  // scratch
    Part part;
    uint64_t deadline_nanos = 0;
    uint64_t last_nanos = 0;
    // Ends the operation; false when time is up.
    bool done(uint64_t user_bytes);
  };
  using Body = std::function<void(Worker*, unsigned thread)>;

  void open();
  void rest();
  Outcome timed(const std::string& name, const std::function<void()>& work, bool flush);
  Outcome on_threads(const std::string& name, unsigned threads, double seconds, bool settle,
                     const Body& body);
  Outcome load(const std::string& name, uint64_t operations,
               const std::function<uint64_t(uint64_t, Random*)>& choose);
  std::vector<Outcome> read_while_writing();
  Outcome ycsb(char kind);
  std::vector<Outcome> plain(size_t value_bytes);
  void write(Worker* worker, uint64_t index, bool sync);
  void read(Worker* worker, uint64_t index);

  const BenchOptions options_;
  const Values values_;
  std::unique_ptr<Zipf> zipf_;
  std::unique_ptr<Store> store_;
  std::atomic<uint64_t> present_{0};  // indices below it are stored
  uint64_t seed_ = 1;
};

}  // namespace kvbench
