// Workload: clients of a simulated database, as fibers, that write down in a History what they do
// and what they are told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/base/rng.h"
#include "engine/db/cursor.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "tests/sim/history.h"

namespace pgz::sim {

struct WorkloadOptions {
  uint64_t seed = 0;
  uint64_t ops = 20;  // transactions of all clients together
  uint32_t clients = 3;
  bool early_commits = true;                      // some do not wait for durability
  std::function<void(const std::string&)> trace;  // may be empty
};

class Workload {
 public:
  Workload(const Runtime& runtime, Db* db, History* history, const WorkloadOptions& options);

  // Returns when every client is through or the database refuses to go on.
  void run();
  // Not empty when a client saw something that cannot be.
  const std::string& wrong() const { return wrong_; }

 private:
  void client(uint32_t number, uint64_t ops);
  bool step(Rng* rng);  // false: the database has stopped
  bool write_keys(Rng* rng, size_t keys, size_t value_bytes);
  bool transfer(Rng* rng);
  bool drop_range(Rng* rng);
  bool savepoint(Rng* rng);
  // Reads and writes of a few keys whose versions name their writers, at any isolation level.
  bool registers(Rng* rng);
  // Twice at one snapshot, with time for flushes and merges in between.
  bool scan();
  bool load(Rng* rng);  // loads.cc
  bool reserve(Rng* rng);
  bool maintain();

  // One write through the transaction, noted in txn; false when the transaction is lost.
  bool put(Transaction* transaction, Txn* txn, const std::string& key, std::string value);
  bool remove(Transaction* transaction, Txn* txn, const std::string& key);
  // A read of a register, noted in txn; with `locked` after its row lock was granted.
  bool read_register(Transaction* transaction, Txn* txn, const std::string& key, bool locked);
  bool scan_registers(Transaction* transaction, Txn* txn, Rng* rng);
  void note_read(Txn* txn, Access::Kind kind, const std::string& key, const std::string* value);
  bool write_register(Transaction* transaction, Txn* txn, const std::string& key);
  struct Load;
  bool load_rows(Load* load, Rng* rng);
  bool check_load(const Load& load);
  // Writes the marker, commits, notes the outcome; false: the database has stopped.
  bool finish(const std::shared_ptr<Transaction>& transaction, Txn* txn, bool early);
  bool give_up(const std::shared_ptr<Transaction>& transaction, Txn* txn);
  bool alive() const { return wrong_.empty() && db_->check().is_ok(); }
  std::shared_ptr<Transaction> begin(Level level = Level::kRepeatableRead);
  std::string value(Rng* rng, uint64_t txn, size_t bytes);
  void trace(const std::string& line);

  const Runtime runtime_;
  Db* const db_;
  History* const history_;
  const WorkloadOptions options_;
  std::string wrong_;
  std::vector<std::string> loads_;  // names of those that are there
};

// Everything the database shows at a snapshot of its own; kCorruption and the like as they come.
Status read_image(Db* db, Image* image, uint64_t* snapshot);
// The same at a registered snapshot, forward or backward.
Status read_image_at(Db* db, uint64_t snapshot, bool reverse, Image* image);
// What a cursor gives for the keys from `begin` to below `end`; the transaction may be null.
Status read_range(Db* db, Transaction* transaction, const CursorOptions& options, Slice begin,
                  Slice end, Image* image);

inline constexpr const char* kCounter = "numbers";

}  // namespace pgz::sim
