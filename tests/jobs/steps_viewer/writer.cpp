// The program that a job of locum-steps runs beside it: writes the stream "known", whose values are known,
// once there is a reader; with the argument `alone` it does not wait for one. As
//   writer check PNG
// it writes nothing, and compares the squares of a picture of "field" with their colours; without MPI.
#include <cairo.h>
#include <mpi.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <locum/containers.hpp>
#include <locum/locum.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jobs/drawing/color_map.hpp"

namespace {

constexpr int steps = 3;
constexpr std::uint64_t rows = 8;
constexpr std::uint64_t columns = 16;

double field_at(std::uint64_t row, std::uint64_t column) {
  return static_cast<double>(row * columns + column);
}

void write(locum::Runtime& runtime, MPI_Comm group, std::uint32_t readers) {
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(group, &rank);
  MPI_Comm_size(group, &ranks);
  const auto place = static_cast<std::uint64_t>(rank);
  const std::uint64_t mine = rows / static_cast<std::uint64_t>(ranks);

  locum::StepWriter out(runtime, "known", group,
                        {.when_full = readers > 0 ? locum::WhenFull::wait : locum::WhenFull::drop_oldest,
                         .rendezvous_readers = readers});
  for (int n = 0; n < steps; ++n) {
    auto step = out.begin().value();
    const locum::GlobalBlock block{
        .shape = {rows, columns}, .start = {place * mine, 0}, .count = {mine, columns}};
    const auto field = step.create<double>("field", block).value();
    const auto number = step.create<std::int32_t>("number", block).value();
    for (std::uint64_t at = 0; at < field.size(); ++at) {
      field[at] = field_at(place * mine + at / columns, at % columns);
      number[at] = static_cast<std::int32_t>(field[at]) + 1000 * n;
    }
    using Vector = std::array<double, 3>;
    const locum::GlobalBlock pair{.shape = {2 * ranks}, .start = {2 * rank}, .count = {2}};
    const auto velocity = step.create<Vector>("velocity", pair).value();
    velocity[0] = {rank + 0.5, -1, 0};
    velocity[1] = {rank + 0.75, -2, 0};
    step.put("local", std::vector<float>(place + 1, 0.1F));
    if (rank == 0) {
      step.put("time", 0.25 * n);
      step.put("title", std::string("known values"));
      step.put("table", std::map<std::string, int>{{"a", 1}});
    }
    step.end();
  }
}

int check(const char* path) {
  struct Destroy {
    void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  };
  const std::unique_ptr<cairo_surface_t, Destroy> png(cairo_image_surface_create_from_png(path));
  if (cairo_surface_status(png.get()) != CAIRO_STATUS_SUCCESS) {
    std::printf("%s is no picture\n", path);
    return 1;
  }
  constexpr int margin = 16;
  constexpr int side = 512 / static_cast<int>(columns);
  const jobs::ColorMap colors;
  int wrong = 0;
  for (std::uint64_t row = 0; row < rows; ++row) {
    for (std::uint64_t column = 0; column < columns; ++column) {
      const int y = margin + static_cast<int>(row) * side + side / 2;
      const int x = margin + static_cast<int>(column) * side + side / 2;
      const auto* const line = reinterpret_cast<const std::uint32_t*>(
          cairo_image_surface_get_data(png.get()) + y * cairo_image_surface_get_stride(png.get()));
      const jobs::Color wanted = colors(field_at(row, column) / field_at(rows - 1, columns - 1));
      const std::uint32_t word =
          std::uint32_t{wanted.red} << 16U | std::uint32_t{wanted.green} << 8U | wanted.blue;
      if ((line[x] & 0xffffffU) != word) {
        std::printf("row %d, column %d: %06x in the place of %06x\n", static_cast<int>(row),
                    static_cast<int>(column), line[x] & 0xffffffU, word);
        ++wrong;
      }
    }
  }
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "check") {
    return check(argv[2]);
  }
  MPI_Init(&argc, &argv);
  MPI_Comm group = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, 0, 0, &group);
  int status = 0;
  try {
    locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = std::uint64_t{64} << 20U, .name = "writer"});
    write(runtime, group, argc > 1 && std::string_view(argv[1]) == "alone" ? 0 : 1);
  } catch (const locum::Error& error) {
    std::printf("writer: %s\n", error.what());
    status = 1;
  }
  MPI_Comm_free(&group);
  MPI_Finalize();
  return status;
}
