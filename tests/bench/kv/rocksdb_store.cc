// RocksDB, and RocksDB with values of 512 bytes and more in blob files ("blob"), set up as its
// tuning guide advises for this use: dynamic levels, Bloom filters, direct I/O with read-ahead for
// compactions, everything in memory charged to one cache.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

#include "tests/bench/kv/store.h"

#ifndef KVBENCH_ROCKSDB_BUILD
#define KVBENCH_ROCKSDB_BUILD "unknown build"
#endif

namespace kvbench {

namespace {

void check(const rocksdb::Status& status, const char* call) {
  if (!status.ok()) fail(std::string(call) + ": " + status.ToString());
}

rocksdb::Slice slice(std::string_view s) { return rocksdb::Slice(s.data(), s.size()); }

rocksdb::Options make_options(const StoreOptions& options) {
  rocksdb::Options o;
  const uint64_t budget = options.memory_budget_bytes;
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(budget);
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 8 * 1024;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.format_version = 5;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  o.create_if_missing = true;
  o.use_direct_reads = options.direct;
  o.use_direct_io_for_flush_and_compaction = options.direct;
  o.compaction_readahead_size = 2 << 20;
  o.max_background_jobs = 2;
  o.write_buffer_size = std::min<uint64_t>(budget / 8, 32 << 20);
  o.max_write_buffer_number = 4;
  o.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(budget / 2, cache);
  o.target_file_size_base = 32 << 20;
  o.max_bytes_for_level_base = 4 * o.write_buffer_size;
  o.level_compaction_dynamic_level_bytes = true;
  o.compression_per_level = {rocksdb::kNoCompression, rocksdb::kNoCompression,
                             rocksdb::kLZ4Compression};
  if (options.variant == "blob") {
    o.enable_blob_files = true;
    o.min_blob_size = 512;
    o.blob_file_size = 32 << 20;
    o.enable_blob_garbage_collection = true;
    o.blob_garbage_collection_age_cutoff = 0.25;
    o.blob_garbage_collection_force_threshold = 0.5;
    o.blob_compaction_readahead_size = 2 << 20;
    o.blob_cache = cache;
  } else if (!options.variant.empty()) {
    fail("unknown variant " + options.variant);
  }
  return o;
}

class RocksStore : public Store {
 public:
  explicit RocksStore(const StoreOptions& options) {
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(make_options(options), options.dir, &db), "DB::Open");
    db_.reset(db);
  }
  ~RocksStore() override { check(db_->Close(), "Close"); }

  void put(std::string_view key, std::string_view value, bool sync) override {
    rocksdb::WriteOptions how;
    how.sync = sync;
    check(db_->Put(how, slice(key), slice(value)), "Put");
  }

  void put_batch(const std::vector<Pair>& pairs, bool sync) override {
    rocksdb::WriteOptions how;
    how.sync = sync;
    rocksdb::WriteBatch batch;
    for (const Pair& pair : pairs) check(batch.Put(slice(pair.first), slice(pair.second)), "Put");
    check(db_->Write(how, &batch), "Write");
  }

  bool get(std::string_view key, std::string* value) override {
    rocksdb::PinnableSlice found;
    const rocksdb::Status status =
        db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), slice(key), &found);
    if (status.IsNotFound()) return false;
    check(status, "Get");
    value->assign(found.data(), found.size());
    return true;
  }

  size_t scan(std::string_view key, size_t rows, uint64_t* bytes) override {
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator(rocksdb::ReadOptions()));
    size_t found = 0;
    for (it->Seek(slice(key)); it->Valid() && found < rows; it->Next(), found++) {
      *bytes += it->key().size() + it->value().size();
    }
    check(it->status(), "scan");
    return found;
  }

  void flush() override { check(db_->Flush(rocksdb::FlushOptions()), "Flush"); }

 private:
  std::unique_ptr<rocksdb::DB> db_;
};

}  // namespace

std::unique_ptr<Store> open_store(const StoreOptions& options) {
  return std::make_unique<RocksStore>(options);
}

std::string describe_store(const StoreOptions& options) {
  return "RocksDB " + rocksdb::GetRocksVersionAsString() + ", " KVBENCH_ROCKSDB_BUILD +
         (options.variant == "blob" ? ", values of 512 bytes and more in blob files" : "");
}

}  // namespace kvbench
