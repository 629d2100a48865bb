// A database in a fresh directory, used through pgz.h alone, for tests.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "pgz.h"

class Abi : public testing::Test {
 protected:
  void SetUp() override {
    char path[] = "pgz-abi-XXXXXX";
    ASSERT_NE(mkdtemp(path), nullptr);
    dir_ = path;
    open();
  }
  void TearDown() override {
    if (db_ != nullptr) {
      EXPECT_EQ(pgz_close(db_, &err_), PGZ_OK) << err_.message;
    }
    std::filesystem::remove_all(dir_);
  }
  void open() {
    pgz_options options;
    pgz_options_init(&options);
    options.memory_budget_bytes = 8 << 20;
    options.memtable_bytes = 256 << 10;
    options.log_slot_bytes = 1 << 20;
    options.spill_bytes = 64 << 10;
    options.deadlock_timeout_ms = 20;
    options.table_io = opens_++ % 2 == 0 ? PGZ_TABLES_DIRECT : PGZ_TABLES_BUFFERED;
    ASSERT_EQ(pgz_open((dir_ + "/db").c_str(), &options, &db_, &err_), PGZ_OK) << err_.message;
  }
  void reopen() {
    ASSERT_EQ(pgz_close(db_, &err_), PGZ_OK) << err_.message;
    open();
  }
  pgz_status put(const std::string& k, const std::string& v) {
    return pgz_put(db_, k.data(), k.size(), v.data(), v.size(), &err_);
  }
  std::string get(const std::string& k) {
    void* value = nullptr;
    size_t n = 0;
    const pgz_status s = pgz_get(db_, k.data(), k.size(), &value, &n, &err_);
    if (s != PGZ_OK) return "<" + std::to_string(s) + ">";
    std::string out(static_cast<char*>(value), n);
    pgz_free(value);
    return out;
  }
  pgz_txn* begin(uint8_t isolation = PGZ_REPEATABLE_READ) {
    pgz_txn_options o{};
    o.struct_size = sizeof(o);
    o.isolation = isolation;
    pgz_txn* txn = nullptr;
    EXPECT_EQ(pgz_txn_begin(db_, &o, &txn, &err_), PGZ_OK) << err_.message;
    return txn;
  }
  // Reaps one completion; when there is none, waits for the descriptor as an event loop would.
  pgz_completion reap_one() {
    pgz_completion c{};
    size_t n = 0;
    int fd = -1;
    EXPECT_EQ(pgz_event_fd(db_, &fd, &err_), PGZ_OK);
    EXPECT_EQ(pgz_reap(db_, &c, 1, &n, &err_), PGZ_OK);
    while (n == 0) {
      pollfd p{fd, POLLIN, 0};
      EXPECT_EQ(poll(&p, 1, 20000), 1);
      uint64_t count = 0;
      EXPECT_EQ(read(fd, &count, sizeof(count)), 8);
      EXPECT_EQ(pgz_reap(db_, &c, 1, &n, &err_), PGZ_OK);
    }
    return c;
  }

  std::string dir_;
  int opens_ = 0;  // tables are direct and buffered in turn
  pgz_db* db_ = nullptr;
  pgz_error err_{};
};

inline void append_u32(std::string* to, uint32_t v) { to->append(reinterpret_cast<char*>(&v), 4); }

inline void append_write(std::string* batch, uint8_t kind, uint32_t op, const std::string& key,
                         const std::string& value) {
  batch->push_back(static_cast<char>(kind));
  batch->append(3, '\0');
  append_u32(batch, op);
  append_u32(batch, static_cast<uint32_t>(key.size()));
  append_u32(batch, static_cast<uint32_t>(value.size()));
  *batch += key + value;
}

inline std::string lock_entry(uint8_t space, uint8_t mode, uint32_t op, const std::string& name) {
  std::string batch;
  batch.push_back(static_cast<char>(space));
  batch.push_back(static_cast<char>(mode));
  batch.append(2, '\0');
  append_u32(&batch, op);
  append_u32(&batch, static_cast<uint32_t>(name.size()));
  return batch + name;
}
