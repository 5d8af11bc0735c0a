#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/client/binder.hpp"
#include "core/client/bundled_changes.hpp"
#include "core/client/pending_bind.hpp"

namespace locum {

/// Binds many published objects of this process to the names that they carry, like Binder::seal() for a name
/// that must not be bound, and is at home on another node.
class BatchBind final : private BundledChanges {
 public:
  using Bound = std::vector<Result<Sealed>>;

  /// In the order of the keys. Keeps the binder alive. Objects that cannot be bound are evicted.
  [[nodiscard]] static Task<Result<Bound>> bind(std::shared_ptr<Binder> binder, std::vector<Key> keys,
                                                Deadline::Clock::time_point until);

 private:
  BatchBind(Binder& binder, std::vector<Key> keys, Moment until);

  void plan();
  void end() noexcept;
  void pack(std::uint32_t change, Sending& sending) override;
  bool settle(int node, std::uint32_t change, const Result<std::uint64_t>& said, Word word,
              Turn turn) noexcept override;
  [[nodiscard]] Task<std::monostate> make_alone(std::uint32_t change) override;
  [[nodiscard]] bool has_value(const Pin& pin) const {
    return binder_.memory().block(pin).size() <= binder_.inline_bytes();
  }

  Binder& binder_;
  const std::vector<Key> keys_;
  Bound bound_;
  std::vector<std::shared_ptr<PendingBind>> objects_;  ///< those without a reply yet
};

}  // namespace locum
