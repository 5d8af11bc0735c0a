// Ranks 0 and 1 write a stream of steps, ranks 2 and 3 read it, each pair together. One of the four dies by
// SIGKILL at some time, under a launcher that lets the others continue: LOCUM_TEST_VICTIM, after
// LOCUM_TEST_DEATH_US of work. What the survivors read has to be right and complete, no call may wait longer
// than a death is noticed, and all memory has to come back. Run by step_deaths.sh. Survivors end by _Exit,
// because MPI_Finalize of Open MPI 4 may wait for the dead.
#include <fcntl.h>
#include <mpi.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime.hpp"
#include "tests/core/sanitized.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t memory_bytes = std::uint64_t{64} << 20U;
constexpr std::size_t large =
    (std::size_t{36} << 20U) / sizeof(double);  // there is room for one, if for nothing else
constexpr std::size_t writers = 2;
constexpr std::uint64_t steps = 120;
constexpr std::uint64_t cells = 8192;  // of each writer
// For a machine with more ranks than cores; and for one slowed down by a sanitizer.
constexpr auto slack = locum::tests::sanitized ? 20s : 5s;

int rank_of_this = -1;
int failures = 0;

void expect(bool condition, const std::string& what) {
  if (!condition) {
    std::printf("rank %d FAILED: %s\n", rank_of_this, what.c_str());
    std::fflush(stdout);
    ++failures;
  }
}

int setting(const char* variable) {
  const char* text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}

/// How many steps each writer has ended, and which ranks are done: in memory of all ranks, which the dead
/// leave as it was.
struct Shared {
  std::array<std::atomic<std::uint64_t>, writers> ended;
  std::array<std::atomic<bool>, 4> done;
};

Shared* shared_memory() {
  const int file = open(std::getenv("LOCUM_TEST_COUNTS"), O_RDWR);
  void* memory =
      file < 0 ? MAP_FAILED : mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) {
    std::perror("LOCUM_TEST_COUNTS");
    std::_Exit(2);
  }
  close(file);
  return static_cast<Shared*>(memory);
}

std::chrono::milliseconds longest{0};  // of the calls so far

template <class Call>
auto timed(Call call) {
  const auto start = Clock::now();
  auto result = call();
  longest = std::max(longest, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start));
  return result;
}

/// This rank takes part in the stream: from now on it may die. Before, the others would wait for it to join.
void joined() {
  static bool once = false;
  if (!std::exchange(once, true) && rank_of_this == setting("LOCUM_TEST_VICTIM")) {
    std::thread([] {
      const auto delay = std::chrono::microseconds(setting("LOCUM_TEST_DEATH_US"));
      std::this_thread::sleep_for(delay);  // until a moment of the seed's: nothing waits for it
      std::raise(SIGKILL);
    }).detach();
  }
}

double value_of(std::uint64_t step, std::uint64_t cell) {
  return static_cast<double>(step * 1'000'000 + cell);
}

std::optional<locum::Error> write(locum::Runtime& runtime, MPI_Comm side, Shared& shared) {
  const auto rank = static_cast<std::uint64_t>(rank_of_this);
  locum::StepWriter out(runtime, "field", side, {.queue_steps = 3, .rendezvous_readers = 1});
  for (std::uint64_t n = 0; n < steps; ++n) {
    auto step = timed([&] { return out.begin({.deadline = 60s}); });
    if (!step) {
      return step.error();
    }
    joined();
    const auto field =
        step->create<double>("V", {.shape = {writers * cells}, .start = {rank * cells}, .count = {cells}});
    if (!field) {
      return field.error();
    }
    for (std::uint64_t cell = 0; cell < cells; ++cell) {
      (*field)[cell] = value_of(n, rank * cells + cell);
    }
    const auto done = timed([&] { return step->end({.deadline = 60s}); });
    if (!done) {
      return done.error();
    }
    shared.ended[rank].store(n + 1);
  }
  const auto closed = timed([&] { return out.close({.deadline = 60s}); });
  return closed ? std::nullopt : std::optional(closed.error());
}

std::optional<locum::Error> read(locum::Runtime& runtime, MPI_Comm side, const Shared& shared,
                                 bool all_last) {
  locum::StepReader in(runtime, "field", side);
  std::uint64_t next = 0;
  for (;;) {
    const auto step = timed([&] { return in.next(60s); });
    if (!step) {
      const auto all_ended = std::min(shared.ended[0].load(), shared.ended[1].load());
      expect(next >= all_ended || !all_last, "only " + std::to_string(next) + " of " +
                                                 std::to_string(all_ended) +
                                                 " ended steps were read: " + step.error().what());
      return step.error().code() == locum::Errc::end_of_stream ? std::nullopt : std::optional(step.error());
    }
    joined();
    expect(step->number() == next,
           "step " + std::to_string(step->number()) + " came instead of " + std::to_string(next));
    const auto field = step->read<double>("V");
    if (!field) {  // its writer's node may be lost
      return field.error();
    }
    bool right = field->size() == writers * cells;
    for (std::uint64_t cell = 0; right && cell < field->size(); ++cell) {
      right = (*field)[cell] == value_of(next, cell);
    }
    expect(right, "step " + std::to_string(next) + " has wrong values");
    ++next;
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_of_this);
  const bool writes = rank_of_this < static_cast<int>(writers);
  const int victim = setting("LOCUM_TEST_VICTIM");
  Shared& shared = *shared_memory();
  MPI_Comm side = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, writes ? 0 : 1, 0, &side);
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = memory_bytes, .timeout = 60s});
  const bool writer_died = victim < static_cast<int>(writers);
  const bool all_last =
      !writer_died || runtime.nodes() < runtime.size();  // else its steps are lost with its node
  const auto store = runtime.store("field");             // the home of its name may be a node that dies
  std::optional<locum::Error> error;
  try {
    error = writes ? write(runtime, side, shared) : read(runtime, side, shared, all_last);
  } catch (const locum::Error& thrown) {
    error = thrown;
  }
  if (rank_of_this == victim) {  // it was too fast
    std::raise(SIGKILL);
  }
  expect(!error || error->code() == locum::Errc::peer_lost,
         std::string("not by a loss: ") + (error ? error->what() : ""));
  if (writer_died && error && runtime.nodes() == 1) {
    expect(error->rank() == victim, std::string("does not name the dead rank: ") + error->what());
  }
  expect(writer_died || !error, "a reader's death disturbs the others");
  const auto bound = (runtime.nodes() == 1 ? 200ms + 100ms : 2 * runtime.options().peer_timeout) + slack;
  expect(longest <= bound, "a call lasted " + std::to_string(longest.count()) + " ms");
  // All that the stream had is free, as soon as all have left it: what the writers cannot free is their own.
  if (!writer_died) {
    bool is_free = false;
    for (const auto until = Clock::now() + bound; !is_free && Clock::now() < until;) {
      const auto key = store.create<double>({large});
      is_free = key.has_value();
    }
    expect(is_free, "memory of the stream was not freed");
  }
  // A node lives as long as one of its ranks does.
  shared.done[static_cast<std::size_t>(rank_of_this)].store(true);
  for (int rank = 0; rank < 4; ++rank) {
    const auto until = Clock::now() + 60s;
    while (rank != victim && !shared.done[static_cast<std::size_t>(rank)].load() && Clock::now() < until) {
      std::this_thread::sleep_for(1ms);
    }
  }
  std::printf("rank %d survived: %d failures, longest call %d ms, %s\n", rank_of_this, failures,
              static_cast<int>(longest.count()), error ? error->what() : "no error");
  std::fflush(stdout);
  std::_Exit(failures == 0 ? 0 : 1);
}
