#include "engine/txn/lock_table.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "engine/base/assert.h"
#include "engine/base/clock.h"
#include "engine/base/heap.h"
#include "engine/txn/lock_entry.h"

namespace pgz {

namespace {

constexpr size_t kFirstSlots = 8;
constexpr size_t kHeldBytes = 24;  // an entry of LockOwner::held_, with the vector's slack

uint64_t hash_of(LockSpace space, Slice name) {
  uint64_t h = 0xcbf29ce484222325 ^ static_cast<uint64_t>(space);
  const char* p = name.data();
  size_t n = name.size();
  for (; n >= 8; p += 8, n -= 8) {
    uint64_t word = 0;
    std::memcpy(&word, p, 8);
    h = (h ^ word) * 0x9fb21c651e98df25;
    h ^= h >> 32;
  }
  uint64_t word = n;
  std::memcpy(&word, p, n);
  h = (h ^ word ^ (n << 56)) * 0x9fb21c651e98df25;
  h ^= h >> 29;
  h *= 0xbf58476d1ce4e5b9;
  return h ^ (h >> 32);
}

size_t bytes_of(const LockEntry& entry) { return sizeof(LockEntry) + entry.name_bytes; }

}  // namespace

LockOwner::~LockOwner() {
  PGZ_ASSERT(held_.empty());
  PGZ_ASSERT(!waiting());
}

LockTable::LockTable(const Runtime& runtime, const LockTableOptions& options, LockSink* sink)
    : runtime_(runtime), options_(options), sink_(sink), buckets_(new Bucket[kBuckets]) {
  timer_ = runtime_.executor->spawn("pgz-locks", [this] { timer_loop(); });
}

LockTable::~LockTable() {
  {
    MutexLock lock(&timer_mu_);
    stop_ = true;
  }
  timer_cv_.notify_all();
  timer_->join();
  for (uint32_t b = 0; b < kBuckets; b++) PGZ_ASSERT(buckets_[b].entries == 0);
}

void LockTable::end_waits(const Status& why) {
  {
    MutexLock lock(&close_mu_);
    if (closed_.load(std::memory_order_relaxed)) return;
    closed_why_ = why;
    closed_.store(true, std::memory_order_release);
  }
  EndedList ended;
  for (uint32_t b = 0; b < kBuckets; b++) {
    MutexLock lock(&buckets_[b].mu);
    while (buckets_[b].waits != nullptr) {
      LockOwner* owner = buckets_[b].waits;
      LockEntry* entry = owner->entry_;
      end_wait(owner, closed_why_, &ended);
      erase_if_unused(&buckets_[b], entry);
    }
  }
  tell(&ended);
}

LockEntry* LockTable::find(const Bucket& bucket, uint64_t hash, LockSpace space, Slice name) {
  if (bucket.slots.empty()) return nullptr;
  const size_t slot = (hash / kBuckets) & (bucket.slots.size() - 1);
  for (LockEntry* e = bucket.slots[slot]; e != nullptr; e = e->next) {
    if (e->hash == hash && e->space == space && e->name() == name) return e;
  }
  return nullptr;
}

bool LockTable::reserve_memory(LockSpace space, size_t bytes) {
  // Rows and advisory keys may be millions. The last part is for tables and names, so that whoever
  // took too many rows can still lock their table instead, and others can go on reading.
  const bool many = space == LockSpace::kRow || space == LockSpace::kAdvisory;
  const uint64_t bound = options_.memory_bytes - (many ? options_.memory_bytes / 8 : 0);
  if (memory_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= bound) return true;
  memory_.fetch_sub(bytes, std::memory_order_relaxed);
  return false;
}

LockEntry* LockTable::insert(Bucket* bucket, uint64_t hash, LockSpace space, Slice name) {
  if (!reserve_memory(space, sizeof(LockEntry) + name.size())) return nullptr;
  void* memory = heap_alloc(sizeof(LockEntry) + name.size());
  if (memory == nullptr) {
    memory_.fetch_sub(sizeof(LockEntry) + name.size(), std::memory_order_relaxed);
    return nullptr;
  }
  if (bucket->entries >= bucket->slots.size()) {
    std::vector<LockEntry*> slots(std::max(kFirstSlots, bucket->slots.size() * 2), nullptr);
    for (LockEntry* chain : bucket->slots) {
      while (chain != nullptr) {
        LockEntry* e = chain;
        chain = chain->next;
        LockEntry*& slot = slots[(e->hash / kBuckets) & (slots.size() - 1)];
        e->next = slot;
        slot = e;
      }
    }
    bucket->slots.swap(slots);
  }
  LockEntry* entry = new (memory) LockEntry;
  entry->hash = hash;
  entry->space = space;
  entry->name_bytes = static_cast<uint32_t>(name.size());
  std::memcpy(reinterpret_cast<char*>(entry + 1), name.data(), name.size());
  LockEntry*& slot = bucket->slots[(hash / kBuckets) & (bucket->slots.size() - 1)];
  entry->next = slot;
  slot = entry;
  bucket->entries++;
  return entry;
}

void LockTable::erase_if_unused(Bucket* bucket, LockEntry* entry) {
  if (!entry->unused()) return;
  LockEntry** at = &bucket->slots[(entry->hash / kBuckets) & (bucket->slots.size() - 1)];
  while (*at != entry) at = &(*at)->next;
  *at = entry->next;
  memory_.fetch_sub(bytes_of(*entry), std::memory_order_relaxed);
  entry->~LockEntry();
  heap_free(entry);
  bucket->entries--;
  if (bucket->entries == 0 && bucket->slots.size() > 64 * kFirstSlots) {
    std::vector<LockEntry*>().swap(bucket->slots);  // a large transaction has gone
  }
}

bool LockTable::grant(LockEntry* entry, LockOwner* owner, LockMode mode, OpNum op) {
  if (!reserve_memory(entry->space, kHeldBytes)) return false;
  LockHolder* holder = entry->holder(owner);
  if (holder == nullptr) holder = entry->add_holder(owner);
  holder->modes = static_cast<LockModes>(holder->modes | mode_bit(mode));
  owner->held_.push_back({entry, op, mode});
  held_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

uint64_t LockTable::enqueue(uint32_t bucket, LockEntry* entry, LockOwner* owner, LockOwner* before,
                            LockMode mode, OpNum op, const LockWait& wait) {
  const uint64_t now = runtime_.clock->now_micros();
  owner->entry_ = entry;
  owner->mode_ = mode;
  owner->op_ = op;
  owner->tag_ = wait.tag;
  owner->timeout_at_ = wait.timeout_micros == 0 ? 0 : now + wait.timeout_micros;
  owner->deadlock_at_ =
      now + (wait.deadlock_timeout_micros != 0 ? wait.deadlock_timeout_micros
                                               : options_.deadlock_timeout_micros);
  if (wait.tag == 0) owner->ended_.reset();
  owner->cycle_.clear();

  entry->link(owner, before);
  LockOwner*& waits = buckets_[bucket].waits;
  owner->bucket_prev_ = nullptr;
  owner->bucket_next_ = waits;
  if (waits != nullptr) waits->bucket_prev_ = owner;
  waits = owner;

  waits_.fetch_add(1, std::memory_order_relaxed);
  uint64_t look_at = owner->deadlock_at_;
  if (owner->timeout_at_ != 0) look_at = std::min(look_at, owner->timeout_at_);
  owner->bucket_.store(bucket, std::memory_order_release);
  return look_at;
}

// The one transition out of waiting; under the bucket's mutex.
void LockTable::end_wait(LockOwner* owner, Status status, EndedList* ended) {
  const uint32_t bucket = owner->bucket_.load(std::memory_order_relaxed);
  PGZ_ASSERT(bucket != LockOwner::kNotWaiting);
  owner->entry_->unlink(owner);
  (owner->bucket_prev_ == nullptr ? buckets_[bucket].waits : owner->bucket_prev_->bucket_next_) =
      owner->bucket_next_;
  if (owner->bucket_next_ != nullptr) owner->bucket_next_->bucket_prev_ = owner->bucket_prev_;
  owner->entry_ = nullptr;
  ended->push_back({owner, owner->tag_, std::move(status)});
  // From here an owner that does not block in acquire() may go away as soon as the mutex is free.
  owner->bucket_.store(LockOwner::kNotWaiting, std::memory_order_release);
}

void LockTable::grant_waiters(LockEntry* entry, EndedList* ended) {
  LockModes ahead = 0;
  LockOwner* next = nullptr;
  for (LockOwner* waiter = entry->head(); waiter != nullptr; waiter = next) {
    next = waiter->queue_next_;
    const LockModes wanted = conflicting_modes(entry->space, waiter->mode_);
    if ((wanted & (ahead | entry->held_by_others(waiter))) != 0) {
      ahead = static_cast<LockModes>(ahead | mode_bit(waiter->mode_));
      continue;
    }
    const bool granted = grant(entry, waiter, waiter->mode_, waiter->op_);
    end_wait(waiter,
             granted ? Status::ok() : Status::make(Code::kTooManyLocks, "out of lock memory"),
             ended);
  }
}

void LockTable::tell(EndedList* ended) {
  for (Ended& e : *ended) {
    if (e.tag != 0) {
      sink_->lock_wait_ended(e.tag, std::move(e.status));
    } else {
      e.owner->outcome_ = std::move(e.status);
      e.owner->ended_.set();
    }
  }
  ended->clear();
}

Status LockTable::acquire(LockOwner* owner, LockSpace space, Slice name, LockMode mode, OpNum op,
                          const LockWait& wait, bool* waited) {
  PGZ_ASSERT(valid_lock(space, mode) && !name.empty());
  PGZ_ASSERT(!owner->waiting());
  if (waited != nullptr) *waited = false;
  const uint64_t hash = hash_of(space, name);
  const uint32_t b = bucket_of(hash);
  Bucket* bucket = &buckets_[b];
  uint64_t look_at = 0;
  {
    MutexLock lock(&bucket->mu);
    LockEntry* entry = find(*bucket, hash, space, name);
    if (entry == nullptr) entry = insert(bucket, hash, space, name);
    if (entry == nullptr) return Status::make(Code::kTooManyLocks, "out of lock memory");
    LockModes own = 0;
    if (LockHolder* mine = entry->holder(owner)) own = mine->modes;
    if (own != 0 && covers(space, own, mode)) return Status::ok();
    own = entry->held(owner, true);

    const LockModes wanted = conflicting_modes(space, mode);
    LockModes in_the_way = entry->held_by_others(owner);
    LockOwner* before = nullptr;
    if (space == LockSpace::kRow) {
      before = entry->place_of_row_wait(own != 0, mode);
    } else {
      in_the_way = static_cast<LockModes>(in_the_way | entry->passed_over(own, &before));
    }
    if ((in_the_way & wanted) == 0) {
      if (grant(entry, owner, mode, op)) return Status::ok();
      erase_if_unused(bucket, entry);
      return Status::make(Code::kTooManyLocks, "out of lock memory");
    }
    if (waited != nullptr) *waited = true;
    if (wait.try_only) return Status::make(Code::kBusy, "lock not available");
    if (before != nullptr && space != LockSpace::kRow && entry->in_the_way(before, wanted)) {
      owner->cycle_ = {
          {space, mode, false, owner->session(), std::string(name)},
          {space, before->mode_, false, before->session(), std::string(name)},
      };
      deadlocks_.fetch_add(1, std::memory_order_relaxed);
      return Status::make(Code::kDeadlock, "deadlock detected");
    }
    if (closed_.load(std::memory_order_acquire)) return closed_why_;
    look_at = enqueue(b, entry, owner, before, mode, op, wait);
  }
  schedule(look_at);
  if (wait.tag != 0) return Status::make(Code::kPending, "waiting");
  owner->ended_.wait();
  return std::move(owner->outcome_);
}

bool LockTable::cancel(LockOwner* owner) {
  const uint32_t b = owner->bucket_.load(std::memory_order_acquire);
  if (b == LockOwner::kNotWaiting) return false;
  EndedList ended;
  {
    MutexLock lock(&buckets_[b].mu);
    if (owner->bucket_.load(std::memory_order_relaxed) != b) return false;
    LockEntry* entry = owner->entry_;
    end_wait(owner, Status::make(Code::kCancelled, "the lock wait was cancelled"), &ended);
    grant_waiters(entry, &ended);
    erase_if_unused(&buckets_[b], entry);
  }
  tell(&ended);
  return true;
}

void LockTable::give_back(Bucket* bucket, LockEntry* entry, LockOwner* owner, LockMode mode,
                          EndedList* ended) {
  LockHolder* holder = entry->holder(owner);
  holder->modes = static_cast<LockModes>(holder->modes & ~mode_bit(mode));
  if (holder->modes == 0) entry->remove_holder(holder);
  // At once: who is granted the lock now may need that memory.
  memory_.fetch_sub(kHeldBytes, std::memory_order_relaxed);
  if (entry->head() != nullptr) grant_waiters(entry, ended);
  erase_if_unused(bucket, entry);
}

bool LockTable::release_one(LockOwner* owner, LockSpace space, Slice name, LockMode mode,
                            OpNum op) {
  PGZ_ASSERT(!owner->waiting());
  const uint64_t hash = hash_of(space, name);
  Bucket* bucket = &buckets_[bucket_of(hash)];
  EndedList ended;
  {
    MutexLock lock(&bucket->mu);
    LockEntry* entry = find(*bucket, hash, space, name);
    const LockHolder* holder = entry == nullptr ? nullptr : entry->holder(owner);
    if (holder == nullptr || (holder->modes & mode_bit(mode)) == 0) return false;
    // Mostly the one taken last.
    auto held =
        std::find_if(owner->held_.rbegin(), owner->held_.rend(),
                     [&](const LockOwner::Held& h) { return h.entry == entry && h.mode == mode; });
    PGZ_ASSERT(held != owner->held_.rend());
    if (held->op != op) return false;
    owner->held_.erase(std::next(held).base());
    held_.fetch_sub(1, std::memory_order_relaxed);
    give_back(bucket, entry, owner, mode, &ended);
  }
  tell(&ended);
  return true;
}

void LockTable::release_from(LockOwner* owner, OpNum op) {
  PGZ_ASSERT(!owner->waiting());
  EndedList ended;
  const auto release = [&](const LockOwner::Held& held) {
    Bucket* bucket = &buckets_[bucket_of(held.entry->hash)];
    MutexLock lock(&bucket->mu);
    give_back(bucket, held.entry, owner, held.mode, &ended);
  };
  // Numbers mostly grow along the list, but a wait may have been granted out of turn.
  size_t kept = 0;
  for (const LockOwner::Held& held : owner->held_) {
    if (held.op >= op) {
      release(held);
    } else {
      owner->held_[kept++] = held;
    }
  }
  const size_t released = owner->held_.size() - kept;
  owner->held_.resize(kept);
  if (kept == 0) std::vector<LockOwner::Held>().swap(owner->held_);
  held_.fetch_sub(released, std::memory_order_relaxed);
  tell(&ended);
}

bool LockTable::holds(const LockOwner* owner, LockSpace space, Slice name, LockMode mode) const {
  const uint64_t hash = hash_of(space, name);
  const Bucket& bucket = buckets_[bucket_of(hash)];
  MutexLock lock(&bucket.mu);
  LockEntry* entry = find(bucket, hash, space, name);
  const LockHolder* holder = entry == nullptr ? nullptr : entry->holder(owner);
  return holder != nullptr && covers(space, holder->modes, mode);
}

void LockTable::for_each_held(const LockOwner& owner,
                              const std::function<void(LockSpace, LockMode, Slice)>& visit) const {
  // An entry with a holder stays where it is, and its name never changes.
  for (const LockOwner::Held& h : owner.held_) visit(h.entry->space, h.mode, h.entry->name());
}

std::vector<LockInfo> LockTable::list(HeldRows rows) const {
  std::vector<LockInfo> all;
  for (uint32_t b = 0; b < kBuckets; b++) {
    MutexLock lock(&buckets_[b].mu);
    for (const LockEntry* slot : buckets_[b].slots) {
      for (const LockEntry* entry = slot; entry != nullptr; entry = entry->next) {
        if (entry->space != LockSpace::kRow || rows == HeldRows::kAll ||
            (rows == HeldRows::kAwaited && entry->head() != nullptr)) {
          list_holders(*entry, &all);
        }
        list_queue(*entry, &all);
      }
    }
  }
  return all;
}

std::vector<LockInfo> LockTable::list_awaited() const {
  std::vector<LockInfo> all;
  for (uint32_t b = 0; b < kBuckets; b++) {
    MutexLock lock(&buckets_[b].mu);
    for (const LockOwner* w = buckets_[b].waits; w != nullptr; w = w->bucket_next_) {
      if (w->entry_->head() != w) continue;  // once a queue
      list_holders(*w->entry_, &all);
      list_queue(*w->entry_, &all);
    }
  }
  return all;
}

void LockTable::list_holders(const LockEntry& entry, std::vector<LockInfo>* all) {
  entry.for_each_holder([&](const LockHolder& holder) {
    for (LockMode mode = 1; mode <= kAccessExclusive; mode++) {
      if ((holder.modes & mode_bit(mode)) == 0) continue;
      all->push_back({entry.space, mode, true, holder.owner->session(), std::string(entry.name())});
    }
  });
}

void LockTable::list_queue(const LockEntry& entry, std::vector<LockInfo>* all) {
  for (const LockOwner* w = entry.head(); w != nullptr; w = w->queue_next_) {
    all->push_back({entry.space, w->mode_, false, w->session(), std::string(entry.name())});
  }
}

LockTableStats LockTable::stats() const {
  LockTableStats s;
  s.held = held_.load(std::memory_order_relaxed);
  s.memory_bytes = memory_.load(std::memory_order_relaxed);
  s.waits = waits_.load(std::memory_order_relaxed);
  s.deadlocks = deadlocks_.load(std::memory_order_relaxed);
  s.detector_steps = detector_steps_.load(std::memory_order_relaxed);
  return s;
}

}  // namespace pgz
