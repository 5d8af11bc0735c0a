#pragma once

#include "core/format.hpp"
#include "transport/storage/formats/h5/h5_input.hpp"
#include "transport/storage/formats/h5/h5_tree.hpp"

namespace locum::storage {

/// Reads the elements of datasets. Those that lie in the file as they are in memory are read without HDF5,
/// or shown in place where the file is mapped; of others HDF5 reads some megabytes in a turn.
class H5Elements {
 public:
  H5Elements(const H5File& file, const H5Input& input, const MakeArray& make)
      : file_(file), input_(input), make_(make) {}

  /// Returns the value of a dataset. Throws Error: `corrupt`, `out_of_memory`, `system`. Takes turns.
  [[nodiscard]] Record read(const H5Dataset& dataset) const;

 private:
  // `type`: that of the dataset, or of a field of it.
  [[nodiscard]] Record value(const H5Dataset& dataset, const H5Type& type) const;
  [[nodiscard]] Record array(const H5Dataset& dataset, const H5Type& type) const;
  [[nodiscard]] Record texts(const H5Dataset& dataset, const H5Type& type) const;
  /// Reads all elements as they are stored.
  void read_stored(const H5Dataset& dataset, const H5Type& type, std::span<std::byte> into) const;
  /// Reads some rows from one on; returns how many.
  [[nodiscard]] std::uint64_t read_rows(const H5Dataset& dataset, const H5Type& type, std::uint64_t row,
                                        std::span<std::byte> into) const;
  /// Returns the array in the file itself; nothing where it cannot be shown there.
  [[nodiscard]] Array in_place(const H5Dataset& dataset) const;

  const H5File& file_;
  const H5Input& input_;
  const MakeArray& make_;
};

}  // namespace locum::storage
