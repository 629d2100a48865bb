#include "engine/txn/spilled_runs.h"

#include <algorithm>
#include <map>

#include "engine/base/assert.h"
#include "engine/base/coding.h"

namespace pgz {

namespace {

uint64_t weight(const WriteBuffer::Node& node) { return node.key.size() + node.value.size(); }

void append_tagged(std::string* to, const WriteBuffer::Node& node) {
  put_varint32(to, node.op);
  to->push_back(static_cast<char>(node.kind));
  put_length_prefixed(to, node.value);
}

}  // namespace

SpilledRuns::~SpilledRuns() {
  for (const auto& run : runs_) {
    run->reader.reset();
    lsm_->discard_run(run->file);
  }
}

Status SpilledRuns::spill(const WriteBuffer& buffer, WriteBuffer* left) {
  std::map<OpNum, uint64_t> bytes;
  uint64_t total = 0;
  for (const auto* node = buffer.first(); node != nullptr; node = node->next[0]) {
    if (node->dead) continue;
    bytes[node->op] += weight(*node);
    total += weight(*node);
  }
  std::vector<OpNum> bulk;
  uint64_t rest = total;
  for (const auto& [op, n] : bytes) {
    if (n < total / 4) continue;
    bulk.push_back(op);
    rest -= n;
  }
  for (OpNum op : bulk) PGZ_TRY(write_plain(buffer, op));
  if (rest > total / 2) return write_tagged(buffer, bulk);
  for (const auto* node = buffer.first(); node != nullptr; node = node->next[0]) {
    if (node->dead || std::binary_search(bulk.begin(), bulk.end(), node->op)) continue;
    left->add(node->op, node->kind, node->key, node->value);
  }
  return Status::ok();
}

Status SpilledRuns::finish_open() {
  if (open_.writer == nullptr) return Status::ok();
  std::unique_ptr<RunWriter> writer = std::move(open_.writer);
  PGZ_ASSIGN(RunFile file, writer->finish());
  auto run = std::make_shared<SpilledRun>();
  run->file = std::move(file);
  run->sequence = ++sequence_;
  run->op = run->min_op = run->max_op = open_.op;
  runs_.push_back(std::move(run));
  written_++;
  return Status::ok();
}

Status SpilledRuns::write_plain(const WriteBuffer& buffer, OpNum op) {
  const WriteBuffer::Node* node = buffer.first();
  const auto skip = [&] {
    while (node != nullptr && (node->dead || node->op != op)) node = node->next[0];
  };
  skip();
  const bool goes_on = open_.writer != nullptr && open_.op == op && open_.last_key < node->key &&
                       open_.writer->estimated_bytes() < kRunBytesMax;
  if (!goes_on) {
    PGZ_TRY(finish_open());
    PGZ_ASSIGN(open_.writer, lsm_->new_run());
    open_.op = op;
  }
  for (; node != nullptr; node = node->next[0], skip()) {
    PGZ_TRY(open_.writer->add(node->key, node->kind, node->value));
    open_.last_key.assign(node->key);
  }
  return Status::ok();
}

Status SpilledRuns::write_tagged(const WriteBuffer& buffer, const std::vector<OpNum>& bulk) {
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
      if (node->dead || std::binary_search(bulk.begin(), bulk.end(), node->op)) continue;
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
  if (open_.writer != nullptr && open_.op < read_op) PGZ_TRY(finish_open());
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
  if (open_.writer != nullptr && open_.op < read_op) PGZ_TRY(finish_open());
  // Rows of disjoint runs, filled in order of writing: a bulk load in key order makes one row.
  std::vector<std::vector<std::shared_ptr<const SpilledRun>>> rows;
  std::vector<uint64_t> sequences;
  for (const auto& run : runs_) {
    if (run->min_op >= read_op) continue;
    const RunReader* reader = nullptr;
    PGZ_TRY(reader_of(run.get(), &reader));
    size_t row = 0;
    while (row < rows.size() && rows[row].back()->file.largest >= run->file.smallest) row++;
    if (row == rows.size()) {
      rows.emplace_back();
      sequences.push_back(run->sequence);
    }
    rows[row].push_back(run);
    sequences[row] = run->sequence;
  }
  for (size_t row = 0; row < rows.size(); row++) {
    sources->push_back(make_run_source(std::move(rows[row]), read_op, reverse));
    sources->back()->sequence = sequences[row];
  }
  return Status::ok();
}

Status SpilledRuns::cut(OpNum op) {
  if (open_.writer != nullptr && open_.op >= op) open_ = Open{};
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
