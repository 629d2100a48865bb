#include "engine/base/coding.h"

namespace pgz {
namespace {

template <class T>
void append_fixed(std::string* dst, T v) {
  char bytes[sizeof v];
  std::memcpy(bytes, &v, sizeof v);
  dst->append(bytes, sizeof v);
}

template <class T>
bool take_fixed(Slice* in, T* v) {
  if (in->size() < sizeof *v) return false;
  std::memcpy(v, in->data(), sizeof *v);
  in->remove_prefix(sizeof *v);
  return true;
}

}  // namespace

void put_fixed16(std::string* dst, uint16_t v) { append_fixed(dst, v); }
void put_fixed32(std::string* dst, uint32_t v) { append_fixed(dst, v); }
void put_fixed64(std::string* dst, uint64_t v) { append_fixed(dst, v); }

char* put_varint64(char* dst, uint64_t v) {
  while (v >= 0x80) {
    *dst++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *dst++ = static_cast<char>(v);
  return dst;
}

char* put_varint32(char* dst, uint32_t v) { return put_varint64(dst, v); }

size_t varint_bytes(uint64_t v) {
  size_t n = 1;
  for (; v >= 0x80; v >>= 7) ++n;
  return n;
}

void put_varint64(std::string* dst, uint64_t v) {
  char bytes[kVarint64BytesMax];
  dst->append(bytes, static_cast<size_t>(put_varint64(bytes, v) - bytes));
}

void put_varint32(std::string* dst, uint32_t v) { put_varint64(dst, v); }

void put_length_prefixed(std::string* dst, Slice bytes) {
  put_varint64(dst, bytes.size());
  dst->append(bytes);
}

bool get_fixed16(Slice* in, uint16_t* v) { return take_fixed(in, v); }
bool get_fixed32(Slice* in, uint32_t* v) { return take_fixed(in, v); }
bool get_fixed64(Slice* in, uint64_t* v) { return take_fixed(in, v); }

bool get_varint64(Slice* in, uint64_t* v) {
  uint64_t out = 0;
  const size_t limit = in->size() < kVarint64BytesMax ? in->size() : kVarint64BytesMax;
  for (size_t i = 0; i < limit; ++i) {
    const uint64_t byte = static_cast<uint8_t>((*in)[i]);
    if (i == 9 && byte > 1) return false;  // bits beyond the 64th
    out |= (byte & 0x7f) << (7 * i);
    if (byte < 0x80) {
      in->remove_prefix(i + 1);
      *v = out;
      return true;
    }
  }
  return false;
}

bool get_varint32(Slice* in, uint32_t* v) {
  Slice rest = *in;
  uint64_t wide = 0;
  if (!get_varint64(&rest, &wide) || wide > UINT32_MAX) return false;
  *in = rest;
  *v = static_cast<uint32_t>(wide);
  return true;
}

bool get_length_prefixed(Slice* in, Slice* bytes) {
  Slice rest = *in;
  uint64_t n = 0;
  if (!get_varint64(&rest, &n) || n > rest.size()) return false;
  *bytes = rest.substr(0, n);
  rest.remove_prefix(n);
  *in = rest;
  return true;
}

}  // namespace pgz
