// Loads, as COPY into a new table makes them, of a simulated database's clients.
#include <map>
#include <vector>

#include "engine/db/cursor.h"
#include "tests/sim/workload.h"

namespace pgz::sim {
namespace {

std::string row_key(const std::string& range, uint64_t n) {
  const std::string digits = std::to_string(n);
  return range + std::string(4 - digits.size(), '0') + digits;
}

std::string behind(const std::string& range) { return range + "~"; }

// What the writes leave in a range.
std::map<std::string, std::string> left_by(const std::vector<Write>& writes,
                                           const std::string& range) {
  std::map<std::string, std::string> rows;
  for (const Write& w : writes) {
    if (w.kind == Write::Kind::kDrop || !w.key.starts_with(range)) continue;
    if (w.kind == Write::Kind::kPut) rows[w.key] = w.value;
    if (w.kind == Write::Kind::kRemove) rows.erase(w.key);
  }
  return rows;
}

}  // namespace

// One load at work: its operation number and the ranges it has made.
struct Workload::Load {
  std::shared_ptr<Transaction> transaction;
  Txn* txn = nullptr;
  OpNum op = 1;
  std::string table;
  std::string index;

  bool write(Write::Kind kind, const std::string& key, std::string value) {
    const Status s =
        kind == Write::Kind::kPut ? transaction->put(op, key, value) : transaction->remove(op, key);
    if (s.is_ok()) txn->writes.push_back({kind, key, std::move(value)});
    return s.is_ok();
  }
  bool own(const std::string& range) {
    const bool ok = transaction->own_range(op, range, behind(range)).is_ok();
    ++op;
    return ok;
  }
  bool drop(const std::string& range) {
    const bool ok = transaction->drop_range(op, range, behind(range)).is_ok();
    if (ok) txn->writes.push_back({Write::Kind::kDrop, range, behind(range)});
    ++op;
    return ok;
  }
};

// Rows in key order into a range that the transaction creates, entries in another, most in order,
// a few rows out of order, rewritten or removed, and perhaps a savepoint that is rolled back to.
// What an earlier load left may be dropped first.
bool Workload::load(Rng* rng) {
  Load load;
  load.transaction = begin();
  load.txn = history_->begin();
  const std::string name = "l/" + load.txn->marker().substr(4);
  load.table = name + "r";
  load.index = name + "x";
  std::string dropped;
  if (!loads_.empty() && rng->uniform(2) == 0) {
    std::swap(loads_[rng->uniform(loads_.size())], loads_.back());
    dropped = loads_.back();
    loads_.pop_back();
  }
  bool ok = (dropped.empty() || (load.drop(dropped + "r") && load.drop(dropped + "x"))) &&
            load.own(load.table) && load.own(load.index) && load_rows(&load, rng);
  if (ok && rng->uniform(3) == 0) ok = check_load(load);
  if (!ok || rng->uniform(6) == 0) {
    if (!dropped.empty()) loads_.push_back(dropped);
    return give_up(load.transaction, load.txn);
  }
  const bool goes_on = finish(load.transaction, load.txn, rng->uniform(6) == 0);
  if (goes_on && load.txn->outcome != Outcome::kAborted) {
    loads_.push_back(name);
  } else if (!dropped.empty()) {
    loads_.push_back(dropped);
  }
  return goes_on;
}

bool Workload::load_rows(Load* load, Rng* rng) {
  const uint64_t rows = 10 + rng->uniform(60);
  const size_t bytes = rng->uniform(2) == 0 ? 30 : 30 + rng->uniform(1000);
  OpNum savepoint = 0;
  size_t kept = 0;
  for (uint64_t i = 0; i < rows; ++i) {
    const uint64_t n = rng->uniform(12) == 0 ? rng->uniform(2 * rows) : 2 * i;
    const bool removes = rng->uniform(20) == 0;
    const Write::Kind kind = removes ? Write::Kind::kRemove : Write::Kind::kPut;
    if (!load->write(kind, row_key(load->table, n),
                     removes ? "" : value(rng, load->txn->id, bytes)) ||
        !load->write(Write::Kind::kPut, row_key(load->index, n % 16 == 0 ? n / 2 : n), "")) {
      return false;
    }
    if (savepoint == 0 && rng->uniform(40) == 0) {
      savepoint = ++load->op;
      kept = load->txn->writes.size();
    } else if (savepoint != 0 && rng->uniform(10) == 0) {
      if (!load->transaction->rollback_to(savepoint).is_ok()) return false;
      load->txn->writes.resize(kept);
      savepoint = 0;
    }
  }
  return true;
}

// The transaction sees its own rows, in memory and in runs.
bool Workload::check_load(const Load& load) {
  for (const std::string& range : {load.table, load.index}) {
    Image seen;
    CursorOptions options;
    options.snapshot = load.transaction->simple_snapshot();
    const Status s = read_range(db_, load.transaction.get(), options, range, behind(range), &seen);
    if (!s.is_ok()) return false;
    const std::map<std::string, std::string> wanted = left_by(load.txn->writes, range);
    auto at = wanted.begin();
    for (const auto& [key, version] : seen) {
      if (at == wanted.end() || key != at->first || version.value != at->second) break;
      ++at;
    }
    if (seen.size() != wanted.size() || at != wanted.end()) {
      wrong_ = "a load sees " + std::to_string(seen.size()) + " of its " +
               std::to_string(wanted.size()) + " rows in " + range +
               (at == wanted.end() ? "" : ", unlike " + at->first);
      return false;
    }
  }
  return true;
}

}  // namespace pgz::sim
