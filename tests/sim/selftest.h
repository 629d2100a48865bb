// Selftest: the simulator's own test. With each planted bug it must fail within a stated number of
// seeds, and under the same seeds it must find nothing without one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/planted.h"

namespace pgz::sim {

struct PlantedInfo {
  Planted bug;
  const char* name;
  const char* what;
  const char* scenario;  // that finds it
  uint64_t seeds;        // within so many, from 1 on
};

const std::vector<PlantedInfo>& planted_infos();
// Chooses the bug of this process; false when there is none of that name, or this build has none.
bool plant(const std::string& name);
const char* planted_name();  // of the chosen one, or ""

// Prints a line per bug; returns an exit code.
int self_test();

}  // namespace pgz::sim
