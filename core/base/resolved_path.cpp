#include "core/base/resolved_path.hpp"

#include <filesystem>
#include <system_error>

namespace locum {

namespace {

// As many as Linux follows.
constexpr int most_links = 40;

}  // namespace

// Not weakly_canonical() of the whole: that does not follow a link to a file that does not exist yet, as a
// user makes one to have the file on another disk.
std::string resolved_path(const std::string& path) {
  if (path.empty()) {
    return path;
  }
  std::error_code failed;
  std::filesystem::path whole = std::filesystem::absolute(path, failed);
  for (int links = 0; !failed && links <= most_links; ++links) {
    const std::filesystem::path folder = std::filesystem::weakly_canonical(whole.parent_path(), failed);
    if (failed) {
      break;
    }
    whole = folder / whole.filename();
    std::error_code is_no_link;
    const std::filesystem::path target = std::filesystem::read_symlink(whole, is_no_link);
    if (is_no_link) {
      return whole.string();
    }
    whole = folder / target;  // the target alone, if it begins at the root
  }
  // A folder that may not be looked at, or a ring of links: without the links.
  const std::filesystem::path given = std::filesystem::absolute(path, failed);
  return failed ? path : given.string();
}

}  // namespace locum
