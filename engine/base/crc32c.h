// CRC-32C (Castagnoli). crc32c(crc32c(seed, a), b) is the checksum of a followed by b, and
// crc32c(0, "123456789", 9) is 0xe3069283.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pgz {

// With the CPU's instruction where there is one.
uint32_t crc32c(uint32_t seed, const void* data, size_t n);

// The table-driven form, the same on every machine; for tests and machines without the instruction.
uint32_t crc32c_portable(uint32_t seed, const void* data, size_t n);

// Whether crc32c() uses instructions.
bool crc32c_is_hardware();

}  // namespace pgz
