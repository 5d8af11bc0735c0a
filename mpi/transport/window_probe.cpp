#include "mpi/transport/window_probe.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "mpi/error.hpp"
#include "mpi/request.hpp"

namespace locum::mpi {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// The owner has left the barrier by then; then longer than any network takes for a page, also on a busy
// machine; and how long the owner keeps away from MPI.
constexpr auto settling = 10ms;
constexpr auto patience = 100ms;
constexpr auto silence = 150ms;
// For reads that need the owner's help: it gives it by then.
constexpr auto rest = 1s;

std::byte value_of(int rank) {
  return static_cast<std::byte>(1 + rank % 255);
}

// A rank of a neighbouring node, which takes the other turn; -1: there is none.
int partner_of(const CommunicatorGroup& group) {
  const int own = group.node();
  const int other = own % 2 == 0 && own + 1 < group.nodes() ? own + 1 : own - 1;
  const auto found = std::ranges::find(group.node_of_rank(), other);
  return other < 0 ? -1 : static_cast<int>(found - group.node_of_rank().begin());
}

// No call of MPI for that long. Nobody else could end this earlier.
void keep_away_from_mpi(Clock::duration time) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  (void)never.wait_for(lock, time, [] { return false; });
}

struct Read {
  std::vector<std::byte> into;
  MPI_Request request = MPI_REQUEST_NULL;
};

bool ends_by(Read& read, Clock::time_point moment) {
  Backoff backoff;
  for (;;) {
    int done = 0;
    check(MPI_Test(&read.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done != 0 || Clock::now() >= moment) {
      return done != 0;
    }
    backoff.pause();
  }
}

}  // namespace

WindowReads try_reads(CommunicatorGroup& group, const Window& window, std::span<std::byte> page,
                      std::size_t displacement) {
  std::ranges::fill(page, value_of(group.rank()));
  const std::vector<std::size_t> displacements = gathered(group, displacement);
  const int partner = partner_of(group);
  const bool reads_first = group.node() % 2 == 0;
  WindowReads mine = WindowReads::with_help;
  for (const bool first : {true, false}) {
    group.barrier();
    if (first != reads_first || partner < 0) {
      keep_away_from_mpi(silence);
      continue;
    }
    keep_away_from_mpi(settling);
    auto read = std::make_unique<Read>();
    read->into.resize(page.size());
    const bool begun =
        window.get(partner, displacements[static_cast<std::size_t>(partner)], read->into, &read->request);
    const bool came = begun && ends_by(*read, Clock::now() + patience);
    if (came && std::ranges::all_of(read->into, [&](std::byte one) { return one == value_of(partner); })) {
      mine = WindowReads::without_help;
    } else if (begun && !came && !ends_by(*read, Clock::now() + rest)) {
      mine = WindowReads::unfinished;
      keep_for_good(std::shared_ptr<Read>(std::move(read)));
    }
  }
  const std::array<std::byte, 1> said{static_cast<std::byte>(mine)};
  return static_cast<WindowReads>(std::ranges::max(group.all_gather(said)));  // the worst of all
}

}  // namespace locum::mpi
