// Opens directories that earlier versions of the formats wrote (tests/formats/v*, made by
// make_golden) and checks what they hold; and that a dump of each file says what it said then.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "pgz.h"

namespace {

namespace fs = std::filesystem;

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// As make_golden wrote it.
std::string noise(size_t bytes) {
  uint32_t state = 1;
  std::string value;
  while (value.size() < bytes) {
    state = state * 1664525 + 1013904223;
    value.push_back(static_cast<char>(state >> 24));
  }
  return value;
}

class Golden : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* source = std::getenv("PGZ_FORMATS");
    ASSERT_NE(source, nullptr) << "PGZ_FORMATS names the folder tests/formats";
    original_ = fs::path(source) / GetParam();
    char name[] = "/tmp/pgz-golden-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    dir_ = name;
    fs::copy(original_ / "db", dir_ / "db", fs::copy_options::recursive);
  }
  void TearDown() override {
    if (!dir_.empty()) fs::remove_all(dir_);
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const auto& entry : fs::recursive_directory_iterator(dir_ / "db")) {
      if (entry.is_regular_file() && entry.path().filename() != "LOCK" &&
          entry.path().filename() != "flush-method")
        found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    return found;
  }
  // With the paths below the directory only.
  std::string dump(const fs::path& path, pgz_status want) {
    char* text = nullptr;
    size_t n = 0;
    err_ = {};
    EXPECT_EQ(pgz_dump(path.c_str(), PGZ_DUMP_ENTRIES, &text, &n, &err_), want) << err_.message;
    std::string out(text == nullptr ? "" : text, n);
    pgz_free(text);
    const std::string prefix = (dir_ / "db").string() + "/";
    for (size_t at = 0; (at = out.find(prefix, at)) != std::string::npos;)
      out.erase(at, prefix.size());
    return out;
  }

  fs::path original_;
  fs::path dir_;
  pgz_error err_{};
};

TEST_P(Golden, OpensAndShowsWhatWasWritten) {
  pgz_db* db = nullptr;
  pgz_options options;
  pgz_options_init(&options);
  options.create_if_missing = 0;
  ASSERT_EQ(pgz_open((dir_ / "db").c_str(), &options, &db, &err_), PGZ_OK) << err_.message;
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 20; ++i)
    expected["table/" + std::to_string(100 + i)] = "row " + std::to_string(i);
  expected.erase("table/103");
  expected.erase("table/104");
  expected["table/204"] = "row 4, moved";
  expected["large/1"] = std::string(3000, 'v');
  for (int i = 0; i < 300; ++i)
    expected["spill/" + std::to_string(100 + i)] = std::string(150, 's');
  const std::string name = GetParam();
  if (name == "v1-compressed") expected["value/noise"] = noise(1500);
  if (name == "v1-tags" || name == "v1-compressed") {
    for (int i = 0; i < 30; ++i) {
      expected["again/" + std::to_string(100 + i)] = std::string(1000, i % 2 == 0 ? 'e' : 'd');
    }
  }
  if (name != "v1") {
    for (int i = 0; i < 40; ++i) {
      expected["value/" + std::to_string(100 + i)] =
          std::string(1500, static_cast<char>('a' + i % 26));
    }
    expected["value/placed"] = std::string(5000, 'p');
    expected["value/open"] = std::string(6000, 'o');
  }
  expected[std::string("binary/\0\xff", 9)] = std::string("\0\1\2", 3);
  std::map<std::string, std::string> got;
  pgz_iter* iter = nullptr;
  ASSERT_EQ(pgz_scan(db, nullptr, 0, nullptr, 0, &iter, &err_), PGZ_OK);
  const void* key = nullptr;
  const void* value = nullptr;
  size_t key_len = 0;
  size_t value_len = 0;
  while (pgz_iter_next(iter, &key, &key_len, &value, &value_len, &err_) == PGZ_OK) {
    got[std::string(static_cast<const char*>(key), key_len)] =
        std::string(static_cast<const char*>(value), value_len);
  }
  EXPECT_EQ(pgz_iter_close(iter, &err_), PGZ_OK);
  EXPECT_EQ(got, expected);
  uint64_t next = 0;
  EXPECT_EQ(pgz_counter_get(db, "ids", 3, &next, &err_), PGZ_OK);
  EXPECT_GE(next, 8u);
  EXPECT_EQ(pgz_close(db, &err_), PGZ_OK);
}

// The text of every file of the directory. With PGZ_FORMATS_WRITE set it is written anew instead.
TEST_P(Golden, DumpSaysWhatItSaid) {
  std::string text;
  for (const fs::path& path : files()) text += dump(path, PGZ_OK);
  EXPECT_EQ(text.find("DAMAGED"), std::string::npos);
  if (std::getenv("PGZ_FORMATS_WRITE") != nullptr) {
    std::ofstream(original_ / "dump.txt", std::ios::binary) << text;
  }
  EXPECT_EQ(text, contents(original_ / "dump.txt"));
}

// The newest directory has every manifest tag that today's writer gives, and every kind of file.
TEST(GoldenTags, AreAllThere) {
  const char* source = std::getenv("PGZ_FORMATS");
  ASSERT_NE(source, nullptr);
  const fs::path golden = fs::path(source) / "v1-compressed";
  const std::string text = contents(golden / "dump.txt");
  for (const char* line :
       {"      add level 0 table ", "      remove level 0 table ", "      add segment ",
        "      remove segment ", "      drop ", "      forget drop ", "      counter ",
        "      log flushed to ", "      last timestamp ", "      log durable to ",
        "      next file ", " placed ", "  seal, ", " values are compressed", " unpacked) "}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
  for (const char* part : {"log", "sst", "vlog", "manifest"}) {
    EXPECT_FALSE(fs::is_empty(golden / "db" / part)) << part;
  }
}

// One damaged byte in the middle of what each file holds is named with its place, and the database
// is refused, or, where the damage is to one of two copies, opens whole.
TEST_P(Golden, DumpNamesDamage) {
  for (const fs::path& path : files()) {
    const std::string good = contents(path);
    const size_t used = good.find_last_not_of('\0');
    std::string bad = good;
    const size_t at = std::min(used, path.extension() == ".slot" ? size_t{4200} : size_t{20});
    bad[at] = static_cast<char>(bad[at] ^ 0x40);
    std::ofstream(path, std::ios::binary) << bad;
    if (path.extension() == ".slot" && used < 2 * 4096) {
      // The only block of a log is its end: whether it was ever whole cannot be told.
      EXPECT_NE(dump(path, PGZ_OK).find("no valid log block"), std::string::npos) << path;
    } else if (good.find_first_not_of('\0') == std::string::npos ||
               path.filename().string().starts_with("edits-")) {
      char* ignored = nullptr;
      size_t n = 0;
      (void)pgz_dump(path.c_str(), 0, &ignored, &n, &err_);
      pgz_free(ignored);
    } else {
      const std::string text = dump(path, PGZ_CORRUPTION);
      EXPECT_NE(text.find("DAMAGED at "), std::string::npos) << path;
      EXPECT_NE(std::string(err_.message).find(path.string()), std::string::npos) << err_.message;
    }
    std::ofstream(path, std::ios::binary) << good;
  }
}

TEST(Dump, RefusesWhatIsNoFileOfADatabase) {
  pgz_error err{};
  char* text = nullptr;
  size_t n = 0;
  EXPECT_EQ(pgz_dump("/etc/passwd", 0, &text, &n, &err), PGZ_INVALID_ARG);
  EXPECT_EQ(text, nullptr);
  EXPECT_EQ(pgz_dump("/nowhere/IDENTITY", 0, &text, &n, &err), PGZ_NOT_FOUND);
  EXPECT_EQ(pgz_dump(nullptr, 0, &text, &n, &err), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_dump("x", 8, &text, &n, &err), PGZ_INVALID_ARG);
  EXPECT_EQ(pgz_dump("x", 0, nullptr, &n, &err), PGZ_INVALID_ARG);
}

INSTANTIATE_TEST_SUITE_P(Formats, Golden,
                         testing::Values("v1", "v1-values", "v1-tags", "v1-compressed"));

}  // namespace
