#include "tests/sim/machine.h"

#include <initializer_list>

#include "engine/base/rng.h"
#include "tests/sim/workload.h"

namespace pgz::sim {
namespace {

constexpr const char* kDir = "/db";
constexpr uint64_t kStepsMax = 20'000'000;  // a life takes far fewer: beyond, it is an endless loop

}  // namespace

Machine::Machine(const MachineOptions& options)
    : options_(options), sim_(options.seed), history_(!options.early_commits) {}

// Everything small, so that a few operations reach every mechanism; how small is drawn. Variant 1
// is the middle of all.
DbOptions Machine::db_options() const {
  DbOptions o;
  o.memory_budget_bytes = 1 << 20;
  o.memtable_bytes = 16 << 10;
  o.log_slot_bytes = 64 << 10;
  o.spill_bytes = 40 << 10;
  if (options_.variant == 1) return o;
  SplitMixRng rng(options_.variant != 0 ? options_.variant : options_.seed);
  const auto one_of = [&rng](std::initializer_list<uint64_t> values) {
    return values.begin()[rng.uniform(values.size())];
  };
  o.memtable_bytes = one_of({1 << 10, 4 << 10, 16 << 10, 16 << 10, 128 << 10});
  o.log_slot_bytes = one_of({32 << 10, 64 << 10, 64 << 10, 512 << 10});
  // Every transaction spills, or only large ones do, or none.
  o.spill_bytes = one_of({256, 4 << 10, 40 << 10, 4 << 20});
  // No value stays in the tables, or large ones go, or none; and likewise in the log.
  o.value_inline_max_bytes = static_cast<uint32_t>(one_of({1, 64, 512, 0}));
  o.value_direct_min_bytes = static_cast<uint32_t>(one_of({1, 16, 128, 0}));
  o.value_segment_bytes = one_of({1 << 10, 16 << 10, 0});
  return o;
}

void Machine::trace(const std::string& line) {
  if (options_.trace) options_.trace(line);
}

void Machine::end_life(End end) {
  if (sim_.io()->crashed()) return;
  if (end == End::kPower) sim_.io()->crash_power();
  if (end == End::kKill) sim_.io()->crash_kill();
}

std::string Machine::live(uint64_t ops, const Plan& plan, End end) {
  std::string wrong;
  ++lives_;
  sim_.io()->restart();
  sim_.io()->set_plan(plan);
  sim_.set_step_limit(kStepsMax);
  unclean_ = true;
  sim_.run([&] {
    auto opened = Db::open(sim_.get(), kDir, db_options(), [] {});
    if (!opened.is_ok()) {
      trace("open: " + opened.status().to_string());
      if (plan.empty()) wrong = "open: " + opened.status().to_string();
      return;
    }
    auto db = opened.take();
    WorkloadOptions work;
    work.seed = options_.seed + 1000 * lives_;
    work.ops = ops;
    work.clients = options_.clients;
    work.early_commits = options_.early_commits;
    work.trace = options_.trace;
    Workload workload(sim_.get(), db.get(), &history_, work);
    workload.run();
    wrong = workload.wrong();
    if (wrong.empty() && plan.empty() && !db->check().is_ok()) {
      wrong = "stopped without cause: " + db->check().to_string();
    }
    end_life(end);
    const Status closed = db->close();
    trace("close: " + closed.to_string());
    unclean_ = sim_.io()->crashed() || !closed.is_ok();
    if (wrong.empty() && plan.empty() && end == End::kClose && !closed.is_ok()) {
      wrong = "close: " + closed.to_string();
    }
  });
  calls_ = sim_.io()->calls();
  plan_fired_ = sim_.io()->crashed();
  end_life(End::kPower);
  const std::string seen = history_.check_observations();
  return wrong.empty() ? seen : wrong;
}

Machine::Shown Machine::show(const Plan& plan, End end) {
  Shown shown;
  sim_.io()->restart();
  sim_.io()->set_plan(plan);
  sim_.set_step_limit(kStepsMax);
  sim_.run([&] {
    auto opened = Db::open(sim_.get(), kDir, db_options(), [] {});
    if (!opened.is_ok()) {
      shown.status = opened.take_status();
      return;
    }
    shown.opened = true;
    auto db = opened.take();
    uint64_t snapshot = 0;
    shown.status = read_image(db.get(), &shown.image, &snapshot);
    if (shown.status.is_ok()) shown.status = db->lsm()->verify_values();
    shown.counter_next = db->counters()->next(kCounter);
    end_life(end);
    trace("close: " + db->close().to_string());
  });
  trace("recovery: " + shown.status.to_string() + ", " + std::to_string(shown.image.size()) +
        " keys" + (sim_.io()->crashed() ? ", crashed" : ""));
  return shown;
}

std::string Machine::recover(const Plan& plan, End end) {
  Shown first = show(plan, end);
  calls_ = sim_.io()->calls();
  plan_fired_ = !first.status.is_ok() && !plan.empty();
  end_life(End::kPower);
  if (plan_fired_) {
    first = show({}, end);
    end_life(End::kPower);
  }
  if (!first.status.is_ok()) return "recovery: " + first.status.to_string();
  const std::string wrong = history_.check_recovered(first.image, first.counter_next, unclean_);
  if (!wrong.empty()) return wrong;
  unclean_ = false;
  const Shown second = show({}, End::kClose);
  end_life(End::kPower);
  if (!second.status.is_ok()) return "second recovery: " + second.status.to_string();
  const std::string diff = difference(second.image, first.image);
  return diff.empty() ? "" : "second recovery: " + diff;
}

// Every file but the lock, which has no contents.
std::map<std::string, std::string> Machine::disk() {
  std::map<std::string, std::string> files;
  for (const std::string& path : sim_.io()->all_files()) {
    if (!path.ends_with("/LOCK")) files[path] = sim_.io()->contents(path);
  }
  return files;
}

std::string Machine::open_damaged(size_t lost_max) {
  const std::map<std::string, std::string> before = disk();
  const Shown shown = show({}, End::kPower);
  if (!shown.opened && disk() != before) return "a refused open has written to the disk";
  end_life(End::kPower);
  // A damaged version number is refused as a newer format; damage that background work meets first
  // stops the instance with the reason.
  const bool stopped = shown.status.is(Code::kFailed) &&
                       shown.status.message().find("corruption") != std::string::npos;
  damage_reported_ =
      shown.status.is(Code::kCorruption) || shown.status.is(Code::kNotSupported) || stopped;
  if (damage_reported_) {
    if (shown.status.message().find(kDir) != std::string::npos) return "";
    return "the report names no file: " + shown.status.to_string();
  }
  if (!shown.status.is_ok()) return "damage is reported as " + shown.status.to_string();
  const std::string wrong =
      history_.check_recovered(shown.image, ~uint64_t{0}, lost_max > 0, lost_max);
  return wrong.empty() ? "" : "damage is passed over: " + wrong;
}

std::string Machine::contents(Image* image) {
  Shown shown = show({}, End::kClose);
  *image = std::move(shown.image);
  return shown.status.is_ok() ? "" : shown.status.to_string();
}

}  // namespace pgz::sim
