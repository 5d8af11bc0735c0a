// What is not there yet: stand-ins for values that somebody has promised. Run it with mpiexec -n 3;
// LOCUM_RANKS_PER_NODE=1 makes each rank a node of its own.
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <locum/locum.hpp>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

using namespace locum::literals;
using namespace std::chrono_literals;

namespace {

using Forces = std::vector<double>;

std::string name_of(int rank) {
  return "forces/" + std::to_string(rank);
}

Forces compute_forces(int rank) {
  return Forces(100'000, rank + 1.0);
}

int run() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  locum::Store fields = runtime.store("fields");
  const int next = (runtime.rank() + 1) % runtime.size();
  const int previous = (runtime.rank() + runtime.size() - 1) % runtime.size();

  // A stand-in for what this rank will compute goes to its neighbour before there is anything.
  auto promise = fields.promise<double[]>().value();
  const locum::Handle mine = promise.proxy().handle();
  locum::Handle theirs;
  MPI_Sendrecv(&mine, sizeof mine, MPI_BYTE, next, 0, &theirs, sizeof theirs, MPI_BYTE, previous, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  auto stand_in = runtime.proxy<double[]>(theirs);
  stand_in.prefetch();  // comes by itself, once it is set
  promise.set(compute_forces(runtime.rank())).value();
  const double sum = std::reduce(stand_in->begin(), stand_in->end());  // waits, asleep, if it must

  // The same under a name, by which others may wait for it.
  auto named = fields.promise<double[]>(name_of(runtime.rank())).value();
  named.set(compute_forces(runtime.rank())).value();
  const auto field = fields.wait<double[]>(name_of(previous), 30s);
  const bool twice = named.set(compute_forces(0)).error().code() == locum::Errc::key_exists;

  // One that is destroyed without a value is broken, for whoever waits.
  std::optional<locum::Promise<double[]>> never = fields.promise<double[]>().value();
  const auto nothing = never->proxy();
  never.reset();
  const bool broken = nothing.get().error().code() == locum::Errc::broken_promise;

  const double expected = 100'000 * (previous + 1.0);
  const bool right = sum == expected && field && std::reduce(field->begin(), field->end()) == expected;
  std::printf("rank %d: what rank %d had promised sums to %g\n", runtime.rank(), previous, sum);
  MPI_Barrier(MPI_COMM_WORLD);  // all have read what this rank keeps
  return right && twice && broken ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const int exit_code = run();
  MPI_Finalize();
  return exit_code;
}
