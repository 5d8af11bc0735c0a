// An archive of ZIP as an area of files, which are its members.

#include <filesystem>
#include <utility>

#include "core/base/resolved_path.hpp"
#include "core/value/error.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zip/zip_archive.hpp"

namespace locum::storage {

namespace {

class ZipArea final : public FileArea {
 public:
  explicit ZipArea(std::shared_ptr<const ZipArchive> archive) : archive_(std::move(archive)) {}

  [[nodiscard]] Result<AreaFacts> facts(const std::string& path) override {
    if (!archive_->is_unchanged()) {
      return was_changed();
    }
    if (const ZipEntry* const entry = archive_->tree().find(path)) {
      return archive_->facts_of(*entry);
    }
    return archive_->tree().has_folder(path) ? Result<AreaFacts>(AreaFacts{.is_folder = true, .identity = {}})
                                             : no_such_member();
  }

  [[nodiscard]] Result<std::unique_ptr<AreaFile>> open(const std::string& path,
                                                       const OpenedHow& how) override {
    if (!archive_->is_unchanged()) {
      return was_changed();
    }
    const ZipEntry* const entry = archive_->tree().find(path);
    if (entry == nullptr) {
      return how.tells_folders && archive_->tree().has_folder(path)
                 ? Error(Errc::invalid_argument, "this is a folder; give the path of a file")
                 : no_such_member();
    }
    return open_zipped_file(archive_, *entry, how);
  }

  [[nodiscard]] Result<std::vector<AreaEntry>> list(const std::string& folder) override {
    if (!archive_->is_unchanged()) {
      return was_changed();
    }
    return archive_->tree().has_folder(folder) ? Result<std::vector<AreaEntry>>(archive_->tree().list(folder))
                                               : no_such_member();
  }

  [[nodiscard]] Result<std::unique_ptr<AreaDraft>> create(const std::string& /*path*/) override {
    return not_to_be_changed();
  }
  [[nodiscard]] Result<void> update(const UpdatedFile& /*file*/, const FileChange& /*change*/,
                                    Deadline /*deadline*/) override {
    return not_to_be_changed();
  }
  [[nodiscard]] Result<void> make_folders(const std::string& /*path*/) override {
    return not_to_be_changed();
  }
  [[nodiscard]] Result<bool> remove(const std::string& /*path*/) override { return not_to_be_changed(); }

  [[nodiscard]] const std::string& name() const noexcept override { return archive_->path(); }

 private:
  [[nodiscard]] static Error no_such_member() {
    return Error(Errc::not_found, "there is no such file or folder in the archive");
  }
  [[nodiscard]] static Error not_to_be_changed() {
    return Error(
        Errc::unsupported,
        "an archive is not changed: write to a folder (file:), and make a new archive of that by the call "
        "pack of Files");
  }
  // Not `not_found`, which readers of Zarr take for a chunk that was never written.
  [[nodiscard]] Error was_changed() const {
    return Error(Errc::stale, "the archive '" + archive_->path() +
                                  "' was changed or moved since these files were opened; open them again");
  }

  const std::shared_ptr<const ZipArchive> archive_;
};

}  // namespace

Result<std::shared_ptr<FileArea>> open_zip_area(const Url& url) {
  if (!url.wrappers.empty()) {
    return Error(Errc::invalid_argument, "zip: is an archive of files, which takes no wrapper; leave out " +
                                             url.wrappers.front() + '+');
  }
  if (!url.host.empty() && url.host != "localhost") {
    return Error(Errc::invalid_argument, "zip: has no hosts: '" + url.host +
                                             "' may be meant as a folder; write zip:///PATH with three "
                                             "slashes, or zip:PATH for a path from the working folder");
  }
  if (!url.user.empty() || url.port != 0 || url.path.empty()) {
    return Error(Errc::invalid_argument,
                 "zip: takes the path of an archive: zip:///data/T.zarr.zip, or zip:relative/T.zarr.zip");
  }
  if (auto known = url.knows_only({}); !known) {
    return known.error();
  }
  auto archive = ZipArchive::open(resolved_path(url.path));
  return archive ? Result<std::shared_ptr<FileArea>>(std::make_shared<ZipArea>(std::move(*archive)))
                 : archive.error();
}

}  // namespace locum::storage
