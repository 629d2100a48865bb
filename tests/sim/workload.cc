#include "tests/sim/workload.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

#include "engine/base/clock.h"
#include "engine/db/cursor.h"

namespace pgz::sim {
namespace {

constexpr uint64_t kKeys = 40;
constexpr uint64_t kAccounts = 4;
constexpr uint64_t kRegisters = 5;
constexpr uint64_t kLockTimeoutMicros = 50'000;
constexpr uint64_t kScanPauseMicros = 2'000;

std::string key_of(const char* prefix, uint64_t n) {
  return prefix + std::to_string(n / 10) + std::to_string(n % 10);
}

}  // namespace

Status read_image(Db* db, Image* image, uint64_t* snapshot) {
  *snapshot = db->acquire_snapshot();
  Status status = read_image_at(db, *snapshot, false, image);
  db->release_snapshot(*snapshot);
  return status;
}

Status read_image_at(Db* db, uint64_t snapshot, bool reverse, Image* image) {
  return read_range(db, nullptr, CursorOptions{.snapshot = snapshot, .reverse = reverse}, Slice(),
                    Slice(), image);
}

Status read_range(Db* db, Transaction* transaction, const CursorOptions& options, Slice begin,
                  Slice end, Image* image) {
  image->clear();
  Status status;
  Cursor cursor(db, transaction, options, begin, end);
  std::vector<RowOut> rows(16);
  std::string buffer(4096, '\0');
  FetchBatch batch;
  batch.rows = rows.data();
  batch.max_rows = static_cast<uint32_t>(rows.size());
  while (status.is_ok() && !batch.done) {
    batch.buffer = buffer.data();
    batch.capacity = buffer.size();
    batch.count = 0;
    batch.used = 0;
    status = cursor.fetch(&batch);
    if (status.is(Code::kOutOfMemory) && batch.needed > buffer.size()) {
      buffer.resize(batch.needed);
      status = Status::ok();
      continue;
    }
    for (uint32_t i = 0; status.is_ok() && i < batch.count; ++i) {
      const RowOut& row = rows[i];
      (*image)[buffer.substr(row.key_offset, row.key_len)] = {
          buffer.substr(row.value_offset, row.value_len), row.timestamp};
    }
  }
  // It must not go on behind what it could not read.
  if (!status.is_ok() && cursor.fetch(&batch).is_ok()) {
    return Status::make(Code::kUnknown, "a cursor went on after " + status.to_string());
  }
  return status;
}

Workload::Workload(const Runtime& runtime, Db* db, History* history, const WorkloadOptions& options)
    : runtime_(runtime), db_(db), history_(history), options_(options) {}

void Workload::trace(const std::string& line) {
  if (options_.trace) options_.trace(line);
}

void Workload::run() {
  std::vector<std::unique_ptr<Joinable>> clients;
  for (uint32_t c = 0; c < options_.clients; ++c) {
    const uint64_t ops = options_.ops / options_.clients + (c < options_.ops % options_.clients);
    clients.push_back(runtime_.executor->spawn("client", [this, c, ops] { client(c, ops); }));
  }
  for (auto& c : clients) c->join();
}

void Workload::client(uint32_t number, uint64_t ops) {
  SplitMixRng rng(options_.seed * 1000 + number);
  for (uint64_t i = 0; i < ops; ++i) {
    if (!alive() || !step(&rng)) return;
  }
}

bool Workload::step(Rng* rng) {
  switch (rng->uniform(20)) {
    case 0:
      return transfer(rng);
    case 1:
      return transfer(rng);
    case 2:
      return scan();
    case 3:
      return reserve(rng);
    case 4:
      return write_keys(rng, 30, 300);  // spills
    case 5:
      return write_keys(rng, 1, 9000);  // larger than a block
    case 6:
      return drop_range(rng);
    case 7:
      return savepoint(rng);
    case 8:
      return maintain();
    case 9:
    case 10:
    case 11:
    case 12:
      return registers(rng);
    case 13:
      return load(rng);
    default:
      return write_keys(rng, 1 + rng->uniform(4), 20);
  }
}

std::shared_ptr<Transaction> Workload::begin(Level level) {
  TransactionOptions options;
  options.repeatable_read = level != Level::kReadCommitted;
  options.serializable = level == Level::kSerializable;
  options.lock_timeout_micros = kLockTimeoutMicros;
  return db_->begin(options);
}

std::string Workload::value(Rng* rng, uint64_t txn, size_t bytes) {
  std::string v = "t" + std::to_string(txn) + ":";
  // Of two letters compression leaves a third, of twenty-six nearly all.
  const uint64_t letters = txn % 2 == 0 ? 26 : 2;
  while (v.size() < bytes) v.push_back(static_cast<char>('a' + rng->uniform(letters)));
  return v;
}

bool Workload::put(Transaction* transaction, Txn* txn, const std::string& key, std::string value) {
  const Status s = transaction->simple_write(Kind::kValue, key, value);
  if (s.is_ok()) txn->writes.push_back({Write::Kind::kPut, key, std::move(value)});
  return s.is_ok();
}

bool Workload::remove(Transaction* transaction, Txn* txn, const std::string& key) {
  const Status s = transaction->simple_write(Kind::kTombstone, key, Slice());
  if (s.is_ok()) txn->writes.push_back({Write::Kind::kRemove, key, ""});
  return s.is_ok();
}

bool Workload::give_up(const std::shared_ptr<Transaction>& transaction, Txn* txn) {
  transaction->abort();
  txn->outcome = Outcome::kAborted;
  trace(txn->marker() + " aborted");
  return alive();
}

bool Workload::finish(const std::shared_ptr<Transaction>& transaction, Txn* txn, bool early) {
  if (!transaction->simple_write(Kind::kValue, txn->marker(), Slice()).is_ok()) {
    return give_up(transaction, txn);
  }
  early = early && options_.early_commits;
  const Status s = transaction->commit(early, 0, &txn->ts);
  trace(txn->marker() + " commit " + s.to_string() + " at " + std::to_string(txn->ts));
  if (s.is_ok()) {
    txn->outcome = early ? Outcome::kEarly : Outcome::kAcknowledged;
    return true;
  }
  if (s.is(Code::kUnknown)) {
    txn->outcome = Outcome::kUnknown;
    return false;
  }
  txn->ts = 0;
  return give_up(transaction, txn);
}

bool Workload::write_keys(Rng* rng, size_t keys, size_t value_bytes) {
  auto transaction = begin();
  Txn* txn = history_->begin();
  for (size_t i = 0; i < keys; ++i) {
    const std::string key = key_of(rng->uniform(4) == 0 ? "d/" : "k/", rng->uniform(kKeys));
    const bool ok = rng->uniform(5) == 0
                        ? remove(transaction.get(), txn, key)
                        : put(transaction.get(), txn, key, value(rng, txn->id, value_bytes));
    if (!ok) return give_up(transaction, txn);
  }
  if (rng->uniform(10) == 0) return give_up(transaction, txn);
  return finish(transaction, txn, rng->uniform(6) == 0);
}

// Moves an amount between two accounts; the accounts start at nothing, so they sum up to nothing.
bool Workload::transfer(Rng* rng) {
  auto transaction = begin();
  Txn* txn = history_->begin();
  const uint64_t from = rng->uniform(kAccounts);
  const uint64_t to = (from + 1 + rng->uniform(kAccounts - 1)) % kAccounts;
  const int64_t amount = static_cast<int64_t>(rng->uniform(100));
  for (const auto& [account, change] :
       {std::pair<uint64_t, int64_t>{from, -amount}, {to, amount}}) {
    const std::string key = key_of("acct/", account);
    ReadResult read;
    db_->read(transaction.get(), transaction->simple_snapshot(), kOpAll, key, &read);
    if (!read.status.is_ok() && !read.status.is(Code::kNotFound)) {
      return give_up(transaction, txn);
    }
    const int64_t balance = read.status.is_ok() ? std::stoll(read.value) : 0;
    if (!put(transaction.get(), txn, key, std::to_string(balance + change))) {
      return give_up(transaction, txn);
    }
  }
  return finish(transaction, txn, false);
}

// Drops half of the d/ keys, with own writes before and after the drop.
bool Workload::drop_range(Rng* rng) {
  auto transaction = begin();
  Txn* txn = history_->begin();
  const uint64_t middle = rng->uniform(kKeys);
  const std::string first = key_of("d/", middle / 2);
  const std::string behind = key_of("d/", middle);
  if (!put(transaction.get(), txn, first, value(rng, txn->id, 10))) {
    return give_up(transaction, txn);
  }
  // Simple writes number themselves from 1 on.
  if (first < behind) {
    if (!transaction->drop_range(2, first, behind).is_ok()) return give_up(transaction, txn);
    txn->writes.push_back({Write::Kind::kDrop, first, behind});
  }
  if (rng->uniform(2) == 0 && !put(transaction.get(), txn, first, value(rng, txn->id, 10))) {
    return give_up(transaction, txn);
  }
  return finish(transaction, txn, false);
}

// Three writes, of which the second and third are undone, then a fourth.
bool Workload::savepoint(Rng* rng) {
  auto transaction = begin();
  Txn* txn = history_->begin();
  for (int i = 0; i < 3; ++i) {
    const std::string key = key_of("k/", rng->uniform(kKeys));
    if (!put(transaction.get(), txn, key, value(rng, txn->id, 30 + 1000 * (rng->uniform(3))))) {
      return give_up(transaction, txn);
    }
  }
  if (!transaction->rollback_to(2).is_ok()) return give_up(transaction, txn);
  txn->writes.resize(1);
  const std::string key = key_of("k/", rng->uniform(kKeys));
  if (!put(transaction.get(), txn, key, value(rng, txn->id, 30))) {
    return give_up(transaction, txn);
  }
  return finish(transaction, txn, false);
}

bool Workload::read_register(Transaction* transaction, Txn* txn, const std::string& key,
                             bool locked) {
  // Under read committed each statement has a snapshot of its own, taken after its locks.
  const bool own_snapshot = txn->level == Level::kReadCommitted;
  const uint64_t snapshot = own_snapshot ? db_->acquire_snapshot() : transaction->simple_snapshot();
  ReadResult read;
  db_->read(transaction, snapshot, kOpAll, key, &read);
  if (own_snapshot) db_->release_snapshot(snapshot);
  if (!read.status.is_ok() && !read.status.is(Code::kNotFound)) return false;
  history_->snapshot_used(snapshot);
  note_read(txn, locked ? Access::Kind::kLockedRead : Access::Kind::kRead, key,
            read.status.is_ok() ? &read.value : nullptr);
  return true;
}

// A register's value is "t<writer>:<number>"; null: there is none.
void Workload::note_read(Txn* txn, Access::Kind kind, const std::string& key,
                         const std::string* value) {
  Access access{kind, key, 0, 0};
  if (value != nullptr) {
    char* end = nullptr;
    access.writer = std::strtoull(value->c_str() + 1, &end, 10);
    access.number = static_cast<uint32_t>(std::strtoull(end + 1, nullptr, 10));
  }
  trace(txn->marker() + " read " + key + " of " + std::to_string(access.writer));
  txn->accesses.push_back(std::move(access));
}

bool Workload::write_register(Transaction* transaction, Txn* txn, const std::string& key) {
  const uint32_t number = static_cast<uint32_t>(txn->accesses.size()) + 1;
  const std::string value = "t" + std::to_string(txn->id) + ":" + std::to_string(number);
  if (!put(transaction, txn, key, value)) return false;
  txn->accesses.push_back({Access::Kind::kWrite, key, txn->id, number});
  return true;
}

// A scan over some of the registers: it also tells which of them are not there.
bool Workload::scan_registers(Transaction* transaction, Txn* txn, Rng* rng) {
  const uint64_t from = rng->uniform(kRegisters);
  const uint64_t to = from + 1 + rng->uniform(kRegisters - from);
  CursorOptions options;
  options.snapshot = transaction->simple_snapshot();
  options.reverse = rng->uniform(2) == 0;
  Cursor cursor(db_, transaction, options, key_of("r/", from), key_of("r/", to));
  std::map<std::string, std::string> found;
  char buffer[512];
  RowOut rows[2];
  for (bool done = false; !done;) {
    FetchBatch batch;
    batch.rows = rows;
    batch.max_rows = 2;
    batch.buffer = buffer;
    batch.capacity = sizeof(buffer);
    if (!cursor.fetch(&batch).is_ok()) return false;
    for (uint32_t i = 0; i < batch.count; ++i) {
      found.emplace(std::string(buffer + rows[i].key_offset, rows[i].key_len),
                    std::string(buffer + rows[i].value_offset, rows[i].value_len));
    }
    done = batch.done;
  }
  history_->snapshot_used(options.snapshot);
  for (uint64_t i = from; i < to; ++i) {
    const std::string key = key_of("r/", i);
    const auto at = found.find(key);
    note_read(txn, Access::Kind::kRead, key, at == found.end() ? nullptr : &at->second);
  }
  return true;
}

bool Workload::registers(Rng* rng) {
  constexpr Level kLevels[] = {Level::kReadCommitted, Level::kRepeatableRead, Level::kSerializable};
  const Level level = kLevels[rng->uniform(3)];
  auto transaction = begin(level);
  Txn* txn = history_->begin();
  txn->level = level;
  const uint64_t steps = 1 + rng->uniform(5);
  bool wrote = false;
  for (uint64_t i = 0; i < steps; ++i) {
    const std::string key = key_of("r/", rng->uniform(kRegisters));
    const uint64_t what = rng->uniform(4);
    if (level == Level::kSerializable && rng->uniform(4) == 0) {
      if (!scan_registers(transaction.get(), txn, rng)) return give_up(transaction, txn);
      continue;
    }
    bool ok = true;
    if (what >= 2 && level == Level::kReadCommitted) {
      LockWait wait;
      wait.timeout_micros = kLockTimeoutMicros;
      ok = transaction->lock(LockSpace::kRow, key, kRowUpdate, 1, wait).is_ok();
    }
    if (ok && what != 1) {
      ok = read_register(transaction.get(), txn, key, what >= 2 && level == Level::kReadCommitted);
    }
    if (ok && what != 0) {
      ok = write_register(transaction.get(), txn, key);
      wrote = true;
    }
    if (!ok) return give_up(transaction, txn);
    if (rng->uniform(3) == 0) runtime_.clock->sleep_micros(rng->uniform(400));
  }
  if (rng->uniform(12) == 0) return give_up(transaction, txn);
  if (wrote) return finish(transaction, txn, rng->uniform(6) == 0);
  txn->read_only = true;
  if (!transaction->commit(false, 0, &txn->ts).is_ok()) return give_up(transaction, txn);
  txn->outcome = Outcome::kAcknowledged;
  return alive();
}

bool Workload::scan() {
  Image image;
  Image again;
  const uint64_t snapshot = db_->acquire_snapshot();
  Status s = read_image_at(db_, snapshot, false, &image);
  if (s.is_ok()) {
    runtime_.clock->sleep_micros(kScanPauseMicros);
    s = read_image_at(db_, snapshot, true, &again);
  }
  db_->release_snapshot(snapshot);
  if (s.is(Code::kUnknown)) wrong_ = s.message();
  if (!s.is_ok()) return wrong_.empty() && alive();
  int64_t sum = 0;
  for (uint64_t a = 0; a < kAccounts; ++a) {
    const auto at = image.find(key_of("acct/", a));
    if (at != image.end()) sum += std::stoll(at->second.value);
  }
  trace("scan at " + std::to_string(snapshot) + ": " + std::to_string(image.size()) + " keys");
  if (sum != 0) wrong_ = "the accounts sum up to " + std::to_string(sum);
  if (const std::string diff = difference(again, image); !diff.empty()) {
    wrong_ = "a second scan at snapshot " + std::to_string(snapshot) + ": " + diff;
  }
  history_->observe(snapshot, std::move(image));
  return wrong_.empty();
}

bool Workload::reserve(Rng* rng) {
  const uint64_t n = 1 + rng->uniform(5);
  uint64_t first = 0;
  const Status s = db_->counters()->reserve(kCounter, n, 0, &first);
  trace("reserve " + std::to_string(n) + ": " + s.to_string() + " " + std::to_string(first));
  if (s.is_ok()) history_->counter_given(first, n);
  return s.is_ok() || alive();
}

bool Workload::maintain() {
  const Status s = db_->flush();
  trace("flush: " + s.to_string());
  return alive();
}

}  // namespace pgz::sim
