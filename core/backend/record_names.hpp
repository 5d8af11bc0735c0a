#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/key.hpp"
#include "core/ports/backend.hpp"

namespace locum {

/// Names of records: those of objects are the objects' own, where the backend can hold them; bytes that it
/// cannot are written as `%` and two hexadecimal digits, and so are `%` and a leading `@`. A name that
/// becomes too long is `@h` and a hash of 128 bits; the record itself holds the whole one. Everything else
/// that a store keeps has a name that begins with `@`.
class RecordNames {
 public:
  explicit RecordNames(const BackendTraits& traits) noexcept
      : bytes_(traits.name_bytes), longest_(traits.longest_name) {}

  [[nodiscard]] std::string of_name(std::string_view name) const;
  /// Of the beginning of names, as far as it fits.
  [[nodiscard]] std::string of_prefix(std::string_view prefix) const;
  /// Of an object without a name.
  [[nodiscard]] static std::string of_key(const Key& key);
  /// Of the record that leads from the key of a named object to its name, where a backend does not list.
  [[nodiscard]] static std::string of_alias(std::uint64_t name_hash);
  /// The name of an object; none if the record is of something else, or its name does not fit (see
  /// is_hashed()).
  [[nodiscard]] static std::optional<std::string> name_in(std::string_view record);
  /// Whether a record's name is a hash of its object's.
  [[nodiscard]] static bool is_hashed(std::string_view record) noexcept { return record.starts_with("@h"); }

 private:
  [[nodiscard]] bool keeps(char byte, bool is_first) const noexcept;
  [[nodiscard]] std::string escaped(std::string_view name) const;

  NameBytes bytes_;
  std::uint32_t longest_;
};

/// Of the records that are no store's.
inline constexpr std::string_view system_space = "@locum";
/// The record with the identity of all that a backend keeps.
inline constexpr std::string_view identity_record = "@identity";

}  // namespace locum
