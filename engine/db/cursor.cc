#include "engine/db/cursor.h"

#include <algorithm>
#include <cstring>

#include "engine/db/transaction.h"

namespace pgz {

namespace {

constexpr size_t kValuesTogether = 256;  // of the value log: the more, the more are neighbours

}  // namespace

Cursor::Cursor(Db* db, Transaction* txn, const CursorOptions& options, Slice lower, Slice upper)
    : db_(db),
      txn_(txn),
      options_(options),
      lower_(lower),
      upper_(upper),
      snapshot_(options.snapshot) {
  if (snapshot_ == kNewest) {
    snapshot_ = db_->acquire_snapshot();
    registered_ = true;
  }
}

Cursor::~Cursor() {
  committed_.reset();
  own_.reset();
  if (registered_) db_->release_snapshot(snapshot_);
}

bool Cursor::own_valid() {
  if (own_ == nullptr || !own_->valid()) return false;
  return options_.reverse ? own_->key() >= Slice(lower_)
                          : upper_.empty() || own_->key() < Slice(upper_);
}

bool Cursor::hidden() {
  return txn_ != nullptr && txn_->own() != nullptr &&
         txn_->own()->hides_committed(committed_->key(), options_.op);
}

// Makes the iterators, anew when the transaction's writes moved from under them.
Status Cursor::position() {
  OwnWrites* writes = txn_ == nullptr ? nullptr : txn_->own();
  const uint64_t generation = writes == nullptr ? 0 : writes->generation() + 1;
  if (positioned_ && generation == generation_) return Status::ok();
  own_.reset();
  if (writes != nullptr && options_.op > 1) {
    PGZ_ASSIGN(own_, writes->new_iterator(options_.op, options_.reverse));
  }
  committed_wanted_ = writes == nullptr || !writes->owns_all(lower_, upper_, options_.op);
  if (!committed_wanted_) committed_.reset();
  if (committed_wanted_ && committed_ == nullptr) {
    committed_ = db_->lsm()->new_iterator(snapshot_, lower_, upper_);
  }
  generation_ = generation;
  positioned_ = true;
  return seek(started_ ? &resume_ : nullptr);
}

Status Cursor::seek(const std::string* key) {
  const bool reverse = options_.reverse;
  if (own_ != nullptr) {
    if (key != nullptr) {
      own_->seek(*key);
    } else if (!reverse) {
      own_->seek(lower_);
    } else if (upper_.empty()) {
      own_->seek_to_start();
    } else {
      own_->seek(upper_);
      if (own_->valid() && own_->key() == Slice(upper_)) own_->next();  // it is exclusive
    }
    PGZ_TRY(own_->status());
  }
  if (committed_ != nullptr) {
    if (key != nullptr) {
      reverse ? committed_->seek_for_prev(*key) : committed_->seek(*key);
    } else {
      reverse ? committed_->seek_to_last() : committed_->seek_to_first();
    }
    PGZ_TRY(committed_->status());
  }
  return Status::ok();
}

Status Cursor::step_own() {
  own_->next();
  return own_->valid() ? Status::ok() : own_->status();
}

Status Cursor::step_committed() {
  options_.reverse ? committed_->prev() : committed_->next();
  return committed_->valid() ? Status::ok() : committed_->status();
}

RowOut* Cursor::append(FetchBatch* batch, Slice key, uint64_t value_bytes) {
  const uint64_t bytes = key.size() + value_bytes;
  if (batch->used + bytes > batch->capacity) {
    if (batch->count == 0) batch->needed = bytes;
    return nullptr;
  }
  RowOut* row = &batch->rows[batch->count++];
  *row = RowOut{};
  row->key_offset = static_cast<uint32_t>(batch->used);
  row->key_len = static_cast<uint32_t>(key.size());
  row->value_offset = static_cast<uint32_t>(batch->used + key.size());
  row->value_len = static_cast<uint32_t>(value_bytes);
  row->kind = 1;
  std::memcpy(batch->buffer + batch->used, key.data(), key.size());
  batch->used += bytes;
  return row;
}

bool Cursor::append_own(FetchBatch* batch, Slice key, Slice value) {
  if (options_.keys_only) value = {};
  RowOut* row = append(batch, key, value.size());
  if (row == nullptr) return false;
  row->own = 1;
  if (!value.empty()) std::memcpy(batch->buffer + row->value_offset, value.data(), value.size());
  return true;
}

// Values in the value log are read later, many at a time.
Status Cursor::append_committed(FetchBatch* batch, bool* full) {
  const uint64_t value_bytes = options_.keys_only ? 0 : committed_->value_bytes();
  RowOut* row = append(batch, committed_->key(), value_bytes);
  *full = row == nullptr;
  if (row == nullptr) return Status::ok();
  row->timestamp = committed_->version_ts();
  if (options_.keys_only) return Status::ok();
  PGZ_TRY(committed_->take_value(batch->buffer + row->value_offset));
  return committed_->taken() >= kValuesTogether ? committed_->read_taken() : Status::ok();
}

Status Cursor::fetch(FetchBatch* batch) {
  PGZ_TRY(failed_);
  batch->needed = 0;
  Status s = fetch_marked(batch);
  const bool is_small = s.is(Code::kOutOfMemory) && batch->needed != 0;
  if (!s.is_ok() && !is_small) failed_ = s;
  return s;
}

Status Cursor::fetch_marked(FetchBatch* batch) {
  PGZ_TRY(fetch_rows(batch));
  if (txn_ == nullptr || !txn_->is_marked(snapshot_) || marked_all_) return Status::ok();
  return mark(*batch);
}

// What lies behind the last row was looked at but is not told until the next one comes.
Status Cursor::mark(const FetchBatch& batch) {
  const bool infinite = upper_.empty();
  marked_all_ = batch.done;
  if (!batch.done && batch.count == 0) return Status::ok();
  std::string last;
  if (!batch.done) {
    const RowOut& row = batch.rows[batch.count - 1];
    last.assign(batch.buffer + row.key_offset, row.key_len);
  }
  if (options_.reverse) {
    const Slice end = marked_.empty() ? Slice(upper_) : Slice(marked_);
    PGZ_TRY(txn_->mark_read(batch.done ? Slice(lower_) : Slice(last),
                            {end, false, marked_.empty() && infinite}));
    marked_ = std::move(last);
    return Status::ok();
  }
  const Slice begin = marked_.empty() ? Slice(lower_) : Slice(marked_);
  if (batch.done) return txn_->mark_read(begin, {upper_, false, infinite});
  PGZ_TRY(txn_->mark_read(begin, {last, true, false}));
  marked_ = std::move(last);
  marked_.push_back('\0');
  return Status::ok();
}

Status Cursor::fetch_rows(FetchBatch* batch) {
  Status filled = fill(batch);
  if (committed_ == nullptr) return filled;
  Status read = committed_->read_taken();
  return filled.is_ok() ? read : filled;
}

Status Cursor::fill(FetchBatch* batch) {
  PGZ_TRY(db_->check());
  const uint32_t max_rows = std::min(batch->max_rows, kRowsMax);
  uint64_t steps = batch->max_steps == 0 ? kStepsDefault : batch->max_steps;
  PGZ_TRY(position());
  if (committed_ != nullptr) {
    committed_->set_step_limit(steps);
    if (committed_->paused()) {
      const std::string key(committed_->resume_key());
      options_.reverse ? committed_->seek_for_prev(key) : committed_->seek(key);
      PGZ_TRY(committed_->status());
    }
  }
  started_ = true;
  bool full = false;
  for (; !full && steps > 0 && batch->count < max_rows; steps--) {
    if (batch->cancel != nullptr && __atomic_load_n(batch->cancel, __ATOMIC_RELAXED) != 0) break;
    if (committed_ != nullptr && committed_->paused()) break;
    const bool committed = committed_ != nullptr && committed_->valid();
    const bool own = own_valid();
    if (!committed && !own) {
      batch->done = true;
      return Status::ok();
    }
    if (own && (!committed || !in_order(committed_->key(), own_->key()))) {
      const OwnVersion& version = own_->version();
      const bool dropped = txn_->own()->dropped_at(own_->key(), options_.op) >= version.op;
      if (version.kind == Kind::kValue && !dropped) {
        full = !append_own(batch, own_->key(), version.value);
      }
      if (!full) {
        if (committed && committed_->key() == own_->key()) PGZ_TRY(step_committed());
        PGZ_TRY(step_own());
      }
    } else {
      if (!hidden()) PGZ_TRY(append_committed(batch, &full));
      if (!full) PGZ_TRY(step_committed());
    }
  }
  // Where to go on if the iterators have to be made anew before the next batch.
  const bool committed = committed_ != nullptr && (committed_->valid() || committed_->paused());
  if (committed) {
    resume_.assign(committed_->valid() ? committed_->key() : committed_->resume_key());
  }
  if (own_valid() && (!committed || in_order(own_->key(), resume_))) resume_.assign(own_->key());
  if (!committed && !own_valid()) {
    batch->done = true;
  } else if (full && batch->count == 0) {
    return Status::make(Code::kOutOfMemory, "the buffer is too small for one row");
  }
  return Status::ok();
}

}  // namespace pgz
