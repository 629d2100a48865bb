// Fixed-width (little-endian) and variable-length (7 bits a byte, low first) integers, and byte
// strings with a length in front. Readers take the front off a Slice and return false, leaving
// their outputs undefined, when the bytes do not hold a whole, canonical-width value.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>

#include "engine/base/slice.h"

namespace pgz {

static_assert(std::endian::native == std::endian::little, "byte order: little-endian hosts only");

inline void put_fixed16(char* dst, uint16_t v) { std::memcpy(dst, &v, sizeof v); }
inline void put_fixed32(char* dst, uint32_t v) { std::memcpy(dst, &v, sizeof v); }
inline void put_fixed64(char* dst, uint64_t v) { std::memcpy(dst, &v, sizeof v); }
inline uint16_t get_fixed16(const char* src) {
  uint16_t v;
  std::memcpy(&v, src, sizeof v);
  return v;
}
inline uint32_t get_fixed32(const char* src) {
  uint32_t v;
  std::memcpy(&v, src, sizeof v);
  return v;
}
inline uint64_t get_fixed64(const char* src) {
  uint64_t v;
  std::memcpy(&v, src, sizeof v);
  return v;
}

// Big-endian, so that bytes sort as numbers do.
inline void put_big64(char* dst, uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(dst, &v, sizeof v);
}
inline uint64_t get_big64(const char* src) { return __builtin_bswap64(get_fixed64(src)); }

void put_fixed16(std::string* dst, uint16_t v);
void put_fixed32(std::string* dst, uint32_t v);
void put_fixed64(std::string* dst, uint64_t v);
void put_varint32(std::string* dst, uint32_t v);
void put_varint64(std::string* dst, uint64_t v);
void put_length_prefixed(std::string* dst, Slice bytes);

// Writes to dst (room for kVarint64BytesMax) and returns the byte after the last one.
inline constexpr size_t kVarint32BytesMax = 5;
inline constexpr size_t kVarint64BytesMax = 10;
char* put_varint32(char* dst, uint32_t v);
char* put_varint64(char* dst, uint64_t v);
size_t varint_bytes(uint64_t v);

bool get_fixed16(Slice* in, uint16_t* v);
bool get_fixed32(Slice* in, uint32_t* v);
bool get_fixed64(Slice* in, uint64_t* v);
bool get_varint32(Slice* in, uint32_t* v);
bool get_varint64(Slice* in, uint64_t* v);
// The result points into *in's bytes.
bool get_length_prefixed(Slice* in, Slice* bytes);

}  // namespace pgz
