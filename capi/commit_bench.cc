// Measures durable commits through the C ABI: sessions whose transactions lock, write
// and commit three rows of 100 bytes, one of them of 200 hot ones, as pgbench's TPC-B-like script
// does. Sessions wait in two ways: each in a thread of its own, and all of them with tickets on the
// event loop of one thread, which is how the server runs its sessions.
//
//   commit_bench DIR [seconds [SESSIONS...]]     DIR must be on the file system to measure
//
// Prints commits per second, how long transactions and their commits alone took, the size of a
// group and the share of time that the log thread spent in the device.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "pgz.h"

namespace {

using Clock = std::chrono::steady_clock;

void check(pgz_status status, const pgz_error& err) {
  if (status == PGZ_OK) return;
  std::fprintf(stderr, "status %d: %s\n", status, err.message);
  std::exit(1);
}

uint64_t micros_since(Clock::time_point start) {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

void append32(std::string* to, uint32_t value) {
  to->append(reinterpret_cast<const char*>(&value), sizeof(value));
}

struct Times {
  std::vector<uint64_t> transactions;  // microseconds, with the waits for hot rows
  std::vector<uint64_t> commits;       // of their last call alone
};

// One client: a transaction after another. With tag 0 its calls block; otherwise go_on() returns
// where it waits, and is to be called again with the completion of that tag.
class Session {
 public:
  Session(pgz_db* db, uint64_t tag, uint64_t seed) : db_(db), tag_(tag), random_(seed) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() {
    if (txn_ != nullptr) pgz_txn_free(txn_, nullptr);
  }

  // Runs until a call waits (true) or a transaction is over (false).
  bool go_on() {
    while (true) {
      if (step_ == kBegin) {
        begin();
      } else if (step_ < kCommit) {
        if (lock()) return true;
      } else if (step_ == kCommit) {
        if (commit()) return true;
      } else {
        end();
        return false;
      }
    }
  }

  // What go_on() waited for has come.
  void completed(const pgz_completion& done) {
    pgz_error none{};
    check(done.status, none);
    if (step_ < kCommit) write();
    step_++;
  }

  const Times& times() const { return times_; }

 private:
  enum { kBegin = 0, kCommit = 4, kEnd = 5 };  // 1 to 3: the row to lock and write

  void begin() {
    pgz_error err;
    started_ = Clock::now();
    pgz_txn_options options{};
    options.struct_size = sizeof(options);
    options.isolation = PGZ_READ_COMMITTED;
    options.owner = tag_;
    check(pgz_txn_begin(db_, &options, &txn_, &err), err);
    step_++;
  }

  bool lock() {
    static constexpr uint64_t kRows[] = {2'000'000, 200, 1'000'000'000};
    const uint64_t rows = kRows[step_ - 1];
    key_ = "table" + std::to_string(rows) + "/" + std::to_string(random_() % rows);
    std::string batch;
    batch.push_back(PGZ_LOCK_ROW);
    batch.push_back(PGZ_ROW_NO_KEY_UPDATE);
    batch.append(2, '\0');
    append32(&batch, static_cast<uint32_t>(step_));
    append32(&batch, static_cast<uint32_t>(key_.size()));
    batch += key_;
    pgz_wait wait{};
    wait.struct_size = sizeof(wait);
    wait.tag = tag_;
    size_t taken = 0;
    pgz_error err;
    const pgz_status status = pgz_txn_lock(txn_, batch.data(), batch.size(), &wait, &taken, &err);
    if (status == PGZ_PENDING) return true;
    check(status, err);
    write();
    step_++;
    return false;
  }

  void write() {
    static const std::string kValue(100, 'v');
    std::string batch;
    append32(&batch, PGZ_WRITE_PUT);
    append32(&batch, static_cast<uint32_t>(step_));
    append32(&batch, static_cast<uint32_t>(key_.size()));
    append32(&batch, static_cast<uint32_t>(kValue.size()));
    batch += key_;
    batch += kValue;
    pgz_error err;
    check(pgz_txn_write(txn_, batch.data(), batch.size(), &err), err);
  }

  bool commit() {
    commit_started_ = Clock::now();
    uint64_t timestamp = 0;
    pgz_error err;
    const pgz_status status = pgz_txn_commit_submit(txn_, nullptr, 0, 0, tag_, &timestamp, &err);
    if (status == PGZ_PENDING) return true;
    check(status, err);
    step_++;
    return false;
  }

  void end() {
    times_.transactions.push_back(micros_since(started_));
    times_.commits.push_back(micros_since(commit_started_));
    pgz_error err;
    check(pgz_txn_free(txn_, &err), err);
    txn_ = nullptr;
    step_ = kBegin;
  }

  pgz_db* db_;
  uint64_t tag_;
  std::mt19937_64 random_;
  pgz_txn* txn_ = nullptr;
  int step_ = kBegin;
  std::string key_;
  Clock::time_point started_;
  Clock::time_point commit_started_;
  Times times_;
};

using Sessions = std::vector<std::unique_ptr<Session>>;

Sessions make_sessions(pgz_db* db, size_t count, bool tickets) {
  Sessions sessions;
  for (size_t i = 0; i < count; i++) {
    sessions.push_back(std::make_unique<Session>(db, tickets ? i + 1 : 0, i));
  }
  return sessions;
}

void run_in_threads(const Sessions& sessions, double seconds) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (const auto& session : sessions) {
    threads.emplace_back([&stop, &session] {
      while (!stop.load(std::memory_order_relaxed)) session->go_on();
    });
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  stop = true;
  for (auto& thread : threads) thread.join();
}

// Every session goes on to the end of its transaction after the time is over.
void run_with_tickets(pgz_db* db, const Sessions& sessions, double seconds) {
  pgz_error err;
  int fd = -1;
  check(pgz_event_fd(db, &fd, &err), err);
  const Clock::time_point end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                   std::chrono::duration<double>(seconds));
  size_t waiting = 0;
  const auto go_on = [&](Session* session) {
    bool waits = session->go_on();
    while (!waits && Clock::now() < end) waits = session->go_on();
    waiting += waits ? 1 : 0;
  };
  for (const auto& session : sessions) go_on(session.get());
  std::vector<pgz_completion> done(sessions.size());
  while (waiting > 0) {
    pollfd readable{fd, POLLIN, 0};
    if (poll(&readable, 1, -1) < 0) continue;
    uint64_t drained = 0;
    if (read(fd, &drained, sizeof(drained)) < 0) continue;
    size_t count = 0;
    do {
      check(pgz_reap(db, done.data(), done.size(), &count, &err), err);
      for (size_t i = 0; i < count; i++) {
        Session* session = sessions[done[i].tag - 1].get();
        session->completed(done[i]);
        waiting--;
        go_on(session);
      }
    } while (count == done.size());
  }
}

uint64_t percentile(std::vector<uint64_t>* micros, size_t percent) {
  if (micros->empty()) return 0;
  const size_t at = micros->size() * percent / 100;
  std::nth_element(micros->begin(), micros->begin() + static_cast<ptrdiff_t>(at), micros->end());
  return (*micros)[at];
}

pgz_stats stats_of(pgz_db* db) {
  pgz_stats stats{};
  stats.struct_size = sizeof(stats);
  pgz_error err;
  check(pgz_stats_get(db, &stats, &err), err);
  return stats;
}

void measure(pgz_db* db, size_t count, bool tickets, double seconds) {
  const Sessions sessions = make_sessions(db, count, tickets);
  const pgz_stats before = stats_of(db);
  if (tickets) {
    run_with_tickets(db, sessions, seconds);
  } else {
    run_in_threads(sessions, seconds);
  }
  const pgz_stats after = stats_of(db);
  Times all;
  for (const auto& session : sessions) {
    const Times& t = session->times();
    all.transactions.insert(all.transactions.end(), t.transactions.begin(), t.transactions.end());
    all.commits.insert(all.commits.end(), t.commits.begin(), t.commits.end());
  }
  const double flushes = static_cast<double>(after.log_flushes - before.log_flushes);
  const double commits = static_cast<double>(all.commits.size());
  std::printf(
      "%3zu sessions, %-10s  %8.0f commits/s  transaction p50 %5lu us  p99 %5lu us  commit p50 "
      "%5lu us  p99 %5lu us  group %5.1f  flushes %6.0f/s  log thread in the device %3.0f %%\n",
      count, tickets ? "one thread" : "threads", commits / seconds,
      static_cast<unsigned long>(percentile(&all.transactions, 50)),
      static_cast<unsigned long>(percentile(&all.transactions, 99)),
      static_cast<unsigned long>(percentile(&all.commits, 50)),
      static_cast<unsigned long>(percentile(&all.commits, 99)), flushes > 0 ? commits / flushes : 0,
      flushes / seconds,
      static_cast<double>(after.log_flush_micros - before.log_flush_micros) / seconds / 1e4);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: commit_bench DIR [seconds [SESSIONS...]]\n");
    return 2;
  }
  const double seconds = argc > 2 ? std::atof(argv[2]) : 3.0;
  std::vector<size_t> counts;
  for (int i = 3; i < argc; i++) counts.push_back(std::strtoul(argv[i], nullptr, 10));
  if (counts.empty()) counts = {1, 8, 32, 64};
  pgz_error err;
  pgz_db* db = nullptr;
  check(pgz_open(argv[1], nullptr, &db, &err), err);
  for (size_t count : counts) {
    for (bool tickets : {false, true}) measure(db, count, tickets, seconds);
  }
  check(pgz_close(db, &err), err);
  return 0;
}
