#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/format.hpp"
#include "transport/storage/zip/zip_deflater.hpp"

namespace locum::storage {

/// Writes an archive, member by member. Equal members make equal bytes: all have the date 1980-01-01. The
/// bytes of stored members begin at multiples of 64, so that they can be used where they are. Sizes and
/// places of 4 GiB and more, and more than 65534 members, make records of zip64.
///
/// One thread at a time. REQUIRES: begin(), write() as often as needed, end(), for each member; finish()
/// last.
class ZipWriter {
 public:
  /// \param file empty, lives longer \param level of deflate, 1 to 9; 0: members are stored \param mode of
  /// the files that unpacking makes, as in the system; that of NumPy's archives if it is left out
  ZipWriter(FileDraft& file, int level, std::uint16_t mode = 0600)
      : file_(file), level_(level), mode_(mode) {}
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;
  ~ZipWriter() = default;

  /// Begins a member. `type_mismatch` for a name that is empty, longer than 65000 bytes, not UTF-8, has a
  /// zero or ends with '/'. \param size_bytes of what will be written, exactly
  [[nodiscard]] Result<void> begin(const std::string& name, std::uint64_t size_bytes);
  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes);
  [[nodiscard]] Result<void> end();
  /// Adds a folder that has no members; the others need none. The errors of begin(). REQUIRES: level 0.
  [[nodiscard]] Result<void> add_folder(const std::string& name);
  /// Writes the directory.
  [[nodiscard]] Result<void> finish();

 private:
  /// A member that was written.
  struct Member {
    std::string name;
    std::uint64_t at = 0;  ///< of its local header
    std::uint64_t bytes = 0;
    std::uint64_t packed_bytes = 0;
    std::uint32_t crc = 0;
    bool is_large = false;  ///< its sizes are in a record of zip64
    bool is_folder = false;
  };

  [[nodiscard]] Result<void> begin(const std::string& name, std::uint64_t size_bytes, bool is_folder);
  [[nodiscard]] std::vector<std::byte> local_header(const Member& member) const;
  [[nodiscard]] std::vector<std::byte> entry(const Member& member) const;
  /// Appends what local headers and entries have in common.
  void add_facts(std::vector<std::byte>& record, const Member& member) const;
  [[nodiscard]] Result<void> write_end(std::uint64_t directory_at);

  FileDraft& file_;
  int level_;
  std::uint16_t mode_;
  std::vector<Member> members_;
  std::uint64_t bytes_at_ = 0;             ///< of the member that was begun
  std::unique_ptr<ZipDeflater> deflater_;  ///< of that member; null if it is stored
};

}  // namespace locum::storage
