#pragma once

#include <span>

#include "jobs/drawing/picture.hpp"
#include "jobs/shallow_water/account.hpp"
#include "jobs/shallow_water/floats.hpp"

namespace shallow_water {

/// Draws the pool: the depth as colours, the floats in two colours by where they started, and the account.
/// `depths` is row-major, account.cells a side.
jobs::Picture draw_pool(const Account& account, std::span<const double> depths,
                        std::span<const Float> floats);

}  // namespace shallow_water
