#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "transport/storage/open.hpp"

namespace locum::tests {

/// A backend that keeps its records below a folder of this machine.
struct BackendOnDisk {
  std::string name;
  std::string url;  ///< with {} in the place of the folder, up to its next option
  Stability stability = Stability::stable;

  friend std::ostream& operator<<(std::ostream& out, const BackendOnDisk& one) { return out << one.name; }
};

/// The URL in that folder.
inline std::string with_folder(std::string url, std::string_view folder) {
  return url.replace(url.find("{}"), 2, folder);
}

/// All that this build has: those whose example is below /scratch. Each has the option `sync`.
inline std::vector<BackendOnDisk> backends_on_disk() {
  std::vector<BackendOnDisk> all;
  constexpr std::string_view example_folder = "/scratch";
  for (const BackendDescription& one : backend_descriptions()) {
    std::string url(one.url);
    const auto at = url.find(":///scratch/");
    if (!one.is_built_in || at == std::string::npos) {
      continue;
    }
    url.replace(at + 3, example_folder.size(), "{}");
    all.push_back({std::string(one.traits.scheme), url + '?', one.stability});
  }
  all.push_back({"packs", "pack://{}/packs?files=collection&"});
  all.push_back({"json_file", "json://{}/notes.json?"});
  return all;
}

}  // namespace locum::tests
