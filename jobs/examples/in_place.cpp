// Read without copying, write in place. Run it with mpiexec -n 3.
#include <mpi.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <locum/locum.hpp>
#include <numeric>
#include <string>
#include <vector>

using namespace locum::literals;

namespace {

// Stands for a solver that writes its result where it is told to.
struct Solver {
  int rank;

  void step(double* cells, const locum::Extents& extents) const {
    std::uint64_t count = 1;
    for (const std::uint64_t extent : extents.span()) {
      count *= extent;
    }
    for (std::uint64_t cell = 0; cell < count; ++cell) {
      cells[cell] = rank + 1.0;
    }
  }
};

int run() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
  locum::Store fields = runtime.store("fields");
  constexpr std::uint64_t nx = 8;
  constexpr std::uint64_t ny = 16;
  constexpr std::uint64_t nz = 32;
  const std::string name = "T/0042/" + std::to_string(runtime.rank());

  auto writer = fields.create<double>({nx, ny, nz}, name).value();  // memory of this node; name optional
  Solver{runtime.rank()}.step(writer.data(), writer.extents());     // the simulation writes straight into it
  const locum::Key sealed = writer.seal().value();                  // publishes; unsealed it leaves nothing

  const auto view = fields.get<double[]>(sealed).value();  // View<double[]>: a pinned std::span<const double>
  const double mine = std::reduce(view.begin(), view.end());  // same node: this is the writer's memory

  MPI_Barrier(MPI_COMM_WORLD);  // all names are there
  double all = 0.0;
  for (int rank = 0; rank < runtime.size(); ++rank) {
    const auto theirs = fields.get<double[]>("T/0042/" + std::to_string(rank)).value();
    all += std::reduce(theirs.begin(), theirs.end());
  }

  // What was put as a vector can be read as T[] without a copy, or as a vector with one.
  const locum::Key list = fields.put(std::vector<float>{1.0F, 2.0F, 3.0F}).value();
  const auto copied = fields.get<std::vector<float>>(list).value();

  const auto info = fields.info(sealed).value();  // size, type, extents, owner, generation, name
  std::printf("rank %d: %s is a %s of %llu bytes; its sum is %g, that of all is %g\n", runtime.rank(),
              info.name.c_str(), info.type.c_str(), static_cast<unsigned long long>(info.size_bytes), mine,
              all);

  constexpr double cells = nx * ny * nz;
  const double ranks = runtime.size();
  const bool right = mine == cells * (runtime.rank() + 1) && all == cells * ranks * (ranks + 1) / 2 &&
                     copied->size() == 3 && info.extents.rank == 3 && info.extents.values[2] == nz &&
                     info.name == name;
  return right ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  const int exit_code = run();
  MPI_Finalize();
  return exit_code;
}
