#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/array.hpp"
#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Takes the next bytes of what is saved.
using NpySink = std::function<Result<void>(std::span<const std::byte>)>;

/// Elements of one type that are saved: those of an array, or texts. Keeps what it writes.
class NpyPart {
 public:
  /// Returns the part for an array, a number, a text, or nested lists of these. `type_mismatch` if NumPy has
  /// no such elements, or the lists are not those of an array.
  [[nodiscard]] static Result<NpyPart> of(const Record& value);
  /// Describes an array. `type_mismatch` for elements of a flat class.
  [[nodiscard]] static Result<NpyPart> of(Array array);
  /// Describes texts, which stay where they are. `type_mismatch` for one that is not UTF-8, or ends with a
  /// zero. REQUIRES: as many as the extents have.
  [[nodiscard]] static Result<NpyPart> of(std::vector<const Record*> texts,
                                          std::vector<std::uint64_t> extents);

  [[nodiscard]] const std::string& description() const noexcept { return description_; }
  [[nodiscard]] const std::vector<std::uint64_t>& extents() const noexcept { return extents_; }
  [[nodiscard]] std::uint64_t element_bytes() const noexcept { return element_bytes_; }
  /// Returns whether the elements are written with the first index as the fastest one.
  [[nodiscard]] bool is_fortran() const noexcept { return is_fortran_; }

  /// Writes all elements.
  [[nodiscard]] Result<void> write(const NpySink& sink) const;
  /// Lays the elements side by side, row by row, if they are not. `out_of_memory`.
  [[nodiscard]] Result<void> pack();
  /// Copies elements to places that are `stride` bytes apart. REQUIRES: pack() was called.
  void copy(std::uint64_t first, std::uint64_t count, std::byte* into, std::uint64_t stride) const;

 private:
  std::string description_;  ///< the type, as in a header
  std::vector<std::uint64_t> extents_;
  std::uint64_t element_bytes_ = 0;
  bool is_fortran_ = false;
  Array array_;
  std::vector<const Record*> texts_;
};

/// Returns how an error calls a value of a kind: "a list".
[[nodiscard]] std::string npy_kind_name(Record::Kind kind);
/// Returns the part for nested lists. `type_mismatch` if they are not those of an array.
[[nodiscard]] Result<NpyPart> npy_part_of_lists(const Record& lists);

}  // namespace locum::storage
