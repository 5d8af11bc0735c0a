#pragma once

#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

/// What the tests of the runtime get from MPI itself, on MPI_COMM_WORLD.
namespace locum::job {

inline int rank() {
  int number = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &number);
  return number;
}

inline int size() {
  int number = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &number);
  return number;
}

inline int last() {
  return size() - 1;
}

/// The node that a runtime places this rank on: LOCUM_RANKS_PER_NODE splits the machine.
inline int node_of(int rank) {
  const char* const split = std::getenv("LOCUM_RANKS_PER_NODE");
  const int ranks = split == nullptr ? 0 : std::atoi(split);
  return ranks > 0 ? rank / ranks : 0;
}
inline bool same_node(int rank_number) {
  return node_of(rank_number) == node_of(rank());
}
inline bool one_node() {
  return node_of(last()) == 0;
}

/// Whether the nodes are connected by MPI itself.
inline bool over_mpi() {
  const char* const transport = std::getenv("LOCUM_TRANSPORT");
  return transport != nullptr && std::string(transport) == "mpi";
}

/// Waits for a call of MPI, asleep most of the time: where MPI waits by itself, it spins, and takes the cores
/// from the ranks that it waits for.
inline void complete(MPI_Request request) {
  using namespace std::chrono_literals;
  int done = 0;
  MPI_Test(&request, &done, MPI_STATUS_IGNORE);
  for (auto pause = 20us; done == 0; pause = std::min<std::chrono::microseconds>(2 * pause, 1ms)) {
    std::this_thread::sleep_for(pause);
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
  }
}

inline void barrier() {
  MPI_Request request;
  MPI_Ibarrier(MPI_COMM_WORLD, &request);
  complete(request);
}

inline void broadcast(void* bytes, std::size_t count, int root) {
  MPI_Request request;
  MPI_Ibcast(bytes, static_cast<int>(count), MPI_BYTE, root, MPI_COMM_WORLD, &request);
  complete(request);
}

/// The value of rank `root`, on all ranks.
template <class T>
  requires std::is_trivially_copyable_v<T>
T from(int root, T value) {
  broadcast(&value, sizeof value, root);
  return value;
}

/// The values of all ranks, by rank.
template <class T>
  requires std::is_trivially_copyable_v<T>
std::vector<T> everybodys(const T& value) {
  std::vector<T> values(static_cast<std::size_t>(size()));
  MPI_Request request;
  MPI_Iallgather(&value, sizeof value, MPI_BYTE, values.data(), sizeof value, MPI_BYTE, MPI_COMM_WORLD,
                 &request);
  complete(request);
  return values;
}

/// Whether all ranks have the same text.
inline bool same_everywhere(const std::string& text) {
  const auto length = from(0, text.size());
  std::string other = text;
  other.resize(length);
  broadcast(other.data(), length, 0);
  const int equal = other == text ? 1 : 0;
  int all_equal = 0;
  MPI_Request request;
  MPI_Iallreduce(&equal, &all_equal, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD, &request);
  complete(request);
  return all_equal != 0;
}

}  // namespace locum::job
