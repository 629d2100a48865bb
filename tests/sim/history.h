// History: what clients of a simulated database did and were told, and the check of what a
// database shows against it. It outlives crashes: lives of the database are appended to one
// history.
//
// Every transaction writes a marker key of its own beside its other writes, so that what survived
// can be told from the contents alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/isolation.h"

namespace pgz::sim {

struct Write {
  enum class Kind : uint8_t { kPut, kRemove, kDrop } kind = Kind::kPut;
  std::string key;    // of a drop: the first key of the range
  std::string value;  // of a drop: the first key behind it
};

enum class Outcome : uint8_t {
  kOpen,
  kAborted,  // rolled back, or refused with a status that promises that nothing happened
  kEarly,    // acknowledged without waiting for durability
  kAcknowledged,
  kUnknown,
};

struct Txn {
  uint64_t id = 0;
  std::vector<Write> writes;
  Outcome outcome = Outcome::kOpen;
  uint64_t ts = 0;  // 0: never got that far
  bool read_only = false;
  Level level = Level::kReadCommitted;
  std::vector<Access> accesses;  // to register keys, for the isolation checker

  std::string marker() const;
};

// What a scan showed: key -> value and the timestamp of its version.
struct Version {
  std::string value;
  uint64_t ts = 0;
  bool operator==(const Version&) const = default;
};
using Image = std::map<std::string, Version>;

class History {
 public:
  // durable_reads: no commit is acknowledged before it is durable, so whatever a snapshot shows
  // must survive.
  explicit History(bool durable_reads) : durable_reads_(durable_reads) {}

  Txn* begin();
  // A scan at snapshot `ts` during a life.
  void observe(uint64_t ts, Image image);
  // Something was read at that snapshot.
  void snapshot_used(uint64_t ts) { newest_snapshot_ = std::max(newest_snapshot_, ts); }
  void counter_given(uint64_t first, uint64_t n);

  // Ends a life: checks what it read. Empty when all is well, else what is wrong.
  std::string check_observations();
  // Checks what a recovered database shows: acknowledged transactions are there whole, no aborted
  // one is, what survives is a prefix of commit order. Settles open outcomes by it. `crashed`: the
  // life before ended without a clean close. lost_max: so many acknowledged transactions may be
  // lost, the last ones.
  std::string check_recovered(const Image& image, uint64_t counter_next, bool crashed,
                              size_t lost_max = 0);

  size_t transactions() const { return txns_.size(); }
  size_t acknowledged() const;
  size_t observed() const { return observed_; }

 private:
  struct Observation {
    uint64_t ts;
    Image image;
  };
  // Applies every transaction for which `with` holds and ts <= limit, in order of commit.
  template <class Filter>
  Image replay(uint64_t limit, Filter with) const;

  std::string check_survivors(const Image& image, bool crashed, size_t lost_max);
  std::string check_isolation();

  const bool durable_reads_;
  std::deque<Txn> txns_;
  std::vector<Observation> observations_;
  size_t observed_ = 0;
  uint64_t newest_snapshot_ = 0;
  uint64_t counter_end_ = 1;  // every number below was given
};

// Where two images differ first, for messages.
std::string difference(const Image& got, const Image& expected);

}  // namespace pgz::sim
