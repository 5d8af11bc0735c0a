// A rank whose limits are too low for a runtime over several nodes, or for one on a node: opening fails on
// all ranks, at once, and says which limit to raise. No rank is ended, none is reported as lost. Each case
// begins where the memory of a node can just be set up, which has its own errors, and raises the limit until
// a runtime opens.
#include <dlfcn.h>
#include <mpi.h>
#include <pthread.h>
#include <sys/resource.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "core/serializers.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"

namespace {

using namespace std::chrono_literals;
using Routine = void* (*)(void*);
using Create = int (*)(pthread_t*, const pthread_attr_t*, Routine, void*);

constexpr int poor_rank = 1;
constexpr int plenty = 1 << 30;

std::atomic<int> threads_left{plenty};

struct Body {
  Routine routine;
  void* argument;
};

// A thread that ends allows another one.
void* run(void* given) {
  const std::unique_ptr<Body> body(static_cast<Body*>(given));
  void* const result = body->routine(body->argument);
  ++threads_left;
  return result;
}

}  // namespace

// Replaces the C library's function, and calls it: root may start threads beyond `ulimit -u`.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, Routine routine,
                              void* argument) noexcept {
  static const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (threads_left.fetch_sub(1) > 0) {
    auto body = std::make_unique<Body>(Body{routine, argument});
    const int failure = create(thread, attributes, run, body.get());
    if (failure == 0) {
      static_cast<void>(body.release());
      return 0;
    }
    ++threads_left;
    return failure;
  }
  ++threads_left;
  return EAGAIN;
}

namespace {

int rank_of_this = -1;
int failures = 0;

void expect(bool condition, const std::string& what) {
  if (!condition) {
    std::printf("rank %d FAILED: %s\n", rank_of_this, what.c_str());
    std::fflush(stdout);
    ++failures;
  }
}

/// Sets the soft limit of the limited rank for its lifetime.
class Limit {
 public:
  Limit(decltype(RLIMIT_AS) which, rlim_t value) : which_(which) {
    ::getrlimit(which_, &before_);
    const rlimit limit{value, before_.rlim_max};
    ::setrlimit(which_, &limit);
  }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;
  ~Limit() { ::setrlimit(which_, &before_); }

 private:
  decltype(RLIMIT_AS) which_;
  rlimit before_{};
};

std::uint64_t mapped_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages;
  return pages * 4096;
}

/// Opens a runtime and uses it. Whether it opened; if not, the error must name one of these.
bool opens(const std::string& scarce, int ranks_per_node, const std::string& remedy) {
  const auto start = std::chrono::steady_clock::now();
  std::string phase = "opening";
  bool opened = false;
  try {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{16} << 20U,
                                            .collective_timeout = 60s,
                                            .ranks_per_node = ranks_per_node});
    opened = true;
    phase = "using it";
    locum::Store store = runtime.store("shared");
    store.put("of " + std::to_string(rank_of_this), std::vector<int>(100'000, rank_of_this)).value();
    for (const int rank : {0, 1}) {
      const auto view = store.wait<int[]>("of " + std::to_string(rank), 20s).value();
      expect(view[99'999] == rank, "other values");
    }
    runtime.close();
  } catch (const locum::Error& error) {
    std::printf("rank %d: %s: %s: %s\n", rank_of_this, scarce.c_str(), phase.c_str(), error.what());
    expect(!opened, scarce + ": it opens, and then does not work");
    expect(error.code() == locum::Errc::system || error.code() == locum::Errc::out_of_memory,
           scarce + ": no rank is lost or late");
    expect(error.text().find(remedy) != std::string::npos, scarce + ": the error names no " + remedy);
    expect(std::chrono::steady_clock::now() - start < 30s, scarce + ": that took too long");
  }
  return opened;
}

void go_short_of_threads(int ranks_per_node) {
  bool opened = false;
  for (int threads = 0; threads < 20 && !opened; ++threads) {
    const int fewer = rank_of_this == poor_rank ? threads_left - threads : 0;
    threads_left -= fewer;
    opened = opens("threads, " + std::to_string(threads) + " left", ranks_per_node, "ulimit -u");
    threads_left += fewer;
  }
  expect(opened, "no number of threads is enough");
}

// The hard limit bounds the soft one, which opening raises: so the hard one is lowered, for good.
void go_short_of_descriptors(int ranks_per_node) {
  if (rank_of_this == poor_rank) {
    const auto open =
        static_cast<rlim_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
    const rlimit limit{open + 12, open + 12};
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
  expect(!opens("descriptors", ranks_per_node, "ulimit -"), "it opens with twelve descriptors");
}

void go_short_of_address_space(int ranks_per_node) {
  constexpr std::uint64_t step = std::uint64_t{6} << 20U;
  bool opened = false;
  // From a limit at which the memory of the node does not fit to one at which everything does.
  for (std::uint64_t more = std::uint64_t{130} << 20U; more < (std::uint64_t{2} << 30U) && !opened;
       more += more < (std::uint64_t{400} << 20U) ? step : 10 * step) {
    const rlim_t limit = rank_of_this == poor_rank ? mapped_bytes() + more : RLIM_INFINITY;
    const Limit limited(RLIMIT_AS, limit);
    opened =
        opens("address space, " + std::to_string(more >> 20U) + " MiB more", ranks_per_node, "ulimit -v");
  }
  expect(opened, "no address space is enough");
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  const std::string scarce = argc > 1 ? argv[1] : "";
  const int ranks_per_node = argc > 2 ? std::atoi(argv[2]) : 0;
  if (scarce == "threads") {
    go_short_of_threads(ranks_per_node);
  } else if (scarce == "descriptors") {
    go_short_of_descriptors(ranks_per_node);
  } else if (!locum::tests::sanitized) {  // sanitizers reserve more than there is
    go_short_of_address_space(ranks_per_node);
  }
  std::fflush(nullptr);
  MPI_Finalize();
  return failures == 0 ? 0 : 1;
}
