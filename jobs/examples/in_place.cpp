// Read without copying, write in place. Run it with mpiexec -n 3.
#include <mpi.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <locum/containers.hpp>
#include <locum/locum.hpp>
#include <map>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
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

// What is flat lies in shared memory as it is; a type may say what all programs of the job call it.
struct Particle {
  static constexpr std::string_view locum_type_name = "particle";
  std::array<double, 3> position{};
  std::int64_t species = 0;
};

// All else is decoded, once in a process: by `serialize`, with the standard containers nested as one likes.
struct Mesh {
  static constexpr std::string_view locum_type_name = "demo.mesh";

  std::map<std::string, std::vector<int>> boundaries;
  std::optional<std::tuple<int, std::string>> material;
  std::variant<int, double> age;

  template <class Archive>
  void serialize(Archive& ar) {
    ar(boundaries, material, age);
  }
};

bool reads_what_it_stores(locum::Store& fields) {
  const auto particle = fields.get<Particle>(fields.put(Particle{{1.0, 2.0, 3.0}, 7}).value()).value();
  const bool flat = particle->species == 7 && fields.info(particle.key()).value().type == "particle{32}";

  // Ranges of flat elements are stored as arrays: read in place as T[], or copied into a container.
  const std::array<int, 3> triple{1, 2, 3};
  const auto numbers = fields.get<int[]>(fields.put(std::span<const int>(triple)).value()).value();
  const auto list = fields.get<std::vector<int>>(numbers.key()).value();
  const auto same = fields.get<std::array<int, 3>>(fields.put(triple).value()).value();
  const bool ranges = numbers[2] == 3 && list->size() == 3 && *same == triple;

  const Mesh mesh{{{"inlet", {1, 2}}, {"wall", {}}}, std::tuple(3, std::string("steel")), 0.5};
  const locum::Key key = fields.put(mesh).value();
  const auto decoded = fields.get<Mesh>(key).value();
  const auto again = fields.get<Mesh>(key).value();
  const bool once = again.get() == decoded.get();
  const bool whole = decoded->boundaries == mesh.boundaries && decoded->material == mesh.material;

  const auto bytes = std::as_bytes(std::span(triple));  // no serialiser at all
  const auto raw = fields.get_bytes(fields.put_bytes(bytes).value()).value();
  return flat && ranges && once && whole && std::ranges::equal(raw, bytes);
}

// Some elements of a field, or a box of it, every so many of them: only these come from another node.
bool reads_some(const std::string& name, locum::Store& fields, double value) {
  const auto row = fields.get<double[]>(name, {.part = {.offset = 64, .count = 32}}).value();
  const auto corners =
      fields.get<double[]>(name, {.slab = {.start = {0, 0, 0}, .count = {2, 2, 2}, .stride = {7, 15, 31}}})
          .value();
  const auto is_value = [value](double cell) { return cell == value; };
  return row.size() == 32 && corners.extents() == locum::Extents(2, 2, 2) &&
         std::ranges::all_of(row, is_value) && std::ranges::all_of(corners, is_value);
}

bool shares_in_place(locum::Runtime& runtime, locum::Store& fields) {
  constexpr std::uint64_t nx = 8;
  constexpr std::uint64_t ny = 16;
  constexpr std::uint64_t nz = 32;
  const std::string name = "T/0042/" + std::to_string(runtime.rank());

  auto writer = fields.create<double>(name, {nx, ny, nz}).value();  // memory of this node; name optional
  Solver{runtime.rank()}.step(writer.data(), writer.extents());     // the simulation writes straight into it
  const locum::Key sealed = writer.seal().value();                  // publishes; unsealed it leaves nothing

  const auto view = fields.get<double[]>(sealed).value();  // View<double[]>: a pinned std::span<const double>
  const double mine = std::reduce(view.begin(), view.end());  // same node: this is the writer's memory

  MPI_Barrier(MPI_COMM_WORLD);  // all names are there
  double all = 0.0;
  bool some = true;
  for (int rank = 0; rank < runtime.size(); ++rank) {
    const auto theirs = fields.get<double[]>("T/0042/" + std::to_string(rank)).value();
    all += std::reduce(theirs.begin(), theirs.end());
    some = some && reads_some("T/0042/" + std::to_string(rank), fields, rank + 1.0);
  }

  const auto info = fields.info(sealed).value();  // size, type, extents, owner, generation, name
  std::printf("rank %d: %s is a %s of %llu bytes; its sum is %g, that of all is %g\n", runtime.rank(),
              info.name.c_str(), info.type.c_str(), static_cast<unsigned long long>(info.size_bytes), mine,
              all);

  constexpr double cells = nx * ny * nz;
  const double ranks = runtime.size();
  return some && mine == cells * (runtime.rank() + 1) && all == cells * ranks * (ranks + 1) / 2 &&
         info.extents.size() == 3 && info.extents[2] == nz && info.name == name;
}

int run() {
  locum::View<double[]> last;
  {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 256_MiB});
    locum::Store fields = runtime.store("fields");
    if (!reads_what_it_stores(fields) || !shares_in_place(runtime, fields)) {
      return EXIT_FAILURE;
    }
    const locum::Key key = fields.put(std::vector<double>(1000, 1.5)).value();
    last = fields.get<double[]>(key).value();
    fields.evict(key);
  }
  // A view keeps its object in place until it is gone, whatever the store does, the runtime's end included.
  return std::reduce(last.begin(), last.end()) == 1500.0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char** argv) {
  int level = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_MULTIPLE, &level);
  const int exit_code = run();
  MPI_Finalize();
  return exit_code;
}
