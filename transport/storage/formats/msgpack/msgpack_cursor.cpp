#include "transport/storage/formats/msgpack/msgpack_cursor.hpp"

#include <bit>

namespace locum::storage {

namespace {

using HeadKind = MsgpackHead::Kind;

/// Reads the length of a value that has one, of `size` bytes.
bool msgpack_read_length(MsgpackCursor& cursor, MsgpackHead& head, HeadKind kind, std::size_t size) noexcept {
  head.kind = kind;
  return cursor.read(size, head.size);
}

bool msgpack_read_extension(MsgpackCursor& cursor, MsgpackHead& head) noexcept {
  std::uint64_t type = 0;
  head.kind = HeadKind::extension;
  if (!cursor.read(1, type)) {
    return false;
  }
  head.extension = static_cast<std::int8_t>(static_cast<std::uint8_t>(type));
  return true;
}

bool msgpack_read_number(MsgpackCursor& cursor, MsgpackHead& head, std::uint64_t first) noexcept {
  const std::size_t size = std::size_t{1} << (first & 3U);
  std::uint64_t bits = 0;
  if (!cursor.read(size, bits)) {
    return false;
  }
  if (first >= 0xD0) {
    head.kind = HeadKind::with_sign;
    const std::size_t unused = 64 - 8 * size;
    head.with_sign = static_cast<std::int64_t>(bits << unused) >> unused;
  } else if (first >= 0xCC) {
    head.kind = HeadKind::without_sign;
    head.without_sign = bits;
  } else {
    head.kind = HeadKind::real;
    head.real = size == 4 ? double{std::bit_cast<float>(static_cast<std::uint32_t>(bits))}
                          : std::bit_cast<double>(bits);
  }
  return true;
}

}  // namespace

bool msgpack_read_head(MsgpackCursor& cursor, MsgpackHead& head) noexcept {
  std::uint64_t first = 0;
  head = {};
  if (!cursor.read(1, first)) {
    return false;
  }
  if (first < 0x80) {
    head.kind = HeadKind::without_sign;
    head.without_sign = first;
    return true;
  }
  if (first >= 0xE0) {
    head.kind = HeadKind::with_sign;
    head.with_sign = static_cast<std::int64_t>(first) - 0x100;
    return true;
  }
  if (first < 0xC0) {
    head.kind = first < 0x90 ? HeadKind::map : first < 0xA0 ? HeadKind::list : HeadKind::text;
    head.size = first & (first < 0xA0 ? 0x0FU : 0x1FU);
    return true;
  }
  switch (first) {
    case 0xC0:
      head.kind = HeadKind::nil;
      return true;
    case 0xC1:
      return true;
    case 0xC2:
    case 0xC3:
      head.kind = HeadKind::boolean;
      head.truth = first == 0xC3;
      return true;
    case 0xC4:
    case 0xC5:
    case 0xC6:
      return msgpack_read_length(cursor, head, HeadKind::bytes, std::size_t{1} << (first - 0xC4));
    case 0xC7:
    case 0xC8:
    case 0xC9:
      return msgpack_read_length(cursor, head, HeadKind::extension, std::size_t{1} << (first - 0xC7)) &&
             msgpack_read_extension(cursor, head);
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8:
      head.size = std::uint64_t{1} << (first - 0xD4);
      return msgpack_read_extension(cursor, head);
    case 0xD9:
    case 0xDA:
    case 0xDB:
      return msgpack_read_length(cursor, head, HeadKind::text, std::size_t{1} << (first - 0xD9));
    case 0xDC:
    case 0xDD:
      return msgpack_read_length(cursor, head, HeadKind::list, std::size_t{2} << (first - 0xDC));
    case 0xDE:
    case 0xDF:
      return msgpack_read_length(cursor, head, HeadKind::map, std::size_t{2} << (first - 0xDE));
    default:
      return msgpack_read_number(cursor, head, first);
  }
}

}  // namespace locum::storage
