#pragma once

#include <string>
#include <string_view>

#include "core/value/extents.hpp"

namespace locum::storage {

// What an entry leaves out, where it follows from the type or from the name of the record.

constexpr std::string_view json_record_type = "locum.record";
constexpr std::string_view json_text_type = "char[]";
constexpr std::string_view json_codec = "@json";

[[nodiscard]] std::string_view layout_name(Layout layout) noexcept;
/// Returns the layout that objects of a type have, where nothing else is said.
[[nodiscard]] Layout usual_layout(std::string_view type) noexcept;
/// Returns the type of the elements of an array, or the type itself.
[[nodiscard]] std::string_view element_of(std::string_view type) noexcept;
/// Returns the name of the object that a record of this name has, as far as that is known.
[[nodiscard]] std::string usual_name(std::string_view record);

}  // namespace locum::storage
