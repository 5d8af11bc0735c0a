#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/format.hpp"
#include "transport/storage/formats/h5/h5_driver.hpp"

namespace locum::storage {

/// How numbers are written in a file.
struct H5Sizes {
  std::size_t address_bytes = 8;
  std::size_t length_bytes = 8;
  std::uint64_t base = 0;  ///< what addresses are counted from

  /// REQUIRES: a turn of HDF5. Throws Error `system`.
  [[nodiscard]] static H5Sizes of(const H5File& file);
  /// Returns how many bytes stand for a text of its own length.
  [[nodiscard]] std::size_t text_bytes() const noexcept { return 8 + address_bytes; }
};

/// Returns whether the sizes in the bytes of a global heap lead to its end; true as well for what is no whole
/// heap. Versions of HDF5 before 1.14 follow them wherever they lead: also in a circle, for ever.
[[nodiscard]] bool h5_heap_is_sound(std::span<const std::byte> heap, std::size_t length_bytes) noexcept;

/// Texts of their own lengths in the global heap of a file, read without HDF5: versions before 1.14 believe
/// the numbers of texts in it, whatever these are.
class H5Heap {
 public:
  H5Heap(FileBytes& file, const H5Sizes& sizes);

  /// Returns the texts for which these bytes stand. Throws Error `corrupt`.
  [[nodiscard]] std::vector<std::string> texts(std::span<const std::byte> references);

 private:
  struct Collection {
    std::vector<std::byte> bytes;
    std::map<std::uint64_t, std::pair<std::size_t, std::size_t>> objects;  ///< place and size, by number
  };

  [[nodiscard]] std::string text(std::span<const std::byte> reference);
  [[nodiscard]] const Collection& collection(std::uint64_t address);
  void find_objects(Collection& found, std::uint64_t address) const;

  FileBytes& file_;
  const H5Sizes sizes_;
  std::uint64_t left_to_read_;    ///< bytes of collections
  std::uint64_t left_to_return_;  ///< bytes of texts
  std::map<std::uint64_t, Collection> collections_;
};

}  // namespace locum::storage
