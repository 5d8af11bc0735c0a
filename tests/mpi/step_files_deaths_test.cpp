// usage: step_files_deaths_tests write|read PATH    `write` writes steps to a file until it is killed, and
// prints the number of steps that are in it; `read` reads all, whatever has become of the writers, and prints
// how many there are. Of a path that ends in `.zarr` it reads them twice: as steps, and as arrays of Zarr.
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "transport/storage/step_files_by_ending.hpp"
#include "transport/storage/zarr/zarr_group.hpp"

namespace {

using namespace locum;
using namespace std::chrono_literals;

constexpr std::uint64_t count = 50'000;
// Boxes of other extents than each other's, in one chunk of Zarr.
constexpr std::uint64_t odd_count = 10'007;

std::uint64_t value_of(std::uint64_t number, std::uint64_t at) {
  return number * 1'000'000 + at;
}

void write(Runtime& runtime, const std::string& path) {
  const auto rank = static_cast<std::uint64_t>(runtime.rank());
  const auto ranks = static_cast<std::uint64_t>(runtime.size());
  // A reader joins with its first next(). Before, there must be room for two steps: else the first is
  // dropped.
  StepWriter out(runtime, "run", MPI_COMM_WORLD, {.queue_steps = 2, .file = path});
  StepReader in(runtime, "run", MPI_COMM_WORLD);
  for (std::uint64_t number = 0;; ++number) {
    auto step = out.begin().value();
    const auto block =
        step.create<std::uint64_t>("T", {.shape = {ranks * count}, .start = {rank * count}, .count = {count}})
            .value();
    for (std::uint64_t at = 0; at < count; ++at) {
      block[at] = value_of(number, rank * count + at);
    }
    const std::uint64_t from = odd_count * rank / ranks;
    const std::uint64_t odd = odd_count * (rank + 1) / ranks - from;
    const auto other =
        step.create<std::uint64_t>("odd/U", {.shape = {odd_count}, .start = {from}, .count = {odd}}).value();
    for (std::uint64_t at = 0; at < odd; ++at) {
      other[at] = value_of(number, from + at);
    }
    if (rank == 0) {
      step.put("time", number);
    }
    step.end().value();
    (void)in.next(60s).value();  // it is in the file before it is in the stream
    if (rank == 0) {
      std::printf("%llu\n", static_cast<unsigned long long>(number + 1));
      std::fflush(stdout);
    }
  }
}

void require(bool is_right, const std::string& what) {
  if (!is_right) {
    throw std::runtime_error(what);
  }
}

// The consolidated metadata have the arrays as of one step; those of each array alone may be one step ahead.
void read_arrays(const std::string& path, std::uint64_t steps) {
  const std::size_t slash = path.rfind('/');
  const Files files("file:" + path.substr(0, slash));
  const ZarrGroup group = ZarrGroup::open(files, path.substr(slash + 1), {.consolidated = true}).value();
  for (const char* name : {"T", "odd/U", "time"}) {
    const auto consolidated = group.exists(name).value() ? group.array(name).value().shape()[0] : 0;
    require(consolidated == steps, std::string(name) + " has another number of steps than the group");
    if (steps == 0) {
      continue;
    }
    const ZarrArray alone = ZarrArray::open(files, path.substr(slash + 1) + "/" + name).value();
    require(alone.shape()[0] == steps || alone.shape()[0] == steps + 1,
            std::string(name) + " is more than a step ahead of the group");
    for (std::uint64_t number = 0; number < steps; ++number) {
      Extents start = alone.shape();
      Extents extents = start;
      std::fill_n(start.values.begin(), start.size(), 0);
      start.values[0] = number;
      extents.values[0] = 1;
      const Array values = alone.read({.start = start, .count = extents}, {.strict = true}).value();
      const auto* const elements = reinterpret_cast<const std::uint64_t*>(values.data());
      for (std::uint64_t at = 0; at < values.size(); ++at) {
        require(elements[at] == (extents.size() == 1 ? number : value_of(number, at)),
                std::string("an element of the array ") + name + " is wrong");
      }
    }
  }
}

void read(Runtime& runtime, const std::string& path) {
  StepReader in(runtime, "run", MPI_COMM_WORLD, {.file = path});
  std::uint64_t number = 0;
  while (auto step = in.next(60s)) {
    for (const char* name : {"T", "odd/U"}) {
      const auto whole = step->read<std::uint64_t>(name).value();
      for (std::uint64_t at = 0; at < whole.size(); ++at) {
        require(whole[at] == value_of(number, at),
                "an element of step " + std::to_string(number) + " is wrong");
      }
    }
    require(*step->get<std::uint64_t>("time").value() == number, "the time of a step is wrong");
    ++number;
  }
  const Error end = in.next(60s).error();
  if (end.code() != Errc::peer_lost) {
    throw end;
  }
  if (storage::is_zarr_path(path)) {
    read_arrays(path, number);
  }
  std::printf("steps %llu\n", static_cast<unsigned long long>(number));
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  try {
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64 << 20, .log = Log::off});
    argc == 3 && std::string(argv[1]) == "write" ? write(runtime, argv[2]) : read(runtime, argv[2]);
  } catch (const std::exception& error) {
    std::printf("failed: %s\n", error.what());
    std::fflush(stdout);
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
