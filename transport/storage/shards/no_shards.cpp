#include "transport/storage/shards/no_shards.hpp"

#include <algorithm>
#include <vector>

#include "transport/storage/formats/npy/npy_text.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t names_shown = 3;

std::string shown(const std::vector<std::string>& names, const std::string& noun) {
  std::string text = std::to_string(names.size()) + ' ' + noun + (names.size() == 1 ? " (" : "s (");
  for (std::size_t at = 0; at < std::min(names.size(), names_shown); ++at) {
    text += (at == 0 ? "" : ", ") + quoted_name(names[at]);
  }
  return text + (names.size() > names_shown ? ", ...)" : ")");
}

}  // namespace

Error no_shards(FileArea& area, const std::string& folder, std::string_view looked_for,
                std::string_view advice) {
  const std::string place =
      folder.empty() ? quoted_name(area.name()) : quoted_name(folder) + " in " + quoted_name(area.name());
  const auto entries = area.list(folder);
  if (!entries && entries.error().code() != Errc::not_found) {
    return entries.error().about(folder);
  }
  std::vector<std::string> files;
  std::vector<std::string> folders;
  if (entries) {
    for (const AreaEntry& entry : *entries) {
      (entry.is_folder ? folders : files).push_back(entry.name);
    }
  }
  std::string there;
  if (!files.empty()) {
    there = shown(files, "other file");
  }
  if (!folders.empty()) {
    there += (there.empty() ? "" : " and ") + shown(folders, "folder");
  }
  return Error(Errc::not_found, "there are no shards (" + std::string(looked_for) + ") in " + place +
                                    "; found instead: " + (there.empty() ? "nothing" : there) + "; " +
                                    std::string(advice));
}

}  // namespace locum::storage
