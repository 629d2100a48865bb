// Isolation: looks for anomalies in what transactions read and wrote.
//
// Every version of a key is known by the transaction that wrote it, and the order of a key's
// versions is given, so the direct dependencies between transactions are exact:
//   ww  T2 wrote the version after T1's     wr  T2 read T1's version
//   rw  T1 read a version, T2 wrote the next one (an anti-dependency)
// A cycle is an anomaly by its edges (Adya, Liskov, O'Neil: Generalized Isolation Level
// Definitions, 2000; the names are theirs and Elle's, Kingsbury and Alvaro, 2020):
//   G0             ww only                         forbidden at every level
//   G1c            ww and wr                       forbidden at every level
//   G-nonadjacent  no two rw in a row (G-single: one rw)   forbidden from repeatable read on, where
//                  that means a snapshot: rw edges leave transactions of that level only
//   G2             anything                        forbidden between serializable transactions
// and, without a cycle: G1a (read from an aborted transaction), G1b (read a version that its writer
// replaced itself), a transaction that does not see its own write, and a lost update: a row that
// was read under its lock and written from another version than the one before.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pgz::sim {

enum class Level : uint8_t { kReadCommitted, kRepeatableRead, kSerializable };

// One read or write of a key, in the order they happened in their transaction.
struct Access {
  enum class Kind : uint8_t { kRead, kLockedRead, kWrite } kind = Kind::kRead;
  std::string key;
  uint64_t writer = 0;  // of a read: whose version was seen; 0: the key was not there
  uint32_t number = 0;  // which of the writer's writes to the key: 1, 2, ...; a write: its own
};

struct Observed {
  uint64_t id = 0;  // not 0
  Level level = Level::kReadCommitted;
  bool committed = true;
  std::vector<Access> accesses;
};

// For each key the committed transactions that wrote it, oldest first, each once.
using VersionOrder = std::map<std::string, std::vector<uint64_t>>;

// "" or the first anomaly found, with its transactions and keys.
std::string find_anomaly(const std::vector<Observed>& txns, const VersionOrder& order);

}  // namespace pgz::sim
