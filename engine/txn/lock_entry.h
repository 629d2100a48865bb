// LockEntry: one lock in its bucket, with its holders and its queue. Private to the lock table.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/slice.h"
#include "engine/txn/lock_table.h"

namespace pgz {

struct LockHolder {
  LockOwner* owner = nullptr;
  LockModes modes = 0;
};

// Most locks have one holder and no queue, so what is rare lives apart. The name's bytes follow the
// struct. Protected by the bucket's mutex.
struct LockEntry {
  struct Crowd {
    std::vector<LockHolder> holders;  // beyond the first
    LockOwner* head = nullptr;
    LockOwner* tail = nullptr;
    uint64_t walk = 0;     // the detector's walk in which, for these modes,
    LockModes walked = 0;  // the holders that conflict were seen
  };

  LockEntry* next = nullptr;
  uint64_t hash = 0;
  LockHolder first;
  std::unique_ptr<Crowd> crowd;
  uint32_t name_bytes = 0;
  LockSpace space = LockSpace::kRow;

  Slice name() const { return Slice(reinterpret_cast<const char*>(this + 1), name_bytes); }

  Crowd* make_crowd() {
    if (crowd == nullptr) crowd = std::make_unique<Crowd>();
    return crowd.get();
  }
  LockOwner* head() const { return crowd == nullptr ? nullptr : crowd->head; }
  bool unused() const {
    return first.owner == nullptr &&
           (crowd == nullptr || (crowd->holders.empty() && crowd->head == nullptr));
  }

  LockHolder* holder(const LockOwner* owner) {
    if (first.owner == owner) return &first;
    if (crowd == nullptr) return nullptr;
    for (LockHolder& h : crowd->holders) {
      if (h.owner == owner) return &h;
    }
    return nullptr;
  }
  LockHolder* add_holder(LockOwner* owner) {
    if (first.owner == nullptr) {
      first = LockHolder{owner, 0};
      return &first;
    }
    make_crowd()->holders.push_back(LockHolder{owner, 0});
    return &crowd->holders.back();
  }
  void remove_holder(LockHolder* h) {
    if (crowd == nullptr || crowd->holders.empty()) {
      *h = LockHolder{};
      return;
    }
    *h = crowd->holders.back();
    crowd->holders.pop_back();
  }
  // Whether a and b cannot stand in each other's way: the same owner or, for advisory locks, which
  // a session also takes outside its transactions, owners of one session.
  bool same_side(const LockOwner* a, const LockOwner* b) const {
    return a == b || (space == LockSpace::kAdvisory && a->session() != 0 && b != nullptr &&
                      a->session() == b->session());
  }
  // In the queue, ahead of `before`; null: at its end.
  void link(LockOwner* owner, LockOwner* before) {
    make_crowd();
    owner->queue_next_ = before;
    owner->queue_prev_ = before == nullptr ? crowd->tail : before->queue_prev_;
    (owner->queue_prev_ == nullptr ? crowd->head : owner->queue_prev_->queue_next_) = owner;
    (before == nullptr ? crowd->tail : before->queue_prev_) = owner;
  }
  void unlink(LockOwner* owner) {
    LockOwner* const prev = owner->queue_prev_;
    LockOwner* const next = owner->queue_next_;
    (prev == nullptr ? crowd->head : prev->queue_next_) = next;
    (next == nullptr ? crowd->tail : next->queue_prev_) = prev;
  }
  // The modes held by `owner` and its side, or by everybody else.
  LockModes held(const LockOwner* owner, bool own_side) const {
    LockModes modes = 0;
    if (first.owner != nullptr && same_side(owner, first.owner) == own_side) modes = first.modes;
    if (crowd != nullptr) {
      for (const LockHolder& h : crowd->holders) {
        if (same_side(owner, h.owner) == own_side) modes = static_cast<LockModes>(modes | h.modes);
      }
    }
    return modes;
  }
  LockModes held_by_others(const LockOwner* owner) const { return held(owner, false); }
  // Where a request for a row waits: ahead of those that hold nothing of it if the asker does, else
  // (null) at the end. One that only asks whether the row is written waits for those who hold it
  // now, not for those who will.
  LockOwner* place_of_row_wait(bool holds, LockMode mode) {
    if (mode == kRowUnwritten) return head();
    LockOwner* before = holds ? head() : nullptr;
    while (before != nullptr && holder(before) != nullptr) before = before->queue_next_;
    return before;
  }
  // The modes awaited ahead of the first waiter that an asker holding `own` keeps waiting, which is
  // given in *before (null: there is none).
  LockModes passed_over(LockModes own, LockOwner** before) const {
    LockModes modes = 0;
    for (*before = head(); *before != nullptr; *before = (*before)->queue_next_) {
      if ((conflicting_modes(space, (*before)->mode_) & own) != 0) break;
      modes = static_cast<LockModes>(modes | mode_bit((*before)->mode_));
    }
    return modes;
  }
  // Whether `waiter`, which waits for what the asker holds, holds one of the modes `wanted`
  // conflicts with.
  bool in_the_way(const LockOwner* waiter, LockModes wanted) {
    const LockHolder* h = holder(waiter);
    return h != nullptr && (h->modes & wanted) != 0;
  }

  template <class Visit>
  void for_each_holder(Visit visit) const {
    if (first.owner != nullptr) visit(first);
    if (crowd == nullptr) return;
    for (const LockHolder& h : crowd->holders) visit(h);
  }
  // Calls visit(LockOwner*) for each owner that keeps `waiter`, which waits here, waiting.
  template <class Visit>
  void for_each_blocker(const LockOwner* waiter, Visit visit) const {
    const LockModes wanted = conflicting_modes(space, waiter->mode_);
    if (first.owner != nullptr && !same_side(waiter, first.owner) && (first.modes & wanted) != 0) {
      visit(first.owner);
    }
    if (crowd == nullptr) return;
    for (const LockHolder& h : crowd->holders) {
      if (!same_side(waiter, h.owner) && (h.modes & wanted) != 0) visit(h.owner);
    }
    for (LockOwner* ahead = crowd->head; ahead != waiter; ahead = ahead->queue_next_) {
      if ((mode_bit(ahead->mode_) & wanted) != 0) visit(ahead);
    }
  }
};

}  // namespace pgz
