// Table and segment files with a bound on open descriptors: a file is opened when it is read and
// closed when others need its place, so that a store of any size gets by with a fixed number of
// them.
//
// Files are immutable and their numbers never used again, hence a path always means the same bytes.
// A file in the middle of a read stays open beyond the bound. Any thread; a Source must not outlive
// its OpenFiles.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "engine/base/sync.h"
#include "engine/io/io.h"
#include "engine/sst/table.h"
#include "engine/vlog/vlog.h"

namespace pgz {

class OpenFiles final : public SegmentFiles {
 public:
  OpenFiles(Io* io, uint32_t open_max) : io_(io), open_max_(open_max) {}
  OpenFiles(const OpenFiles&) = delete;
  OpenFiles& operator=(const OpenFiles&) = delete;

  // Opens the file once, to see that it is there.
  Result<std::unique_ptr<TableSource>> open(const std::string& path);
  Result<std::unique_ptr<SegmentFile>> open_segment(const std::string& path) override;
  uint32_t open_now() const;

 private:
  class Source;

  Result<std::unique_ptr<Source>> open_source(const std::string& path);
  // The file, opened if it was not.
  Status use(Source* source, std::shared_ptr<File>* file);
  void forget(Source* source);
  // Takes files that were not read since the last look, down to the bound.
  void shrink(const Source* keep, std::list<std::shared_ptr<File>>* closed) PGZ_REQUIRES(mutex_);

  Io* const io_;
  const uint32_t open_max_;
  mutable Mutex mutex_;
  std::list<Source*> open_ PGZ_GUARDED_BY(mutex_);  // in the order in which they are looked at
};

}  // namespace pgz
