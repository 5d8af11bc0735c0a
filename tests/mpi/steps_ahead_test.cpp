// Steps that are fetched ahead, between ranks on several nodes.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using namespace locum::literals;

constexpr int steps = 6;

class StepsAhead : public ::testing::Test {
 protected:
  static constexpr std::uint64_t cells = 40'000;

  void SetUp() override {
    if (runtime.size() < 2 || runtime.nodes() < runtime.size()) {
      GTEST_SKIP() << "needs two nodes of one rank each";
    }
    MPI_Comm_split(MPI_COMM_WORLD, rank < 2 ? static_cast<int>(rank) : MPI_UNDEFINED, 0, &side);
  }
  void TearDown() override {
    if (side != MPI_COMM_NULL) {
      MPI_Comm_free(&side);
    }
  }

  void write_all() {
    StepWriter out(runtime, "ahead", side, {.queue_steps = 3, .rendezvous_readers = 1});
    for (int n = 0; n < steps; ++n) {
      auto step = out.begin({.deadline = 60s}).value();
      auto v = step.create<double>("V", {.shape = {cells}, .start = {0}, .count = {cells}}).value();
      for (std::uint64_t at = 0; at < cells; ++at) {
        v[at] = 1e6 * n + static_cast<double>(at);
      }
      step.end().value();
    }
    out.close({.deadline = 60s}).value();
  }
  /// Half of the array. Returns how many messages this rank sent meanwhile.
  [[nodiscard]] std::uint64_t read(const InputStep& step, std::vector<double>& box) const {
    const std::uint64_t before = runtime.metrics().messages;
    step.read("V", std::span(box), {.start = {cells / 4}, .count = {cells / 2}}, {.deadline = 60s}).value();
    return runtime.metrics().messages - before;
  }
  /// Until nothing more has come for a tenth of a second, at most 10 s; this rank does nothing else
  /// meanwhile.
  void await_transfers() const {
    std::uint64_t last = runtime.metrics().transfer_ns;
    const auto until = std::chrono::steady_clock::now() + 10s;
    for (int still = 0; still < 5 && std::chrono::steady_clock::now() < until; ++still) {
      std::this_thread::sleep_for(20ms);
      const std::uint64_t now = runtime.metrics().transfer_ns;
      still = now == last ? still : 0;
      last = now;
    }
  }
  /// Reads all steps. Returns how many were read without a message.
  [[nodiscard]] int read_all(std::uint32_t ahead) {
    StepReader in(runtime, "ahead", side, {.ahead = ahead});
    int silent = 0;
    for (int n = 0; n < steps; ++n) {
      const std::optional<InputStep> step = in.next(60s).value();
      EXPECT_EQ(step->number(), n);
      std::vector<double> box(cells / 2);
      silent += read(*step, box) == 0 ? 1 : 0;
      for (std::uint64_t at = 0; at < box.size(); ++at) {
        EXPECT_EQ(box[at], 1e6 * n + static_cast<double>(cells / 4 + at)) << "step " << n;
        if (HasFailure()) {
          return silent;
        }
      }
      if (ahead != 0 && n + 1 < steps) {
        await_transfers();
      }
    }
    EXPECT_EQ(in.next(60s).error().code(), Errc::end_of_stream);
    return silent;
  }

  Runtime runtime{MPI_COMM_WORLD, {.memory_bytes = 64_MiB}};
  const std::uint64_t rank = static_cast<std::uint64_t>(runtime.rank());
  MPI_Comm side = MPI_COMM_NULL;
};

// The reader's rank may also answer questions of the writer, which count as messages; so not each read is
// silent.
TEST_F(StepsAhead, ComeWithoutACallOfTheReader) {
  if (rank == 0) {
    write_all();
  } else if (rank == 1) {
    EXPECT_GE(read_all(1), 2) << "of " << steps << " reads";
  }
}

TEST_F(StepsAhead, AreRequestedByTheReadIfFetchingAheadIsOff) {
  if (rank == 0) {
    write_all();
  } else if (rank == 1) {
    EXPECT_EQ(read_all(0), 0);
  }
}

}  // namespace
}  // namespace locum
