#include "core/copies/one_sided_reads.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "core/async/background_worker.hpp"
#include "core/async/progress.hpp"
#include "tests/loopback/network.hpp"

namespace locum {
namespace {

/// Its reads never end. Keeps the callback, as a transport does that a channel owns.
class EndlessMemory final : public RemoteMemory {
 public:
  [[nodiscard]] Result<Exposure> expose(std::span<const std::byte> /*memory*/) override { return Exposure{}; }
  void withdraw(std::uint64_t /*number*/) noexcept override {}
  [[nodiscard]] Result<Sending> get(int /*from*/, const RemoteKey& /*key*/, std::uint64_t /*offset*/,
                                    std::span<std::byte> /*into*/, Then then) override {
    then_ = std::move(then);
    return Sending::pending;
  }
  [[nodiscard]] bool reads(int /*rank*/) const noexcept override { return true; }
  void end() { then_(Error(Errc::peer_lost, "the network has gone")); }

 private:
  Then then_;
};

LeaseHeld lease_until(RpcChannel::Clock::time_point moment) {
  return {.owner = 1, .number = 1, .until = moment, .key = {}};
}

Task<bool> read(OneSidedReads& reads, LeaseHeld lease) {
  const bool good = co_await reads.read(lease, ReceivedBlock::make(4096, 4096));
  co_return good;
}

TEST(OneSidedReadsTest, AReadUnderWayKeepsNoTransport) {
  loopback::Network network({.ranks = 2});
  const std::shared_ptr<Transport> transport = network.transport(0);
  auto channel = std::make_shared<RpcChannel>(transport, std::make_shared<Metrics>(),
                                              RpcChannelOptions{.size = 2, .node_of_rank = {}});
  const std::weak_ptr<RpcChannel> kept = channel;
  const auto memory = std::make_shared<EndlessMemory>();
  {
    BackgroundWorker worker(false, {});
    Progress progress(transport, channel, {.helper = false});
    const auto reads = std::make_shared<OneSidedReads>(memory, std::move(channel));
    const auto lease = lease_until(network.now() + std::chrono::seconds(1));
    const auto reading = OperationOf<bool>::make(progress, worker, read(*reads, lease));
    reading->begin_by_driver();
    EXPECT_FALSE(reading->ended());
    reads->close();
    ASSERT_TRUE(reading->ended());
    EXPECT_FALSE(reading->take());
    EXPECT_TRUE(reads->is_reading(1, 1)) << "whose result is not used any more";
  }
  EXPECT_TRUE(kept.expired());
  memory->end();
}

}  // namespace
}  // namespace locum
