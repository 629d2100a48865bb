#include "engine/db/counters.h"

#include <algorithm>

#include "engine/base/planted.h"

namespace pgz {

namespace {

// How much further than asked the log is told: small reservations come often.
uint64_t ahead_of(uint64_t n) { return n <= 64 ? 32 * n : n; }

}  // namespace

class Counters::Reservation final : public PendingCommit {
 public:
  Reservation(Counters* counters, Slice name, uint64_t first, uint64_t below, uint64_t tag)
      : counters_(counters), name_(name), first_(first), below_(below), tag_(tag) {}

  void release(const Status& outcome) override {
    if (outcome.is_ok()) counters_->made_durable(name_, below_);
  }
  void finish(const Status& outcome, std::vector<Completion>* batch) override {
    if (tag_ != 0) {
      batch->push_back({tag_, first_, outcome.code(), outcome.sys_errno()});
      return;
    }
    outcome_ = outcome;
    done_.set();
  }
  Status wait() {
    done_.wait();
    return outcome_;
  }

 private:
  Counters* const counters_;
  const std::string name_;
  const uint64_t first_;
  const uint64_t below_;
  const uint64_t tag_;
  Event done_;
  Status outcome_;
};

Counters::Counter* Counters::find(Slice name) {
  auto it = counters_.find(name);
  if (it == counters_.end()) {
    Counter counter;
    counter.next = counter.logged = counter.durable = lsm_->counter(name).value_or(1);
    it = counters_.emplace(name, counter).first;
  }
  return &it->second;
}

void Counters::made_durable(const std::string& name, uint64_t below) {
  MutexLock lock(&mu_);
  Counter* counter = find(name);
  counter->durable = std::max(counter->durable, below);
}

Status Counters::reserve(Slice name, uint64_t n, uint64_t tag, uint64_t* first) {
  if (n == 0 || n > kReserveMax) {
    return Status::make(Code::kInvalidArgument, "a reservation has 1 to 2^32 numbers");
  }
  PGZ_TRY(pipeline_->check());
  std::shared_ptr<Reservation> reservation;
  {
    MutexLock lock(&mu_);
    Counter* counter = find(name);
    if (counter->next > INT64_MAX - 2 * kReserveMax) {
      return Status::make(Code::kInvalidArgument,
                          "counter \"" + std::string(name) + "\" is used up");
    }
    const uint64_t below_own = counter->next + n;
    *first = counter->next;
    if (below_own <= counter->durable || PGZ_PLANTED(kCounterNotDurable)) {
      counter->next = below_own;
      return Status::ok();
    }
    if (tag != 0) PGZ_TRY(completions_->reserve());
    const uint64_t below = std::max(counter->logged, below_own + ahead_of(n));
    reservation = std::make_shared<Reservation>(this, name, *first, below, tag);
    Status s = pipeline_->submit_plain(reservation, make_counter_record(name, below),
                                       [&](Lsn end) { lsm_->set_counter(name, below, end); });
    if (!s.is_ok()) {
      if (tag != 0) completions_->cancel_reservation();
      return s;
    }
    counter->next = below_own;
    counter->logged = below;
  }
  if (tag != 0) return Status::make(Code::kPending, "waiting for the log");
  return reservation->wait();
}

uint64_t Counters::next(Slice name) {
  MutexLock lock(&mu_);
  return find(name)->next;
}

void Counters::give_back() {
  MutexLock lock(&mu_);
  for (auto& [name, counter] : counters_) {
    if (counter.next >= counter.logged) continue;
    const std::string& n = name;
    const uint64_t next = counter.next;
    auto nobody = std::make_shared<Reservation>(this, name, next, next, 0);
    Status s = pipeline_->submit_plain(nobody, make_counter_record(name, next),
                                       [&](Lsn end) { lsm_->set_counter(n, next, end); });
    if (!s.is_ok()) return;  // numbers are skipped then, as after a crash
    counter.logged = counter.durable = next;
  }
}

}  // namespace pgz
