#include "tests/bench/kv/workloads.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "tests/bench/kv/process.h"

namespace kvbench {

namespace {

// Of one write in the read-and-write mixes: a share per thousand.
struct Mix {
  unsigned read, update, insert, scan, read_modify_write;
  bool latest;  // reads go to what was inserted last
};

Mix mix_of(char kind) {
  switch (kind) {
    case 'a':
      return {500, 500, 0, 0, 0, false};
    case 'b':
      return {950, 50, 0, 0, 0, false};
    case 'c':
      return {1000, 0, 0, 0, 0, false};
    case 'd':
      return {950, 0, 50, 0, 0, true};
    case 'e':
      return {0, 0, 50, 950, 0, false};
    case 'f':
      return {500, 0, 0, 0, 500, false};
    default:
      fail(std::string("no YCSB workload ") + kind);
  }
}

}  // namespace

bool Bench::Worker::done(uint64_t user_bytes) {
  const uint64_t now = now_nanos();
  part.nanos.record(now - last_nanos);
  part.operations++;
  part.user_bytes += user_bytes;
  last_nanos = part.ended_nanos = now;
  return now < deadline_nanos;
}

Bench::Bench(const BenchOptions& options) : options_(options), values_(7) { open(); }

void Bench::open() {
  std::filesystem::create_directories(options_.store.dir);
  store_ = open_store(options_.store);
}

// Waits until this process has written nothing and computed next to nothing for 250 ms: the same
// criterion for every engine.
void Bench::rest() {
  constexpr int kQuietSamples = 5;
  uint64_t bytes = device_bytes_written();
  double cpu = cpu_seconds();
  for (int quiet = 0, samples = 0; quiet < kQuietSamples && samples < 2400; samples++) {
    usleep(50'000);
    const uint64_t bytes_now = device_bytes_written();
    const double cpu_now = cpu_seconds();
    quiet = bytes_now == bytes && cpu_now - cpu < 0.01 ? quiet + 1 : 0;
    bytes = bytes_now;
    cpu = cpu_now;
  }
}

Outcome Bench::timed(const std::string& name, const std::function<void()>& work, bool flush) {
  Outcome out;
  out.workload = name;
  const uint64_t bytes = device_bytes_written();
  const double cpu = cpu_seconds();
  const uint64_t start = now_nanos();
  work();
  const uint64_t end = now_nanos();
  out.seconds = static_cast<double>(end - start) / 1e9;
  out.resident_bytes = resident_bytes();
  if (flush) {
    store_->flush();
    rest();
  }
  out.settle_seconds = static_cast<double>(now_nanos() - end) / 1e9;
  out.cpu_seconds = cpu_seconds() - cpu;
  out.device_bytes = device_bytes_written() - bytes;
  out.disk_bytes = disk_bytes_without_log(options_.store.dir);
  out.live_bytes = present_ * (kKeyBytes + options_.value_bytes);
  return out;
}

Outcome Bench::on_threads(const std::string& name, unsigned threads, double seconds, bool settle,
                          const Body& body) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned t = 0; t < threads; t++) {
    workers.push_back(std::make_unique<Worker>(Worker{Random(seed_++), {}, {}, {}, 0, 0}));
  }
  uint64_t start = 0;
  Outcome out = timed(
      name,
      [&] {
        std::vector<std::thread> running;
        start = now_nanos();
        for (unsigned t = 0; t < threads; t++) {
          workers[t]->last_nanos = start;
          workers[t]->deadline_nanos =
              seconds > 0 ? start + static_cast<uint64_t>(seconds * 1e9) : UINT64_MAX;
          running.emplace_back(body, workers[t].get(), t);
        }
        for (std::thread& thread : running) thread.join();
      },
      settle);
  for (const auto& worker : workers) {
    out.operations += worker->part.operations;
    out.user_bytes += worker->part.user_bytes;
    out.nanos.merge(worker->part.nanos);
  }
  return out;
}

void Bench::write(Worker* worker, uint64_t index, bool sync) {
  const std::string_view value =
      values_.make(index, options_.value_bytes, &worker->random, &worker->value);
  store_->put(Key(index).view(), value, sync);
}

void Bench::read(Worker* worker, uint64_t index) {
  if (!store_->get(Key(index).view(), &worker->scratch)) {
    fail("key " + std::to_string(index) + " is lost");
  }
  if (!Values::matches(index, options_.value_bytes, worker->scratch)) {
    fail("key " + std::to_string(index) + " has another value");
  }
}

// One writer, until `operations` are done.
Outcome Bench::load(const std::string& name, uint64_t operations,
                    const std::function<uint64_t(uint64_t, Random*)>& choose) {
  const uint64_t pair_bytes = kKeyBytes + options_.value_bytes;
  Outcome out = on_threads(name, 1, 0, true, [&](Worker* worker, unsigned) {
    for (uint64_t i = 0; i < operations; i++) {
      write(worker, choose(i, &worker->random), false);
      worker->done(pair_bytes);
    }
    present_ = options_.keys;
  });
  out.live_bytes = present_ * pair_bytes;
  return out;
}

std::vector<Outcome> Bench::read_while_writing() {
  const uint64_t pair_bytes = kKeyBytes + options_.value_bytes;
  const uint64_t n = present_;
  Part parts[2];
  Outcome both = on_threads("read_while_writing", 2, options_.seconds, false,
                            [&](Worker* worker, unsigned thread) {
                              bool on = true;
                              while (on && thread == 0) {
                                read(worker, worker->random.below(n));
                                on = worker->done(0);
                              }
                              while (on) {
                                write(worker, worker->random.below(n), false);
                                on = worker->done(pair_bytes);
                              }
                              parts[thread] = worker->part;
                            });
  Outcome reads = both;
  Outcome writes = both;
  reads.operations = parts[0].operations;
  reads.nanos = parts[0].nanos;
  reads.user_bytes = reads.device_bytes = 0;
  reads.cpu_seconds = 0;  // cannot be told apart: it stands with the writes' row, for both
  writes.workload = "write_while_reading";
  writes.operations = parts[1].operations;
  writes.nanos = parts[1].nanos;
  rest();
  return {reads, writes};
}

Outcome Bench::ycsb(char kind) {
  const Mix mix = mix_of(kind);
  const uint64_t pair_bytes = kKeyBytes + options_.value_bytes;
  if (zipf_ == nullptr) zipf_ = std::make_unique<Zipf>(options_.keys);
  std::atomic<uint64_t> next_insert{present_.load()};
  std::atomic<uint64_t> inserted{present_.load()};  // all below it are there
  const uint64_t n = options_.keys;
  Outcome out = on_threads(std::string("ycsb_") + kind, options_.threads, options_.seconds, false,
                           [&](Worker* worker, unsigned) {
                             Random* random = &worker->random;
                             for (bool on = true; on;) {
                               const uint64_t key =
                                   mix.latest
                                       ? inserted.load() - 1 - std::min(zipf_->rank(random), n - 1)
                                       : zipf_->scrambled(random);
                               uint64_t written = 0;
                               uint64_t dice = random->below(1000);
                               if (dice < mix.read) {
                                 read(worker, key);
                               } else if ((dice -= mix.read) < mix.update) {
                                 write(worker, key, false);
                                 written = pair_bytes;
                               } else if ((dice -= mix.update) < mix.insert) {
                                 const uint64_t index = next_insert.fetch_add(1);
                                 write(worker, index, false);
                                 written = pair_bytes;
                                 uint64_t expected = index;
                                 while (!inserted.compare_exchange_weak(expected, index + 1)) {
                                   expected = index;
                                   std::this_thread::yield();
                                 }
                               } else if ((dice -= mix.insert) < mix.scan) {
                                 uint64_t bytes = 0;
                                 store_->scan(Key(key).view(), 1 + random->below(100), &bytes);
                               } else {
                                 read(worker, key);
                                 write(worker, key, false);
                                 written = pair_bytes;
                               }
                               on = worker->done(written);
                             }
                           });
  present_ = inserted.load();
  rest();
  return out;
}

// `keys` pairs in random order into an empty store, in keys per second:
//   nosync          single commits, none waited for
//   durable         single commits, each durable; many in flight where the engine can take them
//                   from one thread, else from 64 threads
//   durable_batch   a thousand pairs a commit, each commit durable before the next
std::vector<Outcome> Bench::plain(size_t value_bytes) {
  const uint64_t n = options_.keys;
  const Permutation order(n, 3);
  std::vector<std::string> keys;
  std::vector<std::string> values;
  Random random(5);
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < n; i++) {
    keys.emplace_back(Key(order.at(i)).view());
    // "8" stands for 8 to 16.
    const size_t size = value_bytes == 8 ? 8 + random.below(9) : value_bytes;
    values.emplace_back();
    values_.make(i, size, &random, &values.back());
    bytes += kKeyBytes + size;
  }
  std::vector<Pair> pairs;
  for (uint64_t i = 0; i < n; i++) pairs.emplace_back(keys[i], values[i]);

  constexpr size_t kBatch = 1000;
  const std::string name = "plain_" + std::to_string(value_bytes);
  std::vector<Outcome> outcomes;
  const auto measure = [&](const std::string& way, const std::function<void()>& work) {
    run("fresh");
    rest();  // what an engine prepares in a new directory is not part of a load
    Outcome out = timed(name + way, work, false);
    out.operations = n;
    out.user_bytes = bytes;
    outcomes.push_back(std::move(out));
  };
  measure("_nosync", [&] {
    for (const Pair& pair : pairs) store_->put(pair.first, pair.second, false);
  });
  const auto put_commit = [&](size_t at, size_t per_commit) {
    if (per_commit == 1) return store_->put(pairs[at].first, pairs[at].second, true);
    const size_t end = std::min(pairs.size(), at + per_commit);
    store_->put_batch(std::vector<Pair>(pairs.begin() + static_cast<ptrdiff_t>(at),
                                        pairs.begin() + static_cast<ptrdiff_t>(end)),
                      true);
  };
  // An engine whose commits wait gets threads instead of commits in flight.
  const auto many_at_once = [&](size_t per_commit, unsigned threads) {
    if (store_->put_pipelined(pairs, per_commit)) return;
    std::atomic<size_t> next{0};
    std::vector<std::thread> running;
    for (unsigned t = 0; t < threads; t++) {
      running.emplace_back([&] {
        for (size_t at; (at = next.fetch_add(per_commit)) < pairs.size();) {
          put_commit(at, per_commit);
        }
      });
    }
    for (std::thread& thread : running) thread.join();
  };
  measure("_durable", [&] { many_at_once(1, 64); });
  measure("_durable_batch", [&] {
    for (size_t at = 0; at < pairs.size(); at += kBatch) put_commit(at, kBatch);
  });
  measure("_durable_batches", [&] { many_at_once(kBatch, 8); });
  return outcomes;
}

std::vector<Outcome> Bench::run(const std::string& workload) {
  const uint64_t n = options_.keys;
  const uint64_t pair_bytes = kKeyBytes + options_.value_bytes;
  const auto reads = [&](const Body& body) {
    return std::vector<Outcome>{
        on_threads(workload, options_.threads, options_.seconds, false, body)};
  };
  if (workload == "fresh") {
    store_.reset();
    std::filesystem::remove_all(options_.store.dir);
    present_ = 0;
    open();
    return {};
  }
  if (workload == "reopen") {
    store_.reset();
    return {timed(
        workload, [&] { open(); }, false)};
  }
  if (workload == "load_in_order") {
    return {load(workload, n, [](uint64_t i, Random*) { return i; })};
  }
  if (workload == "load_random") {
    const Permutation order(n, 3);
    return {load(workload, n, [&](uint64_t i, Random*) { return order.at(i); })};
  }
  if (workload.rfind("plain_", 0) == 0) return plain(std::stoul(workload.substr(6)));
  if (present_ == 0) fail(workload + " needs a loaded store");
  if (workload == "overwrite") {
    return {load(workload, 3 * n, [&](uint64_t, Random* random) { return random->below(n); })};
  }
  if (workload == "read_hit") {
    return reads([&](Worker* worker, unsigned) {
      do read(worker, worker->random.below(n));
      while (worker->done(0));
    });
  }
  if (workload == "read_miss") {
    return reads([&](Worker* worker, unsigned) {
      do {
        if (store_->get(Key(worker->random.below(n - 1), true).view(), &worker->scratch)) {
          fail("found a key that was never written");
        }
      } while (worker->done(0));
    });
  }
  if (workload == "scan_10" || workload == "scan_100") {
    const size_t rows = workload == "scan_10" ? 10 : 100;
    return reads([&](Worker* worker, unsigned) {
      uint64_t bytes = 0;
      do {
        const uint64_t from = worker->random.below(n - std::min<uint64_t>(n, rows) + 1);
        if (store_->scan(Key(from).view(), rows, &bytes) != std::min<uint64_t>(n, rows)) {
          fail("a scan found too little");
        }
      } while (worker->done(0));
    });
  }
  if (workload == "read_while_writing") return read_while_writing();
  if (workload.rfind("ycsb_", 0) == 0 && workload.size() == 6) return {ycsb(workload[5])};
  if (workload.rfind("sync_", 0) == 0) {
    const unsigned threads = static_cast<unsigned>(std::stoul(workload.substr(5)));
    Outcome out =
        on_threads(workload, threads, options_.seconds, false, [&](Worker* worker, unsigned) {
          do write(worker, worker->random.below(n), true);
          while (worker->done(pair_bytes));
        });
    rest();
    return {out};
  }
  fail("no workload " + workload);
}

}  // namespace kvbench
