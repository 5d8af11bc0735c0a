#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/url.hpp"
#include "transport/storage/open.hpp"

namespace locum::storage {

/// A backend of this library, as its folder's backend.cmake describes it.
struct KnownBackend : BackendDescription {
  Result<std::shared_ptr<Backend>> (*open)(const Url& url) = nullptr;  ///< null: it is not in this build
};

/// Returns all backends, by their folders' names. CMake writes this function, and declares the openers
/// (locum_backend() in CMakeLists.txt): a linker drops from a static library what only registers itself.
[[nodiscard]] const std::vector<KnownBackend>& known_backends();

/// Returns the one of a scheme; null if there is none.
[[nodiscard]] const KnownBackend* known_backend(std::string_view scheme);
/// Returns `unsupported` for a backend or wrapper that was left out, and what to build and install.
[[nodiscard]] Error not_in_build(std::string_view name, std::string_view option, std::string_view package);

}  // namespace locum::storage
