#pragma once

#include <hdf5.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// What HDF5 reads and writes in place of a file of the operating system. Called by the thread that calls
/// HDF5.
class H5Medium {
 public:
  H5Medium() = default;
  H5Medium(const H5Medium&) = delete;
  H5Medium& operator=(const H5Medium&) = delete;
  virtual ~H5Medium() = default;

  [[nodiscard]] virtual std::uint64_t size_bytes() const noexcept = 0;
  /// Returns false if the bytes cannot be read: the call of HDF5 fails.
  [[nodiscard]] virtual bool read(H5FD_mem_t kind, std::uint64_t offset,
                                  std::span<std::byte> into) noexcept = 0;
  /// Returns false if the bytes cannot be written: the call of HDF5 fails.
  [[nodiscard]] virtual bool write(H5FD_mem_t kind, std::uint64_t offset,
                                   std::span<const std::byte> bytes) noexcept = 0;
  /// Called at the end: the file has so many bytes.
  [[nodiscard]] virtual bool extend(std::uint64_t size_bytes) noexcept = 0;
};

/// A file that HDF5 has open on a medium, by a driver that opens this medium alone: a link, a dataset or an
/// option that leads to another file finds none. Its functions take turns with other callers of HDF5.
class H5File {
 public:
  enum class Mode : std::uint8_t { read, create };

  /// Throws Error `system`, with HDF5's own text. REQUIRES: the medium lives as long as this.
  H5File(H5Medium& medium, Mode mode);
  H5File(const H5File&) = delete;
  H5File& operator=(const H5File&) = delete;
  ~H5File();

  [[nodiscard]] const Identifier& id() const noexcept { return file_; }
  /// Writes what HDF5 has in memory. Throws Error `system`.
  void close();

  struct Link;

 private:
  const std::shared_ptr<Link> link_;  ///< cut at the end, should HDF5 keep the file open
  /// Closed after the file: HDF5 1.10 releases the driver of a file that it closes before it calls it once
  /// more.
  Identifier driver_;
  Identifier file_;
};

}  // namespace locum::storage
