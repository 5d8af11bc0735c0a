// Contract tests of the transport over MPI messages: each rank of the job is one of the world's.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <thread>

#include "mpi/communicator.hpp"
#include "mpi/error.hpp"
#include "mpi/request.hpp"
#include "mpi/transport/transport.hpp"
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
  void run(int ranks, const Body& body) override {
    int size = 0;
    check(MPI_Comm_size(MPI_COMM_WORLD, &size), "MPI_Comm_size");
    ASSERT_LE(ranks, size) << "start this program on more ranks";
    const int rank = rank_in_job();
    MPI_Comm those = MPI_COMM_NULL;
    check(MPI_Comm_split(MPI_COMM_WORLD, rank < ranks ? 0 : MPI_UNDEFINED, rank, &those), "MPI_Comm_split");
    if (those != MPI_COMM_NULL) {
      const auto until = Deadline::Clock::now() + 60s;
      {
        const auto group = Communicator::duplicate(those, until);
        const auto transport = open_transport(group, until);
        body({.transport = *transport,
              .remote = nullptr,
              .rank = rank,
              .size = ranks,
              .barrier = [those](const std::function<void()>& meanwhile) { meet(those, meanwhile); },
              .die = [] {},
              .exposable = [](std::size_t) { return std::span<std::byte>(); }});
        meet(those, [] {});
      }
      check(MPI_Comm_free(&those), "MPI_Comm_free");
    }
    meet(MPI_COMM_WORLD, [] {});
  }
  /// MPI reports no lost rank: it ends the job.
  [[nodiscard]] std::optional<std::chrono::seconds> loss_told_within() const override { return std::nullopt; }
};

using tests::TransportContract;

INSTANTIATE_TEST_SUITE_P(Mpi, TransportContract,
                         testing::Values(tests::TransportWorldMaker{
                             .name = "messages", .make = [] { return std::make_unique<MpiWorld>(); }}),
                         testing::PrintToStringParamName());

}  // namespace
}  // namespace locum::mpi
