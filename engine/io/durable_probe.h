// The choice among durable write methods: by a few timed writes, remembered per device, file
// system, kernel and back end. Private to io/.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/status.h"
#include "engine/io/posix.h"

namespace pgz {

// Names relative to the directory that is tuned.
inline constexpr const char* kFlushMethodFile = "flush-method";
inline constexpr const char* kFlushMethodTemp = "flush-method.tmp";

inline constexpr std::array kDurableMethods = {
    DurableMethod::kDsyncFlag, DurableMethod::kWriteThenSync, DurableMethod::kLinkedRing};

// What probes found out, and under which circumstances.
struct FlushMethod {
  // Fewer rounds mean a busy machine, whose figures would be chance, or a slow device: the next
  // opening adds to them.
  static constexpr uint64_t kRoundsMin = 4;

  std::string key;                                   // no blanks
  DurableMethod method = DurableMethod::kDsyncFlag;  // meaningful when it is settled
  uint64_t rounds = 0;                               // of all methods in turn
  // Microseconds of the quickest 4 KiB overwrite, in the order of kDurableMethods; 0: not measured.
  std::array<uint64_t, kDurableMethods.size()> micros{};

  bool is_settled() const { return rounds >= kRoundsMin; }
  std::string encode() const;  // one line of text
  // Empty when the text is damaged or of another version.
  static std::optional<FlushMethod> decode(const std::string& text);
};

// What the choice depends on: device, file system, kernel, back end. Empty when it cannot be told.
std::string flush_method_key(const std::string& dir, const char* backend);

// The fastest of those measured; RWF_DSYNC, one call and no worker thread, when it is not clearly
// slower.
DurableMethod fastest(const std::array<uint64_t, kDurableMethods.size()>& micros);

}  // namespace pgz
