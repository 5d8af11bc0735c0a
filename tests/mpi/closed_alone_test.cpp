// Some ranks close alone, because they have lost each other or their deadline has passed, and live on; the
// others have lost no rank. These must not wait in close() for ranks that will never come.
#include <mpi.h>
#include <sys/types.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "mpi/runtime/runtime.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto peer_timeout = 1s;
constexpr auto too_long = 40s;             // for a wait that takes as long as peer_timeout
constexpr auto collective_timeout = 120s;  // how long close() waited

int rank_of_this = -1;
int failures = 0;

void expect(bool condition, const std::string& what) {
  if (!condition) {
    std::printf("rank %d FAILED: %s\n", rank_of_this, what.c_str());
    std::fflush(stdout);
    ++failures;
  }
}

locum::RuntimeOptions options(int ranks_per_node) {
  return {.memory_bytes = std::uint64_t{16} << 20U,
          .collective_timeout = collective_timeout,
          .peer_timeout = peer_timeout,
          .ranks_per_node = ranks_per_node};
}

void close_in_time(locum::Runtime& runtime) {
  const auto start = Clock::now();
  runtime.close();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start);
  std::printf("rank %d closed after %d ms, %zu lost\n", rank_of_this, static_cast<int>(took.count()),
              runtime.lost_ranks().size());
  expect(took < too_long, "closing took too long");
  expect(!runtime.lost_ranks().empty(), "no error says that some have closed alone");
}

void tell(int rank) {
  MPI_Send(nullptr, 0, MPI_BYTE, rank, 0, MPI_COMM_WORLD);
}

void await_word_of(int rank) {
  MPI_Recv(nullptr, 0, MPI_BYTE, rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

// Whether the system reports it as stopped within half a minute.
bool is_stopped(pid_t process) {
  for (const auto give_up = Clock::now() + 30s; Clock::now() < give_up; std::this_thread::yield()) {
    std::ifstream file("/proc/" + std::to_string(process) + "/stat");
    std::string text;
    std::getline(file, text);
    if (const auto end = text.rfind(") "); end != std::string::npos && text[end + 2] == 'T') {
      return true;
    }
  }
  return false;
}

// Rank 2, of the other node, is stopped for longer than peer_timeout, and only rank 0 sends it a request: the
// two lose each other.
void lose_each_other() {
  locum::Runtime runtime(MPI_COMM_WORLD, options(2));
  locum::Store store = runtime.store("shared");
  locum::Key key;
  long stopped = ::getpid();
  if (rank_of_this == 2) {
    key = store.put(1).value();
  }
  MPI_Bcast(&key, sizeof key, MPI_BYTE, 2, MPI_COMM_WORLD);
  MPI_Bcast(&stopped, 1, MPI_LONG, 2, MPI_COMM_WORLD);
  if (rank_of_this == 2) {
    std::raise(SIGSTOP);
  } else if (rank_of_this == 3) {
    expect(is_stopped(static_cast<pid_t>(stopped)), "rank 2 does not stop");
    tell(0);
    await_word_of(0);
    ::kill(static_cast<pid_t>(stopped), SIGCONT);
  } else if (rank_of_this == 0) {
    await_word_of(3);
    const auto seen = store.get<int>(key);  // from the other rank of its node
    expect(seen && **seen == 1, "the node of the stopped rank does not reply");
    expect(runtime.lost_ranks() == std::vector<int>{2}, "the stopped rank is not lost");
    tell(3);
  }
  close_in_time(runtime);
}

// Rank 0 waits only for a moment, and closes alone before the others.
void close_too_early() {
  locum::Runtime runtime(MPI_COMM_WORLD, options(0));
  if (rank_of_this == 0) {
    try {
      runtime.close(10ms);
      expect(false, "rank 0 closed before the others came");
    } catch (const locum::Error& error) {
      expect(error.code() == locum::Errc::timeout, std::string("error of closing alone: ") + error.what());
    }
    for (const int other : {1, 2, 3}) {
      tell(other);
    }
  } else {
    await_word_of(0);
    close_in_time(runtime);
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  const bool several_nodes = std::string(argc > 1 ? argv[1] : "") == "several_nodes";
  several_nodes ? lose_each_other() : close_too_early();
  // All live until the last one has closed: otherwise the others would notice their ends.
  MPI_Barrier(MPI_COMM_WORLD);
  std::fflush(nullptr);
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
