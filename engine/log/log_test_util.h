// What the log's tests share: a log on a simulated disk and what was read back from it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"
#include "engine/log/log.h"

namespace pgz {

inline LogOptions small_log_options() {
  LogOptions options;
  options.uuid = {7, 7, 7};
  options.first_slot_bytes = 8 * 4096;
  options.slot_bytes = 16 * 4096;
  return options;
}

inline Runtime runtime_on(Io* io) {
  static SplitMixRng rng(1);
  return {io, system_clock(), &rng, thread_executor()};
}

struct Recovered {
  Status status;
  RecoverResult result;
  std::vector<std::string> records;
  std::vector<Lsn> ends;
  std::unique_ptr<Log> log;
};

inline Recovered reopen(Io* io, Lsn from = 0, const LogOptions& options = small_log_options(),
                        const std::string& dir = "log") {
  Recovered r;
  auto opened = Log::open(runtime_on(io), dir, options);
  if (!opened.is_ok()) {
    r.status = opened.take_status();
    return r;
  }
  r.log = opened.take();
  r.status = r.log->recover(
      from,
      [&](Lsn end, Slice record) {
        r.ends.push_back(end);
        r.records.emplace_back(record);
        return Status::ok();
      },
      &r.result);
  return r;
}

inline std::unique_ptr<Log> create_log(Io* io, const LogOptions& options = small_log_options()) {
  auto created = Log::create(runtime_on(io), "log", options);
  EXPECT_TRUE(created.is_ok()) << created.status().to_string();
  EXPECT_TRUE(io->sync_dir("").is_ok());
  return created.is_ok() ? created.take() : nullptr;
}

inline Appended put(Log* log, const std::string& record) {
  auto at = log->append(record);
  EXPECT_TRUE(at.is_ok()) << at.status().to_string();
  return at.is_ok() ? at.take() : Appended{};
}

inline Appended put_durable(Log* log, const std::string& record) {
  const Appended at = put(log, record);
  Lsn durable = 0;
  const Status flushed = log->flush(&durable);
  EXPECT_TRUE(flushed.is_ok()) << flushed.to_string();
  EXPECT_GE(durable, at.lsn_end);
  return at;
}

// A record of n bytes that no other has.
inline std::string text_of(size_t number, size_t n) {
  std::string s = std::to_string(number) + ":";
  SplitMixRng rng(number);
  while (s.size() < n) s.push_back(static_cast<char>('a' + rng.uniform(26)));
  s.resize(n);
  return s;
}

}  // namespace pgz
