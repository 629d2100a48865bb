// Rules of serializable transactions: when an edge is found, and who fails.
#include <algorithm>

#include "engine/base/planted.h"
#include "engine/txn/serializable.h"

namespace pgz {

Status Serializability::fail(SerialTxn* txn, const char* reason) {
  txn->doomed_ = true;
  failures_++;
  return Status::make(Code::kSerialization, reason);
}

void Serializability::note_out(SerialTxn* pivot, const SerialTxn* out) {
  if (!pivot->committed() || !out->committed() || !pivot->out_.contains(out->id_)) return;
  if (out->prepared_seq_ > pivot->end_seq_) return;
  pivot->earliest_out_ = std::min(pivot->earliest_out_, out->commit_first_);
}

// Whether the new edge reader -> writer completes T_in -> pivot -> T_out with T_out the first to
// commit.
bool Serializability::is_dangerous(const SerialTxn* reader, const SerialTxn* writer) {
  // The writer is the pivot: its T_out is gone from the books, or is there.
  if ((writer->committed() || writer->adopted_) && writer->earliest_out_ != SerialTxn::kNever) {
    return true;
  }
  for (auto& [id, out] : writer->out_) {
    if (!out->prepared()) continue;
    if (reader->committed() && out->prepared_seq_ > reader->end_seq_) continue;
    if (writer->committed() && out->prepared_seq_ > writer->end_seq_) continue;
    if (reader->read_only_ && !(out->committed() && out->commit_first_ <= reader->snapshot_)) {
      continue;
    }
    return true;
  }
  // The reader is, and the writer T_out.
  if (!writer->prepared() || reader->read_only_) return false;
  for (auto& [id, in] : reader->in_) {
    if (in->doomed_ || (in->committed() && in->end_seq_ < writer->prepared_seq_)) continue;
    if (in->read_only_ && !(writer->committed() && writer->commit_first_ <= in->snapshot_)) {
      continue;
    }
    return true;
  }
  return false;
}

Status Serializability::add_edge(SerialTxn* reader, SerialTxn* writer, SerialTxn* me) {
  if (is_dangerous(reader, writer)) {
    if (me == writer) {
      return fail(me, "Canceled on identification as a pivot, during write.");
    }
    if (writer->prepared()) return fail(me, "Canceled on conflict out to pivot, during read.");
    writer->doomed_ = true;
  }
  link(reader, writer, &memory_);
  return Status::ok();
}

// I read what the writer wrote or is about to.
Status Serializability::out_edge(SerialTxn* me, SerialTxn* writer) {
  if (writer == me || writer->doomed_ || me->out_.contains(writer->id_)) return Status::ok();
  if (writer->committed()) {
    if (writer->commit_last_ <= me->snapshot_) return Status::ok();  // I see it
    // A pivot that is committed harms a read-only transaction only if that sees its T_out.
    if (me->read_only_ && me->snapshot_ < writer->earliest_out_) return Status::ok();
  }
  return add_edge(me, writer, me);
}

// I write what the reader read.
Status Serializability::in_edge(SerialTxn* reader, SerialTxn* me) {
  if (reader == me || reader->doomed_ || me->in_.contains(reader->id_)) return Status::ok();
  if (reader->committed() && PGZ_PLANTED(kIgnoreCommittedReaders)) return Status::ok();
  if (reader->committed() && reader->commit_last_ <= me->snapshot_ &&
      reader->end_seq_ < me->begin_seq_) {
    return Status::ok();  // it ended before I began
  }
  return add_edge(reader, me, me);
}

Status Serializability::mark_read(SerialTxn* txn, Slice begin, const MarkBound& bound) {
  if (txn->is_safe()) return Status::ok();
  if (txn->doomed_) {
    return fail(txn, "Canceled on identification as a pivot, during conflict out checking.");
  }
  if (txn->reads_.covers(begin, bound)) return Status::ok();
  PGZ_TRY(make_room(txn));
  txn->reads_.add(txn, 0, begin, bound);
  Status status;
  writes_.for_each(begin, bound, [&](Mark* mark) {
    mu_.assert_held();  // it is called at once
    if (status.is_ok()) status = out_edge(txn, static_cast<SerialTxn*>(mark->owner));
  });
  return status;
}

Status Serializability::mark_write(SerialTxn* txn, uint32_t op, Slice begin,
                                   const MarkBound& bound) {
  if (txn->doomed_) {
    return fail(txn, "Canceled on identification as a pivot, during conflict in checking.");
  }
  if (txn->writes_.covers(begin, bound)) return Status::ok();
  PGZ_TRY(make_room(txn));
  txn->writes_.add(txn, op, begin, bound);
  if (txn->prepared()) return Status::ok();  // adopted: its edges were judged when it was prepared
  const uint64_t over = written_over(txn, begin, bound);
  Status status;
  reads_.for_each(begin, bound, [&](Mark* mark) {
    mu_.assert_held();  // it is called at once
    auto* reader = static_cast<SerialTxn*>(mark->owner);
    if (status.is_ok() && reader->snapshot_ >= over) status = in_edge(reader, txn);
  });
  return status;
}

// The timestamp of a commit that I see and whose version of the one key I replace; 0: none is
// known. Who did not see that one comes before its writer, and by way of that before me: that is no
// edge of its own, and no shape that such an edge were part of can be a cycle's only one.
uint64_t Serializability::written_over(const SerialTxn* me, Slice begin, const MarkBound& bound) {
  uint64_t over = 0;
  if (!bound.inclusive || bound.key != begin) return over;
  writes_.for_each(begin, bound, [&](Mark* mark) {
    const auto* writer = static_cast<SerialTxn*>(mark->owner);
    if (!mark->point || mark->coarse || !writer->committed()) return;
    if (writer->commit_last_ <= me->snapshot_) over = std::max(over, writer->commit_first_);
  });
  return over;
}

Status Serializability::read(SerialTxn* txn, Slice key) {
  if (txn->is_safe()) return Status::ok();
  MutexLock lock(&mu_);
  return mark_read(txn, key, {key, true, false});
}

Status Serializability::read_range(SerialTxn* txn, Slice begin, const MarkBound& bound) {
  if (txn->is_safe() || !bound.reaches(begin) || PGZ_PLANTED(kIgnoreRangeMarks)) {
    return Status::ok();
  }
  MutexLock lock(&mu_);
  return mark_read(txn, begin, bound);
}

Status Serializability::write(SerialTxn* txn, uint32_t op, Slice key) {
  MutexLock lock(&mu_);
  if (txn->read_only_) return Status::ok();
  return mark_write(txn, op, key, {key, true, false});
}

Status Serializability::write_range(SerialTxn* txn, uint32_t op, Slice begin,
                                    const MarkBound& bound) {
  if (!bound.reaches(begin)) return Status::ok();
  MutexLock lock(&mu_);
  if (txn->read_only_) return Status::ok();
  return mark_write(txn, op, begin, bound);
}

void Serializability::rollback_to(SerialTxn* txn, uint32_t op) {
  MutexLock lock(&mu_);
  txn->writes_.cut(op);
}

// I commit first: whoever has an edge to me and one from somebody unfinished is a pivot.
Status Serializability::check_commit(SerialTxn* txn) {
  if (txn->doomed_) {
    return fail(txn, "Canceled on identification as a pivot, during commit attempt.");
  }
  for (auto& [near_id, near] : txn->in_) {
    if (near->committed() || near->doomed_) continue;
    for (auto& [far_id, far] : near->in_) {
      if (far != txn && (far->committed() || far->read_only_ || far->doomed_)) continue;
      if (near->prepared()) {
        return fail(txn, "Canceled on commit attempt with conflict in from prepared pivot.");
      }
      near->doomed_ = true;
      break;
    }
  }
  txn->state_ = SerialTxn::State::kPrepared;
  txn->prepared_seq_ = ++seq_;
  return Status::ok();
}

Status Serializability::prepare(SerialTxn* txn) {
  MutexLock lock(&mu_);
  if (txn->prepared() || txn->is_safe()) return Status::ok();
  return check_commit(txn);
}

}  // namespace pgz
