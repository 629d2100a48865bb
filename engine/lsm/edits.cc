// Making an edit durable, then visible.
#include <algorithm>
#include <utility>

#include "engine/lsm/lsm_rep.h"

namespace pgz {

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
