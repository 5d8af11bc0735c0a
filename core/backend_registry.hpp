#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <locum/ports/backend.hpp>
#include <locum/result.hpp>
#include <locum/url.hpp>

namespace locum {

/// Opens the backend of a URL. `invalid_argument` for options that it does not have (Url::knows_only()).
using BackendOpener = std::function<Result<std::shared_ptr<Backend>>(const Url& url)>;

/// Registers the opener of URLs with `scheme`, in lower case. Returns true, so that a static object can be
/// initialised by it; returns false if the scheme is registered already, and keeps its opener, or is one of
/// the library's, also of those that were left out of the build. Static objects may be initialised before the
/// library's are: a scheme of the library that was registered so is left out when these are, with a line on
/// stderr. Any thread may call.
bool register_backend(std::string scheme, BackendOpener open);
/// \cond library
namespace detail {
/// Reserves the schemes of the library, and leaves out what programs have registered for them.
void reserve_schemes(const std::vector<std::string>& schemes);
}  // namespace detail
/// \endcond
/// Returns the opener of URLs with that scheme; empty if none is registered.
[[nodiscard]] BackendOpener find_backend(std::string_view scheme);
/// Returns all registered schemes, sorted.
[[nodiscard]] std::vector<std::string> registered_schemes();

}  // namespace locum

/// Registers a backend of the program's own when the program starts, in one of its source files:
/// `LOCUM_REGISTER_BACKEND(tape, open_tape)`, with `Result<std::shared_ptr<Backend>> open_tape(const Url&)`.
/// From then on `locum::open("tape:…")` finds it. In a static library the linker may drop the registration
/// with the file: call register_backend() there.
#define LOCUM_REGISTER_BACKEND(scheme, opener) \
  [[maybe_unused]] static const bool locum_has_backend_##scheme = ::locum::register_backend(#scheme, opener)
