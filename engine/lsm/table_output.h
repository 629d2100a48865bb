// One table file being written: made, filled, synced with its directory, or removed again.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/io/io.h"
#include "engine/lsm/manifest.h"
#include "engine/lsm/value_output.h"
#include "engine/sst/table.h"

namespace pgz {

class TableOutput {
 public:
  // Values stay in the table where values.inline_max_bytes is 0.
  TableOutput(Io* io, const std::string& sst_dir, uint64_t number, TableOptions options,
              ValueOutputOptions values = {});
  ~TableOutput();  // unfinished: removes the file
  TableOutput(const TableOutput&) = delete;
  TableOutput& operator=(const TableOutput&) = delete;

  Status open();
  // `from`: the value is what lies where that pointer of the entry's leads, and is written anew.
  Status add(Slice internal_key, Slice value, const ValuePointer* from = nullptr);
  uint64_t entries() const { return writer_->entries(); }
  uint64_t estimated_bytes() const { return writer_->estimated_bytes(); }
  // Syncs files and directories, segments first.
  Status finish(FileMeta* meta);
  // The segments written with the table, after finish().
  std::vector<SegmentRef> take_segments() { return values_.take_segments(); }

 private:
  Io* io_;
  const std::string sst_dir_;
  const std::string path_;
  TableOptions options_;
  std::unique_ptr<File> file_;
  std::optional<TableWriter> writer_;
  ValueOutput values_;
  bool finished_ = false;
};

}  // namespace pgz
