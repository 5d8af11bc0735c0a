#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/client/binder.hpp"
#include "core/client/bundled_changes.hpp"

namespace locum {

/// Evicts many objects everywhere, like Binder::evict() for each: by key at the node of the object, by name
/// at the name's home. Evictions that start at this node, because it has the object or is the home, are done
/// one by one.
class BatchEvict final : private BundledChanges {
 public:
  using Evicted = std::vector<Result<bool>>;

  /// In the order of the addresses. Keeps the binder alive.
  [[nodiscard]] static Task<Result<Evicted>> evict(std::shared_ptr<Binder> binder,
                                                   std::vector<Lookup> objects,
                                                   Deadline::Clock::time_point until);

 private:
  BatchEvict(Binder& binder, std::vector<Lookup> objects, Moment until);

  void plan();
  void pack(std::uint32_t change, Sending& sending) override;
  bool settle(int node, std::uint32_t change, const Result<std::uint64_t>& said, Word word,
              Turn turn) noexcept override;
  [[nodiscard]] Task<std::monostate> make_alone(std::uint32_t change) override;

  Binder& binder_;
  const std::vector<Lookup> objects_;
  Evicted evicted_;
};

}  // namespace locum
