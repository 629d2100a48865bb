#include "engine/txn/own_iterator.h"

#include <algorithm>

namespace pgz {

namespace {

class BufferSource final : public OwnSource {
 public:
  BufferSource(std::shared_ptr<const WriteBuffer> buffer, OpNum read_op, bool reverse)
      : buffer_(std::move(buffer)), read_op_(read_op), reverse_(reverse) {}

  void seek(Slice key) override {
    if (!reverse_) {
      settle_forward(buffer_->seek(key));
      return;
    }
    // At key itself, or else the last before it.
    node_ = buffer_->find(key, read_op_);
    if (node_ == nullptr) settle_backward(buffer_->before(key));
    take();
  }
  void seek_to_start() override {
    if (reverse_) {
      settle_backward(buffer_->last());
    } else {
      settle_forward(buffer_->first());
    }
  }
  void next() override {
    if (reverse_) {
      settle_backward(buffer_->before(node_->key));
      return;
    }
    const WriteBuffer::Node* at = node_;
    while (at != nullptr && at->key == node_->key) at = at->next[0];
    settle_forward(at);
  }
  bool valid() const override { return node_ != nullptr; }
  Slice key() const override { return node_->key; }
  const OwnVersion& version() const override { return version_; }
  Status status() const override { return Status::ok(); }

 private:
  // The first node from `at` on that the read sees; being in order it is its key's newest.
  void settle_forward(const WriteBuffer::Node* at) {
    while (at != nullptr && (at->dead || at->op >= read_op_)) at = at->next[0];
    node_ = at;
    take();
  }
  void settle_backward(const WriteBuffer::Node* at) {
    node_ = nullptr;
    while (at != nullptr && node_ == nullptr) {
      node_ = buffer_->find(at->key, read_op_);
      if (node_ == nullptr) at = buffer_->before(at->key);
    }
    take();
  }
  void take() {
    if (node_ != nullptr) version_ = {node_->op, node_->kind, node_->value};
  }

  const std::shared_ptr<const WriteBuffer> buffer_;
  const OpNum read_op_;
  const bool reverse_;
  const WriteBuffer::Node* node_ = nullptr;
  OwnVersion version_;
};

}  // namespace

std::unique_ptr<OwnSource> make_buffer_source(std::shared_ptr<const WriteBuffer> buffer,
                                              OpNum read_op, bool reverse) {
  auto source = std::make_unique<BufferSource>(std::move(buffer), read_op, reverse);
  source->sequence = ~uint64_t{0};
  return source;
}

OwnIterator::OwnIterator(std::vector<std::unique_ptr<OwnSource>> sources, bool reverse)
    : sources_(std::move(sources)), reverse_(reverse) {}

// Heap order: the element that no other is before comes to the front.
bool OwnIterator::after(const OwnSource* a, const OwnSource* b) const {
  const int order = compare(a->key(), b->key());
  if (order != 0) return reverse_ ? order < 0 : order > 0;
  if (a->version().op != b->version().op) return a->version().op < b->version().op;
  return a->sequence < b->sequence;
}

void OwnIterator::rebuild() {
  heap_.clear();
  for (const auto& source : sources_) {
    if (source->valid()) {
      heap_.push_back(source.get());
    } else if (!source->status().is_ok()) {
      heap_.clear();  // without its writes the others' are not the transaction's
      return;
    }
  }
  std::make_heap(heap_.begin(), heap_.end(),
                 [this](const OwnSource* a, const OwnSource* b) { return after(a, b); });
}

void OwnIterator::seek(Slice key) {
  for (const auto& source : sources_) source->seek(key);
  rebuild();
}

void OwnIterator::seek_to_start() {
  for (const auto& source : sources_) source->seek_to_start();
  rebuild();
}

void OwnIterator::next() {
  if (heap_.size() == 1) {
    heap_.front()->next();
    if (!heap_.front()->valid()) heap_.clear();
    return;
  }
  passing_.assign(key());
  pass(passing_);
}

void OwnIterator::pass(const std::string& key) {
  const auto order = [this](const OwnSource* a, const OwnSource* b) { return after(a, b); };
  while (!heap_.empty() && heap_.front()->key() == Slice(key)) {
    std::pop_heap(heap_.begin(), heap_.end(), order);
    heap_.back()->next();
    if (heap_.back()->valid()) {
      std::push_heap(heap_.begin(), heap_.end(), order);
    } else if (heap_.back()->status().is_ok()) {
      heap_.pop_back();
    } else {
      heap_.clear();
    }
  }
}

Status OwnIterator::status() const {
  for (const auto& source : sources_) {
    if (Status s = source->status(); !s.is_ok()) return s;
  }
  return Status::ok();
}

}  // namespace pgz
