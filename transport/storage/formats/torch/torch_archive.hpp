#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/format.hpp"
#include "transport/storage/zip/zip_member.hpp"
#include "transport/storage/zip/zip_reader.hpp"

namespace locum::storage {

/// Returns whether a file begins as torch wrote checkpoints before version 1.6.
[[nodiscard]] bool is_early_torch(std::span<const std::byte> first) noexcept;

/// The archive that a checkpoint is: `NAME/data.pkl`, and a member `NAME/data/KEY` for each storage.
class TorchArchive {
 public:
  /// Reads the directory and the pickle. `corrupt` if the file is no checkpoint; `unsupported` names those of
  /// torch before 1.6, and TorchScript. \param file lives longer
  [[nodiscard]] static Result<TorchArchive> open(FileBytes& file);
  TorchArchive(const TorchArchive&) = delete;
  TorchArchive& operator=(const TorchArchive&) = delete;
  TorchArchive(TorchArchive&&) = default;
  TorchArchive& operator=(TorchArchive&&) = default;
  ~TorchArchive() = default;

  [[nodiscard]] std::string_view pickle() const noexcept {
    return {reinterpret_cast<const char*>(pickle_.data()), pickle_.size()};
  }
  /// Returns whether the numbers of storages are big-endian.
  [[nodiscard]] bool is_big_endian() const noexcept { return is_big_endian_; }
  /// Opens a storage. `corrupt` if it is missing.
  [[nodiscard]] Result<std::unique_ptr<ZipMember>> storage(std::string_view key) const;

 private:
  explicit TorchArchive(FileBytes& file) : file_(&file) {}
  Result<void> find_folder();
  Result<void> read_pickle();
  Result<void> read_byte_order();
  /// Returns a member of the folder; a null pointer if there is none.
  [[nodiscard]] const ZipEntry* find(std::string_view name) const;

  FileBytes* file_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, std::size_t> places_;  ///< of the entries, by their names
  std::string folder_;                                        ///< with its '/'
  std::vector<std::byte> pickle_;
  bool is_big_endian_ = false;
};

}  // namespace locum::storage
