// Four ranks put more objects than the memory of their node holds, and read each other's. One of them dies by
// SIGKILL at some time, under a launcher that lets the others continue: LOCUM_TEST_VICTIM, after
// LOCUM_TEST_DEATH_US of work. All objects whose put has returned have to be found whole, unless all of their
// node is dead. Run by deaths_at_any_time.sh.
#include <mpi.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/survivor.hpp"

namespace {

using namespace std::chrono_literals;
using locum::tests::expect;
using locum::tests::longest_call;
using locum::tests::may_die;
using locum::tests::rank_of_this;
using locum::tests::timed;

constexpr std::size_t ranks = 4;
constexpr std::size_t objects = 64;  // of each rank
// For a machine with more ranks than cores; and for one slowed down by a sanitizer.
constexpr auto slack = locum::tests::sanitized ? 20s : 10s;

/// In memory of all ranks, which the dead leave as it was.
struct Shared {
  locum::tests::RanksDone done;
  std::atomic<std::uint32_t> store;
  std::array<std::array<std::atomic<std::uint64_t>, objects>, ranks> serials;  ///< of objects that are put
};

std::vector<double> value_of(std::size_t rank, std::size_t number) {
  return std::vector<double>(16384 + number % 5 * 8192, static_cast<double>(rank * objects + number));
}

/// Whether all of the node of that rank is dead; `split`: its number of ranks.
bool is_lost(std::size_t rank, int nodes) {
  return nodes == static_cast<int>(ranks) && static_cast<int>(rank) == locum::tests::victim();
}

void look_at(const locum::Store& store, Shared& shared, std::size_t rank, std::size_t number, int nodes) {
  const std::uint64_t serial = shared.serials[rank][number].load();
  if (serial == 0 || is_lost(rank, nodes)) {
    return;
  }
  const locum::Key key{shared.store.load(), static_cast<std::uint32_t>(rank), serial};
  const auto found = timed([&] { return store.get<double[]>(key); });
  const std::string what = "object " + std::to_string(number) + " of rank " + std::to_string(rank);
  expect(found.has_value(), what + ": " + (found ? "" : found.error().what()));
  if (found) {
    const auto right = value_of(rank, number);
    expect(std::equal(right.begin(), right.end(), found->begin(), found->end()), what + " is another one");
  }
}

void play(const locum::Store& store, Shared& shared, int nodes) {
  const auto rank = static_cast<std::size_t>(rank_of_this);
  for (std::size_t number = 0; number < objects; ++number) {
    may_die();
    auto put = timed([&] { return store.put(value_of(rank, number)); });
    // The dead rank's objects stay in memory until it is adopted.
    locum::tests::wait_until([&] {
      const bool is_full = !put && put.error().code() == locum::Errc::out_of_memory;
      if (is_full) {
        put = timed([&] { return store.put(value_of(rank, number)); });
      }
      return !is_full;
    });
    expect(put.has_value(), std::string("put: ") + (put ? "" : put.error().what()));
    if (put) {
      shared.store = put->store;
      shared.serials[rank][number] = put->serial;
    }
    look_at(store, shared, (rank + number) % ranks, number * 7 % (number + 1), nodes);
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  auto& shared = locum::tests::shared_memory<Shared>();
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{12} << 20U,
                                          .timeout = 60s,
                                          .spill_folder = locum::tests::setting("TMPDIR")});
  const int nodes = runtime.nodes();
  const auto store = runtime.store("work");
  MPI_Barrier(MPI_COMM_WORLD);
  std::optional<locum::Error> error;
  try {
    play(store, shared, nodes);
  } catch (const locum::Error& thrown) {
    error = thrown;
  }
  if (rank_of_this == locum::tests::victim()) {  // it was too fast
    std::raise(SIGKILL);
  }
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    for (std::size_t number = 0; number < objects; ++number) {
      look_at(store, shared, rank, number, nodes);
    }
  }
  expect(!error, std::string("a death disturbs the others: ") + (error ? error->what() : ""));
  const auto bound = (nodes == 1 ? 300ms : 2 * runtime.options().peer_timeout) + slack;
  expect(longest_call <= bound, "a call lasted " + std::to_string(longest_call.count()) + " ms");
  locum::tests::wait_for_survivors(shared.done);
  locum::tests::end_survivor(error);
}
