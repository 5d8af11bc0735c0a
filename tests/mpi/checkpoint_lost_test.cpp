// usage: checkpoint_lost_tests PATH    Ranks write a checkpoint; then, while one in the background replaces
// it, rank LOCUM_TEST_VICTIM dies. The others learn how it ended, all the same: it is complete if the victim
// had nothing to write, or had written it; otherwise it is peer_lost. Run by checkpoint_lost.sh, under a
// launcher that lets the others continue.
#include <mpi.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/survivor.hpp"

namespace {

using namespace std::chrono_literals;
using locum::tests::expect;
using locum::tests::rank_of_this;
using locum::tests::victim;

// As in checkpoint_restart_tests, which reads it.
void put_round(const locum::Store& store, std::uint64_t round) {
  constexpr std::size_t large = 200'000;
  const std::string rank = std::to_string(rank_of_this);
  (void)store.replace("large/" + rank, std::vector<std::uint64_t>(large, round)).value();
  (void)store.replace("small/" + rank, round).value();
  (void)store.replace("heavy/" + rank, std::vector<std::uint64_t>(std::size_t{2} << 20U, round))
      .value();  // takes a while
}

int run(const std::string& path) {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{512} << 20U, .peer_timeout = 2s});
  const locum::Store store = runtime.store("fields");
  put_round(store, 1);
  (void)runtime.checkpoint("fields", path).value();
  put_round(store, 2);
  const auto begun = runtime.checkpoint_async("fields", path);
  if (rank_of_this == victim()) {
    std::raise(SIGKILL);
  }
  const auto end = begun.get(60s);
  expect(end || end.error().code() == locum::Errc::peer_lost, end ? "" : end.error().what());
  runtime.close();
  std::printf("rank %d survived: %s\n", rank_of_this, end ? "complete" : end.error().what());
  return locum::tests::failures;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  int failures = 1;
  try {
    failures = run(argv[1]);
  } catch (const std::exception& error) {
    std::printf("rank %d FAILED: %s\n", rank_of_this, error.what());
  }
  std::fflush(nullptr);
  std::_Exit(failures == 0 ? 0 : 1);
}
