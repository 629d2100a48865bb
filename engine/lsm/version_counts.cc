// How many versions fall between timestamps: what snapshots may pin, estimated from what is known
// of tables and memtables without reading them.
#include <algorithm>

#include "engine/lsm/lsm_rep.h"

namespace pgz {

namespace {

// Versions whose timestamps lie in [min_ts, max_ts], taken as evenly spread.
struct Spread {
  uint64_t min_ts = 0;
  uint64_t max_ts = 0;
  uint64_t versions = 0;
  uint64_t bytes = 0;
};

// The share of them that falls in (after, up_to].
void add_share(const Spread& spread, uint64_t after, uint64_t up_to, VersionCount* count) {
  if (spread.versions == 0 || up_to < spread.min_ts || after >= spread.max_ts) return;
  const uint64_t from = std::max(after + 1, spread.min_ts);
  const uint64_t to = std::min(up_to, spread.max_ts);
  if (from > to) return;
  const double share =
      static_cast<double>(to - from + 1) / static_cast<double>(spread.max_ts - spread.min_ts + 1);
  count->versions += static_cast<uint64_t>(share * static_cast<double>(spread.versions) + 0.5);
  count->bytes += static_cast<uint64_t>(share * static_cast<double>(spread.bytes) + 0.5);
}

Spread spread_of(const Table& table) {
  const FileMeta& meta = table.meta();
  return {meta.min_ts, meta.max_ts, meta.entries, meta.file_bytes + table.value_bytes()};
}

std::vector<Spread> spreads_of(const View& view) {
  std::vector<Spread> all;
  for (const std::vector<TableRef>& level : view.version->levels) {
    for (const TableRef& table : level) all.push_back(spread_of(*table));
  }
  // A memtable begins where the one before it ends; they come newest first.
  for (size_t i = 0; i < view.queue.size(); i++) {
    const MemTableHandle& entry = *view.queue[i];
    for (const TableRef& run : entry.runs) all.push_back(spread_of(*run));
    uint64_t before = 0;
    for (size_t older = i + 1; older < view.queue.size() && before == 0; older++) {
      before = view.queue[older]->table.max_ts();
    }
    for (const TableRef& table : view.version->levels[0]) {
      if (before != 0) break;
      before = table->meta().max_ts;
    }
    const uint64_t max_ts = entry.table.max_ts();
    all.push_back(
        {std::min(before + 1, max_ts), max_ts, entry.table.entries(),
         entry.table.entries() == 0 ? 0 : entry.table.memory_bytes() + entry.placed_bytes.load()});
  }
  return all;
}

}  // namespace

std::vector<VersionCount> Lsm::versions_between(std::span<const uint64_t> after,
                                                uint64_t newest) const {
  const ViewCell::Guard view(rep_->views.get());
  const std::vector<Spread> spreads = spreads_of(*view);
  std::vector<VersionCount> counts(after.size());
  for (size_t i = 0; i < after.size(); i++) {
    const uint64_t up_to = i + 1 < after.size() ? after[i + 1] : newest;
    for (const Spread& spread : spreads) add_share(spread, after[i], up_to, &counts[i]);
  }
  return counts;
}

}  // namespace pgz
