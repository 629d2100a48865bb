#include "engine/lsm/view.h"

#include "engine/base/assert.h"

namespace pgz {

void MemTableHandle::hold_segment(uint64_t id, const OpenSegmentRef& segment) {
  MutexLock lock(&segments_mutex_);
  segments_.emplace(id, segment);
}

OpenSegmentRef MemTableHandle::open_segment(uint64_t id) const {
  MutexLock lock(&segments_mutex_);
  const auto at = segments_.find(id);
  return at == segments_.end() ? nullptr : at->second;
}

std::map<uint64_t, OpenSegmentRef> MemTableHandle::segments() const {
  MutexLock lock(&segments_mutex_);
  return segments_;
}

void ViewCell::drop_reference(View* view) {
  if (view->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const std::unique_ptr<View> last(view);
  }
}

ViewCell::~ViewCell() {
  for (Slot& slot : slots_) {
    const uintptr_t word = slot.word.load(std::memory_order_acquire);
    PGZ_ASSERT((word & kInUse) == 0);
    if (word != 0) drop_reference(reinterpret_cast<View*>(word));
  }
  drop_reference(current_);
}

ViewCell::Guard::Guard(ViewCell* cell) {
  std::atomic<uintptr_t>& word = cell->slots_[thread_number() % cell->slots_.size()].word;
  uintptr_t seen = word.load(std::memory_order_relaxed);
  if (seen != 0 && (seen & kInUse) == 0 &&
      word.compare_exchange_strong(seen, seen | kInUse, std::memory_order_acquire)) {
    slot_ = &word;
    view_ = reinterpret_cast<View*>(seen);
    return;
  }
  MutexLock lock(&cell->mutex_);
  view_ = cell->current_;
  view_->references.fetch_add(1, std::memory_order_relaxed);
  // Under the mutex, so that a view can not settle in a slot after install() has swept it.
  seen = 0;
  const uintptr_t mine = reinterpret_cast<uintptr_t>(view_) | kInUse;
  if (word.compare_exchange_strong(seen, mine, std::memory_order_acquire)) slot_ = &word;
}

ViewCell::Guard::~Guard() {
  if (slot_ != nullptr) {
    uintptr_t mine = reinterpret_cast<uintptr_t>(view_) | kInUse;
    // Fails when install() has swept the slot: the reference is this guard's then.
    if (slot_->compare_exchange_strong(mine, reinterpret_cast<uintptr_t>(view_),
                                       std::memory_order_release)) {
      return;
    }
  }
  drop_reference(view_);
}

std::shared_ptr<const View> ViewCell::share() {
  const Guard guard(this);
  guard.view_->references.fetch_add(1, std::memory_order_relaxed);
  return std::shared_ptr<const View>(guard.view_, [](View* view) { drop_reference(view); });
}

void ViewCell::install(std::unique_ptr<View> next) {
  std::vector<View*> unused;
  {
    MutexLock lock(&mutex_);
    unused.push_back(current_);
    current_ = next.release();
    for (Slot& slot : slots_) {
      const uintptr_t word = slot.word.exchange(0, std::memory_order_acq_rel);
      if (word != 0 && (word & kInUse) == 0) unused.push_back(reinterpret_cast<View*>(word));
    }
  }
  for (View* view : unused) drop_reference(view);
}

}  // namespace pgz
