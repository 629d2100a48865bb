// What flushes and merges share: writing tables, and making an edit durable, then visible.
#include <algorithm>
#include <utility>

#include "engine/lsm/lsm_rep.h"
#include "engine/lsm/table_output.h"
#include "engine/lsm/version_filter.h"

namespace pgz {

// Tables end between user keys only, so that a table of level 0 holds all the versions of a key
// that its input had, and those of level 1 are disjoint.
Status Lsm::Rep::write_tables(Iterator* it, VersionFilter* filter, std::atomic<uint64_t>* bytes,
                              std::vector<TableRef>* tables) {
  TableOptions table_options;
  table_options.block_bytes = options.block_bytes;
  std::unique_ptr<TableOutput> output;
  const auto finish = [&]() -> Status {
    if (output == nullptr) return Status::ok();
    FileMeta meta;
    PGZ_TRY(output->finish(&meta));
    output.reset();
    *bytes += meta.file_bytes;
    PGZ_ASSIGN(TableRef table, open_table(meta));
    tables->push_back(std::move(table));
    return Status::ok();
  };
  std::string last_key;
  for (it->seek_to_first(); it->valid(); it->next()) {
    if (stopping) return Status::make(Code::kClosed, "the store is being shut down");
    const Slice key = it->key();
    if (!filter->keep(key)) continue;
    const bool full = output != nullptr && output->estimated_bytes() >= options.table_file_bytes;
    if (full && user_key_of(key) != Slice(last_key)) PGZ_TRY(finish());
    if (output == nullptr) {
      output = std::make_unique<TableOutput>(runtime.io, sst_dir, new_file_number(), table_options);
      PGZ_TRY(output->open());
    }
    PGZ_TRY(output->add(key, it->value()));
    last_key.assign(user_key_of(key));
  }
  PGZ_TRY(it->status());
  return finish();
}

Status Lsm::Rep::commit_edit(VersionEdit edit, std::vector<TableRef> opened,
                             const MemTableHandle* entry) {
  edit.next_file_number = next_file_number.load(std::memory_order_relaxed);
  PGZ_TRY(manifest->append(edit));
  std::vector<TableRef> gone;
  {
    MutexLock lock(&mutex);
    version = version->apply(edit, opened, &gone);
    if (entry != nullptr) {
      const auto at = std::find_if(queue.begin(), queue.end(),
                                   [entry](const auto& e) { return e.get() == entry; });
      PGZ_ASSERT(at != queue.end());
      queue.erase(at);
      flushed_total++;
    }
    if (edit.flushed_lsn) flushed_lsn = *edit.flushed_lsn;
    install_view();
    progress.notify_all();
    merge_work.notify_all();
  }
  for (const TableRef& table : gone) table->set_obsolete();
  return Status::ok();
}

}  // namespace pgz
