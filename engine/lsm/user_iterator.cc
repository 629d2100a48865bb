#include "engine/lsm/user_iterator.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace pgz {

namespace {

// After this many versions of one key in a row a seek is cheaper than going on.
constexpr int kVersionsBeforeSeek = 8;
// Below this a limit might not get past one key.
constexpr uint64_t kStepLimitMin = 64;
constexpr uint64_t kBeforeAllVersions = 0;
constexpr uint64_t kAfterAllVersions = ~uint64_t{0};

// Going forward the merge stands on the version shown. Going backward it stands below all versions
// of the key shown, which is kept in saved_key_ and saved_value_.
class VisibleIterator final : public UserIterator {
 public:
  VisibleIterator(std::unique_ptr<Iterator> merged, std::shared_ptr<const View> pinned,
                  UserIteratorOptions options)
      : pinned_(std::move(pinned)), merged_(std::move(merged)), options_(std::move(options)) {}

  bool valid() const override { return valid_; }
  bool paused() const override { return paused_; }
  Slice resume_key() const override { return saved_key_; }
  uint64_t steps() const override { return steps_; }
  void set_step_limit(uint64_t limit) override {
    step_limit_ = limit == 0 ? 0 : std::max(limit, kStepLimitMin);
  }
  uint64_t version_ts() const override { return version_ts_; }
  Status status() const override { return disorder_.is_ok() ? merged_->status() : disorder_; }
  Slice key() const override { return forward_ ? user_key_of(merged_->key()) : Slice(saved_key_); }
  uint64_t value_bytes() const override {
    if (!is_pointer_) return stored_value().size();
    ValuePointer pointer;
    return ValuePointer::decode(stored_value(), &pointer) ? pointer.value_bytes() : 0;
  }

  Status value(Slice* value) override {
    if (is_pointer_ && !is_read_) {
      read_value_.assign(stored_value());
      PGZ_TRY(options_.values->resolve(*pinned_, &read_value_));
      is_read_ = true;
    }
    *value = is_pointer_ ? Slice(read_value_) : stored_value();
    return Status::ok();
  }

  Status take_value(char* to) override {
    const Slice stored = stored_value();
    if (!is_pointer_) {
      if (!stored.empty()) std::memcpy(to, stored.data(), stored.size());
      return Status::ok();
    }
    ValueRead read;
    PGZ_TRY(Values::find(*pinned_, stored, &read));
    read.to = to;
    taken_.push_back(std::move(read));
    return Status::ok();
  }

  size_t taken() const override { return taken_.size(); }

  Status read_taken() override {
    if (taken_.empty()) return Status::ok();
    options_.values->read(taken_, true);
    Status status;
    for (ValueRead& read : taken_) {
      if (status.is_ok()) status = std::move(read.status);
    }
    taken_.clear();
    return status;
  }

  void seek_to_first() override { seek(options_.lower); }

  void seek(Slice user_key) override {
    begin_move(true);
    sought_.clear();
    seek_merged(std::max(user_key, Slice(options_.lower)), make_trailer(options_.read_ts, 0xff));
    find_forward();
  }

  void seek_to_last() override {
    begin_move(false);
    if (options_.upper.empty()) {
      merged_->seek_to_last();
      steps_++;
    } else {
      seek_merged_for_prev(options_.upper);
    }
    find_backward(false);
  }

  void seek_for_prev(Slice user_key) override {
    if (!options_.upper.empty() && user_key >= Slice(options_.upper)) {
      seek_to_last();
      return;
    }
    begin_move(false);
    // The last entry of all versions of user_key.
    target_.clear();
    append_internal_key(&target_, user_key, kAfterAllVersions);
    merged_->seek_for_prev(target_);
    steps_++;
    find_backward(false);
  }

  void next() override {
    const bool was_forward = forward_;
    begin_move(true);
    if (was_forward) {
      saved_key_.assign(user_key_of(merged_->key()));
      skip_versions();
    } else {
      sought_.clear();
      seek_merged(saved_key_, kAfterAllVersions);
    }
    find_forward();
  }

  void prev() override {
    if (forward_) {
      const std::string from(user_key_of(merged_->key()));
      begin_move(false);
      seek_merged_for_prev(from);
      find_backward(false);
    } else {
      begin_move(false);
      find_backward(true);
    }
  }

 private:
  void begin_move(bool forward) {
    valid_ = false;
    is_pointer_ = false;
    is_read_ = false;
    paused_ = false;
    forward_ = forward;
    move_end_ = step_limit_ == 0 ? ~uint64_t{0} : steps_ + step_limit_;
  }

  void seek_merged(Slice user_key, uint64_t trailer) {
    target_.clear();
    append_internal_key(&target_, user_key, trailer);
    merged_->seek(target_);
    steps_++;
  }

  // Below every version of the user key.
  void seek_merged_for_prev(Slice user_key) {
    target_.clear();
    append_internal_key(&target_, user_key, kBeforeAllVersions);
    merged_->seek_for_prev(target_);
    steps_++;
  }

  bool out_of_steps(Slice at_user_key) {
    if (steps_ < move_end_) return false;
    if (at_user_key.data() != saved_key_.data()) saved_key_.assign(at_user_key);
    paused_ = true;
    return true;
  }

  bool is_dropped(Slice user_key, uint64_t ts) const {
    return !options_.drops.empty() && newest_drop(options_.drops, user_key, options_.read_ts) > ts;
  }

  // The value, or its pointer.
  Slice stored_value() const { return forward_ ? merged_->value() : Slice(saved_value_); }

  // Leaves all versions of saved_key_, on one of which the merge stands.
  void skip_versions() {
    for (int i = 0; i < kVersionsBeforeSeek; i++) {
      merged_->next();
      steps_++;
      if (!merged_->valid()) return;
      const int order = user_key_of(merged_->key()).compare(Slice(saved_key_));
      if (order < 0) return note_disorder();
      if (order > 0) return;
    }
    seek_merged(saved_key_, kAfterAllVersions);
    if (merged_->valid() && user_key_of(merged_->key()) <= Slice(saved_key_)) note_disorder();
  }

  // Keys of a damaged table that are not in order could lead a scan around for ever.
  void note_disorder() {
    disorder_ = Status::make(Code::kCorruption, "a table's keys are out of order");
  }
  void refuse(Kind kind) {
    disorder_ = Status::make(Code::kNotSupported, "a table has an entry of kind " +
                                                      std::to_string(static_cast<int>(kind)));
  }

  void find_forward() {
    int too_new = 0;
    while (merged_->valid() && disorder_.is_ok()) {
      const Slice key = merged_->key();
      const Slice user_key = user_key_of(key);
      if (!options_.upper.empty() && user_key >= Slice(options_.upper)) return;
      if (out_of_steps(user_key)) return;
      const uint64_t trailer = load_trailer(key);
      const uint64_t ts = trailer_ts(trailer);
      if (ts > options_.read_ts) {
        if (++too_new <= kVersionsBeforeSeek) {
          merged_->next();
          steps_++;
        } else {
          too_new = 0;
          if (!sought_.empty() && user_key <= Slice(sought_)) return note_disorder();
          sought_.assign(user_key);
          seek_merged(sought_, make_trailer(options_.read_ts, 0xff));
        }
        continue;
      }
      const Kind kind = trailer_kind(trailer);
      if (!is_tombstone(kind) && !is_dropped(user_key, ts)) {
        if (!is_kind(kind)) return refuse(kind);
        version_ts_ = ts;
        is_pointer_ = kind == Kind::kValuePointer;
        valid_ = true;
        return;
      }
      saved_key_.assign(user_key);
      skip_versions();
    }
  }

  // Versions of a key come oldest first; the last one not above read_ts is the one to show.
  // below_saved: what comes is to be below saved_key_.
  void find_backward(bool below_saved) {
    while (merged_->valid() && disorder_.is_ok()) {
      const Slice first = user_key_of(merged_->key());
      if (first < Slice(options_.lower)) return;
      if (out_of_steps(first)) return;
      if (below_saved && first >= Slice(saved_key_)) return note_disorder();
      below_saved = true;
      saved_key_.assign(first);
      bool found = false;
      bool hidden = false;
      int seen = 0;
      while (merged_->valid() && user_key_of(merged_->key()) == Slice(saved_key_)) {
        const uint64_t trailer = load_trailer(merged_->key());
        if (trailer_ts(trailer) > options_.read_ts) {
          seek_merged_for_prev(saved_key_);  // the rest is newer still
          break;
        }
        if (++seen > kVersionsBeforeSeek && jump_to_visible()) {
          take_version(&found, &hidden);
          seek_merged_for_prev(saved_key_);
          break;
        }
        take_version(&found, &hidden);
        merged_->prev();
        steps_++;
      }
      if (!merged_->status().is_ok()) return;
      if (found && !hidden) {
        valid_ = disorder_.is_ok();
        return;
      }
    }
  }

  // To the newest version of saved_key_ not above read_ts, of which there is one.
  bool jump_to_visible() {
    seek_merged(saved_key_, make_trailer(options_.read_ts, 0xff));
    return merged_->valid();
  }

  void take_version(bool* found, bool* hidden) {
    const uint64_t trailer = load_trailer(merged_->key());
    version_ts_ = trailer_ts(trailer);
    *found = true;
    const Kind kind = trailer_kind(trailer);
    *hidden = is_tombstone(kind) || is_dropped(saved_key_, version_ts_);
    if (!is_kind(kind)) refuse(kind);
    is_pointer_ = kind == Kind::kValuePointer;
    if (!*hidden) saved_value_.assign(merged_->value());
  }

  const std::shared_ptr<const View> pinned_;
  const std::unique_ptr<Iterator> merged_;
  const UserIteratorOptions options_;
  std::string target_;
  std::string saved_key_;
  std::string sought_;  // going forward, the last key that was looked for behind versions too new
  std::string saved_value_;
  uint64_t version_ts_ = 0;
  uint64_t steps_ = 0;
  uint64_t step_limit_ = 0;
  uint64_t move_end_ = 0;
  Status disorder_;  // what is there contradicts itself; nothing more is read then
  std::vector<ValueRead> taken_;
  std::string read_value_;
  bool is_pointer_ = false;  // the version's value is in the value log
  bool is_read_ = false;     // and read_value_ has it
  bool forward_ = true;
  bool valid_ = false;
  bool paused_ = false;
};

}  // namespace

std::unique_ptr<UserIterator> new_user_iterator(std::unique_ptr<Iterator> merged,
                                                std::shared_ptr<const View> pinned,
                                                UserIteratorOptions options) {
  return std::make_unique<VisibleIterator>(std::move(merged), std::move(pinned),
                                           std::move(options));
}

}  // namespace pgz
