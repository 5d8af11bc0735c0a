#pragma once

#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"

namespace locum::fortran {

/// Reads the values of a stored Record one after another; core/record_archive.hpp has its form. The bytes are
/// not trusted: a call that returns false has found that they are no Record, and the next ones return false,
/// too. Without the C++ library, which programs in Fortran are not linked with.
class StoredRecord {
 public:
  static constexpr unsigned char version = 1;  ///< the first byte
  enum Tag : unsigned char {
    null_tag,
    false_tag,
    true_tag,
    integer_tag,
    large_integer_tag,
    real_tag,
    complex_tag,
    text_tag,
    bytes_tag,
    array_tag,
    list_tag,
    members_tag,
    stand_in_tag,
  };

  StoredRecord(const void* bytes, std::size_t size) noexcept;

  /// Returns whether the next value is a text, an integer that std::int64_t holds, a list, or members.
  [[nodiscard]] bool is_text() const noexcept;
  [[nodiscard]] bool is_integer() const noexcept;
  [[nodiscard]] bool is_list() const noexcept;
  [[nodiscard]] bool is_members() const noexcept;

  /// Takes the next value. REQUIRES: it is one.
  bool take_text(locum_text& text) noexcept;
  bool take_integer(std::int64_t& integer) noexcept;
  /// Takes the beginning of the next value, whose values are then the next ones; each member has a name
  /// before its value. REQUIRES: it is a list, or members.
  bool begin_list(std::uint64_t& count) noexcept;
  bool begin_members(std::uint64_t& count) noexcept { return begin_list(count); }
  /// Takes the name of a member.
  bool take_name(locum_text& name) noexcept;
  /// Passes over the next value, with all that it contains.
  bool skip() noexcept;

 private:
  [[nodiscard]] bool is(Tag tag) const noexcept;
  bool fail() noexcept;
  bool pass(std::uint64_t bytes) noexcept;
  bool take_byte(unsigned char& byte) noexcept;
  bool take_number(std::uint64_t& number) noexcept;
  bool skip_blob() noexcept;
  bool skip_array() noexcept;
  bool skip_head(std::uint64_t& values, bool& has_names) noexcept;

  const unsigned char* bytes_;
  std::size_t size_;
  std::size_t at_ = 0;
};

/// A type of elements by its name, such as "f64". LOCUM_NO_TYPE: another name.
struct NamedType {
  locum_type type;
  std::uint64_t bytes;
};
NamedType type_named(const locum_text& name) noexcept;

/// Returns whether a text is this one.
bool text_is(const locum_text& text, const char* expected) noexcept;

}  // namespace locum::fortran
