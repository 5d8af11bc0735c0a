#include <string>

#include "transport/storage/files/area.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t longest_area_path = 4096;

Error bad_area_path(std::string_view path, std::string_view reason) {
  return Error(Errc::invalid_argument, "a path of files " + std::string(reason)).about(path);
}

}  // namespace

Result<std::string> area_path(std::string_view path, std::string_view root) {
  if (path.find('\0') != std::string_view::npos || path.size() > longest_area_path) {
    return bad_area_path(path.substr(0, 128), "has at most 4096 bytes, none of which is 0");
  }
  std::string_view rest = path;
  if (rest.starts_with('/')) {
    const bool is_below = !root.empty() && rest.starts_with(root) &&
                          (rest.size() == root.size() || root.ends_with('/') || rest[root.size()] == '/');
    if (!is_below) {
      return bad_area_path(path, root.empty()
                                     ? "is relative here: leave out its first '/'"
                                     : "begins below '" + std::string(root) +
                                           "' here: give one below that, or open Files on another folder");
    }
    rest.remove_prefix(root.size());
  }
  std::string made;
  while (!rest.empty()) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    rest.remove_prefix(std::min(slash + 1, rest.size()));
    if (part == "..") {
      return bad_area_path(path, "may not lead out of its folder by '..'");
    }
    if (!part.empty() && part != ".") {
      made.append(made.empty() ? "" : "/").append(part);
    }
  }
  return made;
}

}  // namespace locum::storage
