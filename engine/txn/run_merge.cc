// Making spilled runs ready for commit: checking whether they can be attached as they are, and
// merging them where not.
#include <algorithm>

#include "engine/base/assert.h"
#include "engine/txn/spilled_runs.h"

namespace pgz {

// Runs that lie wholly in a later dropped range go without being read.
void SpilledRuns::drop_covered(const OpRanges& drops) {
  for (auto& run : runs_) {
    for (const OpRange& drop : drops.all()) {
      if (run->max_op <= drop.op && drop.covers(run->file.smallest, run->file.largest)) {
        lsm_->discard_run(run->file);
        run.reset();
        break;
      }
    }
  }
  std::erase(runs_, nullptr);
}

Status SpilledRuns::must_merge(const WriteBuffer& buffer, const OpRanges& drops, bool* merge) {
  *merge = true;
  for (const auto& run : runs_) {
    if (run->tagged) return Status::ok();
    for (const OpRange& drop : drops.all()) {
      if (run->op <= drop.op && drop.meets(run->file.smallest, run->file.largest)) {
        return Status::ok();
      }
    }
  }
  std::vector<SpilledRun*> sorted;
  for (const auto& run : runs_) sorted.push_back(run.get());
  std::sort(sorted.begin(), sorted.end(), [](const SpilledRun* a, const SpilledRun* b) {
    return a->file.smallest < b->file.smallest;
  });
  for (size_t i = 1; i < sorted.size(); i++) {
    if (sorted[i - 1]->file.largest >= sorted[i]->file.smallest) return Status::ok();
  }
  for (const auto* node = buffer.first(); node != nullptr; node = node->next[0]) {
    if (node->dead) continue;
    auto at = std::upper_bound(
        sorted.begin(), sorted.end(), node->key,
        [](Slice key, const SpilledRun* run) { return key < Slice(run->file.smallest); });
    if (at == sorted.begin() || !(*--at)->has_key_range(node->key)) continue;
    const RunReader* reader = nullptr;
    PGZ_TRY(reader_of(*at, &reader));
    Kind kind = Kind::kValue;
    Status s = reader->get(node->key, nullptr, &kind);
    if (s.is_ok()) return Status::ok();
    if (!s.is(Code::kNotFound)) return s;
  }
  *merge = false;
  return Status::ok();
}

Status SpilledRuns::merge(const std::shared_ptr<const WriteBuffer>& buffer, const OpRanges& drops,
                          const OpRanges& owned, std::vector<RunFile>* files) {
  std::vector<std::unique_ptr<OwnSource>> sources;
  PGZ_TRY(add_sources(kOpAll, false, &sources));
  sources.push_back(make_buffer_source(buffer, kOpAll, false));
  OwnIterator it(std::move(sources), false);
  std::unique_ptr<RunWriter> writer;
  const auto finish = [&]() -> Status {
    PGZ_ASSIGN(RunFile file, writer->finish());
    writer.reset();
    files->push_back(std::move(file));
    written_++;
    return Status::ok();
  };
  for (it.seek_to_start(); it.valid(); it.next()) {
    const OwnVersion& version = it.version();
    if (drops.newest(it.key(), kOpAll) >= version.op) continue;
    if (is_tombstone(version.kind) && owned.covers(it.key())) continue;
    if (writer == nullptr) {
      PGZ_ASSIGN(writer, lsm_->new_run());
    }
    PGZ_TRY(writer->add(it.key(), version.kind, version.value));
    if (writer->estimated_bytes() >= kRunBytesMax) PGZ_TRY(finish());
  }
  PGZ_TRY(it.status());
  return writer == nullptr ? Status::ok() : finish();
}

Status SpilledRuns::prepare(const std::shared_ptr<const WriteBuffer>& buffer, const OpRanges& drops,
                            const OpRanges& owned, std::vector<RunFile>* files, bool* merged) {
  *merged = false;
  PGZ_TRY(finish_open());
  drop_covered(drops);
  if (runs_.empty()) return Status::ok();
  PGZ_TRY(must_merge(*buffer, drops, merged));
  if (*merged) {
    Status s = merge(buffer, drops, owned, files);
    if (!s.is_ok()) {
      for (const RunFile& file : *files) lsm_->discard_run(file);
      files->clear();
      return s;
    }
    for (const auto& run : runs_) {
      run->reader.reset();
      lsm_->discard_run(run->file);
    }
  } else {
    for (const auto& run : runs_) files->push_back(run->file);
  }
  runs_.clear();
  std::sort(files->begin(), files->end(),
            [](const RunFile& a, const RunFile& b) { return a.smallest < b.smallest; });
  return Status::ok();
}

}  // namespace pgz
