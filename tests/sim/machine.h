// Machine: a simulated computer with one database directory, through as many lives, crashes and
// recoveries as a scenario wants, and the History that all of them are checked against.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/db/db.h"
#include "engine/io/sim/scheduler.h"
#include "engine/io/sim/sim_io.h"
#include "tests/sim/history.h"

namespace pgz::sim {

using Plan = std::vector<SimFaultAt>;

// How a life ends, if no fault of its plan ends it before.
enum class End : uint8_t { kClose, kPower, kKill };

struct MachineOptions {
  uint64_t seed = 1;
  uint32_t clients = 3;
  bool early_commits = true;                      // some commits do not wait for durability
  uint64_t variant = 0;                           // of the database's options; 0: by the seed
  std::function<void(const std::string&)> trace;  // may be empty
};

class Machine {
 public:
  explicit Machine(const MachineOptions& options);

  // Each of these returns what is wrong, or "".

  // Opens the database, runs `ops` transactions and ends. Failures of the machine are no fault of
  // the database: what it did with them shows in the next recovery.
  std::string live(uint64_t ops, const Plan& plan, End end);
  // Opens the database, checks what it shows and ends; with a plan that ends the recovery early,
  // once more without. Then a second recovery, which must show the same.
  std::string recover(const Plan& plan, End end);
  // After damage: opening or reading must refuse (kCorruption, kNotSupported) and name the file, or
  // show what was there, but for the last lost_max acknowledged transactions. An open that is
  // refused leaves the disk as it was.
  std::string open_damaged(size_t lost_max = 0);
  // What a database that was closed shows.
  std::string contents(Image* image);

  // Io calls of the last live() or first try of recover().
  uint64_t calls() const { return calls_; }
  // Whether the plan of the last recover() ended it early.
  bool plan_fired() const { return plan_fired_; }
  // Whether the last open_damaged() was refused.
  bool damage_reported() const { return damage_reported_; }
  SimRuntime* sim() { return &sim_; }
  const History& history() const { return history_; }

 private:
  struct Shown {
    Status status;
    bool opened = false;
    Image image;
    uint64_t counter_next = 0;
  };
  DbOptions db_options() const;
  void end_life(End end);
  void trace(const std::string& line);
  Shown show(const Plan& plan, End end);
  std::map<std::string, std::string> disk();

  const MachineOptions options_;
  SimRuntime sim_;
  History history_;
  uint64_t lives_ = 0;
  bool unclean_ = false;  // the last life did not end with a clean close
  uint64_t calls_ = 0;
  bool plan_fired_ = false;
  bool damage_reported_ = false;
};

}  // namespace pgz::sim
