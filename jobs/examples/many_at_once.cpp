// Many objects at once: ask for all of them, compute, and take each as it comes. Run it with mpiexec -n 3;
// LOCUM_RANKS_PER_NODE=1 makes each rank a node of its own.
#include <mpi.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <locum/locum.hpp>
#include <map>
#include <numeric>
#include <ranges>
#include <string>
#include <vector>

using namespace locum::literals;
using namespace std::chrono_literals;

namespace {

constexpr int parts_of_rank = 20;
constexpr std::size_t elements = 100'000;

std::string name_of(int rank, int part) {
  return "T/" + std::to_string(rank) + "/" + std::to_string(part);
}

double sum_of(const locum::View<double[]>& field) {
  return std::reduce(field.begin(), field.end());
}

// A coroutine waits for one object after the other, in no thread of this program's: the futures' own.
locum::AsyncResult<double> sum_of_first_parts(locum::Store fields, int ranks) {
  double sum = 0.0;
  for (int rank = 0; rank < ranks; ++rank) {
    const auto part = co_await fields.get_async<double[]>(name_of(rank, 0));
    if (!part) {
      co_return part.error();
    }
    sum += sum_of(*part);
  }
  co_return sum;
}

int run() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  locum::Store fields = runtime.store("fields");
  for (int part = 0; part < parts_of_rank; ++part) {
    fields.put(name_of(runtime.rank(), part), std::vector<double>(elements, runtime.rank() + 1.0)).value();
  }
  MPI_Barrier(MPI_COMM_WORLD);

  std::vector<std::string> names;
  for (int rank = 0; rank < runtime.size(); ++rank) {
    for (int part = 0; part < parts_of_rank; ++part) {
      names.push_back(name_of(rank, part));
    }
  }
  std::vector<locum::Future<double[]>> parts = fields.get_async<double[]>(names);  // all on their way
  double sum = 0.0;
  while (auto part = locum::when_any(parts)) {  // moves one out, in order of arrival; empty when none is left
    sum += sum_of(part->get().value());
  }

  // What follows an object is called when it has come, in a thread of the runtime's.
  const auto longest =
      fields.get_async<double[]>(names.back()).then([](const locum::Result<locum::View<double[]>>& field) {
        return field.value().size();
      });
  const auto first_parts = sum_of_first_parts(fields, runtime.size());

  // What nobody has put is not_found: a get never waits for it, neither here nor in the background.
  const auto nobody_put = fields.get_async<double[]>("T/none", {.deadline = 10s}).get();
  const bool nothing = !nobody_put && nobody_put.error().code() == locum::Errc::not_found;

  // Waited for at once: a result for each. Small objects of a node would come in one message.
  double sum_of_batch = 0.0;
  for (const auto& part : fields.get_batch<double[]>(names)) {
    sum_of_batch += sum_of(part.value());
  }

  // Many names at a time: one message to each node that decides about them.
  std::map<std::string, double> means;
  for (int part = 0; part < parts_of_rank; ++part) {
    means["mean of " + name_of(runtime.rank(), part)] = runtime.rank() + 1.0;
  }
  bool all_put = true;
  for (const auto& key : fields.put_batch(means)) {
    all_put = all_put && key.has_value();
  }
  fields.evict_batch(means | std::views::keys);

  const double ranks = runtime.size();
  const double of_each_part = ranks * (ranks + 1) / 2 * elements;
  const bool right = sum == of_each_part * parts_of_rank && sum_of_batch == sum &&
                     longest.get().value() == elements && first_parts.get().value() == of_each_part;
  std::printf("rank %d: %zu objects sum to %g\n", runtime.rank(), names.size(), sum);
  MPI_Barrier(MPI_COMM_WORLD);  // all have read what this rank keeps
  return right && nothing && all_put ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const int exit_code = run();
  MPI_Finalize();
  return exit_code;
}
