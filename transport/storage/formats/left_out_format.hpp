#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/format.hpp"

namespace locum::storage {

/// Returns a format in place of one that this build lacks: each call is `unsupported`, and says what to build
/// and install. The texts are literals.
[[nodiscard]] std::shared_ptr<const Format> left_out_format(std::string_view name,
                                                            std::vector<std::string_view> endings,
                                                            std::string_view option,
                                                            std::string_view package);

}  // namespace locum::storage
