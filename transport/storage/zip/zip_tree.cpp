#include "transport/storage/zip/zip_tree.hpp"

#include <algorithm>
#include <utility>

#include "transport/storage/formats/npy/npy_text.hpp"

namespace locum::storage {

namespace {

/// As in area_path(): a longer one could not be asked for.
constexpr std::size_t longest_zip_path = 4096;

Error wrong_zip_name(const ZipEntry& entry, const std::string& reason, Errc code = Errc::corrupt) {
  return Error(code, "at byte " + std::to_string(entry.at) + ": the archive has a member " +
                         quoted_name(entry.name) + ", " + reason);
}

/// Replaces the name of a member by its path: without `.` and empty parts, for a folder with '/' at its end.
/// It becomes empty for the archive itself.
Result<void> make_zip_path(ZipEntry& entry) {
  const bool is_folder = entry.name.ends_with('/');
  if (entry.name.size() > longest_zip_path) {
    return wrong_zip_name(entry, "whose name has more than 4096 bytes", Errc::unsupported);
  }
  if (entry.name.empty() || entry.name.starts_with('/')) {
    return wrong_zip_name(entry, entry.name.empty() ? "which has no name; make the archive again"
                                                    : "whose name begins with '/', which leads out of the "
                                                      "archive; make it again with relative names");
  }
  if (is_folder && entry.bytes != 0) {
    return wrong_zip_name(entry, "which is a folder, and has bytes; the file is damaged");
  }
  std::string path;
  for (std::string_view rest = entry.name; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    if (part == "..") {
      return wrong_zip_name(entry, "which leads out of the archive by '..'; make it again without");
    }
    if (!part.empty() && part != ".") {
      path.append(path.empty() ? "" : "/").append(part);
    }
  }
  if (path.empty() && !is_folder) {
    return wrong_zip_name(entry, "whose name is that of a folder; the file is damaged");
  }
  entry.name = std::move(path.append(is_folder && !path.empty() ? "/" : ""));
  return {};
}

}  // namespace

// The paths are in the order of their bytes: those below a folder are one range, and '0' comes next to '/'.
Result<ZipTree> ZipTree::of(std::vector<ZipEntry> entries) {
  for (ZipEntry& entry : entries) {
    if (auto made = make_zip_path(entry); !made) {
      return made.error();
    }
  }
  std::erase_if(entries, [](const ZipEntry& entry) { return entry.name.empty(); });
  std::ranges::stable_sort(entries, {}, &ZipEntry::name);
  // From behind: the last one of a path is kept.
  const auto repeated = std::unique(entries.rbegin(), entries.rend(),
                                    [](const ZipEntry& a, const ZipEntry& b) { return a.name == b.name; });
  entries.erase(entries.begin(), repeated.base());
  ZipTree tree;
  tree.entries_ = std::move(entries);
  for (const ZipEntry& entry : tree.entries_) {
    if (!entry.name.ends_with('/') && tree.has_folder(entry.name)) {
      return wrong_zip_name(entry, "which is a file, and a folder of other members; the file is damaged");
    }
  }
  return tree;
}

ZipTree::Place ZipTree::first_from(std::string_view text) const noexcept {
  return std::ranges::lower_bound(entries_, text, {},
                                  [](const ZipEntry& entry) { return std::string_view(entry.name); });
}

const ZipEntry* ZipTree::find(std::string_view path) const noexcept {
  const Place found = first_from(path);
  const bool is_file = found != entries_.end() && found->name == path && !path.ends_with('/');
  return is_file ? &*found : nullptr;
}

bool ZipTree::has_folder(std::string_view path) const {
  const std::string prefix = std::string(path) + '/';
  const Place first = first_from(prefix);
  return path.empty() || (first != entries_.end() && first->name.starts_with(prefix));
}

std::vector<AreaEntry> ZipTree::list(std::string_view folder) const {
  const std::string prefix = folder.empty() ? std::string() : std::string(folder) + '/';
  std::vector<AreaEntry> found;
  for (Place at = first_from(prefix); at != entries_.end() && at->name.starts_with(prefix);) {
    const std::string_view rest = std::string_view(at->name).substr(prefix.size());
    const std::size_t slash = rest.find('/');
    if (slash == rest.npos) {
      if (!rest.empty()) {  // else the folder itself
        found.push_back({std::string(rest), false});
      }
      ++at;
      continue;
    }
    found.push_back({std::string(rest.substr(0, slash)), true});
    at = first_from(prefix + found.back().name + static_cast<char>('/' + 1));
  }
  std::ranges::sort(found, {}, &AreaEntry::name);
  return found;
}

}  // namespace locum::storage
