// A folder that may not be there yet: who only reads leaves no folder where none was.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/value/error.hpp"
#include "transport/storage/file/root.hpp"
#include "transport/storage/files/area.hpp"

namespace locum::storage {

namespace {

Error not_there_yet() {
  return Error(Errc::not_found, "there is no such file or folder");
}

class LateFolderArea final : public FileArea {
 public:
  /// \param url with an absolute path
  LateFolderArea(Url url, std::string name) : url_(std::move(url)), name_(std::move(name)) {}

  [[nodiscard]] Result<AreaFacts> facts(const std::string& path) override {
    const auto area = opened(false);
    return area ? (*area)->facts(path) : area.error();
  }
  [[nodiscard]] Result<std::unique_ptr<AreaFile>> open(const std::string& path,
                                                       const OpenedHow& how) override {
    const auto area = opened(false);
    return area ? (*area)->open(path, how) : area.error();
  }
  [[nodiscard]] Result<std::unique_ptr<AreaDraft>> create(const std::string& path) override {
    const auto area = opened(true);
    return area ? (*area)->create(path) : area.error();
  }
  [[nodiscard]] Result<void> update(const UpdatedFile& file, const FileChange& change,
                                    Deadline deadline) override {
    const auto area = opened(true);
    return area ? (*area)->update(file, change, deadline) : area.error();
  }
  [[nodiscard]] Result<std::vector<AreaEntry>> list(const std::string& folder) override {
    const auto area = opened(false);
    if (!area && area.error().code() == Errc::not_found && folder.empty()) {
      return std::vector<AreaEntry>();
    }
    return area ? (*area)->list(folder) : area.error();
  }
  [[nodiscard]] Result<void> make_folders(const std::string& path) override {
    const auto area = opened(true);
    return area ? (*area)->make_folders(path) : area.error();
  }
  [[nodiscard]] Result<bool> remove(const std::string& path) override {
    const auto area = opened(false);
    if (!area && area.error().code() == Errc::not_found) {
      return false;
    }
    return area ? (*area)->remove(path) : area.error();
  }
  [[nodiscard]] const std::string& name() const noexcept override { return name_; }

 private:
  /// Returns the folder, which another program may have made meanwhile. `not_found` if there is none, and it
  /// is not to be made.
  [[nodiscard]] Result<std::shared_ptr<FileArea>> opened(bool makes) LOCUM_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (!area_) {
      auto area = open_folder_area(url_, makes);
      if (!area) {
        return !makes && area.error().code() == Errc::not_found ? not_there_yet() : area.error();
      }
      area_ = std::move(*area);
    }
    return area_;
  }

  const Url url_;
  const std::string name_;
  Mutex mutex_;
  std::shared_ptr<FileArea> area_ LOCUM_GUARDED_BY(mutex_);  ///< null: the folder was not there
};

}  // namespace

Result<std::shared_ptr<FileArea>> open_late_folder_area(const Url& url) {
  auto area = open_folder_area(url, false);
  const auto creates = url.flag("create", true);
  if (area || area.error().code() != Errc::not_found || (creates && !*creates)) {
    return area;
  }
  const auto path = plain_root_path(url);
  if (!path) {
    return path.error();
  }
  Url absolute = url;  // the program may change its working folder before the first write
  absolute.path = *path;
  return std::make_shared<LateFolderArea>(std::move(absolute), *path);
}

}  // namespace locum::storage
