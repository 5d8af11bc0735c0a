// Share: put values without a name and under names, and read them on any rank. Run it with mpiexec -n 3.
#include <mpi.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <locum/locum.hpp>
#include <numeric>
#include <vector>

using namespace locum::literals;

// Any type with a `serialize` can be stored as it is.
struct Mesh {
  std::vector<double> points;
  std::vector<std::array<int, 3>> triangles;

  template <class Archive>
  void serialize(Archive& ar) {
    ar(points, triangles);
  }
};

namespace {

std::vector<double> solve() {
  std::vector<double> temperature(1000);
  std::iota(temperature.begin(), temperature.end(), 273.15);
  return temperature;
}

int fail(const locum::Error& error) {
  std::fprintf(stderr, "share: %s\n", error.what());
  return EXIT_FAILURE;
}

int run() {
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});  // collective; bytes per node
  locum::Store fields = runtime.store("fields");  // same name, same store; over several nodes it asks node 0

  const std::vector<double> temperature = solve();
  const locum::Key key = fields.put(temperature).value();  // unnamed: written once, without a message
  if (fields.get<double[]>(key).value().size() != temperature.size()) {
    return EXIT_FAILURE;
  }
  const auto nobody = fields.get<Mesh>("mesh/v0");  // at once; and what was asked as another type says both
  const auto other = fields.get<int>(key);
  if (nobody || nobody.error().code() != locum::Errc::not_found || other ||
      other.error().code() != locum::Errc::type_mismatch) {
    return EXIT_FAILURE;
  }

  if (runtime.rank() == 0) {
    const Mesh mesh{{0.0, 0.5, 1.0}, {{0, 1, 2}}};
    fields.put("mesh/v1", mesh).value();             // named: visible everywhere when it returns
    const auto again = fields.put("mesh/v1", mesh);  // a live name is an error
    if (again || again.error().code() != locum::Errc::key_exists) {
      return EXIT_FAILURE;
    }
    for (int step = 0; step <= 42; ++step) {
      fields.replace("clock", step).value();  // the atomic change: a new generation, old views stay valid
    }
  }
  MPI_Barrier(MPI_COMM_WORLD);

  const auto mesh_view = fields.get<Mesh>("mesh/v1");  // any rank; Result<View<Mesh>>
  if (!mesh_view) {
    return fail(mesh_view.error());  // code, text, key, rank
  }
  const std::size_t triangles = (*mesh_view)->triangles.size();  // View<T> behaves like a const T*
  const int clock = *fields.get<int>("clock").value();
  std::printf("rank %d: %zu triangle at step %d\n", runtime.rank(), triangles, clock);
  return triangles == 1 && clock == 42 ? EXIT_SUCCESS : EXIT_FAILURE;
}  // collective: nothing is left in /dev/shm

}  // namespace

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const int exit_code = run();
  MPI_Finalize();
  return exit_code;
}
