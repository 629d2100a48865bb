// Recomputing what the bookkeeping of the value log says.
#include <utility>

#include "engine/lsm/lsm_rep.h"

namespace pgz {

namespace {

Status differs(const std::string& path, const std::string& what) {
  return Status::make(Code::kCorruption, path + " at 0: " + what);
}

Status read_uses(const Table& table, SegmentUses* uses) {
  const std::unique_ptr<Iterator> it = table.reader().new_iterator(false);
  for (it->seek_to_first(); it->valid(); it->next()) {
    if (trailer_kind(load_trailer(it->key())) != Kind::kValuePointer) continue;
    ValuePointer pointer;
    if (!ValuePointer::decode(it->value(), &pointer)) {
      return Status::make(Code::kCorruption, "a value pointer in a table makes no sense");
    }
    uses->add(pointer);
  }
  return it->status();
}

}  // namespace

Status Lsm::verify_values() const {
  const ViewCell::Guard view(rep_->views.get());
  const Version& version = *view->version;
  uint64_t live_bytes = 0;
  for (const std::vector<TableRef>& level : version.levels) {
    for (const TableRef& table : level) {
      const std::string path = table_path(rep_->sst_dir, table->meta().number);
      SegmentUses uses;
      PGZ_TRY(read_uses(*table, &uses));
      if (uses != table->uses()) return differs(path, "its slots are not those its entries name");
      if (uses.bytes() != table->value_bytes()) return differs(path, "value bytes do not add up");
      live_bytes += uses.bytes();
    }
  }
  PGZ_TRY(rep_->check_segments(version));
  uint64_t bytes = 0;
  for (const auto& [id, segment] : *version.segments) {
    std::vector<Segment::Entry> entries;
    PGZ_TRY(segment->read_directory(&entries));
    uint64_t values = 0;
    uint64_t sum = 0;
    for (const Segment::Entry& entry : entries) {
      values += entry.length != 0 ? 1 : 0;
      sum += entry.length;
    }
    if (values != segment->meta().values || sum != segment->meta().value_bytes) {
      return differs(segment->path(), "the directory is not what the manifest says");
    }
    bytes += sum;
  }
  MutexLock lock(&rep_->mutex);
  if (rep_->version.get() != &version) return Status::ok();  // the sums are a newer one's
  if (live_bytes != rep_->live_value_bytes || bytes != rep_->value_bytes) {
    return differs(rep_->vlog_dir, "live and value bytes do not add up");
  }
  return Status::ok();
}

}  // namespace pgz
