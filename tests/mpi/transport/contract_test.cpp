// Contract tests of the transport over MPI messages: each rank of the job is one of the world's.
#include <gtest/gtest.h>
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"
#include "mpi/group.hpp"
#include "mpi/request.hpp"
#include "mpi/transport/transport.hpp"
#include "tests/core/remote_memory_contract.hpp"
#include "tests/core/transport_contract.hpp"

namespace locum::mpi {
namespace {

using namespace std::chrono_literals;

int rank_in_job() {
  int rank = 0;
  check(MPI_Comm_rank(MPI_COMM_WORLD, &rank), "MPI_Comm_rank");
  return rank;
}

/// Until all ranks of `communicator` are here; `meanwhile` is called again and again.
void meet(MPI_Comm communicator, const std::function<void()>& meanwhile) {
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Ibarrier(communicator, &request), "MPI_Ibarrier");
  Backoff backoff;
  for (int done = 0; done == 0;) {
    check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done == 0) {
      meanwhile();
      backoff.pause();
    }
  }
}

/// The first ranks of the job run the body, the others wait until these are done.
class MpiWorld final : public tests::TransportWorld {
 public:
  /// \param memory_bytes of each rank that the others may read one-sidedly; 0: none
  explicit MpiWorld(std::size_t memory_bytes = 0) : memory_bytes_(memory_bytes) {}

  void run(int ranks, const Body& body) override {
    int size = 0;
    check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
    ASSERT_LE(ranks, size) << "start this program on more ranks";
    const int rank = rank_in_job();
    MPI_Comm those = MPI_COMM_NULL;
    check(MPI_Comm_split(MPI_COMM_WORLD, rank < ranks ? 0 : MPI_UNDEFINED, rank, &those), "MPI_Comm_split");
    if (those != MPI_COMM_NULL) {
      run_ranks(those, body);
      check(MPI_Comm_free(&those), "MPI_Comm_free");
    }
    meet(MPI_COMM_WORLD, [] {});
  }
  /// MPI reports no lost rank: it ends the job.
  [[nodiscard]] std::optional<std::chrono::seconds> loss_told_within() const override { return std::nullopt; }

 private:
  void run_ranks(MPI_Comm those, const Body& body) const {
    const auto until = Deadline::Clock::now() + 60s;
    const auto memory = std::make_shared<std::vector<std::byte>>(memory_bytes_);
    CommunicatorGroup group(Communicator::duplicate(those, until), 60s, 1);
    OpenedTransport opened;
    if (memory_bytes_ == 0) {
      opened.transport = open_transport(group.communicator(), until);
    } else {
      opened = open_transport_with_window(
          group, until,
          {.memory = *memory, .page = std::span(*memory).first(4096), .keeps = memory, .session = 12345});
      std::ranges::fill(*memory, std::byte{0});
    }
    std::size_t handed_out = 0;
    if (memory_bytes_ == 0 || opened.remote) {
      body({.transport = *opened.transport,
            .remote = opened.remote.get(),
            .rank = group.rank(),
            .size = group.size(),
            .barrier = [those](const std::function<void()>& meanwhile) { meet(those, meanwhile); },
            .die = [] {},
            .exposable =
                [&](std::size_t bytes) {
                  return std::span(*memory).subspan(std::exchange(handed_out, handed_out + bytes), bytes);
                }});
    } else {
      GTEST_SKIP() << "this MPI reads no memory without its owner's help";
    }
    meet(those, [] {});
  }

  const std::size_t memory_bytes_;
};

using tests::RemoteMemoryContract;
using tests::TransportContract;

INSTANTIATE_TEST_SUITE_P(Mpi, TransportContract,
                         testing::Values(tests::TransportWorldMaker{
                             .name = "messages", .make = [] { return std::make_unique<MpiWorld>(); }}),
                         testing::PrintToStringParamName());

INSTANTIATE_TEST_SUITE_P(Mpi, RemoteMemoryContract,
                         testing::Values(tests::TransportWorldMaker{
                             .name = "window",
                             .make = [] { return std::make_unique<MpiWorld>(std::size_t{8} << 20U); }}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace locum::mpi
