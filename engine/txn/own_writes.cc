#include "engine/txn/own_writes.h"

namespace pgz {

OwnWrites::OwnWrites(Lsm* lsm, uint64_t spill_bytes)
    : spill_bytes_(spill_bytes), buffer_(std::make_shared<WriteBuffer>()), runs_(lsm) {}

Status OwnWrites::add(OpNum op, Kind kind, Slice key, Slice value) {
  if (!failed_.is_ok()) return failed_;
  if (!runs_.empty()) {
    bool taken = false;
    Status s = runs_.append(op, kind, key, value, &taken);
    if (!s.is_ok()) failed_ = s;
    if (taken || !s.is_ok()) return s;
  }
  // An iterator goes from write to write, and shall find all of them.
  if (buffer_.use_count() > 1) {
    buffer_->add(op, kind, key, value);
  } else {
    buffer_->add_later(op, kind, key, value);
  }
  return buffer_->memory_bytes() < spill_bytes_ ? Status::ok() : spill();
}

Status OwnWrites::spill() {
  buffer_->settle();
  auto left = std::make_shared<WriteBuffer>();
  Status s = runs_.spill(*buffer_, owned_, left.get());
  if (!s.is_ok()) {
    failed_ = s;
    return s;
  }
  buffer_ = std::move(left);
  generation_++;
  return Status::ok();
}

Status OwnWrites::rollback_to(OpNum op) {
  buffer_->settle();
  buffer_->cut(op);
  owned_.cut(op);
  drops_.cut(op);
  generation_++;
  return runs_.cut(op);
}

Status OwnWrites::find(Slice key, OpNum read_op, std::string* scratch, OwnVersion* version,
                       Answer* answer) {
  buffer_->settle();
  const WriteBuffer::Node* node = buffer_->find(key, read_op);
  OwnVersion found;
  if (node != nullptr) found = {node->op, node->kind, node->value};
  if (!runs_.empty()) {
    OwnVersion spilled;
    PGZ_TRY(runs_.find(key, read_op, scratch, &spilled));
    if (spilled.op > found.op) found = spilled;
  }
  const OpNum dropped = drops_.newest(key, read_op);
  if (found.op > dropped) {
    *version = found;
    *answer = Answer::kOwn;
  } else if (dropped != 0 || owned_.newest(key, read_op) != 0) {
    *answer = Answer::kNothing;
  } else {
    *answer = Answer::kCommitted;
  }
  return Status::ok();
}

bool OwnWrites::owns_all(Slice begin, Slice end, OpNum read_op) const {
  for (const OpRange& range : owned_.all()) {
    if (range.op >= read_op || begin < Slice(range.begin)) continue;
    if (range.end.empty() || (!end.empty() && end <= Slice(range.end))) return true;
  }
  return false;
}

Result<std::unique_ptr<OwnIterator>> OwnWrites::new_iterator(OpNum read_op, bool reverse) {
  buffer_->settle();
  std::vector<std::unique_ptr<OwnSource>> sources;
  PGZ_TRY(runs_.add_sources(read_op, reverse, &sources));
  sources.push_back(make_buffer_source(buffer_, read_op, reverse));
  return std::make_unique<OwnIterator>(std::move(sources), reverse);
}

Status OwnWrites::prepare(Prepared* prepared) {
  PGZ_TRY(failed_);
  buffer_->settle();
  bool merged = false;
  PGZ_TRY(runs_.prepare(buffer_, drops_, owned_, &prepared->runs, &merged));
  prepared->buffer = buffer_;
  prepared->drops = &drops_.all();
  if (merged) return Status::ok();
  Slice done;
  for (const auto* node = buffer_->first(); node != nullptr; node = node->next[0]) {
    if (node->dead || (done.data() != nullptr && node->key == done)) continue;
    done = node->key;
    if (!drops_.empty() && drops_.newest(node->key, kOpAll) >= node->op) continue;
    if (is_tombstone(node->kind) && !owned_.empty() && owned_.covers(node->key)) continue;
    prepared->writes.push_back(node);
    prepared->write_bytes += node->key.size() + node->value.size();
  }
  return Status::ok();
}

}  // namespace pgz
