#pragma once

#include <optional>

#include "core/format.hpp"
#include "transport/storage/formats/h5/h5_driver.hpp"
#include "transport/storage/hdf5/dataset.hpp"

namespace locum::storage {

/// A file that HDF5 reads. Ends readings that go round in circles.
class H5Input final : public H5Medium {
 public:
  explicit H5Input(FileBytes& file);

  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return file_.size_bytes(); }
  [[nodiscard]] bool read(H5FD_mem_t kind, std::uint64_t offset, std::span<std::byte> into) noexcept override;
  [[nodiscard]] bool write(H5FD_mem_t /*kind*/, std::uint64_t /*offset*/,
                           std::span<const std::byte> /*bytes*/) noexcept override {
    return false;
  }
  [[nodiscard]] bool extend(std::uint64_t /*size_bytes*/) noexcept override { return true; }

  [[nodiscard]] FileBytes& file() const noexcept { return file_; }
  /// Returns the error of a load that failed by this one: why the file could not be read, if that is known;
  /// `corrupt` for what HDF5 says.
  [[nodiscard]] Error error(const Error& found) const;

 private:
  void learn_lengths(std::span<const std::byte> superblock) noexcept;

  FileBytes& file_;
  std::size_t length_bytes_ = 8;  ///< of a length in the file
  std::uint64_t left_;            ///< bytes of metadata that may still be read
  std::optional<Error> failure_;
};

/// No plugin is loaded while one of these lives: a file that is not trusted names the filters of its
/// datasets, and HDF5 looks for those that it lacks in folders. Lives within a turn of HDF5.
class NoH5Plugins {
 public:
  NoH5Plugins();
  NoH5Plugins(const NoH5Plugins&) = delete;
  NoH5Plugins& operator=(const NoH5Plugins&) = delete;
  ~NoH5Plugins();

 private:
  unsigned before_ = 0;
};

/// A turn to call HDF5 for a file that is not trusted.
class H5Turn {
  const Hdf5Turn turn_;
  const NoH5Plugins no_plugins_;
};

}  // namespace locum::storage
