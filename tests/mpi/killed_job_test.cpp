// A program that is killed: every rank makes, names, replaces, reads and evicts objects, and leaves some
// unsealed. Rank 0 prints a line before it opens the runtime, one for every ten rounds, and one at the end.
//
// LOCUM_TEST_ROUNDS     rounds before it ends by itself
// LOCUM_TEST_KILL_RANK  this rank kills itself with SIGKILL …
// LOCUM_TEST_KILL_ROUND … in this round
#include <mpi.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"

namespace {

int number_from(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<int>(std::strtol(text, nullptr, 10));
}

void say(int rank, const std::string& line) {
  if (rank == 0) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
  }
}

// The results of the store do not matter here: other ranks replace and evict the same names.
void one_round(locum::Store& store, int rank, int round) {
  const std::string own = "own/" + std::to_string(rank) + "/" + std::to_string(round % 7);
  const std::vector<double> values(static_cast<std::size_t>(1 + (round * 977) % 60'000), round);
  const auto key = store.put(values);
  (void)store.replace(own, values);
  (void)store.replace("shared", round);
  (void)store.get<int>("shared");
  (void)store.get<double[]>("own/0/0");
  auto unsealed = store.create<double>({100, 100});
  if (key) {
    (void)store.evict(*key);
  }
  if (round % 5 == 0) {
    (void)store.evict(own);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = number_from("LOCUM_TEST_ROUNDS", 50);
  const int kill_rank = number_from("LOCUM_TEST_KILL_RANK", -1);
  const int kill_round = number_from("LOCUM_TEST_KILL_ROUND", 0);
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  say(rank, "opening");
  {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U});
    locum::Store store = runtime.store("killed");
    for (int round = 0; round < rounds; ++round) {
      if (rank == kill_rank && round == kill_round) {
        std::raise(SIGKILL);
      }
      if (round % 10 == 0) {
        say(rank, "round " + std::to_string(round));
      }
      one_round(store, rank, round);
    }
  }
  say(rank, "closed");
  MPI_Finalize();
  return 0;
}
