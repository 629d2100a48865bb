#include "engine/lsm/open_files.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/io/sim/sim_io.h"

namespace pgz {
namespace {

class OpenFilesTest : public ::testing::Test {
 protected:
  static constexpr int kFiles = 20;

  OpenFilesTest() : io_(1) {
    for (int i = 0; i < kFiles; i++) {
      auto file = io_.open(name(i), OpenMode::kCreate, {}).take();
      const std::string bytes = content(i);
      EXPECT_TRUE(file->write(0, bytes.data(), bytes.size()).is_ok());
    }
  }
  static std::string name(int i) { return "table" + std::to_string(i); }
  static std::string content(int i) { return "the bytes of " + std::to_string(100 + i); }

  static void expect_content(TableSource* source, int i) {
    std::string bytes(content(i).size(), '\0');
    ASSERT_TRUE(source->read(0, bytes.data(), bytes.size()).is_ok());
    EXPECT_EQ(bytes, content(i));
    EXPECT_EQ(source->size().take(), bytes.size());
  }

  SimIo io_;
};

TEST_F(OpenFilesTest, MissingFileIsDamageAndNotAMissingKey) {
  OpenFiles files(&io_, 2);
  auto first = files.open(name(0)).take();
  auto second = files.open(name(1)).take();
  auto third = files.open(name(2)).take();  // takes the place of one of them
  for (int i = 0; i < 3; i++) ASSERT_TRUE(io_.remove(name(i)).is_ok());
  int gone = 0;
  char byte = 0;
  for (TableSource* source : {first.get(), second.get(), third.get()}) {
    const Status s = source->read(0, &byte, 1);
    if (s.is_ok()) continue;
    gone++;
    EXPECT_EQ(s.code(), Code::kCorruption);
    EXPECT_NE(s.message().find("the file is gone"), std::string::npos);
  }
  EXPECT_GT(gone, 0);
}

TEST_F(OpenFilesTest, StaysWithinItsBound) {
  OpenFiles files(&io_, 3);
  std::vector<std::unique_ptr<TableSource>> sources;
  for (int i = 0; i < kFiles; i++) {
    sources.push_back(files.open(name(i)).take());
    EXPECT_LE(files.open_now(), 3u);
  }
  std::mt19937 random(1);
  for (int n = 0; n < 500; n++) {
    const int i = static_cast<int>(random() % kFiles);
    expect_content(sources[static_cast<size_t>(i)].get(), i);
    ASSERT_LE(files.open_now(), 3u);
  }
  sources.clear();
  EXPECT_EQ(files.open_now(), 0u);
}

TEST_F(OpenFilesTest, AMissingFileIsToldAtOnce) {
  OpenFiles files(&io_, 3);
  EXPECT_TRUE(files.open("nothing").code() == Code::kCorruption);
  EXPECT_EQ(files.open_now(), 0u);
}

}  // namespace
}  // namespace pgz
