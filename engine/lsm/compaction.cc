#include "engine/lsm/compaction.h"

#include <algorithm>
#include <cmath>

#include "engine/base/assert.h"

namespace pgz {

namespace {

constexpr int kLast = kLevels - 1;

uint64_t bytes_of(const std::vector<TableRef>& tables) {
  uint64_t bytes = 0;
  for (const TableRef& table : tables) bytes += table->meta().file_bytes;
  return bytes;
}

}  // namespace

LevelShape LevelShape::of(const Version& version, const CompactionLimits& limits) {
  uint64_t bytes[kLevels];
  for (int level = 0; level < kLevels; level++) bytes[level] = version.level_bytes(level);
  return of(bytes, version.levels[0].size(), limits);
}

LevelShape LevelShape::of(const uint64_t (&bytes)[kLevels], size_t level0_files,
                          const CompactionLimits& limits) {
  LevelShape shape;
  uint64_t largest = 0;
  int first = kLast;  // level below 0 with tables
  for (int level = kLast; level >= 1; level--) {
    largest = std::max(largest, bytes[level]);
    if (bytes[level] != 0) first = level;
  }
  // Up to twice the base it is cheaper to merge level 0 into everything.
  const double ratio = static_cast<double>(largest) / static_cast<double>(limits.base_bytes);
  int steps = 0;
  double reach = 1;
  while (ratio > 2 && reach < ratio && steps < kLast - 1) {
    reach *= static_cast<double>(limits.fan_out);
    steps++;
  }
  const double factor = steps == 0 ? 1 : std::pow(ratio, 1.0 / steps);
  double target = static_cast<double>(limits.base_bytes);
  for (int level = kLast - steps; level < kLast; level++, target *= factor) {
    shape.target_bytes[level] = static_cast<uint64_t>(target);
  }
  shape.target_bytes[kLast] = std::max(largest, limits.base_bytes);
  shape.base = std::min(kLast - steps, first);
  shape.score[0] = static_cast<double>(level0_files) / limits.level0_trigger;
  shape.debt_bytes = bytes[0];
  for (int level = 1; level < kLast; level++) {
    const uint64_t aim = shape.target_bytes[level];
    if (bytes[level] <= aim) continue;
    shape.score[level] =
        aim == 0 ? 1.5 : static_cast<double>(bytes[level]) / static_cast<double>(aim);
    shape.debt_bytes += bytes[level] - aim;
  }
  return shape;
}

uint64_t CompactionJob::input_bytes() const { return bytes_of(inputs) + bytes_of(below); }

bool CompactionJob::has(uint64_t table_number) const {
  const auto is_it = [table_number](const TableRef& t) { return t->meta().number == table_number; };
  return std::any_of(inputs.begin(), inputs.end(), is_it) ||
         std::any_of(below.begin(), below.end(), is_it);
}

CompactionPicker::CompactionPicker(const Version& version, const CompactionLimits& limits,
                                   std::span<const CompactionJob* const> running)
    : version_(version),
      limits_(limits),
      running_(running),
      shape_(LevelShape::of(version, limits)) {}

bool CompactionPicker::is_busy(uint64_t table_number) const {
  return std::any_of(running_.begin(), running_.end(),
                     [table_number](const CompactionJob* job) { return job->has(table_number); });
}

bool CompactionPicker::fits_beside_running(const CompactionJob& job) const {
  for (const CompactionJob* other : running_) {
    if (job.target == other->target && job.range.smallest <= other->range.largest &&
        job.range.largest >= other->range.smallest) {
      return false;
    }
  }
  const auto free = [this](const TableRef& table) { return !is_busy(table->meta().number); };
  return std::all_of(job.inputs.begin(), job.inputs.end(), free) &&
         std::all_of(job.below.begin(), job.below.end(), free);
}

uint64_t CompactionPicker::overlap_bytes(int level, Slice smallest, Slice largest) const {
  uint64_t bytes = 0;
  const std::vector<TableRef>& tables = version_.levels[level];
  auto at = std::lower_bound(
      tables.begin(), tables.end(), smallest,
      [](const TableRef& table, Slice key) { return Slice(table->meta().largest) < key; });
  for (; at != tables.end() && Slice((*at)->meta().smallest) <= largest; ++at) {
    bytes += (*at)->meta().file_bytes;
  }
  return bytes;
}

int CompactionPicker::sink_level(Slice smallest, Slice largest, int from) const {
  for (const CompactionJob* job : running_) {
    if (Slice(job->range.smallest) <= largest && Slice(job->range.largest) >= smallest) return from;
  }
  int deepest = from;
  for (int level = from + 1; level < kLevels; level++) {
    if (overlap_bytes(level, smallest, largest) != 0) break;
    // A table over much of the next level would make its own merge dear: cut it there instead.
    if (level == kLast ||
        overlap_bytes(level + 1, smallest, largest) <= limits_.overlap_bytes_max()) {
      deepest = level;
    }
  }
  return deepest >= shape_.base ? deepest : from;
}

void CompactionPicker::add_moves(VersionEdit* edit) const {
  const auto move = [&](int level, const TableRef& table) {
    const FileMeta& meta = table->meta();
    if (is_busy(meta.number)) return false;
    const int to = sink_level(meta.smallest, meta.largest, level);
    if (to == level) return false;
    // Nor may two tables of one edit meet below.
    for (const auto& [other_level, other] : edit->added) {
      if (other.smallest <= meta.largest && other.largest >= meta.smallest) return false;
    }
    edit->removed.emplace_back(level, meta.number);
    edit->added.emplace_back(to, meta);
    return true;
  };
  const std::vector<TableRef>& level0 = version_.levels[0];
  if (level0.size() >= limits_.level0_trigger) {
    for (size_t i = level0.size(); i-- > 0;) {
      bool over_nothing = true;
      for (size_t older = i + 1; older < level0.size(); older++) {
        over_nothing = over_nothing && !level0[i]->overlaps(level0[older]->meta().smallest,
                                                            level0[older]->meta().largest);
      }
      if (over_nothing) move(0, level0[i]);
    }
  }
  for (int level = 1; level < kLast; level++) {
    if (shape_.score[level] < 1) continue;
    uint64_t excess = version_.level_bytes(level) - shape_.target_bytes[level];
    for (const TableRef& table : version_.levels[level]) {
      if (!move(level, table)) continue;
      if (table->meta().file_bytes >= excess) break;
      excess -= table->meta().file_bytes;
    }
  }
}

// Adds tables of the input level that bring no more of the target level in.
void CompactionPicker::widen(CompactionJob* job) const {
  if (job->level == 0 || job->below.empty()) return;
  std::vector<TableRef> inputs =
      version_.overlapping(job->level, job->range.smallest, job->range.largest);
  if (inputs.size() <= job->inputs.size()) return;
  const TableRange wide = range_of(inputs);
  std::vector<TableRef> below = version_.overlapping(job->target, wide.smallest, wide.largest);
  if (below.size() != job->below.size()) return;
  if (bytes_of(inputs) + bytes_of(below) > limits_.job_bytes_max()) return;
  CompactionJob wider = *job;
  wider.inputs = std::move(inputs);
  wider.range.smallest = std::min(wider.range.smallest, wide.smallest);
  wider.range.largest = std::max(wider.range.largest, wide.largest);
  if (fits_beside_running(wider)) *job = std::move(wider);
}

// Fills in what follows from level, target and inputs; nothing when a running job is in the way.
std::optional<CompactionJob> CompactionPicker::complete(CompactionJob job) const {
  job.range = range_of(job.inputs);
  if (job.target != job.level) {
    job.below = version_.overlapping(job.target, job.range.smallest, job.range.largest);
    if (!job.below.empty()) {
      const TableRange below = range_of(job.below);
      job.range.smallest = std::min(job.range.smallest, below.smallest);
      job.range.largest = std::max(job.range.largest, below.largest);
    }
    widen(&job);
  }
  if (!fits_beside_running(job)) return std::nullopt;
  if (job.target < kLast) {
    job.grandparents = version_.overlapping(job.target + 1, job.range.smallest, job.range.largest);
  }
  job.bottom = true;
  for (int level = job.target + 1; level < kLevels; level++) {
    job.bottom = job.bottom && overlap_bytes(level, job.range.smallest, job.range.largest) == 0;
  }
  return job;
}

std::optional<CompactionJob> CompactionPicker::level0_job(size_t trigger) const {
  const std::vector<TableRef>& level0 = version_.levels[0];
  if (level0.empty() || level0.size() < trigger) return std::nullopt;
  CompactionJob job;
  job.level = 0;
  job.target = shape_.base;
  job.inputs = {level0.back()};
  for (;;) {
    const TableRange range = range_of(job.inputs);
    std::vector<TableRef> touched = version_.overlapping(0, range.smallest, range.largest);
    if (touched.size() == job.inputs.size()) break;
    job.inputs = std::move(touched);
  }
  return complete(std::move(job));
}

std::optional<CompactionJob> CompactionPicker::level_job(int level) const {
  std::optional<CompactionJob> best;
  double best_cost = 0;
  for (const TableRef& table : version_.levels[level]) {
    const FileMeta& meta = table->meta();
    if (is_busy(meta.number)) continue;
    const double cost = static_cast<double>(overlap_bytes(level + 1, meta.smallest, meta.largest)) /
                        static_cast<double>(meta.file_bytes);
    if (best && cost >= best_cost) continue;
    CompactionJob job;
    job.level = level;
    job.target = level + 1;
    job.inputs = {table};
    std::optional<CompactionJob> completed = complete(std::move(job));
    if (!completed) continue;
    best = std::move(completed);
    best_cost = cost;
  }
  return best;
}

std::optional<CompactionJob> CompactionPicker::drop_job(uint64_t lowest) const {
  for (const RangeDrop& drop : version_.drops) {
    if (drop.ts > lowest) continue;
    for (int level = 1; level < kLevels; level++) {
      for (const TableRef& table : version_.levels[level]) {
        if (!hides_in(drop, table->meta()) || is_busy(table->meta().number)) continue;
        CompactionJob job;
        job.level = job.target = level;
        job.inputs = {table};
        std::optional<CompactionJob> completed = complete(std::move(job));
        if (completed) return completed;
      }
    }
  }
  return std::nullopt;
}

std::optional<CompactionJob> CompactionPicker::order_job(uint64_t before, size_t segments) const {
  for (int level = 1; level < kLevels; level++) {
    for (const TableRef& table : version_.levels[level]) {
      const uint64_t number = table->meta().number;
      if (number >= before || table->uses().all().size() < segments || is_busy(number)) continue;
      CompactionJob job;
      job.level = job.target = level;
      job.inputs = {table};
      std::optional<CompactionJob> completed = complete(std::move(job));
      if (completed && completed->bottom) return completed;
    }
  }
  return std::nullopt;
}

std::optional<CompactionJob> CompactionPicker::next_job() const {
  // A level far above its target goes before level 0: it makes each merge out of level 0 dearer.
  std::vector<std::pair<double, int>> due;
  for (int level = 0; level < kLast; level++) {
    const double score = shape_.score[level];
    if (score >= 1) due.emplace_back(score, -level);
  }
  std::sort(due.rbegin(), due.rend());
  for (const auto& [score, negated] : due) {
    std::optional<CompactionJob> job =
        negated == 0 ? level0_job(limits_.level0_trigger) : level_job(-negated);
    if (job) return job;
  }
  return std::nullopt;
}

}  // namespace pgz
