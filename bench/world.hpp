#pragma once

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace locum::bench {

[[nodiscard]] inline int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

[[nodiscard]] inline int world_size() {
  int size = 1;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}

/// Whether the ranks are on more than one host, so that no shared memory connects all of them. Collective.
[[nodiscard]] inline bool on_several_hosts() {
  MPI_Comm here = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
  int size = 0;
  MPI_Comm_size(here, &size);
  MPI_Comm_free(&here);
  return size < world_size();
}

/// The maximum of all ranks' figures, on all ranks: a step takes as long as its slowest rank. Collective.
[[nodiscard]] inline double slowest(double mine) {
  double greatest = 0;
  MPI_Allreduce(&mine, &greatest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return greatest;
}

/// The sum of all ranks' figures, on all ranks. Collective.
[[nodiscard]] inline double sum_of_all(double mine) {
  double sum = 0;
  MPI_Allreduce(&mine, &sum, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  return sum;
}

/// Shared memory of an MPI program without this library: one window, a piece of it per rank, zero at the
/// start. Collective over the world; all ranks on one node.
class SharedWindow {
 public:
  explicit SharedWindow(std::uint64_t bytes_per_rank) : bytes_per_rank_(bytes_per_rank) {
    std::byte* mine = nullptr;
    MPI_Win_allocate_shared(static_cast<MPI_Aint>(bytes_per_rank), 1, MPI_INFO_NULL, MPI_COMM_WORLD, &mine,
                            &window_);
    std::fill_n(mine, bytes_per_rank, std::byte{0});
    MPI_Barrier(MPI_COMM_WORLD);
  }
  SharedWindow(const SharedWindow&) = delete;
  SharedWindow& operator=(const SharedWindow&) = delete;
  ~SharedWindow() { MPI_Win_free(&window_); }

  [[nodiscard]] std::span<std::byte> of(int rank) const {
    MPI_Aint size = 0;
    int unit = 0;
    std::byte* base = nullptr;
    MPI_Win_shared_query(window_, rank, &size, &unit, &base);
    return {base, bytes_per_rank_};
  }

 private:
  std::uint64_t bytes_per_rank_;
  MPI_Win window_ = MPI_WIN_NULL;
};

}  // namespace locum::bench
