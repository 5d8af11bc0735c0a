#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/format.hpp"
#include "transport/storage/formats/npy/npy_options.hpp"
#include "transport/storage/formats/npy/npy_type.hpp"

namespace locum::storage {

/// The extents of an array of NumPy, slowest dimension first as its indices are written.
struct NpyShape {
  std::vector<std::uint64_t> extents;
  std::size_t reversed =
      0;  ///< of so many extents, from the first one on, the first is the fastest in memory
};

/// Elements of one type, as they come from a file, that become a value. One thread at a time.
class NpyColumn {
 public:
  NpyColumn() = default;
  NpyColumn(const NpyColumn&) = delete;
  NpyColumn& operator=(const NpyColumn&) = delete;
  virtual ~NpyColumn() = default;

  /// Takes the next elements: `count` ones, which begin `stride` bytes apart. Together as many as the shape
  /// has.
  [[nodiscard]] virtual Result<void> take(const std::byte* first, std::uint64_t stride,
                                          std::uint64_t count) = 0;
  /// Returns the value. Call it once, when all elements were taken.
  [[nodiscard]] virtual Result<Record> finish() = 0;
};

/// Returns the column for elements of a type. `unsupported` names a type that no value is like, and the
/// option that helps; `corrupt` if there are more of what has no byte in the file than the budget. \param
/// budget how many elements without bytes, and empty lists, the file's size justifies; less what is made
[[nodiscard]] Result<std::unique_ptr<NpyColumn>> make_npy_column(const NpyType& type, NpyShape shape,
                                                                 std::uint64_t& budget,
                                                                 const NpyOptions& options,
                                                                 const MakeArray& make);

/// A column of numbers that the file has as an array has them, but for the order of their bytes.
class NpyArrayColumn final : public NpyColumn {
 public:
  [[nodiscard]] static Result<std::unique_ptr<NpyArrayColumn>> make(const NpyType& type,
                                                                    const ElementType& element,
                                                                    const NpyShape& shape,
                                                                    const MakeArray& make);
  NpyArrayColumn(ArrayDraft draft, const NpyType& type, NpyShape shape)
      : draft_(std::move(draft)),
        shape_(std::move(shape)),
        element_bytes_(type.bytes),
        swapped_bytes_(type.is_swapped ? type.part_bytes : 1) {}

  [[nodiscard]] Result<void> take(const std::byte* first, std::uint64_t stride, std::uint64_t count) override;
  [[nodiscard]] Result<Record> finish() override;

  /// Returns the memory of the elements, in the order of the file, for a caller that fills it by itself.
  [[nodiscard]] std::span<std::byte> memory() const noexcept { return draft_.bytes(); }
  /// Returns whether elements are right as the file has them.
  [[nodiscard]] bool is_raw() const noexcept;
  /// Checks the next bytes of memory(), and turns them to the order of this machine.
  [[nodiscard]] Result<void> settle(std::uint64_t bytes);

 private:
  ArrayDraft draft_;
  NpyShape shape_;
  std::uint64_t element_bytes_;
  std::uint32_t swapped_bytes_;  ///< 1: none
  std::uint64_t settled_ = 0;    ///< bytes
};

/// Returns an array over elements that lie in the order of a file. REQUIRES: at most `max_rank` extents,
/// whose bytes are those of the memory.
[[nodiscard]] Array npy_array_over(std::shared_ptr<const void> owner, const std::byte* first,
                                   const ElementType& element, const NpyShape& shape);
/// Checks elements of `bool`, each of which is 0 or 1. `corrupt` names the first one that is not.
/// \param before number of elements in front of these
[[nodiscard]] Result<void> check_npy_bools(std::span<const std::byte> elements, std::uint64_t before);

}  // namespace locum::storage
