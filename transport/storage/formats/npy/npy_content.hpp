#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/formats/npy/npy_part.hpp"

namespace locum::storage {

/// A value in the form of a `.npy` file, before it is written. REQUIRES: the value lives as long.
class NpyContent {
 public:
  /// Describes a value. `type_mismatch` if NumPy has none like it.
  /// \param columns whether members become fields of a structured array, which all have the first extent
  [[nodiscard]] static Result<NpyContent> of(const Record& value, bool columns);

  /// Returns how many bytes write() writes.
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return header_.size() + data_bytes_; }
  [[nodiscard]] Result<void> write(const NpySink& sink) const;

 private:
  static Result<NpyContent> of_columns(const Record& value);
  Result<void> write_rows(const NpySink& sink) const;

  std::string header_;
  std::uint64_t data_bytes_ = 0;
  std::vector<NpyPart> parts_;  ///< one, or the fields
  bool is_structured_ = false;
  std::uint64_t rows_ = 0;       ///< of a structured array
  std::uint64_t row_bytes_ = 0;  ///< of a structured array
};

}  // namespace locum::storage
