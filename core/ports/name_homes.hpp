#pragma once

#include <cstdint>
#include <string>

#include <locum/key.hpp>
#include <locum/ports/capability.hpp>

namespace locum {

/// Ability of a connector whose names have homes on several nodes: returns names with a given home. Any
/// thread may call; all ranks get the same names.
class NameHomes : public Capability {
 public:
  /// See Connector::name_of().
  [[nodiscard]] virtual std::string name_of(const Key& promised) const = 0;
  /// See Connector::name_near().
  [[nodiscard]] virtual std::string name_near(std::uint32_t rank, std::uint32_t store,
                                              std::string stem) const = 0;
};

}  // namespace locum
