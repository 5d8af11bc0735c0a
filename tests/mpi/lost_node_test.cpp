// Two nodes of two ranks. First one rank of the second node dies by SIGKILL, while the others wait for it,
// then the other one: the node replies as long as one of its ranks lives; after that its objects are
// `peer_lost`, in time, and the first node continues. Run by lost_node.sh, under a launcher that lets the
// survivors continue; these end by _Exit, because MPI_Finalize of Open MPI 4 may wait for the dead.
#include <mpi.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "core/serializers.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/survivor.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using locum::tests::expect;
using locum::tests::failures;
using locum::tests::rank_of_this;

constexpr auto peer_timeout = 2s;
// For a machine with more ranks than cores; and for one slowed down by a sanitizer.
constexpr auto slack = 6s;
constexpr auto at_once = locum::tests::sanitized ? 1'000ms : 100ms;
constexpr int objects = 8;
constexpr int unread = objects + 1;  // another large one, of which no other node has a copy

std::vector<double> values_of(int number) {
  std::vector<double> values(number % 2 == 0 ? 10 : 200'000);
  std::iota(values.begin(), values.end(), number);
  return values;
}

// The keys of the objects that rank `maker` made.
std::vector<locum::Key> made_by(locum::Store& store, int maker) {
  std::vector<locum::Key> keys(unread + 1);
  if (rank_of_this == maker) {
    for (int number = 0; number <= unread; ++number) {
      keys[static_cast<std::size_t>(number)] = store.put(values_of(number)).value();
    }
  }
  MPI_Bcast(keys.data(), static_cast<int>(keys.size() * sizeof keys[0]), MPI_BYTE, maker, MPI_COMM_WORLD);
  return keys;
}

bool all_readable(locum::Store& store, const std::vector<locum::Key>& keys) {
  for (int number = 0; number < objects; ++number) {
    const auto view = store.get<double[]>(keys[static_cast<std::size_t>(number)]);
    if (!view || std::vector<double>(view->begin(), view->end()) != values_of(number)) {
      std::printf("rank %d: %s\n", rank_of_this, view ? "other values" : view.error().what());
      return false;
    }
  }
  return true;
}

[[noreturn]] void die() {
  std::raise(SIGKILL);
  std::abort();
}

template <class Call>
void expect_lost(const char* what, Clock::duration within, Call call) {
  const auto start = Clock::now();
  const auto result = call();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  std::printf("rank %d: %s after %d ms: %s\n", rank_of_this, what, static_cast<int>(took.count()),
              result ? "a value" : result.error().what());
  expect(!result && result.error().code() == locum::Errc::peer_lost, std::string(what) + " is not peer_lost");
  expect(took <= within, std::string(what) + " took too long");
}

// The other ranks wait for the dead one, those of its node and those of another.
void expect_lost_collective(locum::Runtime& runtime) {
  const auto start = Clock::now();
  try {
    runtime.drop("no such store");
    expect(false, "a collective call succeeded without a rank");
  } catch (const locum::Error& error) {
    expect(error.code() == locum::Errc::peer_lost,
           std::string("error of the collective call: ") + error.what());
  }
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  std::printf("rank %d: the collective call ended after %d ms\n", rank_of_this,
              static_cast<int>(took.count()));
  expect(took <= 2 * peer_timeout + slack, "a collective call took too long");
}

void survive(locum::Runtime& runtime, locum::Store& store, const std::vector<locum::Key>& of_0,
             const std::vector<locum::Key>& of_3) {
  // Names whose homes are on both nodes.
  const auto name = [](int number) { return "of rank 0/" + std::to_string(number); };
  expect(all_readable(store, of_3), "what the first dead rank made cannot be read");
  if (rank_of_this == 0) {
    expect(store.wait<int>("rank 1 has read", 20s).has_value(), "the other survivor did not tell");
    expect(store.put("die", 1).has_value(), "cannot tell the second victim");
  } else {
    expect(store.put("rank 1 has read", 1).has_value(), "cannot tell the other survivor");
  }
  // It dies within the time that this takes.
  const auto gone_by = Clock::now() + 20s;
  while (store.get<double[]>(of_3[0]).has_value() && Clock::now() < gone_by) {
  }
  expect_lost("a get of a small object of the lost node", at_once,
              [&] { return store.get<double[]>(of_3[2]); });
  expect_lost("a get of a large one", at_once, [&] { return store.get<double[]>(of_3[unread]); });
  // This node's copies stay readable until their leases expire, which are not renewed any more.
  const auto lease_over = Clock::now() + peer_timeout / 5;
  while (store.get<double[]>(of_3[1]).has_value() && Clock::now() < lease_over + slack) {
    std::this_thread::yield();
  }
  expect_lost("a get of a copy", at_once, [&] { return store.get<double[]>(of_3[1]); });
  int lost = 0;
  for (int number = 0; number < 20; ++number) {
    const auto seen = store.get<int>(name(number));
    expect(seen ? **seen == number : seen.error().code() == locum::Errc::peer_lost,
           "a name is neither there nor lost");
    lost += seen ? 0 : 1;
  }
  expect(lost > 0 && lost < 20, std::to_string(lost) + " of 20 names are lost");
  expect(all_readable(store, of_0), "what this node has cannot be read");
  const std::vector<int> known = runtime.lost_ranks();
  std::string named;
  for (const int rank : known) {
    named += ' ' + std::to_string(rank);
  }
  expect(known == std::vector<int>{2, 3}, "known as lost are the ranks" + named + ", not the two dead ones");
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  {
    locum::Runtime runtime(
        MPI_COMM_WORLD,
        {.memory_bytes = std::uint64_t{64} << 20U, .peer_timeout = peer_timeout, .ranks_per_node = 2});
    locum::Store store = runtime.store("shared");
    const auto of_0 = made_by(store, 0);
    const auto of_3 = made_by(store, 3);
    if (rank_of_this == 0) {
      for (int number = 0; number < 20; ++number) {
        store.put("of rank 0/" + std::to_string(number), number).value();
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank_of_this == 3) {
      die();
    }
    expect_lost_collective(runtime);
    if (rank_of_this == 2) {
      (void)store.wait<int>("die", 25s);
      die();
    }
    survive(runtime, store, of_0, of_3);
    const auto start = Clock::now();
    runtime.close();
    expect(Clock::now() - start < slack, "closing took too long");
  }
  std::printf("rank %d %s\n", rank_of_this, failures == 0 ? "survived" : "FAILED");
  std::fflush(nullptr);
  std::_Exit(failures == 0 ? 0 : 1);
}
