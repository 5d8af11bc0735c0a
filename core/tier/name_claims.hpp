#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/object/address.hpp"
#include "core/ports/connector.hpp"
#include "core/tier/memory_room.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Lets one thread of a job at a time change a name, or bring its object to memory. A claim is an object
/// without content, under a hash of the name, in a store of the job's memory that holds nothing else. Claims
/// of dead ranks are released by the ranks of their node, when these make claims; those of a node of which no
/// rank is left are taken over by whoever waits for them. Any thread.
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

  /// Claims to some of several names, until it is destroyed.
  class HeldSome {
   public:
    HeldSome(std::shared_ptr<Connector> connector, std::size_t names)
        : connector_(std::move(connector)), is_held_(names) {
      claims_.reserve(names);
      evicted_.reserve(names);
    }
    HeldSome(HeldSome&&) noexcept = default;
    HeldSome& operator=(HeldSome&&) = delete;
    ~HeldSome() {
      if (connector_ && !claims_.empty()) {
        connector_->evict_batch(claims_, evicted_, {});
      }
    }

    void add(std::size_t name, const Key& claim) {
      is_held_[name] = true;
      claims_.emplace_back(claim);
      evicted_.emplace_back(false);
    }
    /// Whether there is a claim to that one of the names.
    [[nodiscard]] bool has(std::size_t name) const { return is_held_[name]; }
    /// Returns those of `places`, one for each name, to whose names there are claims, and adds the others to
    /// `alone`.
    [[nodiscard]] std::vector<std::size_t> claimed(std::span<const std::size_t> places,
                                                   std::vector<std::size_t>& alone) const;

   private:
    std::shared_ptr<Connector> connector_;  ///< null once it was moved
    std::vector<bool> is_held_;
    std::vector<Address> claims_;
    std::vector<Result<bool>> evicted_;  ///< at the end
  };

  /// \param room has to outlive it
  /// \param store of `connector`, the same on every rank
  /// \param lost_node_peers the ranks of this node that are dead; may be empty
  NameClaims(std::shared_ptr<Connector> connector, MemoryRoom& room, std::uint32_t store,
             std::function<std::vector<int>()> lost_node_peers)
      : connector_(std::move(connector)),
        room_(room),
        store_(store),
        lost_node_peers_(std::move(lost_node_peers)) {}

  /// Waits until nobody else has a claim to the name. `timeout`; `out_of_memory`: memory has no room for it;
  /// the errors of the connector.
  [[nodiscard]] Result<Held> take(const Address& name, Deadline::Clock::time_point until);
  /// Claims those of the names to which nobody else has a claim, of equal ones one. Waits for nobody's claim,
  /// so a thread that holds some never waits for one that holds others. What take() would tell of the rest is
  /// for take() to find out.
  [[nodiscard]] HeldSome take_free(std::span<const Address> names, Deadline::Clock::time_point until);

 private:
  [[nodiscard]] Result<Key> put(std::string_view claim, const SealOptions& options,
                                Deadline::Clock::time_point until);
  [[nodiscard]] std::optional<std::uint64_t> generation_if_lost(std::string_view claim,
                                                                Deadline::Clock::time_point until);
  void release_those_of_the_dead(bool is_held_up);

  const std::shared_ptr<Connector> connector_;
  MemoryRoom& room_;
  const std::uint32_t store_;
  const std::function<std::vector<int>()> lost_node_peers_;
  std::atomic<std::size_t> dead_seen_{0};  ///< that many ranks were dead when their claims were released
};

}  // namespace locum
