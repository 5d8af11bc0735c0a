#pragma once

#include <memory>

#include <locum/format.hpp>

namespace locum::storage {

/// Returns the format of MessagePack: one value. Maps with texts as keys are members. Arrays are maps as the
/// Python package msgpack-numpy writes them, in row-major order; complex numbers are its scalars of the type
/// `<c16`. What it writes for scalars of NumPy and for complex numbers of Python is loaded, too.
[[nodiscard]] std::shared_ptr<const Format> msgpack_format();

}  // namespace locum::storage
