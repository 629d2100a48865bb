// The cursor over a table: top index, index partition, data block.
#include <algorithm>
#include <cstring>

#include "engine/sst/table_rep.h"

namespace pgz {

sst::ReadAhead::~ReadAhead() {
  if (cache_ != nullptr) cache_->take_back(bytes_.size());
}

void sst::ReadAhead::make_room() {
  const size_t more = piece_ - bytes_.size();
  if (cache_ != nullptr && !cache_->lend(more)) return;
  size_ = 0;
  bytes_ = AlignedBuffer(piece_);
}

Status sst::ReadAhead::read(uint64_t offset, void* buffer, size_t n) {
  const bool follows = offset >= next_ && offset - next_ <= kGap;
  next_ = offset + n;
  if (offset >= begin_ && n <= size_ && offset - begin_ <= size_ - n) {
    std::memcpy(buffer, bytes_.data() + (offset - begin_), n);
    return Status::ok();
  }
  piece_ = follows ? std::clamp(piece_ * 2, kFirstPiece, last_piece_) : 0;
  if (bytes_.size() < piece_) make_room();
  const uint64_t begin = offset / kIoAlignment * kIoAlignment;
  const uint64_t room = std::min(piece_, bytes_.size());
  const uint64_t ahead = begin < limit_ ? std::min(room, limit_ - begin) : 0;
  if (ahead <= offset - begin + n) return source_->read(offset, buffer, n);
  begin_ = begin;
  size_ = 0;
  PGZ_TRY(source_->read(begin, bytes_.data(), ahead));
  size_ = ahead;
  std::memcpy(buffer, bytes_.data() + (offset - begin), n);
  return Status::ok();
}

class TableIterator final : public Iterator {
 public:
  TableIterator(const TableReader::Rep* table, bool fill_cache)
      : table_(table),
        fill_cache_(fill_cache),
        ahead_(table->source.get(), table->data_limit, table->options.cache) {
    top_.init(table_->top_index->slice(), 0);
  }

  bool valid() const override { return status_.is_ok() && data_.valid(); }

  void seek_to_first() override {
    begin();
    top_.seek_to_first();
    if (enter_partition()) {
      start_partition(true);
      if (enter_block()) start_block(true);
    }
    settle_forward();
  }

  void seek_to_last() override {
    begin();
    top_.seek_to_last();
    if (enter_partition()) {
      start_partition(false);
      if (enter_block()) start_block(false);
    }
    settle_backward();
  }

  void seek(Slice target) override {
    begin();
    seek_index(*table_->top_index, target, &top_);
    if (enter_partition()) {
      seek_index(partition_.block(), target, &index_);
      if (enter_block()) data_.seek(target);
    }
    settle_forward();
  }

  void seek_for_prev(Slice target) override {
    seek(target);
    if (!status_.is_ok()) return;
    if (!data_.valid()) {
      seek_to_last();
    } else if (compare_internal(data_.key(), target) != 0) {
      prev();
    }
  }

  void next() override {
    data_.next();
    settle_forward();
  }

  void prev() override {
    data_.prev();
    settle_backward();
  }

  bool advance(Slice* to) override {
    data_.next();
    if (!data_.valid()) {
      settle_forward();
      if (!valid()) return false;
    }
    *to = data_.key();
    return true;
  }

  Slice key() const override { return data_.key(); }
  Slice value() const override { return data_.value(); }
  Status status() const override { return status_; }

 private:
  void begin() {
    status_ = Status::ok();
    index_.clear();
    data_.clear();
  }

  // By the block's index in memory where it has one: a few lines of it instead of entries all over
  // the block.
  static void seek_index(const BlockContents& block, Slice target, BlockIterator* it) {
    sst::Child child;
    if (block.index_kind == BlockContents::Index::kPrefix &&
        sst::find_child(block, user_key_of(target), load_trailer(target), &child) ==
            sst::BlockFind::kFound) {
      it->seek_to_restart(child.ordinal);
    } else {
      it->seek(target);
    }
  }

  bool fail(Status status) {
    status_ = std::move(status);
    index_.clear();
    data_.clear();
    return false;
  }

  // Brings in what the level above stands on; false at its end.
  bool enter_partition() {
    if (!top_.valid()) {
      index_.clear();
      data_.clear();
      if (!top_.corrupt()) return false;
      return fail(sst::corruption(table_->name, table_->footer.top_index.offset, "bad top index"));
    }
    Status status = table_->load(top_.value(), TableReader::Rep::BlockKind::kIndex, fill_cache_,
                                 &ahead_, &partition_);
    if (!status.is_ok()) return fail(std::move(status));
    index_.init(partition_.slice(), 0);
    return true;
  }

  bool enter_block() {
    if (!index_.valid()) {
      data_.clear();
      return index_.corrupt() ? fail(table_->bad_block(top_.value())) : false;
    }
    Status status = table_->load(index_.value(), TableReader::Rep::BlockKind::kData, fill_cache_,
                                 &ahead_, &block_);
    if (!status.is_ok()) return fail(std::move(status));
    data_.init(block_.slice(), table_->options.global_ts);
    return true;
  }

  // To the end of the block just entered that is met first. Blocks and partitions have entries: an
  // index that leads to others over and over would keep a scan for ever.
  void start_block(bool forward) {
    forward ? data_.seek_to_first() : data_.seek_to_last();
    if (!data_.valid()) fail(table_->bad_block(index_.value()));
  }
  void start_partition(bool forward) {
    forward ? index_.seek_to_first() : index_.seek_to_last();
    if (!index_.valid()) fail(table_->bad_block(top_.value()));
  }

  // Goes on to following blocks until an entry or the end is reached.
  void settle_forward() {
    while (status_.is_ok() && !data_.valid()) {
      if (data_.corrupt()) {
        fail(table_->bad_block(index_.value()));
        return;
      }
      if (!top_.valid()) return;
      if (index_.valid()) index_.next();
      if (!index_.valid() && !index_.corrupt()) {
        top_.next();
        if (!enter_partition()) return;
        start_partition(true);
      }
      if (enter_block()) start_block(true);
    }
  }

  void settle_backward() {
    while (status_.is_ok() && !data_.valid()) {
      if (data_.corrupt()) {
        fail(table_->bad_block(index_.value()));
        return;
      }
      if (!top_.valid()) return;
      if (index_.valid()) index_.prev();
      if (!index_.valid() && !index_.corrupt()) {
        top_.prev();
        if (!enter_partition()) return;
        start_partition(false);
      }
      if (enter_block()) start_block(false);
    }
  }

  const TableReader::Rep* table_;
  const bool fill_cache_;
  sst::ReadAhead ahead_;
  BlockIterator top_;
  sst::PinnedBlock partition_;
  BlockIterator index_;
  sst::PinnedBlock block_;
  BlockIterator data_;
  Status status_;
};

std::unique_ptr<Iterator> TableReader::new_iterator(bool fill_cache) const {
  return std::make_unique<TableIterator>(rep_.get(), fill_cache);
}

}  // namespace pgz
