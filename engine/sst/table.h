// Sorted tables: immutable files of internal keys in order (docs/formats.md has the bytes).
//
//   data blocks, index partitions between them | filter | top index | properties | footer
//
// Every block carries a CRC32C, checked on every read from disk. The top index and the properties
// stay in memory while a reader is open; filter, index partitions and data blocks go through the
// BlockCache. Without a cache every one is read anew.
//
// Limits: user keys up to kMaxUserKeyBytes, values up to kMaxValueBytes, one file below 2^48 bytes.
// Errors: kCorruption names file and offset; kNotSupported for a table of a newer format version or
// with a feature this build lacks (encryption); what Io returns is passed on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "engine/base/slice.h"
#include "engine/base/status.h"
#include "engine/io/io.h"
#include "engine/sst/block_cache.h"
#include "engine/sst/internal_key.h"
#include "engine/sst/iterator.h"

namespace pgz {

enum class Compression : uint8_t { kNone = 0, kLz4 = 1 };

struct TableOptions {
  // The file number; goes into every block's CRC, so that a block of another file or another place
  // is never taken for one of this table's.
  uint64_t table_id = 0;
  uint32_t block_bytes = 8 * 1024;  // uncompressed aim of a data block
  uint32_t restart_interval = 16;
  uint32_t filter_bits_per_key = 10;  // 0: no filter
  Compression compression = Compression::kNone;
  // Keys are added with timestamp 0 and get theirs from TableReadOptions::global_ts at opening.
  // Such a table holds each user key at most once.
  bool global_ts = false;
};

struct TableProperties {
  uint64_t entries = 0;
  uint64_t tombstones = 0;
  uint64_t data_bytes = 0;  // uncompressed keys and values
  uint64_t file_bytes = 0;
  uint64_t min_ts = 0;  // over all entries; both 0 with global_ts
  uint64_t max_ts = 0;
  bool global_ts = false;
  Compression compression = Compression::kNone;
  std::string smallest;  // internal keys; with global_ts their timestamps are 0
  std::string largest;
};

// Writes one table. Threads: one at a time. After an error only destruction is allowed.
class TableWriter {
 public:
  // `file` must be new and empty and stays the caller's; `name` is for messages.
  TableWriter(File* file, std::string name, const TableOptions& options);
  ~TableWriter();
  TableWriter(const TableWriter&) = delete;
  TableWriter& operator=(const TableWriter&) = delete;

  // Keys must come in strictly ascending order (kInvalidArgument otherwise).
  Status add(Slice internal_key, Slice value);
  // Bytes that tell which value segments the table's pointers lead into; empty: none. And whether
  // any value there is compressed. Before finish().
  void set_segments(std::string bytes, bool has_compressed_values);
  // Writes what is left and syncs the file. The caller syncs its directory.
  Status finish(TableProperties* properties);

  uint64_t entries() const;
  // File bytes so far, the open block included.
  uint64_t estimated_bytes() const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

// Where the bytes of a table come from. Any thread.
class TableSource {
 public:
  virtual ~TableSource() = default;
  // Exactly n bytes, or kCorruption when they end before.
  virtual Status read(uint64_t offset, void* buffer, size_t n) = 0;
  virtual Result<uint64_t> size() = 0;
  // Whether the system keeps nothing of what was read and reads nothing ahead by itself.
  virtual bool is_direct() const { return false; }
};

// A file that stays open.
class FileSource final : public TableSource {
 public:
  explicit FileSource(std::unique_ptr<File> file) : file_(std::move(file)) {}
  Status read(uint64_t offset, void* buffer, size_t n) override {
    return file_->read(offset, buffer, n);
  }
  Result<uint64_t> size() override { return file_->size(); }
  bool is_direct() const override { return file_->alignment() > 1; }

 private:
  const std::unique_ptr<File> file_;
};

struct TableReadOptions {
  uint64_t table_id = 0;        // must be the writer's; also the key into the block cache
  BlockCache* cache = nullptr;  // null: every block is read anew
  uint64_t global_ts = 0;       // commit timestamp of a table written with global_ts
};

struct TableGetResult {
  bool found = false;
  Kind kind = Kind::kValue;
  uint64_t ts = 0;
};

// A point look-up, prepared once for all the tables it asks.
struct TableLookup {
  Slice user_key;
  uint64_t seek_trailer = 0;  // make_trailer(read_ts, 0xff)
  uint64_t key_hash = 0;      // hash_key(user_key), of hash.h
};

// An open table. Threads: any number. Iterators must not outlive it.
class TableReader {
 public:
  static Result<std::unique_ptr<TableReader>> open(std::unique_ptr<TableSource> source,
                                                   std::string name,
                                                   const TableReadOptions& options);
  ~TableReader();
  TableReader(const TableReader&) = delete;
  TableReader& operator=(const TableReader&) = delete;

  // The newest version of the user key at or below the timestamp of `seek_key` (made with
  // append_seek_key). On a hit `value` (if not null) receives the value.
  Status get(Slice seek_key, std::string* value, TableGetResult* result) const;
  Status get(const TableLookup& lookup, std::string* value, TableGetResult* result) const;
  // With fill_cache false blocks not in the cache are read past it (merges, one-time scans).
  std::unique_ptr<Iterator> new_iterator(bool fill_cache = true) const;
  const TableProperties& properties() const;
  // Bytes held in memory while open, those in the cache left out.
  uint64_t memory_bytes() const;
  // What set_segments() was given, read from the file.
  Status read_segments(std::string* bytes) const;
  // Reads every block and checks CRCs, order and properties.
  Status verify() const;

 private:
  friend class TableIterator;
  struct Rep;
  explicit TableReader(std::unique_ptr<Rep> rep);
  std::unique_ptr<Rep> rep_;
};

}  // namespace pgz
