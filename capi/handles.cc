#include "capi/handles.h"

#include <new>

#include "engine/base/assert.h"

namespace pgz::capi {

namespace {

// Slot state: generation (32) | closing | exclusive | live | calls in progress (29).
constexpr uint64_t kClosing = uint64_t{1} << 31;
constexpr uint64_t kExclusive = uint64_t{1} << 30;
constexpr uint64_t kLive = uint64_t{1} << 29;
constexpr uint64_t kCalls = kLive - 1;

// Token: generation (32) | index (28) | kind (4). Generations start at 1, so no token is 0.
constexpr int kKindBits = 4;
constexpr uint32_t kIndexMask = (uint32_t{1} << 28) - 1;

uint32_t generation_of(uint64_t token) { return static_cast<uint32_t>(token >> 32); }
uint32_t index_of(uint64_t token) { return static_cast<uint32_t>(token >> kKindBits) & kIndexMask; }
HandleKind kind_of(uint64_t token) { return static_cast<HandleKind>(token & 0xf); }
uint32_t state_generation(uint64_t state) { return static_cast<uint32_t>(state >> 32); }

// Where closers wait for the last call to leave.
Mutex leave_mu;
CondVar left;

}  // namespace

void Handles::Pin::reset() {
  if (state_ == nullptr) return;
  const uint64_t change = use_ == Use::kExclusive ? kExclusive + 1 : 1;
  const uint64_t before = state_->fetch_sub(change, std::memory_order_acq_rel);
  state_ = nullptr;
  if ((before & kClosing) != 0 && (before & kCalls) == 1) {
    MutexLock lock(&leave_mu);
    left.notify_all();
  }
}

Handles& Handles::instance() {
  static Handles* const handles = new Handles;  // outlives every caller, static destructors too
  return *handles;
}

Handles::~Handles() {
  for (std::atomic<Slot*>& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
}

Handles::Slot* Handles::slot(uint32_t index) const {
  if (index / kChunkSlots >= kChunks) return nullptr;
  Slot* chunk = chunks_[index / kChunkSlots].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : chunk + index % kChunkSlots;
}

uint64_t Handles::token_of(HandleKind kind, uint32_t index, uint32_t generation) {
  return uint64_t{generation} << 32 | uint64_t{index} << kKindBits | static_cast<uint64_t>(kind);
}

pgz_status Handles::add(HandleKind kind, uint64_t owner, std::unique_ptr<Object> object,
                        uint64_t* token) {
  *token = 0;
  uint32_t index = 0;
  {
    MutexLock lock(&mu_);
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
    } else {
      if (used_ == slots_) return PGZ_OUT_OF_MEMORY;
      index = used_;
      if (index % kChunkSlots == 0) {
        free_.reserve(used_ + kChunkSlots);  // so that closing never allocates
        chunks_[index / kChunkSlots].store(new Slot[kChunkSlots], std::memory_order_release);
      }
      used_++;  // after what may throw
    }
  }
  Slot* s = slot(index);
  PGZ_ASSERT(s != nullptr);
  uint32_t generation = state_generation(s->state.load(std::memory_order_relaxed)) + 1;
  if (generation == 0) generation = 1;
  s->kind.store(kind, std::memory_order_relaxed);
  s->object = std::move(object);
  s->owner.store(owner, std::memory_order_relaxed);
  s->state.store(uint64_t{generation} << 32 | kLive, std::memory_order_release);
  *token = token_of(kind, index, generation);
  return PGZ_OK;
}

pgz_status Handles::pin(HandleKind kind, uint64_t token, Use use, Pin* pin) {
  if (token == 0 || kind_of(token) != kind) return PGZ_INVALID_ARG;
  Slot* s = slot(index_of(token));
  if (s == nullptr) return PGZ_INVALID_ARG;
  uint64_t state = s->state.load(std::memory_order_acquire);
  while (true) {
    if (state_generation(state) < generation_of(token)) return PGZ_INVALID_ARG;
    if (state_generation(state) != generation_of(token) || (state & kLive) == 0 ||
        (state & kClosing) != 0) {
      return PGZ_CLOSED;
    }
    uint64_t next = state + 1;
    if (use == Use::kExclusive) {
      if ((state & kExclusive) != 0) return PGZ_MISUSE;
      next |= kExclusive;
    }
    if (s->state.compare_exchange_weak(state, next, std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      break;
    }
  }
  pin->state_ = &s->state;
  pin->object_ = s->object.get();
  pin->use_ = use;
  return PGZ_OK;
}

bool Handles::mark_closing(Slot* s, uint32_t generation, bool wait_exclusive, pgz_status* status) {
  uint64_t state = s->state.load(std::memory_order_acquire);
  do {
    if (state_generation(state) != generation || (state & kLive) == 0 || (state & kClosing) != 0) {
      *status = PGZ_CLOSED;
      return false;
    }
    if (!wait_exclusive && (state & kExclusive) != 0) {
      *status = PGZ_MISUSE;
      return false;
    }
  } while (!s->state.compare_exchange_weak(state, state | kClosing, std::memory_order_acq_rel,
                                           std::memory_order_acquire));
  *status = PGZ_OK;
  return true;
}

std::unique_ptr<Object> Handles::take(Slot* s, uint32_t index) {
  {
    MutexLock lock(&leave_mu);
    while ((s->state.load(std::memory_order_acquire) & kCalls) != 0) left.wait(&leave_mu);
  }
  std::unique_ptr<Object> object = std::move(s->object);
  s->owner.store(0, std::memory_order_relaxed);
  const uint32_t generation = state_generation(s->state.load(std::memory_order_relaxed));
  s->state.store(uint64_t{generation} << 32, std::memory_order_release);
  MutexLock lock(&mu_);
  free_.push_back(index);
  return object;
}

pgz_status Handles::close(HandleKind kind, uint64_t token, bool wait_exclusive,
                          void (*marked)(Object*), std::unique_ptr<Object>* object) {
  if (token == 0 || kind_of(token) != kind) return PGZ_INVALID_ARG;
  Slot* s = slot(index_of(token));
  if (s == nullptr) return PGZ_INVALID_ARG;
  if (state_generation(s->state.load(std::memory_order_acquire)) < generation_of(token)) {
    return PGZ_INVALID_ARG;
  }
  pgz_status status = PGZ_OK;
  if (!mark_closing(s, generation_of(token), wait_exclusive, &status)) return status;
  if (marked != nullptr) marked(s->object.get());
  *object = take(s, index_of(token));
  return PGZ_OK;
}

void Handles::close_owned(HandleKind kind, uint64_t owner,
                          std::vector<std::unique_ptr<Object>>* objects) {
  uint32_t used = 0;
  {
    MutexLock lock(&mu_);
    used = used_;
  }
  for (uint32_t index = 0; index < used; index++) {
    Slot* s = slot(index);
    PGZ_ASSERT(s != nullptr);
    if (s->owner.load(std::memory_order_relaxed) != owner) continue;
    const uint64_t state = s->state.load(std::memory_order_acquire);
    if ((state & kLive) == 0 || s->kind.load(std::memory_order_relaxed) != kind) continue;
    pgz_status status = PGZ_OK;
    if (mark_closing(s, state_generation(state), true, &status)) {
      objects->push_back(take(s, index));
    }
  }
}

}  // namespace pgz::capi
