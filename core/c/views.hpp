#pragma once

#include <cstdint>
#include <memory>

#include "core/c/conversions.hpp"
#include "core/c/locum.h"
#include "core/raw_view.hpp"
#include "core/value/result.hpp"

namespace locum::c {

/// Makes a view hold nothing. For calls that give one, before they can fail.
void empty(locum_view& view) noexcept;
/// Describes the object in the caller's view, which holds it from then on; or returns the error.
[[nodiscard]] locum_status give_view(Result<RawView>&& found, locum_view& view);
/// Describes memory that is no object of a store in the caller's view, which keeps `owner` from then on.
void give_memory(std::shared_ptr<const void> owner, const locum_array& array, std::uint64_t size_bytes,
                 locum_view& view) noexcept;

/// Returns whether the view holds an object.
[[nodiscard]] bool holds(const locum_view& view) noexcept;
/// Returns the error of a call with a view that holds none.
[[nodiscard]] Error holds_nothing();

[[nodiscard]] inline CallOptions within(double deadline_s) noexcept {
  return {.deadline = limit_of(deadline_s)};
}
[[nodiscard]] inline CallOptions call(const locum_get_options* options) noexcept {
  return within(options == nullptr ? 0 : options->deadline_s);
}

}  // namespace locum::c
