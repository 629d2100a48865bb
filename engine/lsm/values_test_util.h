// A store on a simulated disk beside a map of what is in it, for tests of separated values. What
// was put is in the memtable only until a flush: it has no log.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"
#include "engine/lsm/lsm.h"

namespace pgz {

class ValuesFixture : public ::testing::Test {
 protected:
  explicit ValuesFixture(uint64_t seed) : rng_(seed), io_(seed) {}

  void SetUp() override {
    ASSERT_TRUE(io_.mkdir("db").is_ok());
    ASSERT_TRUE(io_.sync_dir("").is_ok());
    lsm_ = Lsm::create(runtime(), "db", options()).take();
    ASSERT_TRUE(lsm_->start().is_ok());
  }

  // Values of 100 bytes and more are separated. Nothing runs in the background.
  virtual LsmOptions options() {
    LsmOptions o;
    o.uuid = std::string(16, 'u');
    o.memory_budget_bytes = 8 << 20;
    o.memtable_bytes = 1 << 20;
    o.background = false;
    o.value_inline_max_bytes = 100;
    o.value_segment_bytes = 64 << 10;
    o.wait_durable = [](uint64_t) { return Status::ok(); };
    o.boundaries = [this] {
      std::vector<uint64_t> b(snapshots_.begin(), snapshots_.end());
      b.push_back(now_);
      return b;
    };
    return o;
  }

  Runtime runtime() { return {&io_, system_clock(), &rng_, thread_executor()}; }

  static std::string key_of(uint64_t n) { return "key" + std::to_string(100000 + n); }

  void put_value(const std::string& key, std::string value) {
    MemTableRef ref = lsm_->reserve_active(++now_);
    ASSERT_TRUE(ref.add(Kind::kValue, key, now_, value).is_ok());
    model_[key] = std::move(value);
  }

  void erase(const std::string& key) {
    MemTableRef ref = lsm_->reserve_active(++now_);
    ASSERT_TRUE(ref.add(Kind::kTombstone, key, now_, "").is_ok());
    model_.erase(key);
  }

  Status flush() {
    lsm_->rotate();
    return lsm_->flush_now();
  }

  // All of the map by each way of reading, and all that is counted of values.
  void check() {
    auto it = lsm_->new_iterator(now_, "", "");
    auto expected = model_.begin();
    std::vector<Slice> keys;
    for (it->seek_to_first(); it->valid(); it->next(), ++expected) {
      ASSERT_NE(expected, model_.end());
      ASSERT_EQ(it->key(), Slice(expected->first));
      Slice value;
      const Status read = it->value(&value);
      ASSERT_TRUE(read.is_ok()) << read.to_string();
      ASSERT_EQ(value, Slice(expected->second));
      if (keys.size() % (model_.size() / 64 + 1) == 0) {  // a search each: some are enough
        std::string got;
        ASSERT_TRUE(lsm_->get(it->key(), now_, &got, nullptr, nullptr).is_ok());
        ASSERT_EQ(got, expected->second);
      }
      keys.emplace_back(expected->first);
    }
    ASSERT_TRUE(it->status().is_ok()) << it->status().to_string();
    ASSERT_EQ(expected, model_.end());
    std::vector<GetResult> results;
    lsm_->multi_get(keys, now_, &results);
    for (size_t i = 0; i < keys.size(); i++) {
      ASSERT_TRUE(results[i].status.is_ok()) << results[i].status.to_string();
      ASSERT_EQ(results[i].kind, Kind::kValue);
      ASSERT_EQ(results[i].value, model_.at(std::string(keys[i])));
    }
    const Status verified = lsm_->verify_values();
    ASSERT_TRUE(verified.is_ok()) << verified.to_string();
  }

  // Opens what is on the disk, with the options of now.
  void reopen() {
    LsmRecovered recovered;
    lsm_.reset();
    auto opened = Lsm::open(runtime(), "db", options(), &recovered);
    ASSERT_TRUE(opened.is_ok()) << opened.status().to_string();
    lsm_ = opened.take();
    ASSERT_TRUE(lsm_->start().is_ok());
  }

  // Of values that are separated.
  uint64_t value_bytes() {
    const uint32_t inline_max = options().value_inline_max_bytes;
    uint64_t bytes = 0;
    for (const auto& [key, value] : model_) bytes += value.size() >= inline_max ? value.size() : 0;
    return bytes;
  }

  uint64_t segment_files() { return io_.list("db/vlog").take().size(); }

  SplitMixRng rng_;
  SimIo io_;
  std::set<uint64_t> snapshots_;
  uint64_t now_ = 0;
  std::unique_ptr<Lsm> lsm_;
  std::map<std::string, std::string> model_;
};

}  // namespace pgz
