// One table file being written: made, filled, synced with its directory, or removed again.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/io/io.h"
#include "engine/lsm/manifest.h"
#include "engine/sst/table.h"

namespace pgz {

class TableOutput {
 public:
  TableOutput(Io* io, const std::string& sst_dir, uint64_t number, TableOptions options);
  ~TableOutput();  // unfinished: removes the file
  TableOutput(const TableOutput&) = delete;
  TableOutput& operator=(const TableOutput&) = delete;

  Status open();
  Status add(Slice internal_key, Slice value) { return writer_->add(internal_key, value); }
  uint64_t entries() const { return writer_->entries(); }
  uint64_t estimated_bytes() const { return writer_->estimated_bytes(); }
  // Syncs file and directory.
  Status finish(FileMeta* meta);

 private:
  Io* io_;
  const std::string sst_dir_;
  const std::string path_;
  TableOptions options_;
  std::unique_ptr<File> file_;
  std::optional<TableWriter> writer_;
  bool finished_ = false;
};

}  // namespace pgz
