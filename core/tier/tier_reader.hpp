#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/deadline.hpp"
#include "core/object/address.hpp"
#include "core/object/object.hpp"
#include "core/result.hpp"
#include "core/tier/tier_parts.hpp"

namespace locum {

/// Finds in the backend what is not in memory, and brings it there: see open_tier(). Blocks until the moment.
/// Any thread.
class TierReader {
 public:
  using Moment = Deadline::Clock::time_point;

  explicit TierReader(std::shared_ptr<TierParts> parts) : parts_(std::move(parts)) {}

  /// Whether what is not in memory may be in the backend.
  [[nodiscard]] static bool may_be_in_back(const Address& address) noexcept;
  /// The object, from memory once it is there; or in the memory of this process, where there is no room for
  /// it. `not_found`.
  [[nodiscard]] Result<ObjectView> load(const Address& address, Moment until);
  /// Its facts, as they are in the backend.
  [[nodiscard]] Result<ObjectView> facts(const Address& address, Moment until);
  [[nodiscard]] Result<bool> is_in_back(const Address& address, Moment until);
  /// The address in the backend. Refers to `address`. `not_found`: its store is not there.
  [[nodiscard]] Result<Address> in_back(const Address& address);
  /// Names of both, sorted, each once.
  [[nodiscard]] Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                                       Moment until);

 private:
  [[nodiscard]] Result<ObjectView> bring(const Address& address, const Address& there, Moment until);
  [[nodiscard]] Result<ObjectView> from_back(const Address& address, const Address& there, Moment until);

  const std::shared_ptr<TierParts> parts_;
};

}  // namespace locum
