#include "engine/io/sim/scheduler.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/base/sync.h"
#include "engine/io/sim/fiber.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

constexpr uint64_t kStepMicrosMax = 3;  // simulated time between two yield points
constexpr uint64_t kWallStartMicros = 1'700'000'000'000'000;

enum class FiberState : uint8_t { kReady, kWaiting, kEnded };

struct Fiber {
  uint64_t id = 0;
  std::string name;
  std::function<void()> fn;
  FiberContext context;
  std::unique_ptr<FiberStack> stack;
  FiberState state = FiberState::kReady;
  const void* channel = nullptr;
  uint64_t deadline_micros = FiberHost::kForever;
  bool woken = false;
};

}  // namespace

struct SimRuntime::Impl final : public FiberHost, public Clock, public Executor {
  explicit Impl(uint64_t seed_in)
      : seed(seed_in),
        schedule_rng(seed_in),
        engine_rng(seed_in ^ 0x656e67696e65),
        io(seed_in ^ 0x6469736b) {
    // How often a fiber is interrupted decides which bugs a schedule can show: vary it by seed.
    constexpr uint64_t kRuns[] = {1, 2, 8, 50};
    switch_one_in = kRuns[schedule_rng.uniform(4)];
  }

  // FiberHost
  void yield() override {
    tick();
    if (schedule_rng.uniform(switch_one_in) == 0) switch_to(pick());
  }
  bool park(const void* channel, uint64_t timeout_micros) override;
  void wake_one(const void* channel) override;
  void wake_all(const void* channel) override;
  uint64_t fiber_id() const override { return running->id; }

  // Clock
  uint64_t now_micros() override {
    if (running != nullptr) yield();
    return time_micros;
  }
  uint64_t wall_micros() override { return kWallStartMicros + now_micros(); }
  void sleep_micros(uint64_t n) override { park(&n, n); }

  // Executor
  std::unique_ptr<Joinable> spawn(const std::string& name, std::function<void()> fn) override;

  void run(std::function<void()> fn);
  void tick();
  void wake(Fiber* fiber, bool by_channel);
  Fiber* pick();
  void switch_to(Fiber* next);
  void end_running();
  void reap();
  static void enter(void* fiber);
  [[noreturn]] void stop(const char* why);

  const uint64_t seed;
  SplitMixRng schedule_rng;
  SplitMixRng engine_rng;
  SimIo io;
  uint64_t switch_one_in = 1;
  uint64_t time_micros = 1;
  uint64_t steps = 0;
  uint64_t step_limit = ~uint64_t{0};
  uint64_t hash = 0;
  uint64_t next_id = 1;

  FiberContext main_context;
  Fiber* running = nullptr;
  std::vector<std::shared_ptr<Fiber>> fibers;  // not ended, in the order of their starts
  std::shared_ptr<Fiber> ended;                // its stack is in use until the next switch is done
  std::vector<std::unique_ptr<FiberStack>> free_stacks;
};

namespace {

class JoinableFiber final : public Joinable {
 public:
  JoinableFiber(FiberHost* host, std::shared_ptr<Fiber> fiber)
      : host_(host), fiber_(std::move(fiber)) {}
  ~JoinableFiber() override { join(); }
  void join() override {
    while (fiber_->state != FiberState::kEnded) host_->park(fiber_.get(), FiberHost::kForever);
  }

 private:
  FiberHost* host_;
  std::shared_ptr<Fiber> fiber_;
};

}  // namespace

void SimRuntime::Impl::stop(const char* why) {
  std::fprintf(stderr, "simulation, seed %llu, step %llu: %s\n",
               static_cast<unsigned long long>(seed), static_cast<unsigned long long>(steps), why);
  for (const auto& f : fibers) {
    std::fprintf(stderr, "  fiber %llu %s: %s\n", static_cast<unsigned long long>(f->id),
                 f->name.c_str(), f->state == FiberState::kWaiting ? "waits" : "ready");
  }
  PGZ_ASSERT(!"the simulation cannot go on");
  std::abort();
}

void SimRuntime::Impl::tick() {
  ++steps;
  if (steps > step_limit) stop("too many steps");
  time_micros += schedule_rng.uniform(kStepMicrosMax + 1);
  for (const auto& f : fibers) {
    if (f->state == FiberState::kWaiting && f->deadline_micros <= time_micros) wake(f.get(), false);
  }
}

void SimRuntime::Impl::wake(Fiber* fiber, bool by_channel) {
  fiber->state = FiberState::kReady;
  fiber->channel = nullptr;
  fiber->deadline_micros = kForever;
  fiber->woken = by_channel;
}

Fiber* SimRuntime::Impl::pick() {
  for (;;) {
    uint64_t ready = 0;
    uint64_t earliest = kForever;
    for (const auto& f : fibers) {
      if (f->state == FiberState::kReady) ++ready;
      if (f->state == FiberState::kWaiting) earliest = std::min(earliest, f->deadline_micros);
    }
    if (ready > 0) {
      uint64_t chosen = schedule_rng.uniform(ready);
      for (const auto& f : fibers) {
        if (f->state == FiberState::kReady && chosen-- == 0) {
          hash = (hash ^ f->id) * 0x100000001b3;
          return f.get();
        }
      }
    }
    if (earliest == kForever) stop("deadlock: every fiber waits");
    time_micros = std::max(time_micros, earliest);
    tick();
  }
}

void SimRuntime::Impl::switch_to(Fiber* next) {
  if (next == running) return;
  Fiber* self = running;
  running = next;
  fiber_switch(&self->context, &next->context, false);
  reap();
}

// Keeps the stack of the fiber that has just been left for good.
void SimRuntime::Impl::reap() {
  if (ended == nullptr) return;
  ended->stack->recycle();
  free_stacks.push_back(std::move(ended->stack));
  ended.reset();
}

bool SimRuntime::Impl::park(const void* channel, uint64_t timeout_micros) {
  Fiber* self = running;
  self->state = FiberState::kWaiting;
  self->channel = channel;
  self->deadline_micros =
      timeout_micros < kForever - time_micros ? time_micros + timeout_micros : kForever;
  tick();
  switch_to(pick());
  return self->woken;
}

void SimRuntime::Impl::wake_one(const void* channel) {
  uint64_t waiting = 0;
  for (const auto& f : fibers) {
    if (f->state == FiberState::kWaiting && f->channel == channel) ++waiting;
  }
  if (waiting == 0) return;
  uint64_t chosen = schedule_rng.uniform(waiting);
  for (const auto& f : fibers) {
    if (f->state == FiberState::kWaiting && f->channel == channel && chosen-- == 0) {
      wake(f.get(), true);
      return;
    }
  }
}

void SimRuntime::Impl::wake_all(const void* channel) {
  for (const auto& f : fibers) {
    if (f->state == FiberState::kWaiting && f->channel == channel) wake(f.get(), true);
  }
}

std::unique_ptr<Joinable> SimRuntime::Impl::spawn(const std::string& name,
                                                  std::function<void()> fn) {
  auto fiber = std::make_shared<Fiber>();
  fiber->id = next_id++;
  fiber->name = name;
  fiber->fn = std::move(fn);
  if (free_stacks.empty()) {
    fiber->stack = std::make_unique<FiberStack>();
  } else {
    fiber->stack = std::move(free_stacks.back());
    free_stacks.pop_back();
  }
  fiber_prepare(&fiber->context, *fiber->stack, &Impl::enter, this);
  fibers.push_back(fiber);
  if (running != nullptr) yield();
  return std::make_unique<JoinableFiber>(this, fiber);
}

void SimRuntime::Impl::enter(void* self) {
  Impl* impl = static_cast<Impl*>(self);
  impl->reap();
  impl->running->fn();
  impl->running->fn = nullptr;  // what it captured dies inside the fiber
  impl->end_running();
}

void SimRuntime::Impl::end_running() {
  Fiber* self = running;
  self->state = FiberState::kEnded;
  wake_all(self);
  const auto at =
      std::find_if(fibers.begin(), fibers.end(), [&](const auto& f) { return f.get() == self; });
  ended = std::move(*at);
  fibers.erase(at);
  Fiber* next = fibers.empty() ? nullptr : pick();
  running = next;
  fiber_switch(&self->context, next == nullptr ? &main_context : &next->context, true);
}

void SimRuntime::Impl::run(std::function<void()> fn) {
  PGZ_ASSERT(current_fiber_host == nullptr && running == nullptr);
  // The first fiber is not joined by anyone: it is dropped as it ends.
  auto first = spawn("main", std::move(fn));
  current_fiber_host = this;
  running = fibers.front().get();
  fiber_switch(&main_context, &running->context, false);
  current_fiber_host = nullptr;
  reap();
  PGZ_ASSERT(fibers.empty());
}

SimRuntime::SimRuntime(uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
SimRuntime::~SimRuntime() = default;

Runtime SimRuntime::get() { return {&impl_->io, impl_.get(), &impl_->engine_rng, impl_.get()}; }
SimIo* SimRuntime::io() { return &impl_->io; }
void SimRuntime::run(std::function<void()> fn) { impl_->run(std::move(fn)); }
uint64_t SimRuntime::seed() const { return impl_->seed; }
uint64_t SimRuntime::steps() const { return impl_->steps; }
void SimRuntime::set_step_limit(uint64_t steps) { impl_->step_limit = impl_->steps + steps; }
uint64_t SimRuntime::trace_hash() const { return impl_->hash ^ impl_->io.trace_hash(); }

}  // namespace pgz
