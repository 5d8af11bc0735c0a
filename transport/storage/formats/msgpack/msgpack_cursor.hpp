#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace locum::storage {

/// Reads the parts of MessagePack one by one, from bytes that are not trusted. A function that returns false
/// has not moved it: the bytes end before that part.
class MsgpackCursor {
 public:
  explicit MsgpackCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }
  /// Reads an integer of `size` bytes, the most significant one first. REQUIRES: size <= 8.
  [[nodiscard]] bool read(std::size_t size, std::uint64_t& number) noexcept {
    if (left() < size) {
      return false;
    }
    number = 0;
    for (const std::byte byte : bytes_.subspan(at_, size)) {
      number = number << 8U | static_cast<std::uint64_t>(byte);
    }
    at_ += size;
    return true;
  }
  /// Reads bytes, in place.
  [[nodiscard]] bool read(std::uint64_t size, std::span<const std::byte>& bytes) noexcept {
    if (left() < size) {
      return false;
    }
    bytes = bytes_.subspan(at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
    return true;
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
};

/// What the first bytes of a value tell.
struct MsgpackHead {
  enum class Kind : std::uint8_t {
    unknown,  ///< no value begins with that byte
    nil,
    boolean,
    with_sign,
    without_sign,
    real,
    text,
    bytes,
    list,
    map,
    extension,
  };
  Kind kind = Kind::unknown;
  bool truth = false;
  std::int64_t with_sign = 0;
  std::uint64_t without_sign = 0;
  double real = 0;
  std::uint64_t size = 0;     ///< of a text, of bytes or of an extension in bytes; the number of values
  std::int8_t extension = 0;  ///< its type
};

/// Reads the head of a value, with all of a number. Returns false if the bytes end before.
[[nodiscard]] bool msgpack_read_head(MsgpackCursor& cursor, MsgpackHead& head) noexcept;

}  // namespace locum::storage
