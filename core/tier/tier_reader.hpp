#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend/call_pool.hpp"
#include "core/object/address.hpp"
#include "core/object/object.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Finds in the backend what is not in memory, and brings it there: see open_tier(). Blocks until the moment.
/// Any thread.
class TierReader {
 public:
  using Moment = Deadline::Clock::time_point;

  explicit TierReader(std::shared_ptr<TierParts> parts) : parts_(std::move(parts)) {}

  /// Whether what is not in memory may be in the backend.
  [[nodiscard]] static bool may_be_in_back(const Address& address) noexcept;
  /// Whether the search goes on in the backend after what memory has said. A key that leads there is no key
  /// of memory, which may call it stale by its name.
  [[nodiscard]] static bool is_missing(const Address& address, const Result<ObjectView>& found) noexcept;
  /// The object, from memory once it is there; or in the memory of this process, where there is no room for
  /// it. `not_found`.
  [[nodiscard]] Result<ObjectView> load(const Address& address, Moment until);
  /// The same of each, in few requests; on the threads of the pool what another thread is busy with.
  void load_batch(std::span<const Address> addresses, std::span<Result<ObjectView>> found, Moment until,
                  CallPool& pool);
  /// Its facts, as they are in the backend.
  [[nodiscard]] Result<ObjectView> facts(const Address& address, Moment until);
  /// The same of each, or all of it, in one request if the backend has such; brings nothing to memory.
  [[nodiscard]] std::vector<Result<ObjectView>> find_in_back(std::span<const Address> addresses,
                                                             Wanting wanting, Moment until);
  [[nodiscard]] Result<bool> is_in_back(const Address& address, Moment until);
  /// The address in the backend. Refers to `address`. `not_found`: its store is not there.
  [[nodiscard]] Result<Address> in_back(const Address& address);
  /// Names of both, sorted, each once.
  [[nodiscard]] Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                                       Moment until);

 private:
  [[nodiscard]] Result<ObjectView> bring(const Address& address, const Address& there, Moment until);
  [[nodiscard]] Result<ObjectView> from_back(const Address& address, const Address& there, Moment until);
  void bring_piece(std::span<const Address> addresses, std::span<const std::size_t> places,
                   std::span<Result<ObjectView>> found, std::vector<std::size_t>& alone, Moment until);
  [[nodiscard]] Result<ObjectDraft> copy(const Address& address, const ObjectView& read, Moment until);
  [[nodiscard]] Result<ObjectView> copied(ObjectView read, const Result<Sealed>& sealed, Moment until);

  const std::shared_ptr<TierParts> parts_;
};

}  // namespace locum
