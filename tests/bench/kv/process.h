// What the operating system counts for this process, and what its directory takes on disk.
#pragma once

#include <cstdint>
#include <string>

namespace kvbench {

// Bytes this process caused to be written to the device, less dirty pages that were dropped before
// they got there (a log deleted before write-back). All threads; direct and buffered.
uint64_t device_bytes_written();
// CPU time of all threads, user and system.
double cpu_seconds();
uint64_t resident_bytes();
// Allocated bytes of the files under `dir`, write-ahead logs left out on every side (RocksDB's are
// deleted as they age, pgz's are a fixed set of recycled slots).
uint64_t disk_bytes_without_log(const std::string& dir);
uint64_t now_nanos();

}  // namespace kvbench
