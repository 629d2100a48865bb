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
  const auto let_go = [this](const Kept& place) {
    const BlockContents* block = place.block.load(std::memory_order_acquire);
    if (block == nullptr) return;
    options.cache->unkeep(block->memory_bytes);
    options.cache->release(place.handle);
  };
  let_go(kept_filter);
  for (uint32_t i = 0; i < kept_count; i++) let_go(kept[i]);
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
                              TableSource* from, sst::PinnedBlock* block) const {
  BlockHandle handle;
  if (!handle.decode(&handle_bytes)) {
    return corruption(name, footer.top_index.offset, "an index entry names no block");
  }
  return load(handle, kind, fill_cache, from, block);
}

Status TableReader::Rep::load_kept(Kept* place, const BlockHandle& handle, BlockKind kind,
                                   sst::PinnedBlock* block, const BlockContents** contents) const {
  if (place != nullptr) {
    *contents = place->block.load(std::memory_order_acquire);
    if (*contents != nullptr) return Status::ok();
  }
  PGZ_TRY(load(handle, kind, true, source.get(), block));
  *contents = &block->block();
  if (place == nullptr || options.cache == nullptr) return Status::ok();
  const uint64_t bytes = (*contents)->memory_bytes;
  if (!options.cache->keep(bytes)) return Status::ok();
  const BlockContents* none = nullptr;
  if (place->block.compare_exchange_strong(none, *contents, std::memory_order_acq_rel)) {
    place->handle = block->take_handle();
  } else {
    options.cache->unkeep(bytes);
  }
  return Status::ok();
}

Status TableReader::Rep::load(const BlockHandle& handle, BlockKind kind, bool fill_cache,
                              TableSource* from, sst::PinnedBlock* block) const {
  if (options.cache != nullptr) {
    const BlockCache::Pin pin = options.cache->lookup(options.table_id, handle.offset);
    if (pin.handle != nullptr) {
      block->set(options.cache, pin);
      return Status::ok();
    }
  }
  PGZ_ASSIGN(OwnedBlock contents, sst::read_block(from, name, footer.table_id, data_limit, handle));
  if (kind == BlockKind::kFilter && !filter_is_sound(contents->slice())) {
    return corruption(name, handle.offset, "bad filter");
  }
  if (options.cache != nullptr && fill_cache) {
    if (kind == BlockKind::kData) sst::add_hash_index(&contents);
    if (kind == BlockKind::kIndex) sst::add_prefix_index(&contents);
    block->set(options.cache,
               options.cache->insert(options.table_id, handle.offset, std::move(contents)));
  } else {
    block->set(std::move(contents));
  }
  return Status::ok();
}

Result<std::unique_ptr<TableReader>> TableReader::open(std::unique_ptr<TableSource> source,
                                                       std::string name,
                                                       const TableReadOptions& options) {
  auto rep = std::make_unique<Rep>();
  rep->source = std::move(source);
  rep->name = std::move(name);
  rep->options = options;
  TableSource* in = rep->source.get();
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
  return std::unique_ptr<TableReader>(new TableReader(std::move(rep)));
}

const TableProperties& TableReader::properties() const { return rep_->properties; }

Status TableReader::read_segments(std::string* bytes) const {
  bytes->clear();
  const Rep& rep = *rep_;
  if (rep.footer.segments.size == 0) return Status::ok();
  PGZ_ASSIGN(const OwnedBlock block,
             sst::read_block(rep.source.get(), rep.name, rep.footer.table_id, rep.data_limit,
                             rep.footer.segments));
  bytes->assign(block->slice());
  return Status::ok();
}

uint64_t TableReader::memory_bytes() const {
  return sizeof(Rep) + rep_->top_index->memory_bytes + rep_->kept_count * sizeof(Rep::Kept);
}

Status TableReader::get(Slice seek_key, std::string* value, TableGetResult* result) const {
  const Slice user_key = user_key_of(seek_key);
  return get(TableLookup{user_key, load_trailer(seek_key), hash_key(user_key)}, value, result);
}

Status TableReader::get(const TableLookup& lookup, std::string* value,
                        TableGetResult* result) const {
  *result = TableGetResult();
  const Rep& rep = *rep_;
  sst::PinnedBlock pinned_filter;
  const BlockContents* filter = nullptr;
  if (rep.footer.filter.size != 0) {
    PGZ_TRY(rep.load_kept(&rep.kept_filter, rep.footer.filter, Rep::BlockKind::kFilter,
                          &pinned_filter, &filter));
    // Its line comes in while the top index is searched, which is short and mostly at hand.
    filter_prefetch(filter->slice(), lookup.key_hash);
  }
  sst::Child child;
  sst::BlockFind found =
      sst::find_child(*rep.top_index, lookup.user_key, lookup.seek_trailer, &child);
  if (found != sst::BlockFind::kFound) {
    return found == sst::BlockFind::kAbsent
               ? Status::ok()
               : corruption(rep.name, rep.footer.top_index.offset, "bad top index");
  }
  if (filter != nullptr && !filter_may_contain(filter->slice(), lookup.key_hash)) {
    return Status::ok();
  }
  sst::PinnedBlock pinned;
  const BlockContents* partition = nullptr;
  Rep::Kept* place = child.ordinal < rep.kept_count ? &rep.kept[child.ordinal] : nullptr;
  PGZ_TRY(rep.load_kept(place, child.handle, Rep::BlockKind::kIndex, &pinned, &partition));
  sst::Child leaf;
  found = sst::find_child(*partition, lookup.user_key, lookup.seek_trailer, &leaf);
  if (found == sst::BlockFind::kCorrupt) return rep.bad_block(child.handle);
  if (found == sst::BlockFind::kAbsent) return Status::ok();
  sst::PinnedBlock block;
  PGZ_TRY(rep.load(leaf.handle, Rep::BlockKind::kData, true, rep.source.get(), &block));
  uint64_t trailer = 0;
  Slice bytes;
  found = sst::find_version(block.block(), rep.options.global_ts, lookup.user_key, lookup.key_hash,
                            lookup.seek_trailer, &trailer, &bytes);
  if (found == sst::BlockFind::kCorrupt) return rep.bad_block(leaf.handle);
  if (found == sst::BlockFind::kAbsent) return Status::ok();
  result->found = true;
  result->kind = trailer_kind(trailer);
  if (!is_kind(result->kind)) {
    return Status::make(Code::kNotSupported,
                        rep.name + " at " + std::to_string(leaf.handle.offset) +
                            ": an entry of kind " + std::to_string(static_cast<int>(result->kind)));
  }
  result->ts = trailer_ts(trailer);
  if (value != nullptr) value->assign(bytes);
  return Status::ok();
}

Status TableReader::verify() const {
  const Rep& rep = *rep_;
  uint64_t entries = 0;
  std::string last;
  sst::PinnedBlock filter;
  const bool filtered = rep.footer.filter.size != 0;
  if (filtered) {
    PGZ_TRY(rep.load(rep.footer.filter, Rep::BlockKind::kFilter, false, rep.source.get(), &filter));
  }
  const std::unique_ptr<Iterator> it = new_iterator(false);
  for (it->seek_to_first(); it->valid(); it->next()) {
    if (entries != 0 && compare_internal(it->key(), last) <= 0) {
      return corruption(rep.name, 0, "keys out of order");
    }
    if (filtered && !filter_may_contain(filter.slice(), hash_key(user_key_of(it->key())))) {
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
