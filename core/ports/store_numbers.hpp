#pragma once

#include <cstdint>
#include <string_view>

#include <locum/ports/capability.hpp>

namespace locum {

/// Ability of a connector that numbers stores otherwise than by the generations of their names. Any thread
/// may call.
class StoreNumbers : public Capability {
 public:
  /// See Connector::store_number().
  [[nodiscard]] virtual std::uint64_t store_number(std::string_view name, std::uint64_t generation) const = 0;
};

}  // namespace locum
