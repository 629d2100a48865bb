// A disk that runs full under a database: writes get a status, reads go on, nothing acknowledged is
// lost, and it heals; on a simulated disk, and on a small real file system where one can be
// mounted.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include "engine/base/clock.h"
#include "engine/base/rng.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/posix.h"
#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kSlotBytes = kMiB;

// Nothing of it can be compressed, so that it fills a disk.
std::string noise(size_t bytes) {
  static SplitMixRng rng(7);
  std::string value(bytes, '\0');
  for (char& byte : value) byte = static_cast<char>(rng.next64());
  return value;
}

// A database, and what was acknowledged.
class Filler {
 public:
  Filler(const Runtime& runtime, std::string dir) : runtime_(runtime), dir_(std::move(dir)) {}

  Status open() {
    DbOptions options;
    options.log_slot_bytes = kSlotBytes;
    options.memory_budget_bytes = 8 * kMiB;
    options.memtable_bytes = kMiB;
    PGZ_ASSIGN(db_, Db::open(runtime_, dir_, options, [] {}));
    return Status::ok();
  }
  Status close() {
    const Status s = db_->close();
    db_.reset();
    return s;
  }
  void drop() { db_.reset(); }

  Status put(const std::string& key, const std::string& value) {
    Status s = write([&](Transaction* txn) { return txn->simple_write(Kind::kValue, key, value); });
    if (s.is_ok()) acknowledged_[key] = value;
    return s;
  }
  // In one transaction, most of it past the log.
  Status load(int values) {
    return write([&](Transaction* txn) {
      for (int i = 0; i < values; ++i) {
        const std::string key = "k" + std::to_string(number_++);
        acknowledged_[key] = noise(8192);
        PGZ_TRY(txn->put(1, key, acknowledged_[key]));
      }
      return Status::ok();
    });
  }
  Status erase(const std::string& key) {
    Status s =
        write([&](Transaction* txn) { return txn->simple_write(Kind::kTombstone, key, ""); });
    if (s.is_ok()) acknowledged_.erase(key);
    return s;
  }
  Status drop_all() {
    Status s = write([](Transaction* txn) { return txn->drop_range(1, "k", "l"); });
    if (s.is_ok()) {
      acknowledged_.erase(acknowledged_.lower_bound("k"), acknowledged_.lower_bound("l"));
    }
    return s;
  }
  // Puts 8 KiB values until one is refused.
  Status fill() {
    for (int i = 0; i < 20'000; ++i) {
      const std::string key = "k" + std::to_string(number_++);
      Status s = put(key, key + noise(8192));
      if (!s.is_ok()) return s;
    }
    return Status::ok();
  }
  void expect_all_there() {
    for (const auto& [key, value] : acknowledged_) {
      ReadResult result;
      db_->read(nullptr, kNewest, kOpAll, key, &result);
      ASSERT_TRUE(result.status.is_ok()) << key << ": " << result.status.to_string();
      ASSERT_EQ(result.value, value);
    }
  }
  // Space has come back: the background notices within a second or so.
  void expect_healed() {
    Status s;
    for (int i = 0; i < 200; ++i) {
      s = put("healed", "yes");
      if (s.is_ok()) return;
      ASSERT_TRUE(s.is(Code::kNoSpace)) << s.to_string();
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    FAIL() << s.to_string();
  }
  size_t count() const { return acknowledged_.size(); }
  Db* db() { return db_.get(); }

 private:
  Status write(const std::function<Status(Transaction*)>& fn) {
    auto txn = db_->begin({});
    PGZ_TRY(fn(txn.get()));
    uint64_t ts = 0;
    return txn->commit(false, 0, &ts);
  }

  const Runtime runtime_;
  const std::string dir_;
  std::unique_ptr<Db> db_;
  std::map<std::string, std::string> acknowledged_;
  int number_ = 0;
};

class DiskFullTest : public testing::Test {
 protected:
  DiskFullTest() : io_(1), rng_(1), filler_(runtime(), "/db") {
    const Status s = filler_.open();
    EXPECT_TRUE(s.is_ok()) << s.to_string();
  }
  Runtime runtime() { return {&io_, system_clock(), &rng_, thread_executor()}; }
  // Some data, the reserve, and a full disk behind it.
  void fill() {
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(filler_.put("k-" + std::to_string(i), noise(8192)).is_ok());
    }
    wait_for_reserve();
    io_.set_capacity(io_.used_bytes() + 10 * kMiB);
    const Status refused = filler_.fill();
    ASSERT_TRUE(refused.is(Code::kNoSpace)) << refused.to_string();
    EXPECT_GT(filler_.count(), 900u) << "the room there was has been used";
  }

  uint64_t reserved() {
    auto file = runtime().io->open("/db/reserve", OpenMode::kRead);
    return file.is_ok() ? file.value()->size().take() : 0;
  }
  // It is made in the background, piece by piece; so much is enough to open on a full disk.
  void wait_for_reserve() {
    for (int i = 0; i < 4000 && reserved() < 2 * kSlotBytes; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_GE(reserved(), 2 * kSlotBytes);
  }

  Status kill_and_open_on_a_full_disk() {
    io_.crash_kill();
    filler_.drop();
    const uint64_t used = io_.used_bytes();
    io_.restart();
    io_.set_capacity(used + 4096);
    return filler_.open();
  }

  SimIo io_;
  SplitMixRng rng_;
  Filler filler_;
};

TEST_F(DiskFullTest, WritesAreRefusedReadsGoOnAndItHeals) {
  fill();
  for (int i = 0; i < 20; ++i) {
    EXPECT_TRUE(filler_.put("x", noise(100'000)).is(Code::kNoSpace));
  }
  filler_.expect_all_there();
  EXPECT_TRUE(filler_.db()->check().is_ok()) << "the instance runs";
  io_.set_capacity(1 << 30);
  filler_.expect_healed();
  filler_.expect_all_there();
  ASSERT_TRUE(filler_.close().is_ok());
  ASSERT_TRUE(filler_.open().is_ok());
  filler_.expect_all_there();
}

// The reserve lets the background move on until deletes find room in the log.
void drop_all_when_let_in(Filler* filler) {
  Status s;
  for (int i = 0; i < 100; ++i) {
    s = filler->erase("k-0");
    if (s.is_ok()) s = filler->drop_all();
    if (s.is_ok()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  ASSERT_TRUE(s.is_ok()) << s.to_string();
}

TEST_F(DiskFullTest, DropsAreLetInAndMakeRoom) {
  fill();
  drop_all_when_let_in(&filler_);
  filler_.expect_healed();
  EXPECT_EQ(filler_.count(), 1u);
  filler_.expect_all_there();
}

// No table goes as a whole: a merge has to find what is left.
TEST_F(DiskFullTest, ADropInsideOfATableMakesRoomToo) {
  ASSERT_TRUE(filler_.put("a", "before").is_ok());
  ASSERT_TRUE(filler_.put("z", "behind").is_ok());
  fill();
  drop_all_when_let_in(&filler_);
  filler_.expect_healed();
  EXPECT_EQ(filler_.count(), 3u);
  filler_.expect_all_there();
}

TEST_F(DiskFullTest, OpensOnAFullDisk) {
  fill();
  for (int life = 0; life < 2; ++life) {
    const Status opened = kill_and_open_on_a_full_disk();
    ASSERT_TRUE(opened.is_ok()) << "life " << life << ": " << opened.to_string();
    filler_.expect_all_there();
  }
  EXPECT_TRUE(filler_.fill().is(Code::kNoSpace));
  io_.set_capacity(1 << 30);
  filler_.expect_healed();
  filler_.expect_all_there();
}

TEST_F(DiskFullTest, OpensOnAFullDiskAfterALoadThatTheLogHasNotSeen) {
  io_.set_capacity(io_.used_bytes() + 256 * kMiB);
  ASSERT_TRUE(filler_.load(1000).is_ok());
  wait_for_reserve();
  const Status opened = kill_and_open_on_a_full_disk();
  ASSERT_TRUE(opened.is_ok()) << opened.to_string();
  filler_.expect_all_there();
}

// Every ENOSPC at a new file, one at a time, is met and forgotten.
TEST_F(DiskFullTest, SingleFailuresPass) {
  for (int round = 0; round < 20; ++round) {
    io_.set_plan({{io_.calls() + static_cast<uint64_t>(round) * 3, SimFault::kNoSpace}});
    for (int i = 0; i < 100; ++i) {
      const Status s = filler_.put("r" + std::to_string(round * 100 + i), noise(8192));
      ASSERT_TRUE(s.is_ok() || s.is(Code::kNoSpace)) << s.to_string();
    }
  }
  io_.clear_plan();
  filler_.expect_healed();
  filler_.expect_all_there();
}

// 48 MiB of memory as a file system.
class SmallFileSystem {
 public:
  SmallFileSystem() {
    dir_ = testing::TempDir() + "pgz-full-XXXXXX";
    if (::mkdtemp(dir_.data()) == nullptr) {
      why_ = std::strerror(errno);
    } else if (::mount("tmpfs", dir_.c_str(), "tmpfs", 0, "size=48m") != 0) {
      why_ = std::strerror(errno);
    } else {
      is_mounted_ = true;
    }
  }
  ~SmallFileSystem() {
    if (is_mounted_) ::umount(dir_.c_str());
    std::filesystem::remove(dir_);
  }
  bool is_mounted() const { return is_mounted_; }
  const std::string& why() const { return why_; }
  const std::string& dir() const { return dir_; }

 private:
  std::string dir_;
  std::string why_;
  bool is_mounted_ = false;
};

TEST(DiskFullOnAFileSystem, FillsAndHeals) {
  SmallFileSystem small;
  if (!small.is_mounted()) GTEST_SKIP() << "cannot mount a small file system: " << small.why();
  const std::string ballast = small.dir() + "/ballast";
  PosixRuntime runtime;
  {
    auto file = runtime.get().io->open(ballast, OpenMode::kCreate).take();
    ASSERT_TRUE(file->allocate(16 * kMiB).is_ok());
  }
  Filler filler(runtime.get(), small.dir() + "/db");
  Status s = filler.open();
  ASSERT_TRUE(s.is_ok()) << s.to_string();
  s = filler.fill();
  ASSERT_TRUE(s.is(Code::kNoSpace)) << s.to_string();
  EXPECT_GT(filler.count(), 1000u);
  filler.expect_all_there();
  ASSERT_TRUE(filler.close().is_ok());
  s = filler.open();
  ASSERT_TRUE(s.is_ok()) << s.to_string();
  filler.expect_all_there();
  std::filesystem::remove(ballast);
  filler.expect_healed();
  s = filler.fill();
  EXPECT_TRUE(s.is(Code::kNoSpace)) << s.to_string();
  filler.expect_all_there();
  ASSERT_TRUE(filler.close().is_ok());
}

}  // namespace
}  // namespace pgz
