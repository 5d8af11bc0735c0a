#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/base/descriptor.hpp"
#include "core/format.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zip/zip_tree.hpp"

namespace locum::storage {

/// An archive of ZIP that is open: a file of the system, which is seen as it was when it was opened, also
/// after another one has taken its path. Any thread may use it.
class ZipArchive {
 public:
  /// `not_found`; `invalid_argument` if it is no regular file; the errors of read_zip_directory() and
  /// ZipTree, about the path. \param path absolute
  [[nodiscard]] static Result<std::shared_ptr<const ZipArchive>> open(const std::string& path);

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const ZipTree& tree() const noexcept { return tree_; }
  [[nodiscard]] const Descriptor& file() const noexcept { return file_; }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept {
    return static_cast<std::uint64_t>(facts_.st_size);
  }
  /// Reads bytes of the file. `corrupt` if it ends before them.
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) const;
  /// Returns the metadata of a member.
  [[nodiscard]] AreaFacts facts_of(const ZipEntry& entry) const;
  /// Returns false if its bytes may have been changed since it was opened.
  [[nodiscard]] bool is_unchanged() const noexcept;

 private:
  ZipArchive(std::string path, Descriptor file, const struct stat& facts)
      : path_(std::move(path)), file_(std::move(file)), facts_(facts) {}

  const std::string path_;
  const Descriptor file_;
  const struct stat facts_;
  ZipTree tree_;
};

/// The bytes of an archive, for the reader of its directory and of its members.
class ZipArchiveBytes final : public FileBytes {
 public:
  /// \param archive lives longer
  explicit ZipArchiveBytes(const ZipArchive& archive) noexcept : archive_(archive) {}

  [[nodiscard]] std::uint64_t size_bytes() const noexcept override { return archive_.size_bytes(); }
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> into) override {
    return archive_.read(offset, into);
  }
  [[nodiscard]] Result<InPlace> in_place() override;
  [[nodiscard]] bool is_mapped() const noexcept override { return false; }
  [[nodiscard]] const std::string& path() const noexcept override { return archive_.path(); }

 private:
  const ZipArchive& archive_;
};

/// Opens a member as a file of an area. Bytes of a stored member are read where they are; a deflated one is
/// inflated at the first read, to memory that it keeps, at most 1 GiB: beyond that it is `unsupported`. The
/// checksum is compared where all bytes are read at once, and of each deflated member.
[[nodiscard]] Result<std::unique_ptr<AreaFile>> open_zipped_file(std::shared_ptr<const ZipArchive> archive,
                                                                 const ZipEntry& entry, const OpenedHow& how);

}  // namespace locum::storage
