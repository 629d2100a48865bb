#include "engine/lsm/merge_iterator.h"

#include <algorithm>
#include <utility>

namespace pgz {

namespace {

class LevelIterator final : public Iterator {
 public:
  LevelIterator(const std::vector<TableRef>* tables, bool fill_cache)
      : tables_(tables), fill_cache_(fill_cache) {}

  bool valid() const override { return table_ != nullptr && table_->valid(); }

  void seek_to_first() override {
    if (open(0)) table_->seek_to_first();
    settle_forward();
  }
  void seek_to_last() override {
    if (open(tables_->size() - 1)) table_->seek_to_last();
    settle_backward();
  }
  void seek(Slice target) override {
    const Slice user_key = user_key_of(target);
    const auto at = std::lower_bound(
        tables_->begin(), tables_->end(), user_key,
        [](const TableRef& table, Slice key) { return Slice(table->meta().largest) < key; });
    if (open(static_cast<size_t>(at - tables_->begin()))) table_->seek(target);
    settle_forward();
  }
  void seek_for_prev(Slice target) override {
    const Slice user_key = user_key_of(target);
    const auto after = std::upper_bound(
        tables_->begin(), tables_->end(), user_key,
        [](Slice key, const TableRef& table) { return key < Slice(table->meta().smallest); });
    if (open(static_cast<size_t>(after - tables_->begin()) - 1)) table_->seek_for_prev(target);
    settle_backward();
  }
  void next() override {
    table_->next();
    settle_forward();
  }
  void prev() override {
    table_->prev();
    settle_backward();
  }
  bool advance(Slice* to) override {
    if (table_->advance(to)) return true;
    settle_forward();
    if (!valid()) return false;
    *to = table_->key();
    return true;
  }
  Slice key() const override { return table_->key(); }
  Slice value() const override { return table_->value(); }
  Status status() const override { return table_ == nullptr ? Status::ok() : table_->status(); }

 private:
  // False beyond either end (an index of -1 wraps).
  bool open(size_t index) {
    if (index >= tables_->size()) {
      table_.reset();
      index_ = ~size_t{0};
      return false;
    }
    if (table_ == nullptr || index != index_) {
      table_ = (*tables_)[index]->reader().new_iterator(fill_cache_);
      index_ = index;
    }
    return true;
  }
  bool at_end() const { return table_ != nullptr && !table_->valid() && table_->status().is_ok(); }
  void settle_forward() {
    while (at_end()) {
      if (open(index_ + 1)) table_->seek_to_first();
    }
  }
  void settle_backward() {
    while (at_end()) {
      if (open(index_ - 1)) table_->seek_to_last();
    }
  }

  const std::vector<TableRef>* tables_;
  const bool fill_cache_;
  size_t index_ = ~size_t{0};
  std::unique_ptr<Iterator> table_;
};

// A binary heap of the children that are valid, ordered by their keys in the current direction.
class MergeIterator final : public Iterator {
 public:
  explicit MergeIterator(std::vector<std::unique_ptr<Iterator>> children)
      : children_(std::move(children)) {
    heap_.reserve(children_.size());
  }

  bool valid() const override { return !heap_.empty() && status_.is_ok(); }

  void seek_to_first() override {
    for (const auto& child : children_) child->seek_to_first();
    rebuild(true);
  }
  void seek_to_last() override {
    for (const auto& child : children_) child->seek_to_last();
    rebuild(false);
  }
  void seek(Slice target) override {
    for (const auto& child : children_) child->seek(target);
    rebuild(true);
  }
  void seek_for_prev(Slice target) override {
    for (const auto& child : children_) child->seek_for_prev(target);
    rebuild(false);
  }

  void next() override {
    if (!forward_) turn(true);
    if (!heap_[0].child->advance(&heap_[0].key)) drop_top();
    sink_top();
  }
  bool advance(Slice* to) override {
    MergeIterator::next();
    if (!MergeIterator::valid()) return false;
    *to = heap_[0].key;
    return true;
  }
  void prev() override {
    if (forward_) turn(false);
    Iterator* child = heap_[0].child;
    child->prev();
    if (child->valid()) {
      heap_[0].key = child->key();
    } else {
      drop_top();
    }
    sink_top();
  }

  Slice key() const override { return heap_[0].key; }
  Slice value() const override { return heap_[0].child->value(); }
  Status status() const override { return status_; }

 private:
  struct Entry {
    Iterator* child;
    Slice key;  // of the child, kept to spare virtual calls
  };

  bool before(const Entry& a, const Entry& b) const {
    const int order = compare_internal(a.key, b.key);
    return forward_ ? order < 0 : order > 0;
  }

  void note_error(const Iterator& child) {
    Status status = child.status();
    if (!status.is_ok() && status_.is_ok()) status_ = std::move(status);
  }

  void rebuild(bool forward) {
    forward_ = forward;
    status_ = Status::ok();
    heap_.clear();
    second_ = 0;
    for (const auto& child : children_) {
      if (child->valid()) {
        heap_.push_back({child.get(), child->key()});
      } else {
        note_error(*child);
      }
    }
    for (size_t i = heap_.size() / 2; i-- > 0;) sink(i);
  }

  // Puts the other children on the far side of the current key.
  void turn(bool forward) {
    const std::string current(key());
    Iterator* top = heap_[0].child;
    for (const auto& child : children_) {
      if (child.get() == top) continue;
      if (forward) {
        child->seek(current);
      } else {
        child->seek_for_prev(current);
      }
    }
    rebuild(forward);
  }

  void drop_top() {
    note_error(*heap_[0].child);
    heap_[0] = heap_.back();
    heap_.pop_back();
    second_ = 0;
  }

  // Rows often come from one child many times in a row: one comparison tells, with the child that
  // was second then.
  void sink_top() {
    if (heap_.size() < 2) return;
    if (second_ == 0) second_ = heap_.size() > 2 && before(heap_[2], heap_[1]) ? 2 : 1;
    if (before(heap_[0], heap_[second_])) return;
    second_ = 0;
    sink(0);
  }

  void sink(size_t at) {
    const Entry moving = heap_[at];
    for (;;) {
      size_t child = 2 * at + 1;
      if (child >= heap_.size()) break;
      if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) child++;
      if (!before(heap_[child], moving)) break;
      heap_[at] = heap_[child];
      at = child;
    }
    heap_[at] = moving;
  }

  std::vector<std::unique_ptr<Iterator>> children_;
  std::vector<Entry> heap_;
  size_t second_ = 0;  // place of the smallest key below the top; 0: not known
  bool forward_ = true;
  Status status_;
};

}  // namespace

std::unique_ptr<Iterator> new_level_iterator(const std::vector<TableRef>* tables, bool fill_cache) {
  return std::make_unique<LevelIterator>(tables, fill_cache);
}

std::unique_ptr<Iterator> new_merge_iterator(std::vector<std::unique_ptr<Iterator>> children) {
  return std::make_unique<MergeIterator>(std::move(children));
}

}  // namespace pgz
