#include "engine/lsm/table_output.h"

#include <utility>

#include "engine/base/planted.h"
#include "engine/lsm/version.h"

namespace pgz {

TableOutput::TableOutput(Io* io, const std::string& sst_dir, uint64_t number, TableOptions options,
                         ValueOutputOptions values)
    : io_(io),
      sst_dir_(sst_dir),
      path_(table_path(sst_dir, number)),
      options_(options),
      values_(io, std::move(values)) {
  options_.table_id = number;
}

TableOutput::~TableOutput() {
  if (file_ == nullptr || finished_) return;
  writer_.reset();
  file_.reset();
  (void)io_->remove(path_).is_ok();  // else an orphan until the next start
}

Status TableOutput::open() {
  PGZ_ASSIGN(file_, io_->open(path_, OpenMode::kCreateExclusive, {.table = true}));
  writer_.emplace(file_.get(), path_, options_);
  return Status::ok();
}

Status TableOutput::add(Slice internal_key, Slice value, const ValuePointer* from) {
  PGZ_TRY(from == nullptr ? values_.separate(&internal_key, &value)
                          : values_.move(*from, &internal_key, &value));
  return writer_->add(internal_key, value);
}

Status TableOutput::finish(FileMeta* meta) {
  PGZ_TRY(values_.finish());
  if (!values_.uses().empty()) {
    std::string segments;
    values_.uses().encode(&segments);
    writer_->set_segments(std::move(segments), values_.has_compressed());
  }
  TableProperties properties;
  PGZ_TRY(writer_->finish(&properties));
  if (!PGZ_PLANTED(kSkipTableDirSync)) PGZ_TRY(io_->sync_dir(sst_dir_));
  finished_ = true;
  meta->number = options_.table_id;
  meta->file_bytes = properties.file_bytes;
  meta->entries = properties.entries;
  meta->tombstones = properties.tombstones;
  meta->min_ts = properties.min_ts;
  meta->max_ts = properties.max_ts;
  meta->smallest = user_key_of(properties.smallest);
  meta->largest = user_key_of(properties.largest);
  return Status::ok();
}

}  // namespace pgz
