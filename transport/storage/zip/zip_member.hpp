#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/format.hpp"
#include "transport/storage/zip/zip_inflater.hpp"
#include "transport/storage/zip/zip_reader.hpp"

namespace locum::storage {

/// Returns where the bytes of a member begin in the file of the archive. `unsupported` names encryption, and
/// methods of compression other than deflate; `corrupt` if its local header contradicts the directory.
[[nodiscard]] Result<std::uint64_t> zip_bytes_at(FileBytes& file, const ZipEntry& entry);

/// The bytes of a member of an archive, as a file. Those of a deflated member are inflated as they are read:
/// who goes back begins anew. One thread at a time.
class ZipMember final : public FileBytes {
 public:
  /// Opens a member. The errors of zip_bytes_at(). \param file lives longer
  [[nodiscard]] static Result<std::unique_ptr<ZipMember>> open(FileBytes& file, const ZipEntry& entry);

  ZipMember(FileBytes& file, const ZipEntry& entry, std::uint64_t bytes_at);

  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return size_; }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override;
  /// Returns bytes at an address that is aligned to 64 only if the member is there in the file.
  [[nodiscard]] Result<InPlace> in_place() override;
  /// Returns whether the file is mapped, and the member not deflated.
  [[nodiscard]] bool is_mapped() const noexcept override { return is_stored_ && file_.is_mapped(); }
  [[nodiscard]] const std::string& path() const noexcept override { return path_; }

  /// Reads the bytes that were not read, and compares the checksum (CRC-32) of all. `corrupt` if it differs.
  [[nodiscard]] Result<void> check();

 private:
  Result<void> skip_to(std::uint64_t offset);
  Result<void> next(std::span<std::byte> into);

  FileBytes& file_;
  std::uint64_t bytes_at_;  ///< of the file
  std::uint64_t packed_bytes_;
  std::uint64_t size_;
  std::uint32_t expected_;  ///< checksum
  bool is_stored_;
  std::string path_;  ///< none
  std::optional<ZipInflater> inflater_;
  std::uint64_t read_ = 0;  ///< bytes, of which `checksum_` is the checksum
  std::uint32_t checksum_ = 0;
};

}  // namespace locum::storage
