#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include <locum/format.hpp>

namespace locum {

/// Registers a format. Returns true, so that a static object can be initialised by it; returns false if a
/// format of that name is registered already, one of its endings is another one's, or it has no name, or an
/// ending that is not in lower case behind a dot: it is left out then. Formats of the library itself cannot
/// be replaced: if one is registered later, as when the first Files are opened, it takes the place of one of
/// the program's with its name or an ending. Any thread may call.
bool register_format(std::shared_ptr<const Format> format);
/// \cond library
namespace detail {
/// Registers a format of the library, and removes those of the program that have its name or an ending.
void register_format_of_library(std::shared_ptr<const Format> format);
}  // namespace detail
/// \endcond
/// Returns the format of that name; null if none is registered. Any thread may call.
[[nodiscard]] std::shared_ptr<const Format> format_named(std::string_view name);
/// Returns the format of the longest registered ending that the path has, whatever its case; null if it has
/// none. Any thread may call.
[[nodiscard]] std::shared_ptr<const Format> format_of(std::string_view path);
/// Returns all registered formats, by name.
[[nodiscard]] std::vector<std::shared_ptr<const Format>> registered_formats();

}  // namespace locum

/// Registers a format of the program's own when the program starts, in one of its source files:
/// `LOCUM_REGISTER_FORMAT(raw, RawVideo)`, for a class RawVideo that is a locum::Format. In a static library
/// the linker may drop the registration with the file: call register_format() there.
#define LOCUM_REGISTER_FORMAT(name, Class)                     \
  [[maybe_unused]] static const bool locum_has_format_##name = \
      ::locum::register_format(std::make_shared<const Class>())
