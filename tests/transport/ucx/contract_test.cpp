// Contract tests of the transport over UCX, in forked processes.
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <future>
#include <string>
#include <utility>
#include <vector>

#include "core/base/descriptor.hpp"
#include "tests/core/remote_memory_contract.hpp"
#include "tests/core/transport_contract.hpp"
#include "tests/transport/ucx/lanes.hpp"
#include "transport/ucx/transport.hpp"

namespace locum::ucx {
namespace {

using tests::Lanes;

// A pipe whose writing end each process holds open until its body has ended, however it ends: the transports
// live until the last process has closed it.
class ExitBarrier {
 public:
  ExitBarrier() {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) == 0) {
      read_ = Descriptor(ends[0]);
      write_ = Descriptor(ends[1]);
    }
  }
  void drop() { write_ = Descriptor(); }
  void wait_for_all() {
    drop();
    char nothing = 0;
    while (::read(read_.number(), &nothing, 1) > 0) {
    }
  }

 private:
  Descriptor read_;
  Descriptor write_;
};

class UcxWorld final : public tests::TransportWorld {
 public:
  /// \param memory_bytes of memory allocated by UCX that others can read one-sidedly; 0: none
  explicit UcxWorld(Lanes lanes, std::size_t memory_bytes = 0) : lanes_(lanes), memory_bytes_(memory_bytes) {}

  void run(int ranks, const Body& body) override {
    ExitBarrier exit_barrier;
    auto children = tests::start_group(ranks, lanes_, [&](Group& group) {
      const TransportOptions options{.close_timeout = std::chrono::milliseconds(500)};
      auto opened =
          memory_bytes_ == 0
              ? OpenedTransport{.transport = open_transport(group, options), .remote = {}, .memory = {}}
              : open_transport_with_remote_memory(group, {.allocated_bytes = memory_bytes_}, options);
      if (memory_bytes_ != 0 && !opened.remote) {
        return std::string("memory that UCX has allocated is not read one-sidedly");
      }
      std::size_t handed_out = 0;
      const tests::TransportSide side{
          .transport = *opened.transport,
          .remote = opened.remote.get(),
          .rank = group.rank(),
          .size = group.size(),
          .barrier = [&group](const auto& meanwhile) { tests::barrier(group, meanwhile); },
          .die = [] { ::raise(SIGKILL); },
          .exposable =
              [&](std::size_t bytes) {
                return opened.memory.subspan(std::exchange(handed_out, handed_out + bytes), bytes);
              }};
      body(side);
      exit_barrier.wait_for_all();
      return std::string();
    });
    exit_barrier.drop();
    // Waits for all concurrently: UCX takes a dead process for a living one until its parent has waited for
    // it.
    std::vector<std::future<tests::Ending>> exits;
    for (tests::Child& child : children) {
      exits.push_back(std::async(std::launch::async, [&child] { return child.wait(); }));
    }
    for (std::future<tests::Ending>& future : exits) {
      const tests::Ending ending = future.get();
      EXPECT_TRUE(ending.exit_code == 0 || ending.signal == SIGKILL)
          << ending.said << " (exit code " << ending.exit_code << ", signal " << ending.signal << ')';
    }
  }
  [[nodiscard]] std::optional<std::chrono::seconds> loss_told_within() const override {
    return lanes_ == Lanes::tcp ? std::optional(std::chrono::seconds(20)) : std::nullopt;
  }

 private:
  Lanes lanes_;
  std::size_t memory_bytes_;
};

tests::TransportWorldMaker over(Lanes lanes) {
  return {.name = testing::PrintToString(lanes),
          .make = [lanes] { return std::make_unique<UcxWorld>(lanes); }};
}

using tests::RemoteMemoryContract;
using tests::TransportContract;

INSTANTIATE_TEST_SUITE_P(Ucx, TransportContract, testing::Values(over(Lanes::any), over(Lanes::tcp)),
                         testing::PrintToStringParamName());

// Over TCP no memory is read one-sidedly.
INSTANTIATE_TEST_SUITE_P(
    Ucx, RemoteMemoryContract,
    testing::Values(tests::TransportWorldMaker{
        .name = "memory_of_UCX",
        .make = [] { return std::make_unique<UcxWorld>(Lanes::any, std::size_t{8} << 20U); }}),
    testing::PrintToStringParamName());

}  // namespace
}  // namespace locum::ucx
