#include "tests/sim/isolation.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <set>
#include <tuple>
#include <unordered_map>

namespace pgz::sim {
namespace {

enum class Dep : uint8_t { kWw, kWr, kRw };

const char* name_of(Dep dep) { return dep == Dep::kWw ? "ww" : dep == Dep::kWr ? "wr" : "rw"; }

struct Edge {
  uint64_t from;
  uint64_t to;
  Dep dep;
  const std::string* key;
};

std::string txn_name(uint64_t id) { return "T" + std::to_string(id); }

class Graph {
 public:
  Graph(const std::vector<Observed>& txns, const VersionOrder& order);

  // Reads and writes that are wrong without any cycle.
  std::string check_reads() const;
  std::string check_cycles() const;

 private:
  using Allowed = std::function<bool(const Edge&)>;

  std::string check_txn(const Observed& txn) const;
  std::string check_foreign_read(const Observed& txn, const Access& read) const;
  std::string check_update(const Observed& txn, const Access& read) const;
  void add_edges(const Observed& txn);
  void add(uint64_t from, uint64_t to, Dep dep, const std::string& key);
  // The transaction whose version of the key comes before or after that of `id`; 0: none.
  uint64_t neighbour(const std::string& key, uint64_t id, int step) const;
  const Observed* find(uint64_t id) const;
  // A cycle of allowed edges through `start`; with apart, no two rw edges meet in it.
  std::string cycle_through(const Edge& start, const Allowed& allowed, bool apart) const;
  std::string search(const char* what, const Allowed& starts, const Allowed& allowed,
                     bool apart) const;

  const std::vector<Observed>& txns_;
  const VersionOrder& order_;
  std::unordered_map<uint64_t, const Observed*> by_id_;
  std::map<std::string, std::unordered_map<uint64_t, size_t>> place_;
  std::deque<Edge> edges_;
  std::unordered_map<uint64_t, std::vector<const Edge*>> out_;
  std::set<std::tuple<uint64_t, uint64_t, Dep>> known_;
};

Graph::Graph(const std::vector<Observed>& txns, const VersionOrder& order)
    : txns_(txns), order_(order) {
  for (const Observed& txn : txns) by_id_[txn.id] = &txn;
  for (const auto& [key, writers] : order) {
    for (size_t i = 0; i < writers.size(); ++i) {
      place_[key][writers[i]] = i;
      if (i > 0) add(writers[i - 1], writers[i], Dep::kWw, key);
    }
  }
  for (const Observed& txn : txns) {
    if (txn.committed) add_edges(txn);
  }
}

const Observed* Graph::find(uint64_t id) const {
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second;
}

void Graph::add(uint64_t from, uint64_t to, Dep dep, const std::string& key) {
  if (from == 0 || to == 0 || from == to || !known_.emplace(from, to, dep).second) return;
  edges_.push_back({from, to, dep, &key});
  out_[from].push_back(&edges_.back());
}

uint64_t Graph::neighbour(const std::string& key, uint64_t id, int step) const {
  const auto writers = order_.find(key);
  if (writers == order_.end()) return 0;
  int64_t at = -1;  // of what was there before the first version
  if (id != 0) {
    const auto places = place_.find(key);
    const auto found = places->second.find(id);
    if (found == places->second.end()) return 0;
    at = static_cast<int64_t>(found->second);
  }
  at += step;
  if (at < 0 || at >= static_cast<int64_t>(writers->second.size())) return 0;
  return writers->second[static_cast<size_t>(at)];
}

void Graph::add_edges(const Observed& txn) {
  for (const Access& a : txn.accesses) {
    if (a.kind == Access::Kind::kWrite || a.writer == txn.id) continue;
    add(a.writer, txn.id, Dep::kWr, a.key);
    uint64_t next = neighbour(a.key, a.writer, 1);
    if (next == txn.id) next = neighbour(a.key, txn.id, 1);
    add(txn.id, next, Dep::kRw, a.key);
  }
}

std::string Graph::check_foreign_read(const Observed& txn, const Access& read) const {
  if (read.writer == 0) return "";
  const std::string who = txn_name(txn.id) + " read " + read.key + " of " + txn_name(read.writer);
  const Observed* writer = find(read.writer);
  if (writer == nullptr) return who + ", which does not exist";
  if (!writer->committed) return "G1a: " + who + ", which was rolled back";
  uint32_t last = 0;
  for (const Access& a : writer->accesses) {
    if (a.kind == Access::Kind::kWrite && a.key == read.key) last = std::max(last, a.number);
  }
  if (read.number == last) return "";
  return "G1b: " + who + ", its write " + std::to_string(read.number) + " of " +
         std::to_string(last);
}

std::string Graph::check_update(const Observed& txn, const Access& read) const {
  const auto places = place_.find(read.key);
  if (read.kind != Access::Kind::kLockedRead || places == place_.end() ||
      !places->second.contains(txn.id)) {
    return "";
  }
  const uint64_t before = neighbour(read.key, txn.id, -1);
  if (before == read.writer) return "";
  return "lost update: " + txn_name(txn.id) + " locked " + read.key + ", read the version of " +
         txn_name(read.writer) + " and replaced that of " + txn_name(before);
}

std::string Graph::check_txn(const Observed& txn) const {
  std::map<std::string, uint32_t> own;
  for (const Access& a : txn.accesses) {
    if (a.kind == Access::Kind::kWrite) {
      own[a.key] = a.number;
      continue;
    }
    const auto written = own.find(a.key);
    if (written != own.end() || a.writer == txn.id) {
      if (written == own.end() || a.writer != txn.id || a.number != written->second) {
        return txn_name(txn.id) + " does not see its own write of " + a.key;
      }
      continue;
    }
    // What a transaction that was rolled back had read may be anything committed as well.
    if (std::string wrong = check_foreign_read(txn, a); !wrong.empty()) return wrong;
    if (!txn.committed) continue;
    if (std::string wrong = check_update(txn, a); !wrong.empty()) return wrong;
  }
  return "";
}

std::string Graph::check_reads() const {
  for (const Observed& txn : txns_) {
    if (std::string wrong = check_txn(txn); !wrong.empty()) return wrong;
  }
  return "";
}

// Breadth first, so that the cycle shown is a short one. A state is a transaction and whether the
// edge that led there was an anti-dependency.
std::string Graph::cycle_through(const Edge& start, const Allowed& allowed, bool apart) const {
  using State = std::pair<uint64_t, bool>;
  std::map<State, std::pair<State, const Edge*>> came_from;
  std::deque<State> todo;
  const State first{start.to, start.dep == Dep::kRw};
  came_from[first] = {first, nullptr};
  todo.push_back(first);
  while (!todo.empty()) {
    const State at = todo.front();
    todo.pop_front();
    const bool closes = !(apart && at.second && start.dep == Dep::kRw);
    if (at.first == start.from && closes) {
      std::vector<const Edge*> path;
      for (State s = at; came_from[s].second != nullptr; s = came_from[s].first) {
        path.push_back(came_from[s].second);
      }
      path.push_back(&start);
      std::string text = txn_name(start.from);
      for (auto e = path.rbegin(); e != path.rend(); ++e) {
        text +=
            std::string(" -") + name_of((*e)->dep) + "(" + *(*e)->key + ")-> " + txn_name((*e)->to);
      }
      return text;
    }
    const auto out = out_.find(at.first);
    if (out == out_.end()) continue;
    for (const Edge* e : out->second) {
      const bool rw = e->dep == Dep::kRw;
      if (!allowed(*e) || (apart && rw && at.second)) continue;
      const State next{e->to, rw};
      if (came_from.contains(next)) continue;
      came_from[next] = {at, e};
      todo.push_back(next);
    }
  }
  return "";
}

std::string Graph::search(const char* what, const Allowed& starts, const Allowed& allowed,
                          bool apart) const {
  for (const Edge& e : edges_) {
    if (!starts(e)) continue;
    if (std::string cycle = cycle_through(e, allowed, apart); !cycle.empty()) {
      return std::string(what) + ": " + cycle;
    }
  }
  return "";
}

std::string Graph::check_cycles() const {
  const auto level = [this](uint64_t id) {
    const Observed* txn = find(id);
    return txn == nullptr ? Level::kReadCommitted : txn->level;
  };
  const Allowed ww = [](const Edge& e) { return e.dep == Dep::kWw; };
  const Allowed no_rw = [](const Edge& e) { return e.dep != Dep::kRw; };
  const Allowed snapshot_rw = [&](const Edge& e) {
    return e.dep == Dep::kRw && level(e.from) != Level::kReadCommitted;
  };
  const Allowed snapshot = [&](const Edge& e) { return no_rw(e) || snapshot_rw(e); };
  const Allowed serializable = [&](const Edge& e) {
    return level(e.from) == Level::kSerializable && level(e.to) == Level::kSerializable;
  };
  const Allowed serializable_rw = [&](const Edge& e) {
    return e.dep == Dep::kRw && serializable(e);
  };
  std::string wrong = search("G0", ww, ww, false);
  if (wrong.empty()) wrong = search("G1c", no_rw, no_rw, false);
  if (wrong.empty()) wrong = search("G-nonadjacent", snapshot_rw, snapshot, true);
  if (wrong.empty()) wrong = search("G2", serializable_rw, serializable, false);
  return wrong;
}

}  // namespace

std::string find_anomaly(const std::vector<Observed>& txns, const VersionOrder& order) {
  const Graph graph(txns, order);
  std::string wrong = graph.check_reads();
  return wrong.empty() ? graph.check_cycles() : wrong;
}

}  // namespace pgz::sim
