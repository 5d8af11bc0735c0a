#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/value/key.hpp"
#include "shm/segment/layout.hpp"
#include "tests/shm/kill_board.hpp"

namespace locum::tests {

/// Figures of a node's tables, read from its memory by a process that maps it, while no process writes.
struct Levels {
  std::array<std::uint64_t, most_ranks> live{};        ///< entries, by the creator's node rank
  std::array<std::uint64_t, most_ranks> tombstoned{};  ///< entries, by the creator's node rank
  std::array<std::uint64_t, most_ranks> pins{};        ///< bits, by the reader's node rank
  std::uint64_t nameless = 0;                          ///< tombstones that name no process
  std::uint64_t unbound = 0;                           ///< live objects with a name, but never bound to it
  std::uint64_t named = 0;                             ///< live objects that are bound to a name
  std::uint64_t records = 0;                           ///< of names, in all shards
  std::uint64_t intents = 0;                           ///< steps that were never finished
  std::uint64_t changing = 0;                          ///< shards whose sequence is odd
  std::uint64_t moving = 0;                            ///< objects on their way to or from disk
  std::uint64_t handed_back = 0;                       ///< stacks of dead entries that no owner has taken
  std::uint64_t table_bytes = 0;                       ///< committed for the head and all tables
  std::vector<Key> keys;                               ///< of all live objects
};

/// \param ranks the runtime's rank of each process of the node: the creators in keys
[[nodiscard]] Levels read_levels(const std::byte* base, const shm::Geometry& geometry,
                                 const std::vector<std::uint32_t>& ranks);

}  // namespace locum::tests
