#include "engine/io/durable_probe.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <sstream>
#include <utility>

#include "engine/base/clock.h"
#include "engine/base/crc32c.h"
#include "engine/io/posix_io.h"

namespace pgz {
namespace {

// Of one opening. Rounds take a third of a millisecond or so on flash.
constexpr uint64_t kBudgetMicros = 30'000;
constexpr size_t kRoundsMax = 12;
constexpr uint64_t kProbeBlocks = 16;
constexpr const char* kNotMeasured = "not measured: device or machine too slow to tell";
constexpr const char* kHead = "pgz-flush-method 2";

uint32_t checksum(const std::string& text) { return crc32c(0, text.data(), text.size()); }

}  // namespace

const char* to_string(DurableMethod method) {
  switch (method) {
    case DurableMethod::kDsyncFlag:
      return "RWF_DSYNC";
    case DurableMethod::kWriteThenSync:
      return "write and sync";
    case DurableMethod::kLinkedRing:
      return "linked write and sync";
  }
  return "?";
}

std::string FlushMethod::encode() const {
  std::ostringstream out;
  out << kHead << ' ' << key << ' ' << static_cast<int>(method) << ' ' << rounds;
  for (uint64_t n : micros) out << ' ' << n;
  const std::string body = out.str();
  char sum[16];
  std::snprintf(sum, sizeof sum, " %08" PRIx32 "\n", checksum(body));
  return body + sum;
}

std::optional<FlushMethod> FlushMethod::decode(const std::string& text) {
  const size_t cut = text.rfind(' ');
  if (cut == std::string::npos || !text.starts_with(kHead)) return std::nullopt;
  const std::string body = text.substr(0, cut);
  char sum[16];
  std::snprintf(sum, sizeof sum, " %08" PRIx32 "\n", checksum(body));
  if (text.substr(cut) != sum) return std::nullopt;
  std::istringstream in(body.substr(std::string(kHead).size()));
  FlushMethod found;
  int method = -1;
  in >> found.key >> method >> found.rounds;
  for (uint64_t& n : found.micros) in >> n;
  if (in.fail() || method < 0 || method >= static_cast<int>(kDurableMethods.size())) {
    return std::nullopt;
  }
  found.method = kDurableMethods[static_cast<size_t>(method)];
  return found;
}

std::string flush_method_key(const std::string& dir, const char* backend) {
  struct stat st;
  struct statvfs vfs;
  struct utsname kernel;
  if (::stat(dir.c_str(), &st) != 0 || ::statvfs(dir.c_str(), &vfs) != 0 || ::uname(&kernel) != 0) {
    return {};
  }
  std::ostringstream out;
  out << std::hex << st.st_dev << '/' << vfs.f_fsid << '/' << vfs.f_bsize << '/' << kernel.sysname
      << '-' << kernel.release << '/' << backend;
  std::string key = out.str();
  std::replace(key.begin(), key.end(), ' ', '_');
  return key;
}

DurableMethod fastest(const std::array<uint64_t, kDurableMethods.size()>& micros) {
  size_t best = 0;
  for (size_t i = 1; i < micros.size(); ++i) {
    if (micros[i] == 0) continue;
    if (micros[0] == 0 || micros[best] == 0 || micros[i] * 10 < micros[0] * 9) {
      if (micros[best] == 0 || micros[i] < micros[best]) best = i;
    }
  }
  return kDurableMethods[best];
}

// Overwrites zero-filled blocks, as the log does, by every method in turn. Adds to what *found
// has; what counts is the quickest write, what the device can do whatever else keeps the machine
// busy meanwhile.
Status PosixIo::measure_methods(const std::string& path, FlushMethod* found) {
  PGZ_ASSIGN(auto file, open(path, OpenMode::kCreate, {.direct = true}));
  PGZ_TRY(file->zero_fill(0, kProbeBlocks * kIoAlignment));
  PGZ_TRY(file->sync());
  AlignedBuffer block(kIoAlignment);
  block.zero();
  const IoSlice slice{block.data(), block.size()};
  bool is_refused[kDurableMethods.size()] = {};
  const uint64_t begin = system_clock()->now_micros();
  uint64_t now = begin;
  for (size_t round = 0; round < kRoundsMax && now - begin < kBudgetMicros; ++round) {
    for (size_t i = 0; i < kDurableMethods.size(); ++i) {
      if (is_refused[i] || (kDurableMethods[i] == DurableMethod::kLinkedRing && !has_ring())) {
        continue;
      }
      durable_method_ = kDurableMethods[i];
      const uint64_t offset = (round * kDurableMethods.size() + i) % kProbeBlocks * kIoAlignment;
      PGZ_TRY(file->write_durable(offset, {&slice, 1}));
      const uint64_t end = system_clock()->now_micros();
      is_refused[i] = durable_method_ != kDurableMethods[i];
      const uint64_t took = std::max<uint64_t>(end - now, 1);
      uint64_t& quickest = found->micros[i];
      if (is_refused[i]) {
        quickest = 0;
      } else if (quickest == 0 || took < quickest) {
        quickest = took;
      }
      now = end;
    }
    ++found->rounds;
  }
  found->method = fastest(found->micros);
  return Status::ok();
}

// Not synced: a file that a crash loses or tears is made again.
Status PosixIo::remember_method(const std::string& dir, const FlushMethod& found) {
  const std::string temp = path_join(dir, kFlushMethodTemp);
  {
    PGZ_ASSIGN(auto file, open(temp, OpenMode::kCreate, {}));
    const std::string text = found.encode();
    PGZ_TRY(file->truncate(0));
    PGZ_TRY(file->write(0, text.data(), text.size()));
  }
  return rename(temp, path_join(dir, kFlushMethodFile));
}

void PosixIo::note_method(DurableMethod method, std::string how) {
  durable_method_ = method;
  MutexLock lock(&mu_);
  how_method_was_found_ = std::move(how);
}

// `otherwise` before it is known.
std::string PosixIo::how_found(const char* otherwise) const {
  MutexLock lock(&mu_);
  return how_method_was_found_.empty() ? otherwise : how_method_was_found_;
}

// True the first time.
bool PosixIo::leave_unmeasured(const std::string& dir) {
  MutexLock lock(&mu_);
  if (left_unmeasured_ == dir) return false;
  left_unmeasured_ = dir;
  return true;
}

void PosixIo::tune(const std::string& dir) {
  if (method_is_forced_) return;
  FlushMethod found;
  found.key = flush_method_key(dir, name());
  if (found.key.empty()) return;
  if (auto file = open(path_join(dir, kFlushMethodFile), OpenMode::kRead, {}); file.is_ok()) {
    std::string text(512, '\0');
    const auto got = file.value()->read_some(0, text.data(), text.size());
    text.resize(got.is_ok() ? got.value() : 0);
    const auto known = FlushMethod::decode(text);
    if (known && known->key == found.key) {
      if (known->is_settled()) {
        return note_method(known->method, how_found("measured before"));
      }
      if (leave_unmeasured(dir)) return note_method(durable_method_, kNotMeasured);
      found = *known;
    }
  }
  const DurableMethod before = durable_method_;
  note_method(before, "being measured");
  const Status measured = measure_methods(path_join(dir, kFlushMethodTemp), &found);
  const bool is_settled = measured.is_ok() && found.is_settled();
  note_method(is_settled ? found.method : before, is_settled ? "measured now"
                                                  : measured.is_ok()
                                                      ? kNotMeasured
                                                      : "not measured: " + measured.message());
  if (measured.is_ok() && remember_method(dir, found).is_ok()) return;
  (void)remove(path_join(dir, kFlushMethodTemp)).is_ok();
}

}  // namespace pgz
