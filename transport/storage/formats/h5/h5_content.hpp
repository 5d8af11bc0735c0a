#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/record.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// A value as a dataset, or an attribute: its elements, their type and extents. REQUIRES: the value lives as
/// long.
class H5Content {
 public:
  /// Throws Error `type_mismatch` if HDF5 has no such value.
  [[nodiscard]] static H5Content of(const Record& value);

  [[nodiscard]] bool is_texts() const noexcept { return is_texts_; }
  /// Returns whether it has a type, and no elements at all: bytes of which there are none.
  [[nodiscard]] bool is_null() const noexcept { return is_null_; }
  [[nodiscard]] const std::vector<std::uint64_t>& extents() const noexcept { return extents_; }
  [[nodiscard]] const std::vector<const char*>& texts() const noexcept { return texts_; }
  [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
  /// Returns the type in the file, which is that in memory. REQUIRES: a turn of HDF5.
  [[nodiscard]] Identifier type() const;

 private:
  void take(const Array& array);
  void take_text(const Record& text);

  bool is_texts_ = false;
  bool is_null_ = false;
  std::string element_;  ///< empty: opaque bytes, or texts
  std::uint64_t element_bytes_ = 1;
  std::vector<std::uint64_t> extents_;
  std::vector<const char*> texts_;
  std::span<const std::byte> bytes_;
  Array array_;  ///< keeps the bytes
};

}  // namespace locum::storage
