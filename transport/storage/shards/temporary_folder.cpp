#include "transport/storage/shards/temporary_folder.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

#include "transport/storage/file_calls.hpp"

namespace locum::storage {

Result<TemporaryFolder> TemporaryFolder::make() {
  std::error_code failed;
  std::filesystem::path parent = std::filesystem::temp_directory_path(failed);
  if (failed) {
    parent = "/tmp";
  }
  std::string path = (parent / "locum-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) {
    return file_error("making a temporary folder in", parent.string(), errno);
  }
  return TemporaryFolder(std::move(path));
}

TemporaryFolder::TemporaryFolder(std::string path) : path_(std::move(path)), process_(::getpid()) {}

TemporaryFolder::TemporaryFolder(TemporaryFolder&& other) noexcept
    : path_(std::exchange(other.path_, {})), process_(other.process_) {}

TemporaryFolder::~TemporaryFolder() {
  if (!path_.empty() && ::getpid() == process_) {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
}

}  // namespace locum::storage
