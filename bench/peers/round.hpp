#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/peers/peer.hpp"

namespace peers {

/// Seconds that all ranks together took, from the first to begin until the last to end.
struct RoundTimes {
  double put = 0;
  double get = 0;
};

/// The rank that puts a name: for peers that keep a store for each rank.
[[nodiscard]] int owner_of(const std::string& name);

/// The objects of one size, and what every peer does with them in a round: each rank puts its own, all at the
/// same time; once all have, each gets those of the next rank and compares every byte, which is timed, too.
/// Then each removes its own, so that the names are new again.
class Round {
 public:
  Round(MPI_Comm ranks, std::size_t bytes, std::size_t objects);

  /// Collective.
  [[nodiscard]] RoundTimes run(Peer& peer);

  /// How many objects of a size each rank has: of 8 MiB together, but not more than make a round long enough
  /// to time.
  [[nodiscard]] static std::size_t objects_of(std::size_t bytes);

 private:
  void fill();
  void check(std::size_t number, std::span<const std::byte> bytes) const;

  MPI_Comm ranks_;
  int rank_ = 0;
  int next_ = 0;
  std::size_t bytes_;
  std::uint64_t number_ = 0;  ///< of the round: values differ from those of the round before
  std::vector<std::uint64_t> words_;
  std::vector<Item> items_;
  std::vector<std::string> names_;  ///< of the next rank
};

}  // namespace peers
