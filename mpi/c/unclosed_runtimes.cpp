#include "mpi/c/unclosed_runtimes.hpp"

#include <mpi.h>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/c/unreleased.hpp"
#include "core/value/error.hpp"
#include "mpi/error.hpp"

namespace locum::c {

namespace {

// How long a rank waits in MPI_Finalize for others to close a runtime that they forgot as well.
constexpr std::chrono::seconds patience{10};

/// The runtimes that C programs have opened. Never destroyed.
struct Opened {
  Mutex mutex;
  std::vector<std::weak_ptr<OpenRuntime>> runtimes LOCUM_GUARDED_BY(mutex);
  bool is_watching LOCUM_GUARDED_BY(mutex) = false;

  [[nodiscard]] std::vector<std::shared_ptr<OpenRuntime>> left() LOCUM_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    std::vector<std::shared_ptr<OpenRuntime>> left;
    for (const auto& each : std::exchange(runtimes, {})) {
      if (auto runtime = each.lock()) {
        left.push_back(std::move(runtime));
      }
    }
    return left;
  }
};

Opened& opened() {
  static auto& all = *new Opened;
  return all;
}

// MPI_Finalize deletes the attributes of MPI_COMM_SELF before all else, when MPI can still be used.
int close_all(MPI_Comm /*self*/, int /*key*/, void* /*value*/, void* /*state*/) noexcept {
  int rank = -1;
  if (MPI_Comm_rank(MPI_COMM_WORLD, &rank) == MPI_SUCCESS) {
    name_unreleased(rank, "at MPI_Finalize");
  }
  for (const auto& left : opened().left()) {
    Runtime* const runtime = &left->runtime;
    std::fprintf(
        stderr,
        "locum: rank %d: the runtime%s%.*s is open at MPI_Finalize, which closes it now; close it before\n",
        runtime->rank(), runtime->options().name.empty() ? "" : " ",
        static_cast<int>(runtime->options().name.size()), runtime->options().name.data());
    try {
      if (left->calls.end(Deadline::Clock::now() + patience) == CallGate::End::some_are_inside) {
        std::fprintf(stderr, "locum: rank %d: another thread is in a call of it, and is not waited for\n",
                     runtime->rank());
      }
      runtime->close(patience);
    } catch (const std::exception& failure) {
      std::fprintf(stderr, "locum: rank %d: closing it failed: %s\n", runtime->rank(), failure.what());
    }
  }
  return MPI_SUCCESS;
}

}  // namespace

void close_at_finalize(const std::shared_ptr<OpenRuntime>& runtime) {
  Opened& all = opened();
  const MutexLock lock(all.mutex);
  std::erase_if(all.runtimes, [](const auto& each) { return each.expired(); });
  all.runtimes.push_back(runtime);
  if (all.is_watching) {
    return;
  }
  int key = MPI_KEYVAL_INVALID;
  mpi::check(MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, close_all, &key, nullptr),
             "MPI_Comm_create_keyval");
  mpi::check(MPI_Comm_set_attr(MPI_COMM_SELF, key, nullptr), "MPI_Comm_set_attr");
  MPI_Comm_free_keyval(&key);  // lasts as long as the attribute does
  all.is_watching = true;
}

}  // namespace locum::c
