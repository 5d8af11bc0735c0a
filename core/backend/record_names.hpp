#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ports/backend.hpp"
#include "core/value/key.hpp"

namespace locum {

/// A name that the library makes of numbers: `@`, a letter, and hexadecimal digits.
class NumberedName {
 public:
  NumberedName() = default;  ///< empty
  explicit NumberedName(char kind) noexcept : text_{'@', kind}, size_(2) {}
  /// Appends so many digits.
  void append(std::uint64_t number, unsigned count) noexcept;
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  operator std::string_view() const noexcept { return {text_.data(), size_}; }

 private:
  std::array<char, 2 + 2 * 16> text_{};
  std::size_t size_ = 0;
};

/// Names of records: those of objects are the objects' own, where the backend can hold them; bytes that it
/// cannot are written as `%` and two hexadecimal digits, and so are `%` and a leading `@`. A name that
/// becomes too long is `@h` and a hash of 128 bits; the record itself holds the whole one. Everything else
/// that a store keeps has a name that begins with `@`.
class RecordNames {
 public:
  explicit RecordNames(const BackendTraits& traits) noexcept
      : bytes_(traits.name_bytes), longest_(traits.longest_name) {}

  /// Of an object with a name. Refers to the object's own if the record has the same, else to `room`, where
  /// it is made.
  [[nodiscard]] std::string_view of_name(std::string_view name, std::string& room) const;
  [[nodiscard]] std::string of_name(std::string_view name) const {
    std::string room;
    return std::string(of_name(name, room));
  }
  /// Of the beginning of names, as far as it fits.
  [[nodiscard]] std::string of_prefix(std::string_view prefix) const;
  /// Of an object without a name.
  [[nodiscard]] static NumberedName of_key(const Key& key) noexcept;
  /// Of the record that leads from the key of a named object to its name, where a backend does not list.
  [[nodiscard]] static NumberedName of_alias(std::uint64_t name_hash) noexcept;
  /// The name of an object; none if the record is of something else, or its name does not fit (see
  /// is_hashed()).
  [[nodiscard]] static std::optional<std::string> name_in(std::string_view record);
  /// Whether a record's name is a hash of its object's.
  [[nodiscard]] static bool is_hashed(std::string_view record) noexcept { return record.starts_with("@h"); }

 private:
  [[nodiscard]] bool keeps(char byte, bool is_first) const noexcept;
  /// How many bytes at the beginning stay as they are.
  [[nodiscard]] std::size_t plain_bytes(std::string_view name) const noexcept;
  [[nodiscard]] std::string escaped(std::string_view name) const;

  NameBytes bytes_;
  std::uint32_t longest_;
};

/// Of the records that are no store's.
inline constexpr std::string_view system_space = "@locum";
/// The record with the identity of all that a backend keeps.
inline constexpr std::string_view identity_record = "@identity";

}  // namespace locum
