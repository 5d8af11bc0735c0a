#include "mpi/request.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "core/base/quick_yield.hpp"
#include "core/value/error.hpp"
#include "mpi/error.hpp"

namespace locum::mpi {

void Backoff::pause() {
  constexpr std::chrono::microseconds yielding{100};
  constexpr int share = 32;
  constexpr std::chrono::microseconds least{8};
  constexpr std::chrono::microseconds most{1000};
  const auto waited = std::chrono::duration_cast<std::chrono::microseconds>(Deadline::Clock::now() - began_);
  if (waited < yielding && quick_yield()) {
    return;
  }
  std::unique_lock lock(mutex_);
  never_.wait_for(lock, std::clamp(waited / share, least, most));
}

bool finished_by(std::vector<MPI_Request>& requests, Moment moment, const LostRanks& lost,
                 const StillWaits& still_waits) {
  Backoff backoff;
  while (true) {
    int done = 0;
    if (requests.size() == 1) {  // MPI_Testall would not return its error code
      check(MPI_Test(requests.data(), &done, MPI_STATUS_IGNORE), "MPI_Test");
    } else {
      check(MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE),
            "MPI_Testall");
    }
    if (done != 0) {
      return true;
    }
    if (Deadline::Clock::now() >= moment || (lost && !lost().empty())) {
      return false;
    }
    if (still_waits) {
      still_waits();
    }
    backoff.pause();
  }
}

void throw_if_lost(std::string_view what, const LostRanks& lost) {
  const std::vector<int> ranks = lost ? lost() : std::vector<int>{};
  if (ranks.empty()) {
    return;
  }
  std::string names;
  for (const int rank : ranks) {
    names += (names.empty() ? "" : ", ") + std::to_string(rank);
  }
  throw Error(Errc::peer_lost,
              std::string(what) + ": lost rank" + (ranks.size() > 1 ? "s " : " ") + names +
                  " of this runtime; collective calls need all ranks, all other calls work without them")
      .at_rank(ranks.front());
}

void throw_timeout(std::string_view what) {
  throw Error(Errc::timeout,
              std::string(what) +
                  ": not all ranks joined in time; one is missing, dead or busy elsewhere (the option "
                  "collective_timeout, or LOCUM_COLLECTIVE_TIMEOUT_MS, sets how long the others wait)");
}

void keep_for_good(std::shared_ptr<void> memory) {
  struct Kept {
    std::shared_ptr<void> memory;
    Kept* next;
  };
  // Global, as MPI is; nothing is ever removed.
  static std::atomic<Kept*> first{nullptr};
  auto* kept = new Kept{std::move(memory), first.load()};
  while (!first.compare_exchange_weak(kept->next, kept)) {
  }
}

}  // namespace locum::mpi
