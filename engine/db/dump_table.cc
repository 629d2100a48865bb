#include "engine/base/coding.h"
#include "engine/db/dump_format.h"
#include "engine/sst/block.h"
#include "engine/sst/filter.h"
#include "engine/sst/format.h"
#include "engine/sst/table.h"

namespace pgz::dump {

namespace {

class TableDump {
 public:
  TableDump(Report* report, TableSource* source, uint64_t size)
      : report_(report), source_(source), limit_(size - sst::kFooterBytes) {}

  void run(const sst::Footer& footer);

 private:
  // Null when it is damaged, which is reported.
  OwnedBlock read(sst::BlockHandle handle);
  void show_properties();
  void show_index(Slice top);
  void show_data(sst::BlockHandle handle, uint64_t* entries);
  // Calls fn(key, value) for each entry.
  template <class Fn>
  void each(Slice block, sst::BlockHandle handle, Fn fn);

  Report* const report_;
  TableSource* const source_;
  const uint64_t limit_;
  sst::Footer footer_;
  TableProperties properties_;
};

std::string place(sst::BlockHandle handle) {
  return handle.size == 0
             ? "none"
             : std::to_string(handle.size) + " bytes at " + std::to_string(handle.offset);
}

OwnedBlock TableDump::read(sst::BlockHandle handle) {
  Result<OwnedBlock> block =
      sst::read_block(source_, report_->path(), footer_.table_id, limit_, handle);
  if (block.is_ok()) return block.take();
  report_->damaged(handle.offset, block.status());
  return nullptr;
}

template <class Fn>
void TableDump::each(Slice block, sst::BlockHandle handle, Fn fn) {
  BlockIterator it;
  it.init(block, 0);
  for (it.seek_to_first(); it.valid(); it.next()) fn(it.key(), it.value());
  if (it.corrupt()) report_->damaged(handle.offset, "entries of a block make no sense");
}

void TableDump::show_properties() {
  const OwnedBlock block = read(footer_.properties);
  if (block == nullptr) return;
  if (!sst::decode_properties(block->slice(), &properties_)) {
    report_->damaged(footer_.properties.offset, "bad properties");
    return;
  }
  const TableProperties& p = properties_;
  report_->line(
      "  " + std::to_string(p.entries) + " entries, " + std::to_string(p.tombstones) +
      " tombstones, " + std::to_string(p.data_bytes) + " bytes of keys and values, " +
      (p.global_ts ? std::string("a run: timestamps come from its commit")
                   : "timestamps " + std::to_string(p.min_ts) + " to " + std::to_string(p.max_ts)));
  report_->line("  smallest " + internal_key_text(p.smallest) + ", largest " +
                internal_key_text(p.largest));
}

void TableDump::show_data(sst::BlockHandle handle, uint64_t* entries) {
  const OwnedBlock block = read(handle);
  if (block == nullptr) return;
  uint64_t count = 0;
  std::string first;
  std::string last;
  std::string lines;
  each(block->slice(), handle, [&](Slice key, Slice value) {
    if (count++ == 0) first = internal_key_text(key);
    last = internal_key_text(key);
    if (report_->entries()) lines += "              " + last + " " + quoted(value) + "\n";
  });
  *entries += count;
  report_->line(
      "  " + padded(handle.offset, 8) + "  data, " + std::to_string(handle.size) + " bytes" +
      (block->size != handle.size ? " (" + std::to_string(block->size) + " unpacked)" : "") + ", " +
      std::to_string(count) + " entries: " + first + " to " + last);
  if (!lines.empty()) {
    lines.pop_back();
    report_->line(lines);
  }
}

void TableDump::show_index(Slice top) {
  uint64_t entries = 0;
  // In files the blocks stand in the order of the index. One that names blocks again and again
  // could go on for ever.
  sst::BlockHandle last_partition;
  sst::BlockHandle last_data;
  const auto next_block = [&](Slice bytes, uint64_t from, sst::BlockHandle* last) {
    sst::BlockHandle handle;
    if (!handle.decode(&bytes)) {
      report_->damaged(from, "an index entry names no block");
      return false;
    }
    if (last->size != 0 && handle.offset <= last->offset) {
      report_->damaged(from, "an index entry leads back to " + std::to_string(handle.offset));
      return false;
    }
    *last = handle;
    return true;
  };
  each(top, footer_.top_index, [&](Slice, Slice value) {
    if (!next_block(value, footer_.top_index.offset, &last_partition)) return;
    const sst::BlockHandle partition = last_partition;
    const OwnedBlock index = read(partition);
    if (index == nullptr) return;
    uint64_t children = 0;
    each(index->slice(), partition, [&](Slice, Slice child) {
      ++children;
      if (next_block(child, partition.offset, &last_data)) show_data(last_data, &entries);
    });
    report_->line("  " + padded(partition.offset, 8) + "  index partition, " +
                  std::to_string(partition.size) + " bytes, " + std::to_string(children) +
                  " blocks");
  });
  if (entries != properties_.entries) {
    report_->damaged(footer_.properties.offset,
                     std::to_string(entries) + " entries could be read where the properties say " +
                         std::to_string(properties_.entries));
  }
}

void TableDump::run(const sst::Footer& footer) {
  footer_ = footer;
  report_->line("  table " + std::to_string(footer.table_id) + ", version " +
                std::to_string(footer.version) + ", features " + std::to_string(footer.features));
  report_->line("  filter " + place(footer.filter) + ", top index " + place(footer.top_index) +
                ", properties " + place(footer.properties));
  show_properties();
  if (footer.filter.size != 0) {
    const OwnedBlock filter = read(footer.filter);
    if (filter != nullptr && !filter_is_sound(filter->slice())) {
      report_->damaged(footer.filter.offset, "bad filter");
    }
  }
  if (const OwnedBlock top = read(footer.top_index); top != nullptr) show_index(top->slice());
}

}  // namespace

Status table(Report* report, std::unique_ptr<File> file, uint64_t size) {
  report->line(report->path() + ": sorted table, " + std::to_string(size) + " bytes");
  if (size < sst::kFooterBytes) {
    report->damaged(0, "too short for a table");
    return Status::ok();
  }
  char bytes[sst::kFooterBytes];
  const uint64_t at = size - sst::kFooterBytes;
  PGZ_TRY(file->read(at, bytes, sizeof(bytes)));
  sst::Footer footer;
  if (const Status s =
          sst::Footer::decode(Slice(bytes, sizeof(bytes)), report->path(), at, &footer);
      !s.is_ok()) {
    report->damaged(at, s);
    return Status::ok();
  }
  FileSource source(std::move(file));
  TableDump(report, &source, size).run(footer);
  return Status::ok();
}

}  // namespace pgz::dump
