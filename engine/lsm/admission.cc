// Admission: writers are slowed down smoothly, so that nobody meets a wall. What they may write per
// second follows from the rates at which flushes and merges have lately worked off debt: twice that
// rate while there is hardly any, the rate itself half-way, and nearly nothing short of the limit.
// So debt settles where writing and background work are even. Each write pays for its bytes; a
// wait is short, because many small ones hold better than a few long ones.
#include <algorithm>

#include "engine/lsm/lsm_rep.h"

namespace pgz {

namespace {

constexpr uint64_t kWaitMicrosMax = 50'000;
constexpr double kRateMin = 1 << 20;

// What a queue filled to the given share (0..1) may be filled with.
double allowed(double filled, const DrainRate& drain) {
  return 2 * std::max(0.02, 1 - filled) * drain.bytes_per_second();
}

double share(double value, double from, double to) { return (value - from) / (to - from); }

}  // namespace

void DrainRate::add(uint64_t bytes, uint64_t micros) {
  if (bytes == 0 || micros == 0) return;
  const double now = std::max(kRateMin, static_cast<double>(bytes) * 1e6 / double(micros));
  rate_.store((bytes_per_second() + now) / 2, std::memory_order_relaxed);
}

// Debts, all in the same measure: up to 0 nobody is slowed down, and at 1 writers stand still.
double Lsm::Rep::level0_debt() const {
  return share(level0_files.load(std::memory_order_relaxed), options.level0_slowdown_files,
               options.level0_stop_files);
}

// Debt of deeper levels costs space and later work, not reads: there is patience for a lot of it.
double Lsm::Rep::deeper_debt() const {
  const auto base = static_cast<double>(limits().base_bytes);
  const auto debt = static_cast<double>(debt_bytes.load(std::memory_order_relaxed));
  return share(debt, 16 * base, 64 * base);
}

// Garbage in the value log: near twice the live bytes the collector sets the pace. Not while there
// are just a few segments, of which each is either garbage or not.
double Lsm::Rep::garbage_debt() const {
  const auto values = static_cast<double>(value_bytes.load(std::memory_order_relaxed));
  const double values_total =
      values + static_cast<double>(unflushed_value_bytes.load(std::memory_order_relaxed));
  const auto live = static_cast<double>(live_value_bytes.load(std::memory_order_relaxed) + 1);
  const auto hidden = static_cast<double>(level0_value_bytes.load(std::memory_order_relaxed));
  const double surely_live = live - std::min(hidden, live / 2);
  // What one flush makes of its values.
  const uint64_t segment = std::min(options.value_segment_bytes, 2 * memtable_limit());
  if (values <= 1.25 * live || values_total <= 4 * static_cast<double>(segment)) return -1;
  return share(values_total / surely_live, kGarbageSlowdown, kGarbageStop);
}

// 0: no limit.
double Lsm::Rep::allowed_bytes_per_second() const {
  double rate = 0;
  const auto limit = [&rate](double other) { rate = rate == 0 ? other : std::min(rate, other); };
  const uint32_t waiting = queued.load(std::memory_order_relaxed);
  // The last memtable of the queue is the one to be slow in, those before may fill freely.
  if (waiting > 1 && waiting + 1 >= options.max_queued_memtables) limit(allowed(0.5, flush_rate));
  if (level0_files >= options.level0_slowdown_files) limit(allowed(level0_debt(), level0_rate));
  if (const double debt = deeper_debt(); debt > 0) limit(allowed(std::min(0.9, debt), level0_rate));
  if (const double debt = garbage_debt(); debt > 0) {
    limit(allowed(std::min(0.98, debt), collect_rate));
  }
  return rate == 0 ? 0 : std::max(rate, kRateMin);
}

// A class has all of the time from where its debt slows writers down, and less the further it is
// from there: level 0 from where it wants a merge, deeper levels from nothing, garbage from 1.5.
void Lsm::Rep::note_debts() {
  const uint32_t trigger = options.level0_merge_trigger;
  const uint32_t slowdown = std::max(options.level0_slowdown_files, trigger + 1);
  scheduler.set_debt(JobClass::kLevel0, share(level0_files, trigger, slowdown));
  scheduler.set_debt(JobClass::kDeeper, 1 + 3 * deeper_debt());
  scheduler.set_debt(JobClass::kCollection, 1 + garbage_debt());
}

// Waits until the writes admitted before are paid for at the present rate.
void Lsm::Rep::pace(uint64_t bytes) {
  const double rate = allowed_bytes_per_second();
  if (rate == 0) return;
  const uint64_t now = runtime.clock->now_micros();
  const auto cost = static_cast<uint64_t>(static_cast<double>(bytes) * 1e6 / rate);
  uint64_t paid_at = next_admission_micros.load(std::memory_order_relaxed);
  uint64_t start = 0;
  uint64_t end = 0;
  do {
    start = std::clamp(paid_at, now, now + kWaitMicrosMax);
    end = start + std::min(cost, kWaitMicrosMax);
  } while (!next_admission_micros.compare_exchange_weak(paid_at, end, std::memory_order_relaxed));
  // Sleeps shorter than this cost more than they hold back; what they save is paid later.
  constexpr uint64_t kSleepMicrosMin = 500;
  if (start - now >= kSleepMicrosMin) runtime.clock->sleep_micros(start - now);
}

Status Lsm::admit(uint64_t bytes, bool makes_room) {
  Rep& rep = *rep_;
  const LsmOptions& options = rep.options;
  if (rep.is_failed.load(std::memory_order_relaxed)) return background_status();
  if (!options.background || rep.allowed_bytes_per_second() == 0) return Status::ok();
  const uint64_t begin = rep.runtime.clock->now_micros();
  Status status;
  {
    MutexLock lock(&rep.mutex);
    while (rep.background.is_ok() && !rep.stopping &&
           (rep.queued >= options.max_queued_memtables ||
            rep.level0_files >= options.level0_stop_files)) {
      if (rep.no_space || rep.merge_no_space) {
        if (makes_room && rep.queued < options.max_queued_memtables) break;
        status = Status::make(Code::kNoSpace, "disk full: no room left for unflushed writes");
        break;
      }
      rep.progress.wait_for(&rep.mutex, kWaitMicrosMax);
    }
    if (status.is_ok()) status = rep.background;
  }
  if (status.is_ok()) rep.pace(bytes);
  rep.stall_micros += rep.runtime.clock->now_micros() - begin;
  return status;
}

}  // namespace pgz
