#include "transport/storage/file/folder_names.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "transport/storage/file_calls.hpp"

namespace locum::storage {

namespace {

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};
using OpenFolder = std::unique_ptr<DIR, CloseFolder>;

// Returns 0, or the error number.
int append_names(DIR* folder, std::vector<std::string>& names) {
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(folder);
    if (entry == nullptr) {
      return errno;
    }
    if (entry->d_name[0] != '.' && entry->d_type != DT_DIR) {
      names.emplace_back(entry->d_name);
    }
  }
}

bool same_moment(const timespec& left, const timespec& right) noexcept {
  return left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec;
}

}  // namespace

Result<std::vector<std::string>> names_in_folder(int at, const std::string& folder) {
  // A file system may give a replaced name a new place behind what was read already, or out of what is being
  // read. So a folder that changed is read again, and what any of the readings had is there.
  constexpr int most_readings = 3;
  std::vector<std::string> names;
  for (int reading = 0; reading < most_readings; ++reading) {
    Descriptor opened = open_at(at, folder, O_RDONLY | O_DIRECTORY);
    struct stat before {};
    struct stat after {};
    if (!opened.is_open() || ::fstat(opened.number(), &before) != 0) {
      if (errno == ENOENT) {
        break;
      }
      return file_error("reading the folder", folder, errno);
    }
    const OpenFolder read(::fdopendir(opened.number()));
    if (!read) {
      return file_error("reading the folder", folder, errno);
    }
    (void)opened.release();
    if (const int error = append_names(read.get(), names); error != 0) {
      return file_error("reading the folder", folder, error);
    }
    if (::fstat(::dirfd(read.get()), &after) == 0 && same_moment(before.st_mtim, after.st_mtim)) {
      break;
    }
  }
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

}  // namespace locum::storage
