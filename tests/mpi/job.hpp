#pragma once

#include <mpi.h>

#include <cstdlib>
#include <cstring>
#include <string>
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

inline void barrier() {
  MPI_Barrier(MPI_COMM_WORLD);
}

/// The value of rank `root`, on all ranks.
template <class T>
  requires std::is_trivially_copyable_v<T>
T from(int root, T value) {
  MPI_Bcast(&value, sizeof value, MPI_BYTE, root, MPI_COMM_WORLD);
  return value;
}

/// The values of all ranks, by rank.
template <class T>
  requires std::is_trivially_copyable_v<T>
std::vector<T> everybodys(const T& value) {
  std::vector<T> values(static_cast<std::size_t>(size()));
  MPI_Allgather(&value, sizeof value, MPI_BYTE, values.data(), sizeof value, MPI_BYTE, MPI_COMM_WORLD);
  return values;
}

/// Whether all ranks have the same text.
inline bool same_everywhere(const std::string& text) {
  const auto length = from(0, text.size());
  std::string other = text;
  other.resize(length);
  MPI_Bcast(other.data(), static_cast<int>(length), MPI_BYTE, 0, MPI_COMM_WORLD);
  const int equal = other == text ? 1 : 0;
  int all_equal = 0;
  MPI_Allreduce(&equal, &all_equal, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  return all_equal != 0;
}

}  // namespace locum::job
