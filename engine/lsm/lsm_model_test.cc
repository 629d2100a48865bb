// The store against a map of versions: random writes, range drops, ingested runs, flushes, merges
// and reopenings with replay, read at many timestamps after every few steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/io/sim/sim_io.h"
#include "engine/lsm/lsm.h"

namespace pgz {
namespace {

constexpr uint64_t kKeys = 30;

std::string key_of(uint64_t n) { return "k" + std::to_string(n / 10) + std::to_string(n % 10); }

// Forward scans ask for a value at once, backward ones take it first.
std::string value_of(UserIterator* it) {
  Slice value;
  EXPECT_TRUE(it->value(&value).is_ok());
  return std::string(value);
}

std::string taken_value_of(UserIterator* it) {
  std::string value(it->value_bytes(), '\0');
  EXPECT_TRUE(it->take_value(value.data()).is_ok());
  EXPECT_TRUE(it->read_taken().is_ok());
  return value;
}

struct Write {
  std::string key;
  std::optional<std::string> value;  // none: a tombstone
};

// One commit record, as a log would keep it.
struct Commit {
  uint64_t ts = 0;  // also its position
  std::vector<RunFile> runs;
  std::vector<Write> in_runs;
  std::vector<RangeDrop> drops;
  std::vector<Write> writes;
};

// key -> commit timestamp -> value, and what is dropped below.
class Model {
 public:
  void apply(const Commit& c) {
    for (const auto* writes : {&c.in_runs, &c.writes}) {
      for (const Write& w : *writes) versions_[w.key][c.ts] = w.value;
    }
    drops_.insert(drops_.end(), c.drops.begin(), c.drops.end());
  }
  std::optional<std::string> get(const std::string& key, uint64_t ts, uint64_t* version_ts) const {
    *version_ts = newest_drop(drops_, key, ts);
    const auto at = versions_.find(key);
    if (at == versions_.end()) return std::nullopt;
    auto version = at->second.upper_bound(ts);
    if (version == at->second.begin()) return std::nullopt;
    --version;
    if (version->first < *version_ts) return std::nullopt;
    *version_ts = version->first;
    return version->second;
  }

 private:
  std::map<std::string, std::map<uint64_t, std::optional<std::string>>> versions_;
  std::vector<RangeDrop> drops_;
};

class LsmModel {
 public:
  LsmModel(uint64_t seed, uint32_t value_inline_max)
      : shape_(seed), rng_(seed), io_(seed), value_inline_max_(value_inline_max) {
    EXPECT_TRUE(io_.mkdir("db").is_ok());
    lsm_ = Lsm::create(runtime(), "db", options()).take();
    EXPECT_TRUE(lsm_->start().is_ok());
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFatalFailure(); ++i) {
      step();
      if (i % 5 == 0) check();
    }
    check();
    // With nobody looking back, dropped ranges leave nothing behind, not even themselves.
    snapshots_.clear();
    lsm_->rotate();
    ASSERT_TRUE(lsm_->flush_now().is_ok());
    ASSERT_TRUE(lsm_->merge_now().is_ok());
    EXPECT_EQ(lsm_->stats().range_drops, 0u);
    EXPECT_EQ(lsm_->stats().level_files[0], 0u);
    check();
  }

  // What the runs so far have met: a bit per level between the first and the last, and moves.
  uint32_t levels_seen() const { return levels_seen_; }
  uint64_t moves_seen() const { return moves_seen_; }

 private:
  Runtime runtime() { return {&io_, system_clock(), &rng_, thread_executor()}; }

  LsmOptions options() {
    LsmOptions o;
    o.uuid = std::string(16, 'u');
    o.memory_budget_bytes = 1 << 20;
    o.memtable_bytes = 8 << 10;
    o.block_bytes = 512;
    // From one run over everything to four levels of tables with a few keys each.
    o.table_file_bytes = uint64_t{1} << (10 + shape_ % 3);
    o.level_base_bytes = uint64_t{1} << (10 + shape_ % 5);
    o.level_fan_out = 2 + shape_ % 4;
    o.level0_merge_trigger = 1 + shape_ % 4;
    o.background = false;
    o.value_inline_max_bytes = value_inline_max_;
    o.value_segment_bytes = 2 << 10;
    o.wait_durable = [](uint64_t) { return Status::ok(); };
    o.boundaries = [this] {
      std::vector<uint64_t> b = snapshots_;
      b.push_back(now_);
      return b;
    };
    return o;
  }

  void step() {
    switch (rng_.uniform(15)) {
      case 0:
        ASSERT_TRUE((lsm_->rotate(), lsm_->flush_now()).is_ok());
        break;
      case 1:
        ASSERT_TRUE(lsm_->merge_now().is_ok());
        if (rng_.uniform(2) == 0) {
          ASSERT_TRUE(lsm_->collect_now().is_ok());
        }
        break;
      case 2:
        reopen();
        break;
      case 3:
        snapshots_.push_back(now_);
        break;
      case 4:
        if (!snapshots_.empty()) {
          snapshots_.erase(snapshots_.begin() + static_cast<long>(rng_.uniform(snapshots_.size())));
        }
        break;
      case 5:
        count();
        break;
      case 6:
      case 7:
      case 8: {
        bool did_something = false;
        ASSERT_TRUE(lsm_->merge_step(&did_something).is_ok());
        break;
      }
      default:
        commit();
        break;
    }
  }

  Write random_write(const std::string& key) {
    if (rng_.uniform(4) == 0) return {key, std::nullopt};
    return {key, "v" + std::to_string(now_ + 1) + std::string(rng_.uniform(200), 'x')};
  }

  void commit() {
    Commit c;
    c.ts = now_ + 1;
    std::map<std::string, bool> used;
    if (rng_.uniform(4) == 0) {
      const uint64_t a = rng_.uniform(kKeys);
      const uint64_t b = a + 1 + rng_.uniform(10);
      c.drops.push_back({key_of(a), b < kKeys ? key_of(b) : "", c.ts});
    }
    if (rng_.uniform(3) == 0) {
      auto writer = lsm_->new_run().take();
      for (uint64_t n = rng_.uniform(5); n < kKeys; n += 1 + rng_.uniform(12)) {
        c.in_runs.push_back(random_write(key_of(n)));
        const Write& w = c.in_runs.back();
        used[w.key] = true;
        ASSERT_TRUE(
            writer->add(w.key, w.value ? Kind::kValue : Kind::kTombstone, w.value.value_or(""))
                .is_ok());
      }
      auto run = writer->finish();
      ASSERT_TRUE(run.is_ok()) << run.status().to_string();
      check_run(run.value(), c.in_runs);
      c.runs.push_back(run.take());
    }
    for (uint64_t i = rng_.uniform(4); i > 0; --i) {
      const std::string key = key_of(rng_.uniform(kKeys));
      if (!used.emplace(key, true).second) continue;
      c.writes.push_back(random_write(key));
    }
    apply(c);
    now_ = c.ts;
    model_.apply(c);
    log_.push_back(std::move(c));
  }

  void check_run(const RunFile& run, const std::vector<Write>& writes) {
    auto reader = lsm_->open_run(run);
    ASSERT_TRUE(reader.is_ok()) << reader.status().to_string();
    for (const Write& w : writes) {
      std::string value;
      Kind kind = Kind::kValue;
      ASSERT_TRUE(reader.value()->get(w.key, &value, &kind).is_ok());
      EXPECT_EQ(kind, w.value ? Kind::kValue : Kind::kTombstone);
      EXPECT_EQ(value, w.value.value_or(""));
    }
    EXPECT_TRUE(reader.value()->get("nothing", nullptr, nullptr).is(Code::kNotFound));
    std::string encoded;
    run.encode(&encoded);
    Slice in = encoded;
    RunFile back;
    EXPECT_TRUE(RunFile::decode(&in, &back));
    EXPECT_EQ(back, run);
  }

  void apply(const Commit& c) {
    MemTableRef ref;
    if (c.runs.empty()) {
      ref = lsm_->reserve_active(c.ts);
    } else {
      auto ingested = lsm_->ingest(c.runs, c.ts, c.ts);
      ASSERT_TRUE(ingested.is_ok()) << ingested.status().to_string();
      ref = ingested.take();
    }
    for (const RangeDrop& d : c.drops) ASSERT_TRUE(ref.drop_range(d.begin, d.end, d.ts).is_ok());
    for (const Write& w : c.writes) {
      ASSERT_TRUE(
          ref.add(w.value ? Kind::kValue : Kind::kTombstone, w.key, c.ts, w.value.value_or(""))
              .is_ok());
    }
  }

  void count() {
    ++now_;
    counter_ += rng_.uniform(9);
    lsm_->set_counter("c", counter_, now_);
    counted_at_ = now_;
  }

  // The process ends and the log is replayed from where the tables reach.
  void reopen() {
    lsm_.reset();
    io_.crash_kill();
    io_.restart();
    LsmRecovered recovered;
    auto opened = Lsm::open(runtime(), "db", options(), &recovered);
    ASSERT_TRUE(opened.is_ok()) << opened.status().to_string();
    lsm_ = opened.take();
    snapshots_.clear();  // sessions are gone
    if (counter_ > 0 && counted_at_ > recovered.flushed_lsn) {
      lsm_->set_counter("c", counter_, counted_at_);
    }
    EXPECT_LE(recovered.last_ts, now_);
    for (const Commit& c : log_) {
      if (c.ts > recovered.flushed_lsn) apply(c);
    }
    ASSERT_TRUE(lsm_->start().is_ok());
    check_files();
  }

  // Disk and manifest agree, but for the runs that only the log and the queue name.
  void check_files() {
    uint64_t expected = 0;
    for (const Commit& c : log_) {
      if (c.ts > lsm_->flushed_lsn()) expected += c.runs.size();
    }
    const LsmStats stats = lsm_->stats();
    for (int level = 0; level < 8; level++) {
      expected += stats.level_files[level];
      if (level > 1 && level < 6 && stats.level_files[level] > 0) levels_seen_ |= 1u << level;
    }
    auto names = io_.list("db/sst");
    ASSERT_TRUE(names.is_ok());
    EXPECT_EQ(names.value().size(), expected);
    moves_seen_ += stats.moves;
  }

  void check() {
    check_files();
    std::vector<uint64_t> at = snapshots_;
    at.push_back(now_);
    for (uint64_t ts : at) check_at(ts);
    EXPECT_EQ(lsm_->counter("c").value_or(0), counter_);
    EXPECT_LE(lsm_->approximate_bytes("k", "l"), lsm_->approximate_bytes("", ""));
  }

  void check_at(uint64_t ts) {
    std::vector<std::pair<std::string, std::string>> expected;
    for (uint64_t n = 0; n < kKeys; ++n) {
      uint64_t version = 0;
      const auto value = model_.get(key_of(n), ts, &version);
      std::string got;
      uint64_t got_version = 0;
      Kind kind = Kind::kValue;
      const Status s = lsm_->get(key_of(n), ts, &got, &got_version, &kind);
      ASSERT_EQ(s.is_ok(), value.has_value()) << key_of(n) << " at " << ts << ": " << s.to_string();
      if (value) {
        EXPECT_EQ(got, *value);
        EXPECT_EQ(got_version, version);
        expected.emplace_back(key_of(n), *value);
      }
    }
    std::vector<std::pair<std::string, std::string>> forward;
    auto it = lsm_->new_iterator(ts, "", "");
    for (it->seek_to_first(); it->valid(); it->next())
      forward.emplace_back(it->key(), value_of(it.get()));
    ASSERT_TRUE(it->status().is_ok()) << it->status().to_string();
    ASSERT_EQ(forward, expected) << "at " << ts;
    std::vector<std::pair<std::string, std::string>> backward;
    for (it->seek_to_last(); it->valid(); it->prev())
      backward.emplace_back(it->key(), taken_value_of(it.get()));
    std::reverse(backward.begin(), backward.end());
    ASSERT_EQ(backward, expected) << "at " << ts;
  }

  const uint64_t shape_;
  SplitMixRng rng_;
  SimIo io_;
  const uint32_t value_inline_max_;
  std::unique_ptr<Lsm> lsm_;
  uint32_t levels_seen_ = 0;
  uint64_t moves_seen_ = 0;
  Model model_;
  std::vector<Commit> log_;
  std::vector<uint64_t> snapshots_;
  uint64_t now_ = 0;
  uint64_t counter_ = 0;
  uint64_t counted_at_ = 0;
};

TEST(LsmModel, ShowsWhatTheModelShows) {
  uint32_t levels = 0;
  uint64_t moves = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    LsmModel model(seed, seed % 3 == 0 ? 0 : (seed % 3 == 1 ? 1 : 100));
    model.run(250);
    if (HasFailure()) return;
    levels |= model.levels_seen();
    moves += model.moves_seen();
  }
  // The runs are of use only when they reach the middle of the tree.
  EXPECT_EQ(levels & (1u << 4 | 1u << 5), 1u << 4 | 1u << 5);
  EXPECT_GT(moves, 0u);
}

}  // namespace
}  // namespace pgz
