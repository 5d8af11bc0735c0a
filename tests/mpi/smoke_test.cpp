// Only raw MPI. If this fails, the machine is broken; if only the others fail, this library is.
// LOCUM_TEST_RANKS: ranks that the job must have.
#include <mpi.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

// Every rank sends its number around the ring in a message large enough to need a rendezvous.
bool ring_delivers(int rank, int ranks) {
  constexpr int count = 1 << 18;
  std::vector<int> sent(count, rank);
  std::vector<int> received(count, -1);
  const int next = (rank + 1) % ranks;
  const int previous = (rank + ranks - 1) % ranks;
  MPI_Sendrecv(sent.data(), count, MPI_INT, next, 0, received.data(), count, MPI_INT, previous, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return received == std::vector<int>(count, previous);
}

bool sum_is_right(int rank, int ranks) {
  int sum = 0;
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  return sum == ranks * (ranks - 1) / 2;
}

// A launcher that does not fit the MPI starts jobs of one rank each.
bool all_are_there(int ranks) {
  const char* const wanted = std::getenv("LOCUM_TEST_RANKS");
  return wanted == nullptr || std::strtol(wanted, nullptr, 10) == ranks;
}

bool node_is_shared(int ranks) {
  MPI_Comm node = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
  int node_ranks = 0;
  MPI_Comm_size(node, &node_ranks);
  MPI_Comm_free(&node);
  return node_ranks == ranks;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);

  const bool all = all_are_there(ranks);
  const bool ring = ring_delivers(rank, ranks);
  const bool sum = sum_is_right(rank, ranks);
  const bool node = node_is_shared(ranks);
  std::printf("rank %d of %d: all there %s, ring %s, sum %s, all on one node %s\n", rank, ranks,
              all ? "ok" : "FAILED", ring ? "ok" : "FAILED", sum ? "ok" : "FAILED", node ? "ok" : "FAILED");

  MPI_Finalize();
  return all && ring && sum && node ? 0 : 1;
}
