// Target capi: the C ABI as a stream of calls, many of them wrong: handles that are over, batches
// that make no sense, calls in any order. Waits are short or not asked for.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "engine/base/assert.h"
#include "pgz.h"
#include "tests/fuzz/fuzz.h"

namespace pgz::fuzz {

const char* const kTarget = "capi";

namespace {

constexpr size_t kHandles = 4;
constexpr int kStepsMax = 200;
constexpr int kInputsPerDatabase = 300;
// No transaction here locks names that begin so: the calls without a time limit write only there.
constexpr const char* kAlone =
    "\xff\xfe"
    "alone/";

struct Database {
  pgz_db* db = nullptr;
  std::string dir;
  int inputs = 0;

  void open() {
    char name[] = "/tmp/pgz-fuzz-XXXXXX";
    PGZ_ASSERT(::mkdtemp(name) != nullptr);
    dir = name;
    pgz_options options;
    pgz_options_init(&options);
    options.struct_size = sizeof(options);
    options.memory_budget_bytes = 8 << 20;
    options.memtable_bytes = 64 << 10;
    options.log_slot_bytes = 1 << 20;
    options.spill_bytes = 8 << 10;
    pgz_error err{};
    PGZ_ASSERT(pgz_open(dir.c_str(), &options, &db, &err) == PGZ_OK);
  }
  void close() {
    if (db == nullptr) return;
    pgz_error err{};
    PGZ_ASSERT(pgz_close(db, &err) == PGZ_OK);
    db = nullptr;
    std::filesystem::remove_all(dir);
  }
  ~Database() { close(); }
};

Database& database() {
  static Database d;
  if (d.db == nullptr) d.open();
  if (++d.inputs % kInputsPerDatabase == 0) {
    d.close();
    d.open();
  }
  return d;
}

class Stream {
 public:
  Stream(pgz_db* db, Input* in) : db_(db), in_(*in) {}
  ~Stream();
  void step();

 private:
  void simple();
  void transaction();
  void batch();
  void lock();
  void read();
  void cursor();
  void rest();

  pgz_txn*& txn() { return txns_[in_.byte() % kHandles]; }
  uint64_t snapshot() {
    return in_.byte() % 2 == 0 ? PGZ_SNAPSHOT_NEWEST : snapshots_[in_.byte() % kHandles];
  }
  std::string key() {
    const uint8_t b = in_.byte();
    return b < 0xe0 ? "k" + std::to_string(b % 16) : std::string(in_.piece());
  }
  pgz_fetch fetch() {
    pgz_fetch f{};
    f.struct_size = sizeof(f);
    f.max_rows = in_.byte() % 17;
    f.rows_out = rows_;
    f.buffer = buffer_;
    f.capacity = in_.number() % (sizeof(buffer_) + 1);
    f.max_steps = in_.byte();
    return f;
  }

  pgz_db* db_;
  Input& in_;
  pgz_error err_{};
  pgz_txn* txns_[kHandles] = {};
  pgz_cursor* cursors_[kHandles] = {};
  pgz_iter* iters_[kHandles] = {};
  uint64_t snapshots_[kHandles] = {};
  pgz_row rows_[17] = {};
  char buffer_[4096] = {};
};

// Order matters to nobody: handles may go in any.
Stream::~Stream() {
  for (pgz_iter* iter : iters_) (void)pgz_iter_close(iter, &err_);
  for (pgz_txn* txn : txns_) (void)pgz_txn_free(txn, &err_);
  for (pgz_cursor* cursor : cursors_) (void)pgz_cursor_close(cursor, &err_);
  for (uint64_t snapshot : snapshots_) {
    if (snapshot != 0) (void)pgz_snapshot_release(db_, snapshot, &err_);
  }
  pgz_completion done[64];
  size_t count = 0;
  (void)pgz_reap(db_, done, 64, &count, &err_);
}

void Stream::simple() {
  const std::string alone = kAlone + key();
  const std::string k = key();
  void* value = nullptr;
  size_t value_len = 0;
  switch (in_.byte() % 5) {
    case 0: {
      const Slice v = in_.piece();
      (void)pgz_put(db_, alone.data(), alone.size(), v.data(), v.size(), &err_);
      break;
    }
    case 1:
      (void)pgz_delete(db_, alone.data(), alone.size(), &err_);
      break;
    case 2:
      if (pgz_get(db_, k.data(), k.size(), &value, &value_len, &err_) == PGZ_OK) pgz_free(value);
      break;
    case 3: {
      pgz_iter*& iter = iters_[in_.byte() % kHandles];
      (void)pgz_iter_close(iter, &err_);
      iter = nullptr;
      (void)pgz_scan(db_, k.data(), in_.byte() % 2 == 0 ? 0 : k.size(), nullptr, 0, &iter, &err_);
      break;
    }
    default: {
      const void* p = nullptr;
      const void* v = nullptr;
      size_t p_len = 0;
      (void)pgz_iter_next(iters_[in_.byte() % kHandles], &p, &p_len, &v, &value_len, &err_);
    }
  }
}

void Stream::transaction() {
  pgz_txn*& t = txn();
  const std::string k = key();
  void* value = nullptr;
  size_t value_len = 0;
  switch (in_.byte() % 8) {
    case 0:
    case 1: {
      (void)pgz_txn_free(t, &err_);
      t = nullptr;
      pgz_txn_options options{};
      options.struct_size = sizeof(options);
      options.isolation = in_.byte() % 3;
      options.read_only = in_.byte() % 8 == 0;
      options.lock_timeout_ms = 1;
      options.owner = in_.byte() % kHandles;
      (void)pgz_txn_begin(db_, &options, &t, &err_);
      break;
    }
    case 2: {
      const Slice v = in_.piece();
      (void)pgz_txn_put(t, k.data(), k.size(), v.data(), v.size(), &err_);
      break;
    }
    case 3:
      (void)pgz_txn_delete(t, k.data(), k.size(), &err_);
      break;
    case 4:
      if (pgz_txn_get(t, k.data(), k.size(), &value, &value_len, &err_) == PGZ_OK) pgz_free(value);
      break;
    case 5:
      (void)pgz_txn_commit(t, &err_);
      break;
    case 6:
      (void)pgz_txn_abort(t, &err_);
      break;
    default: {
      pgz_iter*& iter = iters_[in_.byte() % kHandles];
      (void)pgz_iter_close(iter, &err_);
      iter = nullptr;
      (void)pgz_txn_scan(t, nullptr, 0, k.data(), k.size(), &iter, &err_);
    }
  }
}

// Batches as they come, or with a header that makes sense.
void Stream::batch() {
  pgz_txn* t = txn();
  std::string bytes(in_.piece());
  if (in_.byte() % 4 != 0) {
    const std::string k = key();
    const Slice v = in_.piece();
    const uint32_t op = 1 + in_.byte() % 8;
    const uint32_t sizes[3] = {op, static_cast<uint32_t>(k.size()),
                               static_cast<uint32_t>(v.size())};
    bytes.assign(1, static_cast<char>(in_.byte() % 7));
    bytes.append(3, '\0');
    bytes.append(reinterpret_cast<const char*>(sizes), sizeof(sizes));
    bytes.append(k);
    bytes.append(v);
  }
  uint64_t timestamp = 0;
  switch (in_.byte() % 4) {
    case 0:
      (void)pgz_txn_commit_submit(t, bytes.data(), bytes.size(), in_.byte() % 3, in_.byte() % 2,
                                  &timestamp, &err_);
      break;
    case 1:
      (void)pgz_txn_rollback_to(t, in_.byte() % 10, &err_);
      break;
    default:
      (void)pgz_txn_write(t, bytes.data(), bytes.size(), &err_);
  }
}

void Stream::lock() {
  pgz_txn* t = txn();
  pgz_wait wait{};
  wait.struct_size = sizeof(wait);
  wait.try_only = in_.byte() % 2;
  wait.tag = in_.byte() % 2;
  wait.timeout_us = 100;
  const std::string k = key();
  std::string bytes(in_.piece());
  if (in_.byte() % 4 != 0) {
    const uint32_t sizes[2] = {1u + in_.byte() % 8, static_cast<uint32_t>(k.size())};
    bytes.assign(
        {static_cast<char>(in_.byte() % 6), static_cast<char>(in_.byte() % 10), '\0', '\0'});
    bytes.append(reinterpret_cast<const char*>(sizes), sizeof(sizes));
    bytes.append(k);
  }
  size_t taken = 0;
  switch (in_.byte() % 4) {
    case 0:
      (void)pgz_txn_lock_read(t, in_.byte() % 6, in_.byte(), &wait, k.data(), k.size(), buffer_,
                              in_.byte(), rows_, &err_);
      break;
    case 1:
      (void)pgz_txn_cancel(t, &err_);
      break;
    default:
      (void)pgz_txn_lock(t, bytes.data(), bytes.size(), &wait, &taken, &err_);
  }
}

void Stream::read() {
  pgz_txn* t = in_.byte() % 2 == 0 ? nullptr : txn();
  const uint64_t at = snapshot();
  const uint32_t op = in_.byte() % 4 == 0 ? PGZ_OP_ALL : in_.byte();
  if (in_.byte() % 2 == 0) {
    const std::string k = key();
    (void)pgz_read(db_, t, at, op, k.data(), k.size(), buffer_, in_.byte(), rows_, &err_);
    return;
  }
  std::string keys(in_.piece());
  for (int i = in_.byte() % 5; i > 0; --i) {
    const std::string k = key();
    const uint32_t n = static_cast<uint32_t>(k.size());
    keys.append(reinterpret_cast<const char*>(&n), sizeof(n));
    keys.append(k);
  }
  pgz_fetch f = fetch();
  (void)pgz_multi_get(db_, t, at, op, keys.data(), keys.size(), &f, &err_);
}

void Stream::cursor() {
  pgz_cursor*& c = cursors_[in_.byte() % kHandles];
  if (in_.byte() % 3 != 0) {
    pgz_fetch f = fetch();
    (void)pgz_cursor_fetch(c, &f, &err_);
    return;
  }
  (void)pgz_cursor_close(c, &err_);
  c = nullptr;
  pgz_cursor_options options{};
  options.struct_size = sizeof(options);
  options.reverse = in_.byte() % 2;
  options.keys_only = in_.byte() % 2;
  options.snapshot = snapshot();
  options.op = in_.byte();
  const std::string lower = key();
  const std::string upper = key();
  (void)pgz_cursor_open(db_, in_.byte() % 2 == 0 ? nullptr : txn(), &options, lower.data(),
                        lower.size(), upper.data(), in_.byte() % 2 == 0 ? 0 : upper.size(), &c,
                        &err_);
}

void Stream::rest() {
  const std::string k = key();
  uint64_t number = 0;
  switch (in_.byte() % 8) {
    case 0:
    case 1: {
      uint64_t& at = snapshots_[in_.byte() % kHandles];
      if (at != 0) (void)pgz_snapshot_release(db_, at, &err_);
      at = 0;
      (void)pgz_snapshot_acquire(db_, &at, &err_);
      break;
    }
    case 2:
      (void)pgz_counter_reserve(db_, k.data(), k.size(), in_.number(), in_.byte() % 2, &number,
                                &err_);
      break;
    case 3:
      (void)pgz_counter_get(db_, k.data(), k.size(), &number, &err_);
      break;
    case 4: {
      pgz_stats stats{};
      stats.struct_size = in_.byte() % 2 == 0 ? sizeof(stats) : in_.byte();
      (void)pgz_stats_get(db_, &stats, &err_);
      break;
    }
    case 5:
      (void)pgz_approximate_bytes(db_, nullptr, 0, k.data(), k.size(), &number, &err_);
      break;
    case 6: {
      uint64_t owners[4];
      size_t count = 0;
      (void)pgz_blocked_by(db_, in_.byte() % kHandles, owners, 4, &count, &err_);
      break;
    }
    default:
      if (in_.byte() % 8 == 0) (void)pgz_flush(db_, &err_);
  }
}

void Stream::step() {
  switch (in_.byte() % 7) {
    case 0:
      return simple();
    case 1:
    case 2:
      return transaction();
    case 3:
      return batch();
    case 4:
      return lock();
    case 5:
      return in_.byte() % 2 == 0 ? read() : cursor();
    default:
      return rest();
  }
}

}  // namespace
}  // namespace pgz::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace pgz::fuzz;
  Input input(data, size);
  Stream stream(database().db, &input);
  for (int i = 0; i < kStepsMax && !input.empty(); ++i) stream.step();
  return 0;
}
