#pragma once

#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/url.hpp"
#include "transport/storage/open.hpp"

namespace locum::job {

/// The URL with a folder where it has {}.
inline std::string with_folder(std::string url, std::string_view folder) {
  if (const auto at = url.find("{}"); at != std::string::npos) {
    url.replace(at, 2, folder);
  }
  return url;
}

/// What this library says of the backend that a URL leads to. Throws if it has none of that scheme.
inline BackendDescription description_of(const std::string& url) {
  const std::string scheme = parse_url(url).value().scheme;
  for (const BackendDescription& one : backend_descriptions()) {
    if (one.traits.scheme == scheme) {
      return one;
    }
  }
  throw std::invalid_argument("LOCUM_TEST_BACKENDS: no backend has the scheme of '" + url + "'");
}

/// URLs of what all ranks can share: a folder, and what LOCUM_TEST_BACKENDS names, between spaces, as far as
/// this build has it. {} stands for a folder that all see.
inline std::vector<std::string> shared_urls() {
  std::vector<std::string> urls;
  const char* const named = std::getenv("LOCUM_TEST_BACKENDS");
  std::istringstream all(std::string("file:{}?sync=0 ") + (named == nullptr ? "" : named));
  for (std::string url; all >> url;) {
    if (description_of(url).is_built_in) {
      urls.push_back(url);
    }
  }
  return urls;
}

/// The same, in that folder.
inline std::vector<std::string> shared_urls(std::string_view folder) {
  std::vector<std::string> urls = shared_urls();
  for (std::string& url : urls) {
    url = with_folder(url, folder);
  }
  return urls;
}

inline std::string with_option(const std::string& url, const std::string& option) {
  return url + (url.find('?') == std::string::npos ? '?' : '&') + option;
}

inline bool is_durable(const std::string& url) {
  return open_backend(url).value()->traits().is_durable;
}

}  // namespace locum::job
