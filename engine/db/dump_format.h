// What the dumps of the formats share. Private to db/dump*.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/db/dump.h"
#include "engine/io/io.h"

namespace pgz::dump {

// The text being made, and the first thing that is wrong.
class Report {
 public:
  Report(Io* io, std::string path, const DumpOptions& options, std::string* text)
      : io_(io), path_(std::move(path)), options_(options), text_(text) {}

  void line(const std::string& text) { text_->append(text).push_back('\n'); }
  void damaged(uint64_t offset, const Status& why);
  void damaged(uint64_t offset, const std::string& why) {
    damaged(offset, Status::make(Code::kCorruption, why));
  }

  Io* io() const { return io_; }
  const std::string& path() const { return path_; }
  bool entries() const { return options_.entries; }
  const Status& status() const { return status_; }

 private:
  Io* const io_;
  const std::string path_;
  const DumpOptions options_;
  std::string* const text_;
  Status status_;
};

// In quotes; bytes that are not printable ASCII as \xNN; cut off after a while.
std::string quoted(Slice bytes);
std::string uuid_text(Slice bytes);
std::string wall_time(uint64_t micros);  // UTC
// A number in at least `width` places.
std::string padded(uint64_t number, int width);
// The user key, timestamp and kind of an internal key.
std::string internal_key_text(Slice internal_key);

// One for each format. An error is one that leaves nothing to show.
Status identity(Report* report, Slice bytes);
Status superblocks(Report* report, Slice bytes);
Status edits(Report* report, Slice bytes);
Status table(Report* report, std::unique_ptr<File> file, uint64_t size);
Status segment(Report* report, File* file, uint64_t size);
Status log_slot(Report* report, File* file, uint64_t size);

}  // namespace pgz::dump
