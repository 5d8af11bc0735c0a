#pragma once

#include <memory>
#include <string>

#include "core/value/result.hpp"
#include "transport/storage/pack/pack.hpp"

namespace locum::storage {

/// A pack that another session may be writing: changes nothing. `not_found` if it is not there, or is just
/// being made; so are all its records once somebody removes the file.
[[nodiscard]] Result<std::shared_ptr<Pack>> open_pack_reader(const std::string& path);

}  // namespace locum::storage
