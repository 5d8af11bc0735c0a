// Ranks 0 and 1 write a stream of steps, ranks 2 and 3 read it, each pair together. One of the four dies by
// SIGKILL at some time, under a launcher that lets the others continue: LOCUM_TEST_VICTIM, after
// LOCUM_TEST_DEATH_US of work. What the survivors read has to be right and complete, no call may wait longer
// than a death is noticed, and all memory has to come back. Run by deaths_at_any_time.sh.
#include <mpi.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/survivor.hpp"

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using locum::tests::expect;
using locum::tests::longest_call;
using locum::tests::may_die;
using locum::tests::rank_of_this;
using locum::tests::timed;
using locum::tests::victim;

constexpr std::uint64_t memory_bytes = std::uint64_t{64} << 20U;
constexpr std::size_t large =
    (std::size_t{36} << 20U) / sizeof(double);  // there is room for one, if for nothing else
constexpr std::size_t writers = 2;
constexpr std::uint64_t steps = 120;
constexpr std::uint64_t cells = 8192;  // of each writer
// For a machine with more ranks than cores; and for one slowed down by a sanitizer.
constexpr auto slack = locum::tests::sanitized ? 20s : 5s;

/// How many steps each writer has ended, and which ranks are done: in memory of all ranks, which the dead
/// leave as it was.
struct Shared {
  std::array<std::atomic<std::uint64_t>, writers> ended;
  locum::tests::RanksDone done;
};

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
    may_die();
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
    may_die();
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
  auto& shared = locum::tests::shared_memory<Shared>();
  MPI_Comm side = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, writes ? 0 : 1, 0, &side);
  locum::Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = memory_bytes, .timeout = 60s});
  const bool writer_died = victim() < static_cast<int>(writers);
  const bool all_last =
      !writer_died || runtime.nodes() < runtime.size();  // else its steps are lost with its node
  const auto store = runtime.store("field");             // the home of its name may be a node that dies
  std::optional<locum::Error> error;
  try {
    error = writes ? write(runtime, side, shared) : read(runtime, side, shared, all_last);
  } catch (const locum::Error& thrown) {
    error = thrown;
  }
  if (rank_of_this == victim()) {  // it was too fast
    std::raise(SIGKILL);
  }
  expect(!error || error->code() == locum::Errc::peer_lost,
         std::string("not by a loss: ") + (error ? error->what() : ""));
  if (writer_died && error && runtime.nodes() == 1) {
    expect(error->rank() == victim(), std::string("does not name the dead rank: ") + error->what());
  }
  expect(writer_died || !error, "a reader's death disturbs the others");
  const auto bound = (runtime.nodes() == 1 ? 200ms + 100ms : 2 * runtime.options().peer_timeout) + slack;
  expect(longest_call <= bound, "a call lasted " + std::to_string(longest_call.count()) + " ms");
  // All that the stream had is free, as soon as all have left it: what the writers cannot free is their own.
  if (!writer_died) {
    bool is_free = false;
    for (const auto until = Clock::now() + bound; !is_free && Clock::now() < until;) {
      const auto key = store.create<double>({large});
      is_free = key.has_value();
    }
    expect(is_free, "memory of the stream was not freed");
  }
  locum::tests::wait_for_survivors(shared.done);
  locum::tests::end_survivor(error);
}
