#include <lz4.h>

#include <algorithm>
#include <utility>

#include "engine/base/coding.h"
#include "engine/base/key_compare.h"
#include "engine/base/planted.h"
#include "engine/sst/block.h"
#include "engine/sst/filter.h"
#include "engine/sst/format.h"
#include "engine/sst/piece_writer.h"
#include "engine/sst/table.h"

namespace pgz {

using sst::BlockHandle;

namespace {
// Greater than every trailer of a real version: "after all versions of this user key".
constexpr uint64_t kLastTrailer = ~uint64_t{0};
}  // namespace

struct TableWriter::Rep {
  Rep(File* f, std::string n, const TableOptions& o)
      : file(f),
        out(f),
        name(std::move(n)),
        options(o),
        data(o.restart_interval),
        index(1),
        top(1),
        filter(o.filter_bits_per_key) {}

  Status write_block(Slice bytes, bool compress, BlockHandle* handle);
  Status flush_data();
  Status add_index_entry(Slice next_key);
  Status flush_index();
  Status write_tail(TableProperties* out);
  bool may_follow(Slice user_key, Slice internal_key) const;

  File* file;
  sst::PieceWriter out;
  std::string name;
  TableOptions options;
  BlockBuilder data;
  BlockBuilder index;  // the open partition
  BlockBuilder top;
  FilterBuilder filter;
  std::string segments;
  TableProperties properties;
  std::string last_key;
  std::string separator;  // of the newest index entry
  bool has_pending = false;
  BlockHandle pending;  // a written data block without an index entry yet
  std::string compressed;
  bool used_lz4 = false;
  bool has_compressed_values = false;
  Status status;
};

TableWriter::TableWriter(File* file, std::string name, const TableOptions& options)
    : rep_(std::make_unique<Rep>(file, std::move(name), options)) {}

TableWriter::~TableWriter() = default;

uint64_t TableWriter::entries() const { return rep_->properties.entries; }

uint64_t TableWriter::estimated_bytes() const {
  return rep_->out.size() + (rep_->data.empty() ? 0 : rep_->data.estimated_bytes());
}

Status TableWriter::Rep::write_block(Slice bytes, bool compress, BlockHandle* handle) {
  Compression type = Compression::kNone;
  if (compress && options.compression == Compression::kLz4 && bytes.size() <= LZ4_MAX_INPUT_SIZE) {
    compressed.clear();
    put_varint32(&compressed, static_cast<uint32_t>(bytes.size()));
    const size_t prefix = compressed.size();
    const int bound = LZ4_compressBound(static_cast<int>(bytes.size()));
    compressed.resize(prefix + static_cast<size_t>(bound));
    const int got = LZ4_compress_default(bytes.data(), compressed.data() + prefix,
                                         static_cast<int>(bytes.size()), bound);
    compressed.resize(prefix + static_cast<size_t>(std::max(got, 0)));
    // Less than an eighth saved does not pay for uncompressing on every read.
    if (got > 0 && compressed.size() < bytes.size() - bytes.size() / 8) {
      bytes = compressed;
      type = Compression::kLz4;
      used_lz4 = true;
    }
  }
  handle->offset = out.size();
  handle->size = bytes.size();
  char trailer[sst::kBlockTrailerBytes];
  trailer[0] = static_cast<char>(type);
  put_fixed32(trailer + 1,
              sst::block_crc(options.table_id, handle->offset, bytes, static_cast<uint8_t>(type)));
  PGZ_TRY(out.append(bytes));
  return out.append(Slice(trailer, sizeof(trailer)));
}

Status TableWriter::Rep::flush_data() {
  if (data.empty()) return Status::ok();
  PGZ_TRY(write_block(data.finish(), true, &pending));
  data.reset();
  has_pending = true;
  return Status::ok();
}

// The entry of the pending block: a short key at or above its last and below `next_key` (empty: the
// table ends).
Status TableWriter::Rep::add_index_entry(Slice next_key) {
  if (!has_pending) return Status::ok();
  has_pending = false;
  const Slice last_user = user_key_of(last_key);
  separator.clear();
  if (next_key.empty()) {
    append_internal_key(&separator, last_user, kLastTrailer);
  } else {
    const Slice next_user = user_key_of(next_key);
    if (last_user == next_user) {
      separator = last_key;
    } else {
      // One byte past the common prefix of the next key lies above the last key; it is a separator
      // when it lies below the next one as well.
      size_t shared = 0;
      const size_t limit = std::min(last_user.size(), next_user.size());
      while (shared < limit && last_user[shared] == next_user[shared]) shared++;
      const Slice cut = next_user.substr(0, std::min(shared + 1, next_user.size()));
      const bool shorter = cut.size() < next_user.size() && cut.size() < last_user.size();
      append_internal_key(&separator, shorter ? cut : last_user, kLastTrailer);
    }
  }
  std::string handle;
  pending.encode(&handle);
  index.add(separator, handle);
  return index.estimated_bytes() >= options.block_bytes ? flush_index() : Status::ok();
}

Status TableWriter::Rep::flush_index() {
  if (index.empty()) return Status::ok();
  BlockHandle at;
  PGZ_TRY(write_block(index.finish(), true, &at));
  index.reset();
  std::string handle;
  at.encode(&handle);
  top.add(separator, handle);
  return Status::ok();
}

// Whether a key may come after the last one; with a global timestamp no user key comes twice.
bool TableWriter::Rep::may_follow(Slice user_key, Slice internal_key) const {
  const int order = compare_keys(user_key, user_key_of(last_key));
  if (order != 0 || options.global_ts) return order > 0;
  return load_trailer(internal_key) > load_trailer(last_key);
}

Status TableWriter::add(Slice internal_key, Slice value) {
  Rep& rep = *rep_;
  if (!rep.status.is_ok()) return rep.status;
  if (internal_key.size() < kTrailerBytes ||
      internal_key.size() - kTrailerBytes > kMaxUserKeyBytes || value.size() > kMaxValueBytes) {
    return Status::make(Code::kInvalidArgument, rep.name + ": key or value out of bounds");
  }
  TableProperties& properties = rep.properties;
  const Slice user_key = user_key_of(internal_key);
  if (properties.entries != 0 && !rep.may_follow(user_key, internal_key)) {
    return Status::make(Code::kInvalidArgument, rep.name + ": keys out of order");
  }
  const uint64_t trailer = load_trailer(internal_key);
  const uint64_t ts = trailer_ts(trailer);
  if (rep.options.global_ts && ts != 0) {
    return Status::make(Code::kInvalidArgument, rep.name + ": a timestamp in a run without any");
  }
  if (rep.has_pending) {
    rep.status = rep.add_index_entry(internal_key);
    if (!rep.status.is_ok()) return rep.status;
  }
  if (properties.entries == 0) {
    properties.smallest = internal_key;
    properties.min_ts = properties.max_ts = ts;
  }
  properties.entries++;
  if (is_tombstone(trailer_kind(trailer))) properties.tombstones++;
  properties.data_bytes += internal_key.size() + value.size();
  properties.min_ts = std::min(properties.min_ts, ts);
  properties.max_ts = std::max(properties.max_ts, ts);
  if (rep.options.filter_bits_per_key != 0) rep.filter.add(user_key);
  rep.data.add(internal_key, value);
  rep.last_key.assign(internal_key);
  if (rep.data.estimated_bytes() < rep.options.block_bytes) return Status::ok();
  rep.status = rep.flush_data();
  return rep.status;
}

Status TableWriter::Rep::write_tail(TableProperties* result) {
  PGZ_TRY(flush_data());
  PGZ_TRY(add_index_entry(Slice()));
  PGZ_TRY(flush_index());
  sst::Footer footer;
  if (options.filter_bits_per_key != 0) {
    PGZ_TRY(write_block(filter.finish(), false, &footer.filter));
  }
  PGZ_TRY(write_block(top.finish(), false, &footer.top_index));
  properties.largest = last_key;
  properties.global_ts = options.global_ts;
  properties.compression = options.compression;
  std::string encoded;
  sst::encode_properties(properties, &encoded);
  PGZ_TRY(write_block(encoded, false, &footer.properties));
  if (!segments.empty()) PGZ_TRY(write_block(segments, false, &footer.segments));
  footer.table_id = options.table_id;
  footer.features = (used_lz4 ? sst::kFeatureLz4 : 0) |
                    (segments.empty() ? 0 : sst::kFeatureSegments) |
                    (has_compressed_values ? sst::kFeatureCompressedValues : 0);
  footer.file_bytes = out.size() + sst::kFooterBytes;
  PGZ_TRY(out.append(footer.encode()));
  PGZ_TRY(out.finish());
  if (!PGZ_PLANTED(kSkipTableSync)) PGZ_TRY(file->sync());
  properties.file_bytes = footer.file_bytes;
  *result = properties;
  return Status::ok();
}

void TableWriter::set_segments(std::string bytes, bool has_compressed_values) {
  rep_->segments = std::move(bytes);
  rep_->has_compressed_values = has_compressed_values;
}

Status TableWriter::finish(TableProperties* properties) {
  Rep& rep = *rep_;
  PGZ_TRY(rep.status);
  if (rep.properties.entries == 0) {
    return Status::make(Code::kInvalidArgument, rep.name + ": a table without entries");
  }
  rep.status = rep.write_tail(properties);
  return rep.status;
}

}  // namespace pgz
