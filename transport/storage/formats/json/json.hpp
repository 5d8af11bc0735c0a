#pragma once

#include <memory>

#include <locum/format.hpp>

namespace locum::storage {

/// Returns the format of texts of JSON (RFC 8259). A number with a fraction or an exponent is real, another
/// one an integer of -2^63 to 2^64 - 1; reals are those that Python's float() reads, and come back bit by
/// bit. Members keep their order; a name that occurs twice in one object is an error. Arrays are saved as
/// nested lists.
[[nodiscard]] std::shared_ptr<const Format> json_format();

}  // namespace locum::storage
