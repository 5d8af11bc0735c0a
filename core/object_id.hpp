#pragma once

#include <concepts>
#include <string_view>

#include <locum/key.hpp>

namespace locum {

/// Identifies an object in a store: its Key, or its name, as anything that converts to `std::string_view`.
template <class I>
concept ObjectId =
    std::convertible_to<const I&, const Key&> || std::convertible_to<const I&, std::string_view>;

}  // namespace locum
