// What happens to a database when its files are truncated, changed, swapped, replaced by somebody
// else's or by a newer version's, or missing: it opens and shows everything, or a status names file
// and cause, and a refused open leaves every file as it was and adds none.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "engine/base/crc32c.h"
#include "engine/db/db.h"
#include "engine/db/transaction.h"
#include "engine/io/posix.h"
#include "pgz.h"

namespace {

namespace fs = std::filesystem;
using Contents = std::map<std::string, std::string>;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// Rows in the log only and in tables, small and large.
Contents fill(const std::string& dir, const std::string& mark) {
  Contents expected;
  pgz::PosixRuntime runtime(pgz::IoOptions{});
  pgz::DbOptions options;
  options.memory_budget_bytes = 1 << 20;
  options.log_slot_bytes = 64 << 10;
  options.value_inline_max_bytes = 512;
  auto db = pgz::Db::open(runtime.get(), dir, options, [] {}).take();
  const auto put = [&](const std::string& key, const std::string& value) {
    const std::shared_ptr<pgz::Transaction> t = db->begin({});
    uint64_t timestamp = 0;
    EXPECT_TRUE(t->simple_write(pgz::Kind::kValue, key, value).is_ok());
    EXPECT_TRUE(t->commit(false, 0, &timestamp).is_ok());
    expected[key] = value;
  };
  for (int part = 0; part < 2; ++part) {
    for (int i = 0; i < 30; ++i) {
      const std::string number = std::to_string(part) + "/" + std::to_string(100 + i);
      put("row/" + number, mark + number);
      if (i % 10 == 0) put("large/" + number, std::string(3000 + i, 'v'));
    }
    EXPECT_TRUE(db->flush().is_ok());
  }
  for (int i = 0; i < 20; ++i) put("late/" + std::to_string(100 + i), mark);
  EXPECT_TRUE(db->close().is_ok());
  return expected;
}

pgz_options small_options() {
  pgz_options options;
  pgz_options_init(&options);
  options.memory_budget_bytes = 1 << 20;
  options.log_slot_bytes = 64 << 10;
  return options;
}

class BadInput : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    char name[] = "/tmp/pgz-bad-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    base_ = new fs::path(name);
    expected_ = new Contents(fill(*base_ / "good", "mine "));
    fill(*base_ / "other", "theirs ");
  }
  static void TearDownTestSuite() {
    fs::remove_all(*base_);
    delete base_;
    delete expected_;
  }
  void SetUp() override { renew(); }
  static fs::path good() { return *base_ / "good"; }
  static fs::path db() { return *base_ / "db"; }
  static void renew() {
    fs::remove_all(db());
    fs::copy(good(), db(), fs::copy_options::recursive);
  }

  // Files with data, relative to the directory, of one folder or all.
  static std::vector<std::string> files(const std::string& folder = "") {
    std::vector<std::string> found;
    for (const auto& entry : fs::recursive_directory_iterator(good())) {
      const std::string name = fs::relative(entry.path(), good());
      const bool counts = name != "LOCK" && name != "flush-method" && name != "reserve";
      if (entry.is_regular_file() && counts && name.starts_with(folder)) found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  static Contents all_bytes() {
    Contents bytes;
    for (const auto& entry : fs::recursive_directory_iterator(db())) {
      const std::string name = fs::relative(entry.path(), db());
      bytes[name] = entry.is_regular_file() ? read_file(entry.path()) : "";
    }
    return bytes;
  }

  // Opens and reads all. PGZ_OK: `*got` is everything there is. Else err_ says why, opened_ whether
  // it came after the open.
  pgz_status open_and_read(Contents* got) {
    const pgz_options options = small_options();  // which create what is missing
    pgz_db* handle = nullptr;
    err_ = {};
    opened_ = false;
    pgz_status s = pgz_open(db().c_str(), &options, &handle, &err_);
    if (s != PGZ_OK) return s;
    opened_ = true;
    pgz_iter* iter = nullptr;
    s = pgz_scan(handle, nullptr, 0, nullptr, 0, &iter, &err_);
    while (s == PGZ_OK) {
      const void* key = nullptr;
      const void* value = nullptr;
      size_t key_len = 0;
      size_t value_len = 0;
      s = pgz_iter_next(iter, &key, &key_len, &value, &value_len, &err_);
      if (s != PGZ_OK) break;
      (*got)[std::string(static_cast<const char*>(key), key_len)] =
          std::string(static_cast<const char*>(value), value_len);
    }
    if (iter != nullptr) pgz_iter_close(iter, nullptr);
    pgz_close(handle, nullptr);
    return s == PGZ_NOT_FOUND ? PGZ_OK : s;
  }

  static void expect_unchanged(const Contents& before, const std::string& what) {
    const Contents after = all_bytes();
    for (const auto& [name, bytes] : before) {
      EXPECT_TRUE(after.contains(name)) << what << ": a refused open removed " << name;
      EXPECT_TRUE(!after.contains(name) || after.at(name) == bytes)
          << what << ": a refused open changed " << name;
    }
    for (const auto& [name, bytes] : after) {
      EXPECT_TRUE(before.contains(name)) << what << ": a refused open made " << name;
    }
  }

  // The demand on every damage, told by `what`.
  void expect_reported_or_harmless(const std::string& what) {
    const Contents before = all_bytes();
    Contents got;
    const pgz_status s = open_and_read(&got);
    if (s == PGZ_OK) {
      EXPECT_EQ(got.size(), expected_->size()) << what;
      EXPECT_TRUE(got == *expected_) << what << ": other contents";
      ++harmless_;
      return;
    }
    ++reported_;
    EXPECT_TRUE(s == PGZ_CORRUPTION || s == PGZ_NEWER_FORMAT)
        << what << ": " << pgz_strerror(s) << ": " << err_.message;
    EXPECT_NE(std::string(err_.message).find(db().string() + "/"), std::string::npos)
        << what << ": no file in: " << err_.message;
    if (!opened_) expect_unchanged(before, what);
  }

  static fs::path* base_;
  static Contents* expected_;
  pgz_error err_{};
  bool opened_ = false;
  int reported_ = 0;
  int harmless_ = 0;
};

fs::path* BadInput::base_ = nullptr;
Contents* BadInput::expected_ = nullptr;

TEST_F(BadInput, UndamagedOpens) {
  for (const char* folder : {"log/", "sst/", "manifest/"}) {
    EXPECT_GE(files(folder).size(), 2u) << folder;
  }
  Contents got;
  ASSERT_EQ(open_and_read(&got), PGZ_OK) << err_.message;
  EXPECT_EQ(got, *expected_);
}

TEST_F(BadInput, Truncated) {
  for (const std::string& name : files()) {
    const size_t size = fs::file_size(good() / name);
    for (const size_t keep : {size_t{0}, size_t{1}, size / 2, size - 1}) {
      renew();
      fs::resize_file(db() / name, keep);
      expect_reported_or_harmless(name + " cut at " + std::to_string(keep));
    }
  }
  EXPECT_GT(reported_, 20);
}

TEST_F(BadInput, BitFlipped) {
  for (const std::string& name : files()) {
    const std::string bytes = read_file(good() / name);
    const size_t used = bytes.find_last_not_of('\0') + 1;
    const size_t step = std::max<size_t>(used / 24, 1);
    for (size_t at = 0; at < used; at += step) {
      renew();
      std::string bad = bytes;
      bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
      write_file(db() / name, bad);
      expect_reported_or_harmless(name + ", a bit at " + std::to_string(at));
    }
  }
  EXPECT_GT(reported_, 50);
}

TEST_F(BadInput, Swapped) {
  const std::vector<std::string> names = files();
  for (size_t i = 0; i < names.size(); ++i) {
    for (size_t j = i + 1; j < names.size(); ++j) {
      renew();
      write_file(db() / names[i], read_file(good() / names[j]));
      write_file(db() / names[j], read_file(good() / names[i]));
      expect_reported_or_harmless(names[i] + " and " + names[j] + " swapped");
    }
  }
  EXPECT_GT(reported_, 20);
}

TEST_F(BadInput, Foreign) {
  for (const std::string& name : files()) {
    for (const bool is_database : {true, false}) {
      renew();
      const std::string foreign = is_database ? read_file(*base_ / "other" / name)
                                              : std::string(9000, 'x') + "no database file\n";
      write_file(db() / name, foreign);
      expect_reported_or_harmless(name + (is_database ? " of another database" : " is a text"));
    }
  }
  EXPECT_GT(reported_, 10);
}

TEST_F(BadInput, Missing) {
  for (const std::string& name : files()) {
    renew();
    fs::remove(db() / name);
    expect_reported_or_harmless(name + " missing");
  }
  for (const char* folder : {"log", "sst", "vlog", "manifest"}) {
    renew();
    fs::remove_all(db() / folder);
    expect_reported_or_harmless(std::string(folder) + "/ missing");
  }
  EXPECT_GT(reported_, 5);
}

// With the version raised and the checksum right, as docs/formats.md has them.
TEST_F(BadInput, Newer) {
  const auto crc = [](const std::string& bytes, size_t from, size_t to, uint32_t seed = 0) {
    return pgz::crc32c(seed, bytes.data() + from, to - from);
  };
  const auto put = [](std::string* bytes, size_t at, uint32_t number) {
    std::memcpy(bytes->data() + at, &number, 4);
  };
  const std::string identity = read_file(good() / "IDENTITY");
  const uint32_t uuid_crc = crc(identity, 16, 32);
  const std::map<std::string, std::function<void(std::string*)>> raise = {
      {"IDENTITY",
       [&](std::string* b) {
         put(b, 8, 2);
         put(b, 44, crc(*b, 0, 44));
       }},
      {"log/",
       [&](std::string* b) {
         (*b)[35] = 2;
         put(b, 0, crc(*b, 4, 4096, pgz::crc32c(uuid_crc, b->data() + 8, 8)));
       }},
      {"sst/",
       [&](std::string* b) {
         const size_t footer = b->size() - 120;
         put(b, footer + 100, 2);
         put(b, footer + 104, crc(*b, footer, footer + 104));
       }},
      {"vlog/",
       [&](std::string* b) {
         put(b, 8, 2);
         put(b, 4092, crc(*b, 0, 4092));
       }},
      {"manifest/super",
       [&](std::string* b) {
         for (const size_t at : {size_t{0}, size_t{4096}}) {
           put(b, at + 8, 2);
           put(b, at + 12, crc(*b, at + 16, at + 4096, crc(*b, at, at + 12)));
         }
       }},
  };
  for (const auto& [folder, change] : raise) {
    for (const std::string& name : files(folder)) {
      std::string bytes = read_file(good() / name);
      if (bytes.find_first_not_of('\0') == std::string::npos) continue;  // a spare slot
      change(&bytes);
      renew();
      write_file(db() / name, bytes);
      const Contents before = all_bytes();
      Contents got;
      EXPECT_EQ(open_and_read(&got), PGZ_NEWER_FORMAT) << name << ": " << err_.message;
      EXPECT_NE(std::string(err_.message).find((db() / name).string()), std::string::npos)
          << err_.message;
      EXPECT_NE(std::string(err_.message).find("version 2"), std::string::npos) << err_.message;
      expect_unchanged(before, name);
    }
  }
}

// The name of the file that says which database this is can be lost; its data must not be.
TEST_F(BadInput, WithoutIdentityNothingIsReplaced) {
  fs::remove(db() / "IDENTITY");
  const Contents before = all_bytes();
  Contents got;
  EXPECT_EQ(open_and_read(&got), PGZ_CORRUPTION);
  EXPECT_NE(std::string(err_.message).find("IDENTITY: is missing"), std::string::npos)
      << err_.message;
  expect_unchanged(before, "no IDENTITY");
  for (const char* reserve : {"reserve", "reserve-spent"}) {  // what larger databases have besides
    write_file(db() / reserve, std::string(5000, '\0'));
    EXPECT_EQ(open_and_read(&got), PGZ_CORRUPTION) << err_.message;
    EXPECT_NE(std::string(err_.message).find("IDENTITY: is missing"), std::string::npos)
        << err_.message;
  }
  // With records in the log only, too.
  fs::remove_all(db());
  pgz_db* handle = nullptr;
  ASSERT_EQ(pgz_open(db().c_str(), nullptr, &handle, nullptr), PGZ_OK);
  ASSERT_EQ(pgz_put(handle, "k", 1, "v", 1, nullptr), PGZ_OK);
  ASSERT_EQ(pgz_close(handle, nullptr), PGZ_OK);
  fs::remove(db() / "IDENTITY");
  EXPECT_EQ(open_and_read(&got), PGZ_CORRUPTION) << err_.message;
}

// The log's last slot is lost while nobody has closed the database: the manifest knows of it.
TEST_F(BadInput, LastSlotLostAfterACrash) {
  pgz_db* handle = nullptr;
  const pgz_options options = small_options();
  ASSERT_EQ(pgz_open(db().c_str(), &options, &handle, &err_), PGZ_OK) << err_.message;
  ASSERT_EQ(pgz_put(handle, "acknowledged", 12, "v", 1, &err_), PGZ_OK) << err_.message;
  const fs::path killed = *base_ / "killed";  // as the disk is at this moment
  fs::remove_all(killed);
  fs::copy(db(), killed, fs::copy_options::recursive);
  ASSERT_EQ(pgz_close(handle, &err_), PGZ_OK) << err_.message;
  int holding = 0;
  for (const auto& entry : fs::directory_iterator(killed / "log")) {
    if (read_file(entry.path()).find("acknowledged") == std::string::npos) continue;
    ++holding;
    renew();
    fs::remove_all(db());
    fs::copy(killed, db(), fs::copy_options::recursive);
    fs::remove(db() / "log" / entry.path().filename());
    const Contents before = all_bytes();
    Contents got;
    EXPECT_EQ(open_and_read(&got), PGZ_CORRUPTION) << "a lost slot is not noticed";
    EXPECT_NE(std::string(err_.message).find("the manifest says so"), std::string::npos)
        << err_.message;
    expect_unchanged(before, "last slot lost");
  }
  EXPECT_EQ(holding, 1);
}

TEST_F(BadInput, TwoOpeners) {
  pgz_db* first = nullptr;
  pgz_db* second = nullptr;
  ASSERT_EQ(pgz_open(db().c_str(), nullptr, &first, &err_), PGZ_OK) << err_.message;
  EXPECT_EQ(pgz_open(db().c_str(), nullptr, &second, &err_), PGZ_LOCKED);
  EXPECT_EQ(second, nullptr);
  EXPECT_NE(std::string(err_.message).find((db() / "LOCK").string()), std::string::npos)
      << err_.message;
  EXPECT_EQ(pgz_put(first, "k", 1, "v", 1, nullptr), PGZ_OK);
  EXPECT_EQ(pgz_close(first, nullptr), PGZ_OK);
}

// Root may write anywhere: for as long as this lives the process is somebody else.
class NotRoot {
 public:
  NotRoot() : is_root_(::geteuid() == 0) {
    EXPECT_TRUE(!is_root_ || ::seteuid(kNobody) == 0) << std::strerror(errno);
  }
  ~NotRoot() { EXPECT_TRUE(!is_root_ || ::seteuid(0) == 0) << std::strerror(errno); }

 private:
  static constexpr uid_t kNobody = 65534;
  const bool is_root_;
};

TEST_F(BadInput, ReadOnlyDirectory) {
  fs::permissions(db().parent_path(), fs::perms(0755));
  for (const auto& entry : fs::recursive_directory_iterator(db())) {
    fs::permissions(entry.path(), entry.is_directory() ? fs::perms(0555) : fs::perms(0444));
  }
  fs::permissions(db(), fs::perms(0555));
  const Contents before = all_bytes();
  Contents got;
  {
    const NotRoot not_root;
    EXPECT_EQ(open_and_read(&got), PGZ_IO_ERROR);
  }
  EXPECT_EQ(err_.sys_errno, EACCES);
  EXPECT_NE(std::string(err_.message).find(db().string()), std::string::npos) << err_.message;
  fs::permissions(db(), fs::perms(0755));
  for (const auto& entry : fs::recursive_directory_iterator(db())) {
    fs::permissions(entry.path(), fs::perms(0755));
  }
  EXPECT_TRUE(all_bytes() == before);
}

TEST_F(BadInput, WhatIsNoDatabaseIsLeftAlone) {
  fs::remove_all(db());
  fs::create_directory(db());
  write_file(db() / "letter.txt", "dear");
  Contents got;
  EXPECT_EQ(open_and_read(&got), PGZ_INVALID_ARG);
  EXPECT_NE(std::string(err_.message).find(db().string()), std::string::npos) << err_.message;
  EXPECT_EQ(read_file(db() / "letter.txt"), "dear");
  EXPECT_EQ(all_bytes().size(), 1u) << "something was added to somebody's directory";
  fs::remove_all(db());
  write_file(db(), "a file");
  EXPECT_NE(open_and_read(&got), PGZ_OK);
  EXPECT_NE(std::string(err_.message).find(db().string()), std::string::npos) << err_.message;
  EXPECT_EQ(read_file(db()), "a file");
}

// Numbers that make no sense are refused by name, before anything is created.
TEST_F(BadInput, OptionsOutOfRange) {
  const std::vector<std::pair<const char*, std::function<void(pgz_options*)>>> wrong = {
      {"io_backend", [](pgz_options* o) { o->io_backend = 9; }},
      {"durable_writes", [](pgz_options* o) { o->durable_writes = 9; }},
      {"table_io", [](pgz_options* o) { o->table_io = 9; }},
      {"struct_size", [](pgz_options* o) { o->struct_size = 3; }},
      {"memory_budget_bytes is 100, not 0 or 1048576 to ",
       [](pgz_options* o) { o->memory_budget_bytes = 100; }},
      {"memtable_bytes", [](pgz_options* o) { o->memtable_bytes = 1; }},
      {"memtable_bytes", [](pgz_options* o) { o->memtable_bytes = uint64_t{1} << 60; }},
      {"log_slot_bytes", [](pgz_options* o) { o->log_slot_bytes = 5000; }},
      {"log_slot_bytes", [](pgz_options* o) { o->log_slot_bytes = uint64_t{1} << 60; }},
  };
  for (const auto& [name, change] : wrong) {
    fs::remove_all(db());
    pgz_options options = small_options();
    change(&options);
    pgz_db* handle = nullptr;
    err_ = {};
    EXPECT_EQ(pgz_open(db().c_str(), &options, &handle, &err_), PGZ_INVALID_ARG)
        << name << ": " << err_.message;
    EXPECT_NE(std::string(err_.message).find(name), std::string::npos) << err_.message;
    EXPECT_FALSE(fs::exists(db())) << name << ": something was created";
    if (handle != nullptr) pgz_close(handle, nullptr);
  }
}

}  // namespace
