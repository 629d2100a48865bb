#include "engine/lsm/memtable.h"

#include <algorithm>
#include <array>
#include <utility>

namespace pgz {

namespace {

class MemTableIterator final : public Iterator {
 public:
  explicit MemTableIterator(const SortedList* list) : list_(list) {}

  bool valid() const override { return node_ != nullptr; }
  void seek_to_first() override { node_ = list_->first(); }
  void seek_to_last() override { node_ = list_->last(); }
  void seek(Slice target) override { node_ = list_->at_or_after(target); }
  void seek_for_prev(Slice target) override {
    node_ = list_->at_or_after(target);
    if (node_ == nullptr || compare_internal(node_->key(), target) != 0) {
      node_ = list_->before(target);
    }
  }
  void next() override { node_ = SortedList::next(node_); }
  bool advance(Slice* to) override {
    node_ = SortedList::next(node_);
    if (node_ == nullptr) return false;
    *to = node_->key();
    return true;
  }
  void prev() override { node_ = list_->before(node_->key()); }
  Slice key() const override { return node_->key(); }
  Slice value() const override { return node_->value(); }
  Status status() const override { return Status::ok(); }

 private:
  const SortedList* list_;
  const ListNode* node_ = nullptr;
};

void raise_to(std::atomic<uint64_t>* maximum, uint64_t value) {
  uint64_t seen = maximum->load(std::memory_order_relaxed);
  while (seen < value && !maximum->compare_exchange_weak(seen, value, std::memory_order_acq_rel)) {
  }
}

Status check_limits(Slice user_key, Slice value) {
  if (user_key.size() > kMaxUserKeyBytes) {
    return Status::make(Code::kInvalidArgument, "key longer than 16 KiB");
  }
  if (value.size() > kMaxValueBytes) {
    return Status::make(Code::kInvalidArgument, "value longer than 1 GiB");
  }
  return Status::ok();
}

}  // namespace

MemTable::MemTable() = default;
MemTable::~MemTable() = default;

Status MemTable::add(Slice user_key, uint64_t ts, Kind kind, Slice value, InsertHint* hint) {
  PGZ_TRY(check_limits(user_key, value));
  raise_to(&max_ts_, ts);
  list_.insert(user_key, make_trailer(ts, static_cast<uint8_t>(kind)), value, hint);
  return Status::ok();
}

Status MemTable::add_sorted(std::span<const KeyWrite> writes, uint64_t ts, InsertHint* hint) {
  raise_to(&max_ts_, ts);
  std::array<SortedList::Entry, ListIndex::kTogether> entries;
  while (!writes.empty()) {
    const size_t n = std::min(writes.size(), entries.size());
    for (size_t i = 0; i < n; i++) {
      const KeyWrite& write = writes[i];
      PGZ_TRY(check_limits(write.user_key, write.value));
      const uint64_t trailer = make_trailer(ts, static_cast<uint8_t>(write.kind));
      entries[i] = {{write.user_key, trailer}, write.value};
    }
    list_.insert_sorted({entries.data(), n}, hint);
    writes = writes.subspan(n);
  }
  return Status::ok();
}

void MemTable::add_drop(RangeDrop drop) {
  raise_to(&max_ts_, drop.ts);
  MutexLock lock(&drops_mutex_);
  for (const RangeDrop& known : drops_) {
    if (known == drop) return;
  }
  drops_.push_back(std::move(drop));
  drop_count_.store(static_cast<uint32_t>(drops_.size()), std::memory_order_release);
}

MemTable::Found MemTable::get(Slice user_key, uint64_t read_ts) const {
  Found found;
  const ListNode* node = list_.at_or_after(user_key, make_trailer(read_ts, 0xff));
  if (node == nullptr) return found;
  const Slice key = node->key();
  if (user_key_of(key) != user_key) return found;
  const uint64_t trailer = load_trailer(key);
  found.found = true;
  found.kind = trailer_kind(trailer);
  found.ts = trailer_ts(trailer);
  found.value = node->value();
  return found;
}

std::unique_ptr<Iterator> MemTable::new_iterator() const {
  return std::make_unique<MemTableIterator>(&list_);
}

std::vector<RangeDrop> MemTable::drops() const {
  MutexLock lock(&drops_mutex_);
  return drops_;
}

}  // namespace pgz
