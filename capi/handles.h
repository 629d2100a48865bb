// Handles: tokens given to callers instead of addresses, so that a stale or foreign one is told
// apart without touching freed memory.
//
// A token is kind, slot index and the slot's generation. Slots are never freed; a generation is
// used once. A call pins the slot while it works; closing marks it (later calls get PGZ_CLOSED),
// waits for the calls in progress and then takes the object out.
//
// Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/base/sync.h"
#include "pgz.h"

namespace pgz::capi {

enum class HandleKind : uint8_t { kDb = 1, kTxn = 2, kCursor = 3, kIter = 4 };

// What a handle stands for.
class Object {
 public:
  virtual ~Object() = default;
  // Token of the database it belongs to; 0 for a database.
  virtual uint64_t database() const = 0;
};

class Handles {
 public:
  // kExclusive: at most one such call at a time (PGZ_MISUSE); kShared: any number, beside it.
  enum class Use : uint8_t { kShared, kExclusive };

  // A call's hold on an object.
  class Pin {
   public:
    Pin() = default;
    ~Pin() { reset(); }
    Pin(const Pin&) = delete;
    Pin& operator=(const Pin&) = delete;
    template <class T>
    T* as() const {
      return static_cast<T*>(object_);
    }
    void reset();

   private:
    friend class Handles;
    std::atomic<uint64_t>* state_ = nullptr;
    Object* object_ = nullptr;
    Use use_ = Use::kShared;
  };

  static Handles& instance();
  // For tests; others use instance(). `slots` is how many handles there can be at a time, at most
  // and by default 4,194,304.
  explicit Handles(uint32_t slots = kChunkSlots * kChunks) : slots_(slots) {}
  ~Handles();
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

  // *token is never 0 then. `owner` is the token of the handle it belongs to, or 0.
  // PGZ_OUT_OF_MEMORY: all slots are in use; the object is gone and *token is 0.
  pgz_status add(HandleKind kind, uint64_t owner, std::unique_ptr<Object> object, uint64_t* token);
  pgz_status pin(HandleKind kind, uint64_t token, Use use, Pin* pin);
  // Marks the handle as closed, calls `marked` (may be null) with what it stands for, waits for
  // calls in progress and gives the object away. With `wait_exclusive` false PGZ_MISUSE when an
  // exclusive call is in progress.
  pgz_status close(HandleKind kind, uint64_t token, bool wait_exclusive, void (*marked)(Object*),
                   std::unique_ptr<Object>* object);
  // Closes every handle of that kind that belongs to `owner`.
  void close_owned(HandleKind kind, uint64_t owner, std::vector<std::unique_ptr<Object>>* objects);

 private:
  static constexpr uint32_t kChunkSlots = 1024;
  static constexpr uint32_t kChunks = 4096;

  struct Slot {
    std::atomic<uint64_t> state{0};
    std::atomic<uint64_t> owner{0};
    std::atomic<HandleKind> kind{HandleKind::kDb};
    std::unique_ptr<Object> object;
  };

  Slot* slot(uint32_t index) const;
  static uint64_t token_of(HandleKind kind, uint32_t index, uint32_t generation);
  bool mark_closing(Slot* slot, uint32_t generation, bool wait_exclusive, pgz_status* status);
  std::unique_ptr<Object> take(Slot* slot, uint32_t index);

  const uint32_t slots_;
  std::atomic<Slot*> chunks_[kChunks] = {};
  Mutex mu_;
  std::vector<uint32_t> free_ PGZ_GUARDED_BY(mu_);
  uint32_t used_ PGZ_GUARDED_BY(mu_) = 0;  // slots ever given out
};

}  // namespace pgz::capi
