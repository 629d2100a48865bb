// Completions: how asynchronous calls report back. A call that will not finish at once reserves a
// place when it issues its ticket (that may fail, and then nothing was started); finishing never
// fails and never allocates. Whoever finishes signals through the notifier at most once until the
// reader drains.
//
// The reader's order is: clear its signal, then drain() until it returns less than asked for.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "engine/base/status.h"
#include "engine/base/sync.h"

namespace pgz {

struct Completion {
  uint64_t tag = 0;
  uint64_t value = 0;
  Code code = Code::kOk;
  int32_t sys_errno = 0;
};

class Completions {
 public:
  // `notify` is called without locks held, when something can be drained.
  explicit Completions(std::function<void()> notify) : notify_(std::move(notify)) {}
  Completions(const Completions&) = delete;
  Completions& operator=(const Completions&) = delete;

  // Makes room for one more outstanding ticket; kOutOfMemory beyond kOutstandingMax.
  Status reserve();
  // Gives a reserved place back without a completion.
  void cancel_reservation();
  // Uses one reserved place each.
  void finish(const Completion& completion) { finish(std::span(&completion, 1)); }
  void finish(std::span<const Completion> completions);

  size_t drain(std::span<Completion> out);

  // While one lives nobody is signalled: what finishes in many calls is told at once. For a few
  // microseconds' work, since what other threads finish meanwhile is told later, too.
  class Hold {
   public:
    explicit Hold(Completions* completions);
    ~Hold();
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Completions* const completions_;
  };

 private:
  static constexpr size_t kOutstandingMax = size_t{1} << 20;

  const std::function<void()> notify_;
  Mutex mu_;
  std::vector<Completion> ring_ PGZ_GUARDED_BY(mu_);  // a power of two in size
  size_t head_ PGZ_GUARDED_BY(mu_) = 0;
  size_t ready_ PGZ_GUARDED_BY(mu_) = 0;
  size_t outstanding_ PGZ_GUARDED_BY(mu_) = 0;  // reserved, ready included
  bool signalled_ PGZ_GUARDED_BY(mu_) = false;
  uint32_t holds_ PGZ_GUARDED_BY(mu_) = 0;
};

}  // namespace pgz
