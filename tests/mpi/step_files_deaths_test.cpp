// usage: step_files_deaths_tests write|read PATH    `write` writes steps to a file until it is killed, and
// prints the number of steps that are in it; `read` reads all, whatever has become of the writers, and prints
// how many there are.
#include <mpi.h>

#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"

namespace {

using namespace locum;
using namespace std::chrono_literals;

constexpr std::uint64_t count = 50'000;

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
      block[at] = number * 1'000'000 + rank * count + at;
    }
    step.end().value();
    (void)in.next(60s).value();  // it is in the file before it is in the stream
    if (rank == 0) {
      std::printf("%llu\n", static_cast<unsigned long long>(number + 1));
      std::fflush(stdout);
    }
  }
}

void read(Runtime& runtime, const std::string& path) {
  StepReader in(runtime, "run", MPI_COMM_WORLD, {.file = path});
  std::uint64_t number = 0;
  while (auto step = in.next(60s)) {
    const auto whole = step->read<std::uint64_t>("T").value();
    for (std::uint64_t at = 0; at < whole.size(); ++at) {
      if (whole[at] != number * 1'000'000 + at) {
        throw std::runtime_error("an element of step " + std::to_string(number) + " is wrong");
      }
    }
    ++number;
  }
  const Error end = in.next(60s).error();
  if (end.code() != Errc::peer_lost) {
    throw end;
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
