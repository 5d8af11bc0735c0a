#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "core/deadline.hpp"
#include "core/object/address.hpp"
#include "core/ports/connector.hpp"
#include "core/result.hpp"
#include "core/tier/memory_room.hpp"

namespace locum {

/// Lets one thread of a job at a time change a name, or bring its object to memory. A claim is an object
/// without content, under a hash of the name, in a store of the job's memory that holds nothing else. Claims
/// of dead ranks are released by the ranks of their node, when these make claims. Any thread.
class NameClaims {
 public:
  /// A claim, until it is destroyed.
  class Held {
   public:
    Held(std::shared_ptr<Connector> connector, const Key& key) noexcept
        : connector_(std::move(connector)), key_(key) {}
    Held(Held&&) noexcept = default;
    Held& operator=(Held&&) = delete;
    ~Held() {
      if (connector_) {
        (void)connector_->evict(Address(key_), {});
      }
    }

   private:
    std::shared_ptr<Connector> connector_;  ///< null once it was moved
    Key key_;
  };

  /// \param room has to outlive it
  /// \param store of `connector`, the same on every rank
  /// \param lost_mates the ranks of this node that are dead; may be empty
  NameClaims(std::shared_ptr<Connector> connector, MemoryRoom& room, std::uint32_t store,
             std::function<std::vector<int>()> lost_mates)
      : connector_(std::move(connector)), room_(room), store_(store), lost_mates_(std::move(lost_mates)) {}

  /// Waits until nobody else has a claim to the name. `timeout`; `out_of_memory`: memory has no room for it;
  /// the errors of the connector.
  [[nodiscard]] Result<Held> take(const Address& name, Deadline::Clock::time_point until);

 private:
  [[nodiscard]] Result<Key> put(std::string_view claim, Deadline::Clock::time_point until);
  void release_those_of_the_dead(bool is_held_up);

  const std::shared_ptr<Connector> connector_;
  MemoryRoom& room_;
  const std::uint32_t store_;
  const std::function<std::vector<int>()> lost_mates_;
  std::atomic<std::size_t> dead_seen_{0};  ///< that many ranks were dead when their claims were released
};

}  // namespace locum
