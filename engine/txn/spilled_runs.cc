#include "engine/txn/spilled_runs.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "engine/base/assert.h"
#include "engine/base/coding.h"
#include "engine/base/key_compare.h"
#include "engine/base/planted.h"

namespace pgz {

namespace {

uint64_t weight(const WriteBuffer::Node& node) { return node.key.size() + node.value.size(); }

void append_tagged(std::string* to, const WriteBuffer::Node& node) {
  put_varint32(to, node.op);
  to->push_back(static_cast<char>(node.kind));
  put_length_prefixed(to, node.value);
}

// Whether a key between two of the range's can be of no other range.
bool is_apart(const OpRange* range, const OpRanges& owned) {
  if (range == nullptr) return owned.empty();
  return std::all_of(owned.all().begin(), owned.all().end(), [range](const OpRange& other) {
    return &other == range || (!range->end.empty() && Slice(range->end) <= Slice(other.begin)) ||
           (!other.end.empty() && Slice(other.end) <= Slice(range->begin));
  });
}

}  // namespace

SpilledRuns::~SpilledRuns() {
  for (const auto& run : runs_) lsm_->discard_run(run->file);  // cursors may still hold its reader
}

// The writes of a buffer by group, and which groups are written as plain runs.
class SpilledRuns::Groups {
 public:
  Groups(const WriteBuffer& buffer, const OpRanges& owned) : owned_(owned) {
    for (const auto* node = buffer.first(); node != nullptr; node = node->next[0]) {
      if (node->dead) continue;
      group_of(*node)->bytes += weight(*node);
      total_ += weight(*node);
    }
    rest_ = total_;
    for (const Group& g : groups_) {
      if (is_bulk(g)) rest_ -= g.bytes;
    }
  }
  const std::deque<Group>& all() const { return groups_; }
  uint64_t total() const { return total_; }
  uint64_t rest() const { return rest_; }  // in no bulk group
  // Nothing can overlap an owned range, so that its runs may be small.
  bool is_bulk(const Group& g) const { return g.bytes >= total_ / (g.range != nullptr ? 16 : 4); }
  // Of a live write that was there at construction. Cheapest when asked in key order.
  Group* group_of(const WriteBuffer::Node& node) const {
    if (range_ == nullptr || !range_->covers(node.key)) {
      range_ = nullptr;
      for (const OpRange& r : owned_.all()) {
        if (r.covers(node.key)) {
          range_ = &r;
          break;
        }
      }
    }
    if (last_ != nullptr && last_->op == node.op && last_->range == range_) return last_;
    for (Group& g : groups_) {
      if (g.op == node.op && g.range == range_) return last_ = &g;
    }
    groups_.push_back(Group{range_, node.op, 0});
    return last_ = &groups_.back();
  }

 private:
  const OpRanges& owned_;
  uint64_t total_ = 0;
  uint64_t rest_ = 0;
  mutable std::deque<Group> groups_;
  mutable const OpRange* range_ = nullptr;  // the last answer
  mutable Group* last_ = nullptr;
};

Status SpilledRuns::spill(const WriteBuffer& buffer, const OpRanges& owned, WriteBuffer* left) {
  const Groups groups(buffer, owned);
  stop_appending();
  for (const Group& g : groups.all()) {
    if (groups.is_bulk(g)) PGZ_TRY(write_plain(buffer, groups, g, owned));
  }
  if (groups.rest() > groups.total() / 2) return write_tagged(buffer, groups);
  for (const auto* node = buffer.first(); node != nullptr; node = node->next[0]) {
    if (node->dead || groups.is_bulk(*groups.group_of(*node))) continue;
    left->add(node->op, node->kind, node->key, node->value);
  }
  return Status::ok();
}

Status SpilledRuns::finish(Open open) {
  PGZ_ASSIGN(RunFile file, open.writer->finish());
  auto run = std::make_shared<SpilledRun>();
  run->file = std::move(file);
  run->sequence = ++sequence_;
  run->op = run->min_op = run->max_op = open.op;
  runs_.push_back(std::move(run));
  written_++;
  return Status::ok();
}

Status SpilledRuns::finish_open(OpNum read_op) {
  for (size_t i = 0; i < open_.size();) {
    if (open_[i].op >= read_op) {
      i++;
      continue;
    }
    Open open = std::move(open_[i]);
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
    PGZ_TRY(finish(std::move(open)));
  }
  return Status::ok();
}

// The run that `key`, the group's next, goes on in, or a new one.
Status SpilledRuns::open_for(const Group& group, Slice key, Open** open) {
  for (size_t i = 0; i < open_.size(); i++) {
    if (!open_[i].is_of(group)) continue;
    if (Slice(open_[i].last_key) < key) {
      *open = &open_[i];
      open_[i].went_on = true;
      return open_[i].writer->estimated_bytes() < kRunBytesMax ? Status::ok() : roll(*open);
    }
    Open done = std::move(open_[i]);
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
    PGZ_TRY(finish(std::move(done)));
    break;
  }
  if (open_.size() == kOpenMax) {
    Open done = std::move(open_.front());
    open_.erase(open_.begin());
    PGZ_TRY(finish(std::move(done)));
  }
  Open fresh;
  PGZ_ASSIGN(fresh.writer, lsm_->new_run());
  fresh.op = group.op;
  fresh.owned = group.range != nullptr;
  if (fresh.owned) {
    fresh.range_begin = group.range->begin;
    fresh.range_end = group.range->end;
  }
  open_.push_back(std::move(fresh));
  *open = &open_.back();
  return Status::ok();
}

// Finishes the run, which is full, and goes on in a new one.
Status SpilledRuns::roll(Open* open) {
  PGZ_ASSIGN(std::unique_ptr<RunWriter> next, lsm_->new_run());
  Open done;
  done.op = open->op;
  done.writer = std::exchange(open->writer, std::move(next));
  return finish(std::move(done));
}

// Why the answers of reads stay right: what append() takes is above every write of the run, and
// what the buffer has of the same group is not, so no key is in both unless the buffer's is newer.
// A read that may see the run finishes it first, as ever.
Status SpilledRuns::append(OpNum op, Kind kind, Slice key, Slice value, bool* taken) {
  *taken = false;
  for (Open& open : open_) {
    if (!open.direct || open.op != op || compare_keys(key, open.last_key) <= 0 ||
        (!open.range_end.empty() && compare_keys(key, open.range_end) >= 0)) {
      continue;
    }
    if (open.writer->estimated_bytes() >= kRunBytesMax) PGZ_TRY(roll(&open));
    open.last_key.assign(key);
    *taken = true;
    return open.writer->add(key, kind, value);
  }
  return Status::ok();
}

void SpilledRuns::stop_appending() {
  for (Open& open : open_) open.direct = false;
}

Status SpilledRuns::write_plain(const WriteBuffer& buffer, const Groups& groups, const Group& group,
                                const OpRanges& owned) {
  const auto* node = group.range != nullptr ? buffer.seek(group.range->begin) : buffer.first();
  Open* open = nullptr;
  for (; node != nullptr; node = node->next[0]) {
    if (group.range != nullptr && !group.range->covers(node->key)) break;
    if (node->dead || node->op != group.op || groups.group_of(*node) != &group) continue;
    if (open == nullptr) PGZ_TRY(open_for(group, node->key, &open));
    PGZ_TRY(open->writer->add(node->key, node->kind, node->value));
    open->last_key.assign(node->key);
  }
  if (open != nullptr) open->direct = open->went_on && is_apart(group.range, owned);
  return Status::ok();
}

Status SpilledRuns::write_tagged(const WriteBuffer& buffer, const Groups& groups) {
  PGZ_TRY(finish_open());  // keeps sequences in the order of writing
  PGZ_ASSIGN(std::unique_ptr<RunWriter> writer, lsm_->new_run());
  auto run = std::make_shared<SpilledRun>();
  run->tagged = true;
  run->min_op = kOpAll;
  std::string value;
  for (const auto* node = buffer.first(); node != nullptr;) {
    const Slice key = node->key;
    value.clear();
    for (; node != nullptr && node->key == key; node = node->next[0]) {
      if (node->dead || groups.is_bulk(*groups.group_of(*node))) continue;
      append_tagged(&value, *node);
      run->min_op = std::min(run->min_op, node->op);
      run->max_op = std::max(run->max_op, node->op);
    }
    if (!value.empty()) PGZ_TRY(writer->add(key, Kind::kValue, value));
  }
  PGZ_ASSIGN(run->file, writer->finish());
  run->sequence = ++sequence_;
  runs_.push_back(std::move(run));
  written_++;
  return Status::ok();
}

Status SpilledRuns::reader_of(SpilledRun* run, const RunReader** reader) {
  if (run->reader == nullptr) {
    PGZ_ASSIGN(run->reader, lsm_->open_run(run->file));
  }
  *reader = run->reader.get();
  return Status::ok();
}

Status SpilledRuns::find(Slice key, OpNum read_op, std::string* scratch, OwnVersion* version) {
  version->op = 0;
  PGZ_TRY(finish_open(read_op));
  std::string value;
  // From the newest run back, so that of two writes with one number the later one stays.
  for (size_t r = runs_.size(); r-- > 0;) {
    SpilledRun* run = runs_[r].get();
    if (run->min_op >= read_op || run->max_op <= version->op || !run->has_key_range(key)) continue;
    const RunReader* reader = nullptr;
    PGZ_TRY(reader_of(run, &reader));
    Kind kind = Kind::kValue;
    Status s = reader->get(key, &value, &kind);
    if (s.is(Code::kNotFound)) continue;
    PGZ_TRY(std::move(s));
    OwnVersion found = {run->op, kind, value};
    bool visible = true;
    if (run->tagged) PGZ_TRY(find_tagged(value, read_op, run->cut, &visible, &found));
    if (!visible || found.op <= version->op) continue;
    version->op = found.op;
    version->kind = found.kind;
    std::string taken(found.value);
    scratch->swap(taken);
  }
  version->value = *scratch;
  return Status::ok();
}

Status SpilledRuns::add_sources(OpNum read_op, bool reverse,
                                std::vector<std::unique_ptr<OwnSource>>* sources) {
  PGZ_TRY(finish_open(read_op));
  // Rows of disjoint runs, filled in order of writing: a bulk load in key order makes one row.
  std::vector<std::vector<std::shared_ptr<const SpilledRun>>> rows;
  for (const auto& run : runs_) {
    if (run->min_op >= read_op) continue;
    const RunReader* reader = nullptr;
    PGZ_TRY(reader_of(run.get(), &reader));
    size_t row = 0;
    while (row < rows.size() && rows[row].back()->file.largest >= run->file.smallest) row++;
    if (row == rows.size()) rows.emplace_back();
    rows[row].push_back(run);
  }
  for (auto& row : rows) sources->push_back(make_run_source(std::move(row), read_op, reverse));
  return Status::ok();
}

Status SpilledRuns::cut(OpNum op) {
  if (PGZ_PLANTED(kForgetRunCut)) return Status::ok();
  std::erase_if(open_, [op](const Open& open) { return open.op >= op; });
  for (auto& run : runs_) {
    if (run->min_op >= op) {
      lsm_->discard_run(run->file);
      run.reset();
    } else if (run->max_op >= op) {
      run->cut = std::min(run->cut, op);
    }
  }
  std::erase(runs_, nullptr);
  return Status::ok();
}

}  // namespace pgz
