#include "tests/sim/history.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace pgz::sim {
namespace {

std::string shorten(const std::string& s) {
  return s.size() <= 40 ? s : s.substr(0, 40) + "... (" + std::to_string(s.size()) + " bytes)";
}

std::string show(const std::string& key, const Version& v) {
  return key + " = '" + shorten(v.value) + "' at " + std::to_string(v.ts);
}

void apply(const Txn& txn, Image* image) {
  for (const Write& w : txn.writes) {
    switch (w.kind) {
      case Write::Kind::kPut:
        (*image)[w.key] = {w.value, txn.ts};
        break;
      case Write::Kind::kRemove:
        image->erase(w.key);
        break;
      case Write::Kind::kDrop:
        image->erase(image->lower_bound(w.key), image->lower_bound(w.value));
        break;
    }
  }
  (*image)[txn.marker()] = {"", txn.ts};
}

}  // namespace

std::string Txn::marker() const {
  char name[32];
  std::snprintf(name, sizeof name, "txn/%08llu", static_cast<unsigned long long>(id));
  return name;
}

std::string difference(const Image& got, const Image& expected) {
  for (const auto& [key, version] : expected) {
    const auto at = got.find(key);
    if (at == got.end()) return "missing: " + show(key, version);
    if (!(at->second == version)) {
      return "got " + show(key, at->second) + ", expected " + show(key, version);
    }
  }
  for (const auto& [key, version] : got) {
    if (!expected.contains(key)) return "unexpected: " + show(key, version);
  }
  return "";
}

Txn* History::begin() {
  Txn& txn = txns_.emplace_back();
  txn.id = txns_.size();
  return &txn;
}

void History::observe(uint64_t ts, Image image) {
  snapshot_used(ts);
  observations_.push_back({ts, std::move(image)});
  ++observed_;
}

void History::counter_given(uint64_t first, uint64_t n) {
  counter_end_ = std::max(counter_end_, first + n);
}

size_t History::acknowledged() const {
  return static_cast<size_t>(std::count_if(txns_.begin(), txns_.end(), [](const Txn& t) {
    return t.outcome == Outcome::kAcknowledged;
  }));
}

template <class Filter>
Image History::replay(uint64_t limit, Filter with) const {
  std::vector<const Txn*> order;
  for (const Txn& txn : txns_) {
    if (txn.ts != 0 && txn.ts <= limit && with(txn)) order.push_back(&txn);
  }
  std::sort(order.begin(), order.end(), [](const Txn* a, const Txn* b) { return a->ts < b->ts; });
  Image image;
  for (const Txn* txn : order) apply(*txn, &image);
  return image;
}

std::string History::check_observations() {
  std::string wrong;
  for (const Observation& seen : observations_) {
    // A snapshot shows what was committed up to it, whatever the client was told later.
    const Image expected =
        replay(seen.ts, [](const Txn& txn) { return txn.outcome != Outcome::kAborted; });
    const std::string diff = difference(seen.image, expected);
    if (!diff.empty()) {
      wrong = "a scan at snapshot " + std::to_string(seen.ts) + ": " + diff;
      break;
    }
  }
  observations_.clear();
  return wrong.empty() ? check_isolation() : wrong;
}

std::string History::check_isolation() {
  std::vector<Observed> all;
  std::vector<const Txn*> committed;
  for (const Txn& txn : txns_) {
    if (txn.accesses.empty()) continue;
    const bool is_committed = txn.outcome != Outcome::kAborted && (txn.ts != 0 || txn.read_only);
    all.push_back({txn.id, txn.level, is_committed, txn.accesses});
    if (is_committed && txn.ts != 0) committed.push_back(&txn);
  }
  std::sort(committed.begin(), committed.end(),
            [](const Txn* a, const Txn* b) { return a->ts < b->ts; });
  VersionOrder order;
  for (const Txn* txn : committed) {
    for (const Access& a : txn->accesses) {
      if (a.kind != Access::Kind::kWrite) continue;
      std::vector<uint64_t>& writers = order[a.key];
      if (writers.empty() || writers.back() != txn->id) writers.push_back(txn->id);
    }
  }
  const std::string wrong = find_anomaly(all, order);
  // Checked once: what was read of commits that a crash is going to take back stays out of the next
  // check.
  for (Txn& txn : txns_) {
    std::erase_if(txn.accesses, [](const Access& a) { return a.kind != Access::Kind::kWrite; });
  }
  return wrong.empty() ? "" : "isolation: " + wrong;
}

std::string History::check_survivors(const Image& image, bool crashed, size_t lost_max) {
  uint64_t newest = 0;
  size_t lost_acknowledged = 0;
  for (const Txn& txn : txns_) {
    const auto at = image.find(txn.marker());
    const bool survived = at != image.end();
    const std::string name = "transaction " + std::to_string(txn.id);
    if (survived && txn.outcome == Outcome::kAborted) return name + " was rolled back and is there";
    if (survived && txn.ts == 0) return name + " never reached the log and is there";
    if (survived && at->second.ts != txn.ts) {
      return name + " committed at " + std::to_string(txn.ts) + " and is there at " +
             std::to_string(at->second.ts);
    }
    const bool must = !txn.read_only && (txn.outcome == Outcome::kAcknowledged ||
                                         (!crashed && txn.outcome == Outcome::kEarly));
    if (must && !survived && ++lost_acknowledged > lost_max) {
      return name + " (timestamp " + std::to_string(txn.ts) + ") was acknowledged and is lost";
    }
    if (survived) newest = std::max(newest, txn.ts);
  }
  for (Txn& txn : txns_) {
    const bool survived = image.contains(txn.marker());
    const bool lost = !survived && txn.ts != 0 && txn.outcome != Outcome::kAborted;
    if (lost && durable_reads_ && lost_max == 0 && txn.ts <= newest_snapshot_) {
      return "transaction " + std::to_string(txn.id) + " (timestamp " + std::to_string(txn.ts) +
             ") was visible at snapshot " + std::to_string(newest_snapshot_) + " and is lost";
    }
    if (lost && txn.ts < newest) {
      return "transaction " + std::to_string(txn.id) + " (timestamp " + std::to_string(txn.ts) +
             ") is lost and a later one (" + std::to_string(newest) + ") survived";
    }
    // From here on it is there for ever, or never to come back.
    if (!txn.read_only) txn.outcome = survived ? Outcome::kAcknowledged : Outcome::kAborted;
  }
  newest_snapshot_ = newest;
  return "";
}

std::string History::check_recovered(const Image& image, uint64_t counter_next, bool crashed,
                                     size_t lost_max) {
  if (std::string wrong = check_survivors(image, crashed, lost_max); !wrong.empty()) return wrong;
  const std::string diff = difference(image, replay(~uint64_t{0}, [](const Txn& t) {
                                        return t.outcome == Outcome::kAcknowledged;
                                      }));
  if (!diff.empty()) return diff;
  if (lost_max == 0 && counter_next < counter_end_) {
    return "the counter would give " + std::to_string(counter_next) + " again";
  }
  return "";
}

}  // namespace pgz::sim
