// Ranks of several hosts read each other's objects, round by round, while traffic.sh makes trouble with
// hosts. In a round each rank puts an object, gets the latest one of every rank on another host, and replaces
// a name. What it gets has to be right. `lossless`: no call may return an error, however long it takes.
// `lossy`: calls that need a lost rank return `peer_lost`, in time, and all others succeed. Ranks tell each
// other keys by memory that all hosts see, the file LOCUM_TEST_SHARED, since MPI is in trouble as well.
#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/cluster/said.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/survivor.hpp"

namespace {

using namespace std::chrono_literals;
using locum::tests::expect;
using locum::tests::failures;
using locum::tests::longest_call;
using locum::tests::rank_of_this;
using locum::tests::said;
using locum::tests::setting;
using locum::tests::timed;

constexpr int most_ranks = 16;
constexpr std::uint64_t kept = 4;  // so many rounds' objects
constexpr auto deadline = 30s;
// For a machine with more ranks than cores, where calls lasted up to 6.4 s with a peer_timeout of 2 s; and
// for one slowed down by a sanitizer.
constexpr auto slack = locum::tests::sanitized ? 12s : 8s;

/// What a rank tells the others. The script reads `rounds`.
struct alignas(128) Rank {
  std::atomic<std::uint64_t> rounds;  // their objects were put
  std::array<locum::Key, kept> keys;  // by round, modulo `kept`
  std::atomic<bool> done;             // it needs nobody any more
};
using Board = std::array<Rank, most_ranks>;

std::vector<double> values_of(int rank, std::uint64_t round) {
  return std::vector<double>(round % 4 == 0 ? 60'000 : 40, static_cast<double>(round) * 100 + rank);
}

/// The ranks on other hosts, from the point of view of this rank.
class Others {
 public:
  Others(locum::Runtime& runtime, Board& board, bool lossy)
      : runtime_(runtime), store_(runtime.store("traffic")), board_(board), lossy_(lossy) {
    MPI_Comm here = MPI_COMM_NULL;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
    int lowest = rank_of_this;
    MPI_Allreduce(MPI_IN_PLACE, &lowest, 1, MPI_INT, MPI_MIN, here);
    std::array<int, most_ranks> hosts{};
    MPI_Allgather(&lowest, 1, MPI_INT, hosts.data(), 1, MPI_INT, MPI_COMM_WORLD);
    for (int rank = 0; rank < runtime.size(); ++rank) {
      lost_.push_back(false);
      elsewhere_.push_back(hosts[static_cast<std::size_t>(rank)] != lowest);
    }
    MPI_Comm_free(&here);
  }

  /// A round: the script stops them.
  void round(std::uint64_t number) {
    Rank& own = board_[static_cast<std::size_t>(rank_of_this)];
    const auto key = timed([&] { return store_.put(values_of(rank_of_this, number)); });
    if (!key) {
      return failed("a put", key.error());
    }
    own.keys[number % kept] = *key;
    own.rounds.store(number + 1);
    for (int rank = 0; rank < runtime_.size(); ++rank) {
      if (elsewhere_[static_cast<std::size_t>(rank)]) {
        read(rank, number);
      }
    }
    const auto name = "latest of " + std::to_string(rank_of_this) + '/' + std::to_string(number % 8);
    const auto replaced = timed([&] { return store_.replace(name, number, {.deadline = deadline}); });
    if (!replaced) {
      failed("a replace", replaced.error());
    }
    if (number >= 2) {  // all others have read it, or are lost: they are one round behind at most
      (void)store_.evict(own.keys[(number - 2) % kept], {.deadline = deadline});
    }
  }

  /// This rank needs them no more; and until they do not need this one.
  void leave() {
    board_[static_cast<std::size_t>(rank_of_this)].done = true;
    for (int rank = 0; rank < runtime_.size(); ++rank) {
      const auto& other = board_[static_cast<std::size_t>(rank)];
      locum::tests::wait_until([&] {
        const auto known = lossy_ ? runtime_.lost_ranks() : std::vector<int>{};
        return other.done.load() || lost_[static_cast<std::size_t>(rank)] ||
               std::find(known.begin(), known.end(), rank) != known.end();
      });
    }
  }

  [[nodiscard]] int lost() const { return static_cast<int>(std::count(lost_.begin(), lost_.end(), true)); }
  [[nodiscard]] std::chrono::milliseconds first_loss() const { return first_loss_; }

 private:
  /// Gets what the rank put in this round. While it has put nothing new, what it put last: so its loss is
  /// noticed.
  void read(int rank, std::uint64_t number) {
    const auto place = static_cast<std::size_t>(rank);
    const Rank& other = board_[place];
    const auto until = std::chrono::steady_clock::now() + deadline;
    for (bool is_new = false; !is_new && !lost_[place] && !other.done;) {
      const auto look = std::chrono::steady_clock::now() + 20ms;
      while (other.rounds.load() <= number && !other.done && std::chrono::steady_clock::now() < look) {
        std::this_thread::yield();
      }
      const auto rounds = other.rounds.load();
      is_new = rounds > number;
      if (rounds == 0) {
        continue;
      }
      const auto round = std::min(rounds - 1, number);
      const auto key = other.keys[round % kept];
      const auto view = timed([&] { return store_.get<double[]>(key, {.deadline = deadline}); });
      if (!view) {
        lost_[place] = view.error().code() == locum::Errc::peer_lost;
        return failed("a get of rank " + std::to_string(rank), view.error());
      }
      const auto right = values_of(rank, round);
      expect(std::equal(view->begin(), view->end(), right.begin(), right.end()), "wrong values");
      if (std::chrono::steady_clock::now() > until) {
        return expect(false, "rank " + std::to_string(rank) + " makes no progress");
      }
    }
  }

  void failed(const std::string& what, const locum::Error& error) {
    expect(lossy_ && error.code() == locum::Errc::peer_lost, what + " failed: " + error.what());
    if (first_loss_ == 0ms) {
      first_loss_ = std::max(said("trouble").value_or(0ms), 1ms);
    }
  }

  locum::Runtime& runtime_;
  locum::Store store_;
  Board& board_;
  bool lossy_;
  std::vector<bool> elsewhere_;
  std::vector<bool> lost_;
  std::chrono::milliseconds first_loss_{0};
};

}  // namespace

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  const bool lossy = argc > 1 && std::string_view(argv[1]) == "lossy";
  auto& board = locum::tests::shared_memory<Board>();
  {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U});
    Others others(runtime, board, lossy);
    std::uint64_t rounds = 0;
    std::chrono::milliseconds longest_round{0};
    for (; failures == 0 && !said("stop"); ++rounds) {
      const auto start = std::chrono::steady_clock::now();
      others.round(rounds);
      longest_round = std::max(longest_round, std::chrono::duration_cast<std::chrono::milliseconds>(
                                                  std::chrono::steady_clock::now() - start));
    }
    others.leave();
    const auto bound = runtime.options().peer_timeout * 6 / 5 + slack;
    if (lossy) {
      expect(longest_call <= bound, "a call lasted " + std::to_string(longest_call.count()) + " ms");
    }
    std::printf(
        "rank %d: %d failures, %d rounds, the longest %d ms, longest call %d ms, %d lost, the first after %d "
        "ms\n",
        rank_of_this, failures, static_cast<int>(rounds), static_cast<int>(longest_round.count()),
        static_cast<int>(longest_call.count()), others.lost(), static_cast<int>(others.first_loss().count()));
    std::fflush(stdout);
    if (lossy || failures != 0) {  // MPI_Finalize may wait for the lost for ever
      runtime.close();
      std::_Exit(failures == 0 ? 0 : 1);
    }
  }
  MPI_Finalize();
  return 0;
}
