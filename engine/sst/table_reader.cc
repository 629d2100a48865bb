#include "engine/sst/block_index.h"
#include "engine/sst/filter.h"
#include "engine/sst/hash.h"
#include "engine/sst/table_rep.h"

namespace pgz {

using sst::BlockHandle;
using sst::corruption;

TableReader::TableReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
TableReader::~TableReader() = default;

TableReader::Rep::~Rep() {
  for (uint32_t i = 0; i < kept_count; i++) {
    const BlockContents* block = kept[i].block.load(std::memory_order_acquire);
    if (block == nullptr) continue;
    options.cache->unkeep(block->memory_bytes);
    options.cache->release(kept[i].handle);
  }
}

Status TableReader::Rep::bad_block(const BlockHandle& handle) const {
  return corruption(name, handle.offset, "entries of a block make no sense");
}

Status TableReader::Rep::bad_block(Slice handle_bytes) const {
  BlockHandle handle;
  handle.decode(&handle_bytes);
  return bad_block(handle);
}

Status TableReader::Rep::load(Slice handle_bytes, BlockKind kind, bool fill_cache,
                              sst::PinnedBlock* block) const {
  BlockHandle handle;
  if (!handle.decode(&handle_bytes)) {
    return corruption(name, footer.top_index.offset, "an index entry names no block");
  }
  return load(handle, kind, fill_cache, block);
}

Status TableReader::Rep::load_partition(const sst::Child& child, sst::PinnedBlock* block,
                                        const BlockContents** partition) const {
  Kept* place = child.ordinal < kept_count ? &kept[child.ordinal] : nullptr;
  if (place != nullptr) {
    *partition = place->block.load(std::memory_order_acquire);
    if (*partition != nullptr) return Status::ok();
  }
  PGZ_TRY(load(child.handle, BlockKind::kIndex, true, block));
  *partition = &block->block();
  if (place == nullptr) return Status::ok();
  const uint64_t bytes = (*partition)->memory_bytes;
  if (!options.cache->keep(bytes)) return Status::ok();
  const BlockContents* none = nullptr;
  if (place->block.compare_exchange_strong(none, *partition, std::memory_order_acq_rel)) {
    place->handle = block->take_handle();
  } else {
    options.cache->unkeep(bytes);
  }
  return Status::ok();
}

Status TableReader::Rep::load(const BlockHandle& handle, BlockKind kind, bool fill_cache,
                              sst::PinnedBlock* block) const {
  if (options.cache != nullptr) {
    const BlockCache::Pin pin = options.cache->lookup(options.table_id, handle.offset);
    if (pin.handle != nullptr) {
      block->set(options.cache, pin);
      return Status::ok();
    }
  }
  PGZ_ASSIGN(OwnedBlock contents,
             sst::read_block(file.get(), name, footer.table_id, data_limit, handle));
  if (options.cache != nullptr && fill_cache) {
    kind == BlockKind::kData ? sst::add_hash_index(&contents) : sst::add_prefix_index(&contents);
    block->set(options.cache,
               options.cache->insert(options.table_id, handle.offset, std::move(contents)));
  } else {
    block->set(std::move(contents));
  }
  return Status::ok();
}

Result<std::unique_ptr<TableReader>> TableReader::open(std::unique_ptr<File> file, std::string name,
                                                       const TableReadOptions& options) {
  auto rep = std::make_unique<Rep>();
  rep->file = std::move(file);
  rep->name = std::move(name);
  rep->options = options;
  File* in = rep->file.get();
  PGZ_ASSIGN(const uint64_t size, in->size());
  if (size < sst::kFooterBytes) {
    return corruption(rep->name, 0, "too short for a table: " + std::to_string(size) + " bytes");
  }
  rep->data_limit = size - sst::kFooterBytes;
  char bytes[sst::kFooterBytes];
  PGZ_TRY(in->read(rep->data_limit, bytes, sizeof(bytes)));
  PGZ_TRY(
      sst::Footer::decode(Slice(bytes, sizeof(bytes)), rep->name, rep->data_limit, &rep->footer));
  if (rep->footer.table_id != options.table_id) {
    return corruption(rep->name, rep->data_limit,
                      "this is table " + std::to_string(rep->footer.table_id) + ", not " +
                          std::to_string(options.table_id));
  }
  const auto read = [&](BlockHandle handle) {
    return sst::read_block(in, rep->name, rep->footer.table_id, rep->data_limit, handle);
  };
  PGZ_ASSIGN(const OwnedBlock properties, read(rep->footer.properties));
  if (!sst::decode_properties(properties->slice(), &rep->properties)) {
    return corruption(rep->name, rep->footer.properties.offset, "bad properties");
  }
  rep->properties.file_bytes = rep->footer.file_bytes;
  if (rep->properties.global_ts != (options.global_ts != 0)) {
    return Status::make(Code::kInvalidArgument,
                        rep->name + (rep->properties.global_ts
                                         ? ": the run needs a commit timestamp"
                                         : ": the table's keys carry timestamps of their own"));
  }
  PGZ_ASSIGN(rep->top_index, read(rep->footer.top_index));
  sst::add_prefix_index(&rep->top_index);
  if (options.cache != nullptr) {
    rep->kept_count = rep->top_index->index_count;
    rep->kept = std::make_unique<Rep::Kept[]>(rep->kept_count);
  }
  if (rep->footer.filter.size != 0) {
    PGZ_ASSIGN(rep->filter, read(rep->footer.filter));
    if (!filter_is_sound(rep->filter->slice())) {
      return corruption(rep->name, rep->footer.filter.offset, "bad filter");
    }
  }
  return std::unique_ptr<TableReader>(new TableReader(std::move(rep)));
}

const TableProperties& TableReader::properties() const { return rep_->properties; }

uint64_t TableReader::memory_bytes() const {
  return sizeof(Rep) + rep_->top_index->memory_bytes +
         (rep_->filter != nullptr ? rep_->filter->memory_bytes : 0);
}

bool TableReader::may_contain(Slice user_key) const {
  return rep_->filter == nullptr || filter_may_contain(rep_->filter->slice(), hash_key(user_key));
}

Status TableReader::get(Slice seek_key, std::string* value, TableGetResult* result) const {
  const Slice user_key = user_key_of(seek_key);
  return get(TableLookup{user_key, load_trailer(seek_key), hash_key(user_key)}, value, result);
}

Status TableReader::get(const TableLookup& lookup, std::string* value,
                        TableGetResult* result) const {
  *result = TableGetResult();
  const Rep& rep = *rep_;
  // The filter's line comes in while the index is searched, which is short and mostly at hand.
  if (rep.filter != nullptr) filter_prefetch(rep.filter->slice(), lookup.key_hash);
  sst::Child child;
  sst::BlockFind found =
      sst::find_child(*rep.top_index, lookup.user_key, lookup.seek_trailer, &child);
  if (found != sst::BlockFind::kFound) {
    return found == sst::BlockFind::kAbsent
               ? Status::ok()
               : corruption(rep.name, rep.footer.top_index.offset, "bad top index");
  }
  if (rep.filter != nullptr && !filter_may_contain(rep.filter->slice(), lookup.key_hash)) {
    return Status::ok();
  }
  sst::PinnedBlock pinned;
  const BlockContents* partition = nullptr;
  PGZ_TRY(rep.load_partition(child, &pinned, &partition));
  sst::Child leaf;
  found = sst::find_child(*partition, lookup.user_key, lookup.seek_trailer, &leaf);
  if (found == sst::BlockFind::kCorrupt) return rep.bad_block(child.handle);
  if (found == sst::BlockFind::kAbsent) return Status::ok();
  sst::PinnedBlock block;
  PGZ_TRY(rep.load(leaf.handle, Rep::BlockKind::kData, true, &block));
  uint64_t trailer = 0;
  Slice bytes;
  found = sst::find_version(block.block(), rep.options.global_ts, lookup.user_key, lookup.key_hash,
                            lookup.seek_trailer, &trailer, &bytes);
  if (found == sst::BlockFind::kCorrupt) return rep.bad_block(leaf.handle);
  if (found == sst::BlockFind::kAbsent) return Status::ok();
  result->found = true;
  result->kind = trailer_kind(trailer);
  result->ts = trailer_ts(trailer);
  if (value != nullptr) value->assign(bytes);
  return Status::ok();
}

Status TableReader::verify() const {
  const Rep& rep = *rep_;
  uint64_t entries = 0;
  std::string last;
  const std::unique_ptr<Iterator> it = new_iterator(false);
  for (it->seek_to_first(); it->valid(); it->next()) {
    if (entries != 0 && compare_internal(it->key(), last) <= 0) {
      return corruption(rep.name, 0, "keys out of order");
    }
    if (!may_contain(user_key_of(it->key()))) {
      return corruption(rep.name, rep.footer.filter.offset, "a key is missing in the filter");
    }
    last.assign(it->key());
    entries++;
  }
  PGZ_TRY(it->status());
  if (entries != rep.properties.entries) {
    return corruption(rep.name, rep.footer.properties.offset,
                      std::to_string(entries) + " entries where the properties say " +
                          std::to_string(rep.properties.entries));
  }
  return Status::ok();
}

}  // namespace pgz
