// Four ranks put names, alone and in batches, and replace one, in a store in memory in front of a folder,
// LOCUM_TEST_FOLDER, written back. One of them dies by SIGKILL at some time, LOCUM_TEST_VICTIM after
// LOCUM_TEST_DEATH_US of work, or all do, for victim 4. With the argument `check`: looks, as another job, at
// what is in the folder then. Run by deaths_at_any_time.sh.
#include <mpi.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/survivor.hpp"
#include "transport/storage/open.hpp"

namespace {

using namespace std::chrono_literals;
using locum::tests::expect;
using locum::tests::rank_of_this;
using locum::tests::setting;
using locum::tests::timed;
using locum::tests::victim;

constexpr std::size_t ranks = 4;
constexpr std::uint32_t objects = 200;           // of each rank
constexpr std::uint32_t batch_size = 4;          // objects that are put at once
constexpr std::uint64_t unwritten = 256 * 1024;  // as in the URL

/// In memory of all ranks, which the dead leave as it was.
struct Shared {
  locum::tests::RanksDone played;  ///< which ranks put nothing any more
  locum::tests::RanksDone done;
  std::array<std::atomic<std::uint32_t>, ranks> put;  ///< so many of its names are put
  std::array<std::atomic<std::uint32_t>, ranks>
      flushed;  ///< so many were when a flush began that has returned
};

std::vector<double> value_of(std::size_t rank, std::size_t number) {
  return std::vector<double>(1000 + number % 5 * 1000, static_cast<double>(rank * objects + number));
}

std::string name_of(std::size_t rank, std::size_t number) {
  return "field/" + std::to_string(rank) + '/' + std::to_string(number);
}

std::string last_of(std::size_t rank) {
  return "last/" + std::to_string(rank);
}

std::string brief_of(std::size_t rank) {
  return "brief/" + std::to_string(rank);
}

bool is_whole(const locum::Store& store, std::size_t rank, std::size_t number) {
  const auto found = timed([&] { return store.get<double[]>(name_of(rank, number)); });
  const auto right = value_of(rank, number);
  const bool is_right = found && std::equal(found->begin(), found->end(), right.begin(), right.end());
  expect(is_right || (!found && found.error().code() == locum::Errc::not_found),
         name_of(rank, number) + ": " + (found ? "is another one" : found.error().what()));
  return is_right;
}

/// Puts the object of that number, or a batch that begins with it; how many.
std::uint32_t put(const locum::Store& store, std::size_t rank, std::uint32_t number) {
  if (number % batch_size != 0 || number / batch_size % 2 == 0) {
    const auto key = timed([&] { return store.put(name_of(rank, number), value_of(rank, number)); });
    expect(key.has_value(), std::string("put: ") + (key ? "" : key.error().what()));
    return 1;
  }
  std::vector<std::pair<std::string, std::vector<double>>> batch;
  for (std::size_t at = number; at < number + batch_size; ++at) {
    batch.emplace_back(name_of(rank, at), value_of(rank, at));
  }
  for (const auto& key : timed([&] { return store.put_batch(batch); })) {
    expect(key.has_value(), std::string("put_batch: ") + (key ? "" : key.error().what()));
  }
  return batch_size;
}

/// Names put, one by one and in batches by turns, and one that is replaced each time by how many there are.
void play(const locum::Runtime& runtime, const locum::Store& store, Shared& shared) {
  const auto rank = static_cast<std::size_t>(rank_of_this);
  for (std::uint32_t number = 0; number < objects;) {
    number += put(store, rank, number);
    const auto replaced = timed([&] { return store.replace(last_of(rank), number); });
    expect(replaced.has_value(), std::string("replace: ") + (replaced ? "" : replaced.error().what()));
    shared.put[rank] = number;
    if (number % 16 == 8) {  // the one before has expired, or has not
      const auto brief = timed([&] { return store.put(brief_of(rank), number, {.lifetime = 20ms}); });
      expect(brief || brief.error().code() == locum::Errc::key_exists,
             std::string("put for 20 ms: ") + (brief ? "" : brief.error().what()));
    }
    if (number % 16 == 0) {
      const auto flushed = timed([&] { return runtime.flush(); });
      expect(flushed.has_value(), std::string("flush: ") + (flushed ? "" : flushed.error().what()));
      shared.flushed[rank] = number;
    }
    const std::size_t other = (rank + number) % ranks;
    const std::uint32_t there = shared.put[other];
    expect(there == 0 || is_whole(store, other, there - 1), "an object that was put is not in memory");
  }
}

/// What a job finds that begins now. Of each rank so many names are there for certain; the others are whole,
/// or not there, and no more bytes than may be unwritten are missing of those that were put.
void check_folder(const std::array<std::uint32_t, ranks>& certain, const Shared& shared) {
  const auto store = locum::open("file:" + setting("LOCUM_TEST_FOLDER") + "?sync=0&store=work").value();
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    std::uint64_t missing = 0;
    for (std::size_t number = 0; number < objects; ++number) {
      const bool is_there = is_whole(store, rank, number);
      expect(is_there || number >= certain[rank], name_of(rank, number) + " is not in the folder");
      missing += is_there || number >= shared.put[rank] ? 0 : value_of(rank, number).size() * sizeof(double);
    }
    expect(missing <= unwritten,
           std::to_string(missing) + " bytes of rank " + std::to_string(rank) + " are lost");
    expect(!store.exists(brief_of(rank)).value_or(true), brief_of(rank) + " did not end");
    const auto last = store.get<std::uint32_t>(last_of(rank));
    expect(certain[rank] == 0 || (last && **last >= certain[rank]), last_of(rank) + " is an older one");
  }
}

template <std::size_t... I>
std::array<std::uint32_t, ranks> counts(const std::array<std::atomic<std::uint32_t>, ranks>& of,
                                        std::index_sequence<I...> /*all*/) {
  return {of[I].load()...};
}

void may_die_with_all() {
  if (victim() == static_cast<int>(ranks)) {
    std::thread([] {
      std::this_thread::sleep_for(
          std::chrono::microseconds(std::atoi(setting("LOCUM_TEST_DEATH_US").c_str())));
      std::raise(SIGKILL);
    }).detach();
  } else {
    locum::tests::may_die();
  }
}

}  // namespace

int main(int argc, char** argv) {
  auto& shared = locum::tests::shared_memory<Shared>();
  constexpr std::make_index_sequence<ranks> all;
  if (argc > 1) {
    // Of a dead job what was flushed; where some lived on, they have written all that was put.
    check_folder(victim() == static_cast<int>(ranks) ? counts(shared.flushed, all) : counts(shared.put, all),
                 shared);
    return locum::tests::failures == 0 ? 0 : 1;
  }
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U, .timeout = 60s});
  const std::string url =
      "nodes+file:" + setting("LOCUM_TEST_FOLDER") + "?sync=0&nodes.write=back&nodes.unwritten=256KiB";
  const auto store = runtime.store("work", {.connector = url});
  MPI_Barrier(MPI_COMM_WORLD);
  may_die_with_all();
  std::optional<locum::Error> error;
  try {
    play(runtime, store, shared);
  } catch (const locum::Error& thrown) {
    error = thrown;
  }
  if (rank_of_this == victim() || victim() == static_cast<int>(ranks)) {  // it was too fast
    std::raise(SIGKILL);
  }
  // The dead rank's names are in memory of its node, and written by the others.
  locum::tests::wait_until([&] { return !runtime.lost_ranks().empty(); });
  const auto flushed = timed([&] { return runtime.flush(); });
  expect(flushed.has_value(), std::string("the last flush: ") + (flushed ? "" : flushed.error().what()));
  locum::tests::wait_for_survivors(shared.played);  // else a name that has ended is put again
  for (std::size_t rank = 0; rank < ranks; ++rank) {
    locum::Result<bool> is_there(true);
    locum::tests::wait_until([&] {
      is_there = store.exists(brief_of(rank));
      return is_there && !*is_there;
    });
    expect(is_there && !*is_there, brief_of(rank) + " does not end in memory" +
                                       (is_there ? "" : std::string(": ") + is_there.error().what()));
  }
  expect(!error, std::string("a death disturbs the others: ") + (error ? error->what() : ""));
  locum::tests::wait_for_survivors(shared.done);
  locum::tests::end_survivor(error);
}
