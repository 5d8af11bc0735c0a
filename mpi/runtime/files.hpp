#pragma once

#include <cstdint>

#include "core/session.hpp"

namespace locum {

/// Lets a session of that many ranks read and write HDF5 files, if this library was built with HDF5.
void use_hdf5(Session& session, std::uint32_t ranks);

}  // namespace locum
