// The checker against histories whose anomalies are known, and against such as are allowed.
#include "tests/sim/isolation.h"

#include <gtest/gtest.h>

namespace pgz::sim {
namespace {

constexpr Level kRc = Level::kReadCommitted;
constexpr Level kRr = Level::kRepeatableRead;
constexpr Level kSer = Level::kSerializable;

Access r(const char* key, uint64_t writer, uint32_t number = 1) {
  return {Access::Kind::kRead, key, writer, writer == 0 ? 0 : number};
}
Access locked(const char* key, uint64_t writer) {
  return {Access::Kind::kLockedRead, key, writer, writer == 0 ? 0u : 1u};
}
Access w(const char* key, uint32_t number = 1) { return {Access::Kind::kWrite, key, 0, number}; }

// One Elle would call by this name; "" when there is none.
std::string kind_of(const std::string& anomaly) { return anomaly.substr(0, anomaly.find(':')); }

TEST(Isolation, SerialHistoriesAreSound) {
  for (Level level : {kRc, kRr, kSer}) {
    EXPECT_EQ(find_anomaly({{1, level, true, {r("x", 0), w("x"), w("y")}},
                            {2, level, true, {r("x", 1), r("y", 1), w("x")}},
                            {3, level, true, {r("x", 2), r("y", 1)}}},
                           {{"x", {1, 2}}, {"y", {1}}}),
              "");
  }
}

TEST(Isolation, DirtyWriteIsG0) {
  EXPECT_EQ(
      kind_of(find_anomaly({{1, kRc, true, {w("x"), w("y")}}, {2, kRc, true, {w("x"), w("y")}}},
                           {{"x", {1, 2}}, {"y", {2, 1}}})),
      "G0");
}

TEST(Isolation, ReadOfAnAbortedWriteIsG1a) {
  EXPECT_EQ(kind_of(find_anomaly({{1, kRc, false, {w("x")}}, {2, kRc, true, {r("x", 1)}}}, {})),
            "G1a");
}

TEST(Isolation, ReadOfAnIntermediateWriteIsG1b) {
  EXPECT_EQ(
      kind_of(find_anomaly({{1, kRc, true, {w("x", 1), w("x", 2)}}, {2, kRc, true, {r("x", 1, 1)}}},
                           {{"x", {1}}})),
      "G1b");
}

TEST(Isolation, CircularInformationFlowIsG1c) {
  EXPECT_EQ(kind_of(find_anomaly(
                {{1, kRc, true, {w("x"), r("y", 2)}}, {2, kRc, true, {w("y"), r("x", 1)}}},
                {{"x", {1}}, {"y", {2}}})),
            "G1c");
}

TEST(Isolation, OwnWritesAreSeen) {
  EXPECT_EQ(find_anomaly({{1, kRc, true, {w("x"), r("x", 1)}}}, {{"x", {1}}}), "");
  EXPECT_NE(find_anomaly({{1, kRc, true, {w("x"), r("x", 0)}}}, {{"x", {1}}}), "");
  EXPECT_NE(find_anomaly({{1, kRc, true, {w("x", 1), w("x", 2), r("x", 1, 1)}}}, {{"x", {1}}}), "");
}

// Both read the first version and wrote: allowed when each statement has a snapshot of its own.
TEST(Isolation, LostUpdateNeedsASnapshotOrALock) {
  const VersionOrder order = {{"x", {1, 2, 3}}};
  const auto history = [](Level level, Access second_read) {
    return std::vector<Observed>{{1, level, true, {w("x")}},
                                 {2, level, true, {r("x", 1), w("x")}},
                                 {3, level, true, {second_read, w("x")}}};
  };
  EXPECT_EQ(find_anomaly(history(kRc, r("x", 1)), order), "");
  EXPECT_EQ(kind_of(find_anomaly(history(kRr, r("x", 1)), order)), "G-nonadjacent");
  EXPECT_EQ(kind_of(find_anomaly(history(kRc, locked("x", 1)), order)), "lost update");
  EXPECT_EQ(find_anomaly(history(kRc, locked("x", 2)), order), "");
}

TEST(Isolation, ReadSkewIsForbiddenFromRepeatableReadOn) {
  const VersionOrder order = {{"x", {1, 2}}, {"y", {1, 2}}};
  const auto history = [](Level level) {
    return std::vector<Observed>{{1, level, true, {w("x"), w("y")}},
                                 {2, level, true, {w("x"), w("y")}},
                                 {3, level, true, {r("x", 1), r("y", 2)}}};
  };
  EXPECT_EQ(find_anomaly(history(kRc), order), "");
  EXPECT_EQ(kind_of(find_anomaly(history(kRr), order)), "G-nonadjacent");
  EXPECT_EQ(kind_of(find_anomaly(history(kSer), order)), "G-nonadjacent");
}

// Two readers that see two writes in different orders: two anti-dependencies, none beside the
// other.
TEST(Isolation, LongForkIsForbiddenFromRepeatableReadOn) {
  const VersionOrder order = {{"x", {1}}, {"y", {2}}};
  const auto history = [](Level level) {
    return std::vector<Observed>{{1, level, true, {w("x")}},
                                 {2, level, true, {w("y")}},
                                 {3, level, true, {r("x", 1), r("y", 0)}},
                                 {4, level, true, {r("x", 0), r("y", 2)}}};
  };
  EXPECT_EQ(find_anomaly(history(kRc), order), "");
  EXPECT_EQ(kind_of(find_anomaly(history(kRr), order)), "G-nonadjacent");
}

TEST(Isolation, WriteSkewIsForbiddenBetweenSerializableOnes) {
  const VersionOrder order = {{"x", {1}}, {"y", {2}}};
  const auto history = [](Level one, Level other) {
    return std::vector<Observed>{{1, one, true, {r("x", 0), r("y", 0), w("x")}},
                                 {2, other, true, {r("x", 0), r("y", 0), w("y")}}};
  };
  EXPECT_EQ(find_anomaly(history(kRr, kRr), order), "");
  EXPECT_EQ(find_anomaly(history(kSer, kRr), order), "");
  EXPECT_EQ(kind_of(find_anomaly(history(kSer, kSer), order)), "G2");
}

// The batch and the report (Fekete, O'Neil, O'Neil 2004): a reader makes it an anomaly.
TEST(Isolation, ReadOnlyAnomalyIsG2) {
  const VersionOrder order = {{"x", {1}}, {"y", {2}}};
  const auto history = [](Level level) {
    return std::vector<Observed>{{1, level, true, {r("x", 0), r("y", 0), w("x")}},
                                 {2, level, true, {r("y", 0), w("y")}},
                                 {3, level, true, {r("x", 0), r("y", 2)}}};
  };
  EXPECT_EQ(find_anomaly(history(kRr), order), "");
  EXPECT_EQ(kind_of(find_anomaly(history(kSer), order)), "G2");
}

TEST(Isolation, TheReportNamesTheCycle) {
  EXPECT_EQ(find_anomaly({{1, kRc, true, {w("x"), w("y")}}, {2, kRc, true, {w("x"), w("y")}}},
                         {{"x", {1, 2}}, {"y", {2, 1}}}),
            "G0: T1 -ww(x)-> T2 -ww(y)-> T1");
}

}  // namespace
}  // namespace pgz::sim
