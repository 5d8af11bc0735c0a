#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "transport/storage/file_calls.hpp"
#include "transport/storage/hdf5/chunking.hpp"
#include "transport/storage/hdf5/dataset.hpp"
#include "transport/storage/hdf5/identifier.hpp"

namespace locum::storage {

/// Throws Error: `not_found` if there is no such file, `corrupt` if it has another size, `system`.
void require_file(const std::string& path, std::uint64_t bytes);

/// A file of a checkpoint that is open to be read. Nothing in it is trusted: functions throw Error `corrupt`
/// or `system`. Used by one thread. All but hdf5() and read_at() take hdf5_mutex().
class CheckpointFile {
 public:
  /// \param id of the checkpoint that wrote it. Throws Error as require_file() does, too.
  CheckpointFile(const std::string& path, std::uint64_t id, std::uint64_t bytes);
  CheckpointFile(const CheckpointFile&) = delete;
  CheckpointFile& operator=(const CheckpointFile&) = delete;
  CheckpointFile(CheckpointFile&&) noexcept = default;
  CheckpointFile& operator=(CheckpointFile&&) = delete;
  ~CheckpointFile();

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const Identifier& hdf5() const noexcept { return hdf5_; }
  /// REQUIRES: hdf5_mutex() is held.
  [[nodiscard]] Identifier open_dataset(const std::string& dataset) const;
  /// Where the bytes of a dataset are in the file; none: they are in chunks. Throws if it has not so many.
  [[nodiscard]] std::optional<std::uint64_t> find(const std::string& dataset, std::uint64_t bytes) const;
  void read_chunks(const std::string& dataset, std::span<std::byte> bytes) const;
  [[nodiscard]] Chunking chunking(const std::string& dataset) const;
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
    read_exactly(file_, offset, bytes, path_);
  }

 private:
  std::string path_;
  Identifier hdf5_;
  Descriptor file_;
};

}  // namespace locum::storage
