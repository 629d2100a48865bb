// Lives of serializable transactions: who is in the books, and for how long.
#include "engine/txn/serializable.h"

#include <algorithm>

#include "engine/base/assert.h"

namespace pgz {

SerialTxn* Serializability::add(uint64_t snapshot, uint64_t begin_seq, bool read_only,
                                uint64_t session) {
  std::unique_ptr<SerialTxn> owned(new SerialTxn(&reads_, &writes_, &memory_));
  SerialTxn* txn = owned.get();
  txn->id_ = ++ids_;
  txn->session_ = session;
  txn->snapshot_ = snapshot;
  txn->begin_seq_ = begin_seq;
  txn->read_only_ = read_only;
  all_.emplace(txn->id_, std::move(owned));
  memory_ += kTxnBytes;
  if (read_only) {
    watch_writers(txn);
    if (txn->watching_.empty() && !txn->unsafe_) {
      txn->safe_.store(true, std::memory_order_release);
      return txn;
    }
  }
  auto at = active_.end();
  while (at != active_.begin() && (*std::prev(at))->begin_seq_ > begin_seq) --at;
  txn->place_ = active_.insert(at, txn);
  txn->listed_ = true;
  return txn;
}

SerialTxn* Serializability::begin(bool read_only, uint64_t session) {
  MutexLock lock(&mu_);
  SerialTxn* txn = add(snapshots_->acquire(), ++seq_, read_only, session);
  prune();  // not before: the base may have moved on past the snapshot just taken
  return txn;
}

SerialTxn* Serializability::begin_like(uint64_t source_id, bool read_only, uint64_t session) {
  MutexLock lock(&mu_);
  const auto it = all_.find(source_id);
  if (it == all_.end() || it->second->committed()) return nullptr;
  SerialTxn* source = it->second.get();
  if (source->read_only_ && !read_only) return nullptr;
  if (!snapshots_->share(source->snapshot_)) return nullptr;
  // A safe source is in no list and holds nothing back; what reads at its snapshot is as safe.
  SerialTxn* txn = add(source->snapshot_, source->begin_seq_, read_only, session);
  if (source->is_safe() && !txn->is_safe()) {
    Known none;
    know(txn, true, &none);
  }
  return txn;
}

SerialTxn* Serializability::adopt(uint64_t session) {
  MutexLock lock(&mu_);
  SerialTxn* txn = add(snapshots_->acquire(), ++seq_, false, session);
  txn->adopted_ = true;
  txn->state_ = SerialTxn::State::kPrepared;
  txn->prepared_seq_ = ++seq_;
  txn->earliest_out_ = 0;
  txn->reads_.add(txn, 0, {}, {{}, false, true});
  return txn;
}

// Any writer that has not finished may yet commit with an edge to one this snapshot sees; one that
// has, and that the snapshot does not see because the horizon is still behind it, did so or not.
void Serializability::watch_writers(SerialTxn* txn) {
  for (auto it = committed_.rbegin(); it != committed_.rend(); ++it) {
    if ((*it)->read_only_) continue;
    if ((*it)->commit_last_ <= txn->snapshot_) break;
    if ((*it)->earliest_out_ <= txn->snapshot_) txn->unsafe_ = true;
  }
  if (txn->unsafe_) return;
  for (SerialTxn* other : active_) {
    if (other->read_only_ || other->doomed_) continue;
    other->watchers_.emplace(txn->id_, txn);
    txn->watching_.emplace(other->id_, other);
  }
}

void Serializability::know(SerialTxn* reader, bool safe, Known* known) {
  for (auto& [id, writer] : reader->watching_) writer->watchers_.erase(reader->id_);
  reader->watching_.clear();
  if (safe) {
    forget_edges(reader);
    reader->reads_.clear();
    if (reader->listed_) active_.erase(reader->place_);
    reader->listed_ = false;
    reader->safe_.store(true, std::memory_order_release);
  } else {
    reader->unsafe_ = true;
  }
  take_wait(reader, safe ? Code::kOk : Code::kSerialization, known);
}

void Serializability::take_wait(SerialTxn* txn, Code code, Known* known) {
  if (txn->when_known_) known->emplace_back(std::move(txn->when_known_), code);
  txn->when_known_ = nullptr;
}

void Serializability::tell_watchers(SerialTxn* txn, bool wrote, Known* known) {
  while (!txn->watchers_.empty()) {
    SerialTxn* reader = txn->watchers_.begin()->second;
    txn->watchers_.erase(txn->watchers_.begin());
    reader->watching_.erase(txn->id_);
    if (wrote && txn->earliest_out_ <= reader->snapshot_) {
      know(reader, false, known);
    } else if (reader->watching_.empty()) {
      know(reader, true, known);
    }
  }
}

void Serializability::link(SerialTxn* reader, SerialTxn* writer, uint64_t* memory) {
  if (!reader->out_.emplace(writer->id_, writer).second) return;
  writer->in_.emplace(reader->id_, reader);
  *memory += kEdgeBytes;
}

void Serializability::unlink(SerialTxn* reader, SerialTxn* writer, uint64_t* memory) {
  if (reader->out_.erase(writer->id_) == 0) return;
  writer->in_.erase(reader->id_);
  *memory -= kEdgeBytes;
}

void Serializability::forget_edges(SerialTxn* txn) {
  while (!txn->in_.empty()) {
    SerialTxn* reader = txn->in_.begin()->second;
    note_out(reader, txn);
    unlink(reader, txn, &memory_);
  }
  while (!txn->out_.empty()) unlink(txn, txn->out_.begin()->second, &memory_);
}

void Serializability::drop(SerialTxn* txn) {
  forget_edges(txn);
  memory_ -= kTxnBytes;
  all_.erase(txn->id_);
}

// Leaves the active ones.
void Serializability::end(SerialTxn* txn) {
  if (txn->listed_) active_.erase(txn->place_);
  txn->listed_ = false;
  for (auto& [id, writer] : txn->watching_) writer->watchers_.erase(txn->id_);
  txn->watching_.clear();
  snapshots_->release(txn->snapshot_);
}

Status Serializability::commit(SerialTxn* txn, const std::function<Status(uint64_t*)>& submit) {
  Known known;
  {
    MutexLock lock(&mu_);
    if (!txn->prepared() && !txn->is_safe()) PGZ_TRY(check_commit(txn));
    uint64_t ts = 0;
    if (submit != nullptr) {
      if (Status s = submit(&ts); !s.is_ok()) return s;
    }
    end(txn);
    const bool wrote = ts != 0 && !txn->read_only_;
    if (txn->is_safe()) {
      drop(txn);
      return Status::ok();
    }
    txn->state_ = SerialTxn::State::kCommitted;
    txn->end_seq_ = ++seq_;
    txn->read_only_ = !wrote;
    if (wrote) txn->commit_first_ = txn->commit_last_ = ts;
    for (auto& [id, out] : txn->out_) note_out(txn, out);
    for (auto& [id, in] : txn->in_) note_out(in, txn);
    tell_watchers(txn, wrote, &known);
    txn->place_ = committed_.insert(committed_.end(), txn);
    prune();
  }
  for (auto& [call, code] : known) call(code);
  return Status::ok();
}

void Serializability::abort(SerialTxn* txn) {
  Known known;
  {
    MutexLock lock(&mu_);
    end(txn);
    tell_watchers(txn, false, &known);
    drop(txn);
    prune();
  }
  for (auto& [call, code] : known) call(code);
}

// Forgets committed transactions that no transaction, unfinished or still to come, is concurrent
// with.
void Serializability::prune() {
  uint64_t snapshot = snapshots_->base();
  uint64_t begun = SerialTxn::kNever;
  if (!active_.empty()) {
    snapshot = std::min(snapshot, active_.front()->snapshot_);
    begun = active_.front()->begin_seq_;
  }
  while (!committed_.empty()) {
    SerialTxn* oldest = committed_.front();
    if (oldest->commit_last_ > snapshot || oldest->end_seq_ > begun) break;
    committed_.pop_front();
    drop(oldest);
  }
}

// Two become one that is the worst of both: it committed as early and as late as either.
void Serializability::fold_oldest() {
  SerialTxn* a = committed_.front();
  SerialTxn* b = *std::next(committed_.begin());
  committed_.erase(b->place_);
  a->reads_.absorb(a, &b->reads_, kFoldedMarks);
  a->writes_.absorb(a, &b->writes_, kFoldedMarks);
  note_out(a, b);
  note_out(b, a);
  unlink(a, b, &memory_);
  unlink(b, a, &memory_);
  for (auto& [id, reader] : b->in_) link(reader, a, &memory_);
  for (auto& [id, writer] : b->out_) link(a, writer, &memory_);
  a->snapshot_ = std::max(a->snapshot_, b->snapshot_);
  a->read_only_ = a->read_only_ && b->read_only_;
  a->prepared_seq_ = std::min(a->prepared_seq_, b->prepared_seq_);
  a->end_seq_ = std::max(a->end_seq_, b->end_seq_);
  a->commit_first_ = std::min(a->commit_first_, b->commit_first_);
  a->commit_last_ = std::max(a->commit_last_, b->commit_last_);
  a->earliest_out_ = std::min(a->earliest_out_, b->earliest_out_);
  drop(b);
  folded_++;
}

Status Serializability::make_room(SerialTxn* txn) {
  if (memory_ <= memory_max_) return Status::ok();
  while (memory_ > memory_max_ && committed_.size() > 1) fold_oldest();
  if (memory_ <= memory_max_) return Status::ok();
  txn->reads_.coarsen(kFoldedMarks);
  txn->writes_.coarsen(kFoldedMarks);
  if (memory_ <= memory_max_) return Status::ok();
  return Status::make(Code::kTooManyLocks,
                      "the bound on memory for serializable transactions is reached");
}

void Serializability::when_safe_known(SerialTxn* txn, std::function<void(Code)> known) {
  Code code = Code::kOk;
  {
    MutexLock lock(&mu_);
    if (!txn->is_safe()) {
      const bool waits = !txn->unsafe_ && txn->read_only_;
      if (waits && !ended_) {
        txn->when_known_ = std::move(known);
        return;
      }
      code = waits ? *ended_ : Code::kSerialization;
    }
  }
  known(code);
}

bool Serializability::cancel_wait(uint64_t id) {
  Known known;
  {
    MutexLock lock(&mu_);
    if (auto it = all_.find(id); it != all_.end()) {
      take_wait(it->second.get(), Code::kCancelled, &known);
    }
  }
  for (auto& [call, code] : known) call(code);
  return !known.empty();
}

void Serializability::end_waits(Code code) {
  Known known;
  {
    MutexLock lock(&mu_);
    if (ended_) return;
    ended_ = code;
    for (SerialTxn* txn : active_) take_wait(txn, code, &known);
  }
  for (auto& [call, how] : known) call(how);
}

std::vector<uint64_t> Serializability::safety_blockers(uint64_t session) const {
  std::vector<uint64_t> blockers;
  MutexLock lock(&mu_);
  for (const SerialTxn* txn : active_) {
    if (txn->session_ != session || txn->when_known_ == nullptr) continue;
    for (auto& [id, writer] : txn->watching_) blockers.push_back(writer->session_);
  }
  return blockers;
}

std::vector<ReadInfo> Serializability::list_reads() const {
  std::vector<ReadInfo> all;
  MutexLock lock(&mu_);
  for (const auto& entry : all_) {
    const auto& txn = entry.second;
    txn->reads_.for_each([&](const Mark& mark) {
      const MarkBound bound = mark.bound();
      all.push_back({txn->session_, mark.point, bound.infinite, std::string(mark.begin()),
                     mark.point ? std::string() : std::string(bound.key)});
    });
  }
  return all;
}

SerializableStats Serializability::stats() const {
  MutexLock lock(&mu_);
  SerializableStats s;
  s.active = active_.size();
  s.kept = committed_.size();
  s.marks = reads_.size() + writes_.size();
  s.memory_bytes = memory_;
  s.failures = failures_;
  s.folded = folded_;
  return s;
}

}  // namespace pgz
