#pragma once

#include <functional>
#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Opens the backend of a URL by `open`, which sees neither its wrappers nor their options, and puts the
/// wrappers over it. `unsupported` for a wrapper that this library, or this build of it, does not have;
/// `invalid_argument` for options that a wrapper does not have, and for those of wrappers that the URL does
/// not name.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_wrapped(
    Url url, const std::function<Result<std::shared_ptr<Backend>>(const Url& url)>& open);

}  // namespace locum::storage
