// A rank that may start no more threads (`ulimit -u`) once UCX has its own: opening a runtime over several
// nodes must fail on all ranks with the same error, at once.
#include <dlfcn.h>
#include <mpi.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "mpi/runtime/runtime.hpp"

namespace {

using namespace std::chrono_literals;
using Routine = void* (*)(void*);
using Create = int (*)(pthread_t*, const pthread_attr_t*, Routine, void*);

std::atomic<bool> is_short_of_threads{false};
std::atomic<bool> ucx_has_one{false};

bool is_of_ucx(Routine routine) {
  Dl_info where{};
  return ::dladdr(reinterpret_cast<void*>(routine), &where) != 0 &&
         std::string_view(where.dli_fname).find("libucs") != std::string_view::npos;
}

}  // namespace

// Replaces the C library's function, and calls it.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, Routine routine,
                              void* argument) noexcept {
  static const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (is_short_of_threads && ucx_has_one) {
    return EAGAIN;
  }
  ucx_has_one = ucx_has_one || is_of_ucx(routine);
  return create(thread, attributes, routine, argument);
}

namespace {

// Whether this rank gets the common error.
bool fails(locum::OneSided one_sided) {
  ucx_has_one = false;
  const auto start = std::chrono::steady_clock::now();
  try {
    const locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U,
                                                  .collective_timeout = 30s,
                                                  .ranks_per_node = 2,
                                                  .one_sided = one_sided});
    std::fputs("opened without a thread\n", stderr);
  } catch (const locum::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.code() == locum::Errc::system && error.text().find("ulimit -u") != std::string::npos &&
           std::chrono::steady_clock::now() - start < 20s;
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "no error of the library: %s\n", exception.what());
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  is_short_of_threads = rank == 1;
  const bool right = fails(locum::OneSided::off) && fails(locum::OneSided::automatic);
  MPI_Finalize();
  return right ? 0 : 1;
}
