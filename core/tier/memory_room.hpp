#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/object/object.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/wait_budget.hpp"
#include "core/tier/tier_stores.hpp"
#include "core/tier/unwritten_names.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Memory for objects of a tier. Where the node has none, objects leave it that the backend has, too: those
/// that have names, that any rank of this node made or brought, and that this process does not view; about
/// the oldest first. They are found in the backend. Any thread.
class MemoryRoom {
 public:
  /// \param stores has to outlive it
  /// \param unwritten what is not in the backend yet, by whichever rank; has to outlive it
  MemoryRoom(std::shared_ptr<Connector> front, const TierStores& stores, const UnwrittenNames& unwritten,
             std::chrono::milliseconds timeout)
      : front_(std::move(front)), stores_(stores), unwritten_(unwritten), timeout_(timeout) {}

  /// Sink::create() in memory. Makes no room for a call that may not wait.
  [[nodiscard]] Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta,
                                           WaitBudget budget);

 private:
  /// An object that may leave.
  struct Candidate {
    bool is_of_other_store = false;
    std::uint64_t generation = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t name_hash = 0;
    Key key;
  };

  [[nodiscard]] bool can_help(std::uint32_t store, std::uint64_t size_bytes) const;
  [[nodiscard]] std::uint64_t make(std::uint32_t store, std::uint64_t size_bytes, std::uint64_t wanted,
                                   WaitBudget budget);
  [[nodiscard]] std::vector<Candidate> candidates(std::uint32_t store, std::uint64_t size_bytes) const;

  const std::shared_ptr<Connector> front_;
  const TierStores& stores_;
  const UnwrittenNames& unwritten_;
  const std::chrono::milliseconds timeout_;
  std::atomic<Deadline::Clock::time_point> impatient_until_{Deadline::Clock::time_point::min()};
};

}  // namespace locum
