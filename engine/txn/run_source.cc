// Reading spilled runs: the tagged value format, and the source that walks disjoint runs.
#include "engine/base/coding.h"
#include "engine/base/planted.h"
#include "engine/txn/spilled_runs.h"

namespace pgz {

Status find_tagged(Slice tagged, OpNum read_op, OpNum cut, bool* found, OwnVersion* version) {
  *found = false;
  while (!tagged.empty()) {
    OpNum op = 0;
    Slice value;
    if (!get_varint32(&tagged, &op) || tagged.empty()) break;
    const Kind kind = static_cast<Kind>(tagged.front());
    tagged.remove_prefix(1);
    if (!get_length_prefixed(&tagged, &value)) break;
    if (op < read_op && op < cut) {
      *found = true;
      *version = {op, kind, value};
      return Status::ok();
    }
    if (tagged.empty()) return Status::ok();
  }
  return Status::make(Code::kCorruption, "a spilled run holds a malformed entry");
}

namespace {

class RunSource final : public OwnSource {
 public:
  RunSource(std::vector<std::shared_ptr<const SpilledRun>> runs, OpNum read_op, bool reverse)
      : runs_(std::move(runs)), read_op_(read_op), reverse_(reverse) {}

  void seek(Slice key) override {
    size_t r = reverse_ ? runs_.size() : 0;
    if (reverse_) {
      while (r > 0 && Slice(runs_[r - 1]->file.smallest) > key) r--;
      if (r == 0) return stop();
      enter(r - 1);
    } else {
      while (r < runs_.size() && Slice(runs_[r]->file.largest) < key) r++;
      if (r == runs_.size()) return stop();
      enter(r);
    }
    target_.clear();
    if (reverse_) {
      append_internal_key(&target_, key, make_trailer(0, 0));
      it_->seek_for_prev(target_);
    } else {
      append_seek_key(&target_, key, kMaxTimestamp);
      it_->seek(target_);
    }
    settle();
  }
  void seek_to_start() override {
    if (runs_.empty()) return stop();
    enter(reverse_ ? runs_.size() - 1 : 0);
    to_start();
    settle();
  }
  void next() override {
    step();
    settle();
  }
  bool valid() const override { return valid_; }
  Slice key() const override { return user_key_of(it_->key()); }
  const OwnVersion& version() const override { return version_; }
  Status status() const override { return status_; }

 private:
  void stop() {
    valid_ = false;
    it_.reset();
  }
  void enter(size_t r) {
    if (it_ == nullptr || at_ != r) it_ = runs_[r]->reader->new_iterator();
    at_ = r;
  }
  void to_start() { reverse_ ? it_->seek_to_last() : it_->seek_to_first(); }
  void step() { reverse_ ? it_->prev() : it_->next(); }

  // Moves on to the first entry the read sees.
  void settle() {
    valid_ = false;
    while (true) {
      if (!it_->valid()) {
        status_ = it_->status();
        const bool more = reverse_ ? at_ > 0 : at_ + 1 < runs_.size();
        if (!status_.is_ok() || !more) return stop();
        enter(reverse_ ? at_ - 1 : at_ + 1);
        to_start();
        continue;
      }
      const SpilledRun& run = *runs_[at_];
      bool found = true;
      if (run.tagged) {
        status_ = find_tagged(it_->value(), read_op_, run.cut, &found, &version_);
        if (!status_.is_ok()) return stop();
      } else {
        version_ = {run.op, trailer_kind(load_trailer(it_->key())), it_->value()};
      }
      if (found) {
        // A row's runs were not written one right after the other.
        sequence = PGZ_PLANTED(kFirstRunWins) ? runs_.front()->sequence : run.sequence;
        valid_ = true;
        return;
      }
      step();
    }
  }

  const std::vector<std::shared_ptr<const SpilledRun>> runs_;
  const OpNum read_op_;
  const bool reverse_;
  size_t at_ = 0;
  std::unique_ptr<Iterator> it_;
  std::string target_;
  OwnVersion version_;
  Status status_;
  bool valid_ = false;
};

}  // namespace

std::unique_ptr<OwnSource> make_run_source(std::vector<std::shared_ptr<const SpilledRun>> runs,
                                           OpNum read_op, bool reverse) {
  return std::make_unique<RunSource>(std::move(runs), read_op, reverse);
}

}  // namespace pgz
