// Writing tables, as flushes and merges do.
#include <algorithm>
#include <utility>

#include "engine/lsm/lsm_rep.h"
#include "engine/lsm/table_output.h"
#include "engine/lsm/value_order.h"
#include "engine/lsm/version_filter.h"

namespace pgz {

namespace {

// Where one output table ends and the next begins, asked at each new user key.
class Cutter {
 public:
  Cutter(const OutputPlan& plan, uint64_t table_bytes)
      : plan_(plan), table_bytes_(table_bytes), overlap_bytes_max_(10 * table_bytes) {}

  // Whether the table of `bytes` so far (0: none) should end before `user_key`.
  bool cuts_before(Slice user_key, uint64_t bytes) {
    bool at_drop = false;
    while (cut_ < plan_.cuts.size() && Slice(plan_.cuts[cut_]) <= user_key) {
      at_drop = true;
      cut_++;
    }
    bool at_boundary = false;
    while (grandparent_ < plan_.grandparents.size() &&
           Slice(plan_.grandparents[grandparent_]->meta().largest) < user_key) {
      overlap_bytes_ += plan_.grandparents[grandparent_]->meta().file_bytes;
      at_boundary = true;
      grandparent_++;
    }
    if (bytes == 0) {
      overlap_bytes_ = 0;
      return false;
    }
    const bool ends = at_drop || bytes >= table_bytes_ || overlap_bytes_ > overlap_bytes_max_ ||
                      (at_boundary && bytes >= table_bytes_ / 2);
    if (ends) overlap_bytes_ = 0;
    return ends;
  }

 private:
  const OutputPlan& plan_;
  const uint64_t table_bytes_;
  const uint64_t overlap_bytes_max_;
  size_t cut_ = 0;
  size_t grandparent_ = 0;
  uint64_t overlap_bytes_ = 0;
};

}  // namespace

// The tables of one flush or merge, as they come to be. Tables end between user keys only, so that
// a table of level 0 holds all the versions of a key that its input had, and those of a deeper
// level are disjoint.
class Lsm::Rep::TableSequence {
 public:
  TableSequence(Rep* rep, const OutputPlan& plan, std::vector<TableRef>* tables)
      : rep_(rep), plan_(plan), tables_(tables), cutter_(plan, rep->options.table_file_bytes) {
    table_options_.block_bytes = rep->options.block_bytes;
    table_options_.compression = plan.compression;
  }

  Status add(Slice key, Slice value, const ValuePointer* from = nullptr) {
    if (output_ == nullptr || user_key_of(key) != Slice(last_key_)) {
      const uint64_t bytes = output_ == nullptr ? 0 : output_->estimated_bytes();
      if (cutter_.cuts_before(user_key_of(key), bytes)) PGZ_TRY(finish());
    }
    if (output_ == nullptr) {
      output_ =
          std::make_unique<TableOutput>(rep_->runtime.io, rep_->sst_dir, rep_->new_file_number(),
                                        table_options_, rep_->value_options(plan_.separates));
      PGZ_TRY(output_->open());
    }
    PGZ_TRY(output_->add(key, value, from));
    last_key_.assign(user_key_of(key));
    return Status::ok();
  }

  Status finish() {
    if (output_ == nullptr) return Status::ok();
    FileMeta meta;
    PGZ_TRY(output_->finish(&meta));
    std::vector<SegmentRef> segments = output_->take_segments();
    output_.reset();
    for (const SegmentRef& segment : segments) {
      *plan_.written_bytes += segment->meta().file_bytes;
    }
    *plan_.written_bytes += meta.file_bytes;
    Result<TableRef> table = rep_->open_table(meta);
    if (!table.is_ok()) {
      for (const SegmentRef& segment : segments) segment->set_obsolete();
      return table.take_status();
    }
    table.value()->new_segments() = std::move(segments);
    tables_->push_back(table.take());
    return Status::ok();
  }

 private:
  Rep* const rep_;
  const OutputPlan& plan_;
  std::vector<TableRef>* const tables_;
  TableOptions table_options_;
  Cutter cutter_;
  std::unique_ptr<TableOutput> output_;
  std::string last_key_;
};

ValueOutputOptions Lsm::Rep::value_options(bool separates) {
  return {vlog_dir,
          separates ? options.value_inline_max_bytes : 0,
          options.value_segment_bytes,
          [this] { return new_file_number(); },
          &files,
          options.compress};
}

Status Lsm::Rep::write_window(ValueOrder* order, const OutputPlan& plan, TableSequence* to) {
  std::shared_ptr<const SegmentMap> segments;
  {
    // Of now: the collector may have moved some since the last window. Those that the job's tables
    // point into stay in the Version as long as the tables.
    MutexLock lock(&mutex);
    segments = version->segments;
  }
  const uint64_t moved_before = order->moved_bytes();
  order->choose(*segments);
  segments.reset();
  uint64_t since_pause = 0;
  for (const ValueOrder::Entry& entry : order->entries()) {
    if (entry.from != nullptr) since_pause += entry.value.size();
    if (since_pause >= kBetweenBytes && plan.between) {
      since_pause = 0;
      PGZ_TRY(plan.between());
    }
    PGZ_TRY(to->add(entry.key, entry.value, entry.from));
  }
  ordered_bytes += order->moved_bytes() - moved_before;
  order->clear();
  return Status::ok();
}

Status Lsm::Rep::write_tables(Iterator* it, VersionFilter* filter, const OutputPlan& plan,
                              std::vector<TableRef>* tables) {
  TableSequence to(this, plan, tables);
  ValueOrder order(runtime.io, plan.order);
  const bool orders = plan.order.moved_bytes_max != 0;
  uint64_t since_pause = 0;
  for (it->seek_to_first(); it->valid(); it->next()) {
    if (stopping) return Status::make(Code::kClosed, "the store is being shut down");
    const Slice key = it->key();
    since_pause += key.size() + it->value().size();
    if (since_pause >= kBetweenBytes && plan.between) {
      since_pause = 0;
      PGZ_TRY(plan.between());
    }
    if (!filter->keep(key)) continue;
    if (!orders) {
      PGZ_TRY(to.add(key, it->value()));
      continue;
    }
    order.add(key, it->value());
    if (order.is_full()) PGZ_TRY(write_window(&order, plan, &to));
  }
  PGZ_TRY(it->status());
  if (!order.empty()) PGZ_TRY(write_window(&order, plan, &to));
  // As much as it was allowed, or nearly: there may be more.
  if (orders && order.moved_bytes() > plan.order.moved_bytes_max / 2) order_owed = true;
  return to.finish();
}

}  // namespace pgz
