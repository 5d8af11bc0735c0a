#pragma once

#include <mpi.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <locum/locum.hpp>
#include <vector>

namespace scaling {

/// What stays the same when there are more ranks.
enum class Mode {
  weak,    ///< the work of each rank
  strong,  ///< the work of all ranks together
};

/// What a case is made of: the runtime of all ranks, and how much work there is.
struct Scene {
  locum::Runtime& runtime;
  locum::Store store;
  MPI_Comm ranks_comm;       ///< of the program's own messages: returns its errors
  std::vector<int> node_of;  ///< by rank
  Mode mode = Mode::weak;
  std::size_t bytes = 0;                    ///< of an object; a multiple of 8
  std::size_t most_operations = 64;         ///< of a rank in a repetition
  std::chrono::duration<double> limit{60};  ///< of every wait
  bool check_all = false;  ///< compare every word; otherwise only the first and the last one of an object

  [[nodiscard]] int rank() const { return runtime.rank(); }
  [[nodiscard]] int ranks() const { return runtime.size(); }

  /// The bytes of all objects of a rank in a repetition, unless one is larger.
  static constexpr std::size_t bytes_of_a_rank = std::size_t{4} << 20U;

  /// How many objects this rank handles in a repetition: fewer of large ones. Of strong scaling, its share of
  /// those that all ranks handle, but at least one.
  [[nodiscard]] std::size_t operations() const {
    constexpr std::size_t ranks_in_mind = 16;  // whose work is the fixed total
    const std::size_t fitting = bytes == 0 ? most_operations : bytes_of_a_rank / bytes;
    const std::size_t each = fitting < 1 ? 1 : fitting < most_operations ? fitting : most_operations;
    if (mode == Mode::weak) {
      return each;
    }
    const std::size_t share = each * ranks_in_mind / static_cast<std::size_t>(ranks());
    return share < 1 ? 1 : share;
  }
  /// The bytes of this rank's part of what all ranks do together: `bytes` each, or in all.
  [[nodiscard]] std::size_t part_bytes() const {
    constexpr std::size_t word = sizeof(std::uint64_t);
    const std::size_t part = mode == Mode::weak ? bytes : bytes / static_cast<std::size_t>(ranks());
    return part < word ? word : part / word * word;
  }
};

}  // namespace scaling
