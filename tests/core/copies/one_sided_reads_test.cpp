#include "core/copies/one_sided_reads.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "transport/loopback/network.hpp"

namespace locum {
namespace {

/// Never done reading. Keeps who wants to be told as a transport does, which an exchange keeps.
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

TEST(OneSidedReadsTest, AReadUnderWayKeepsNoTransport) {
  loopback::Network network({.ranks = 2});
  auto exchange = std::make_shared<Exchange>(network.transport(0), std::make_shared<Metrics>(),
                                             ExchangeOptions{.size = 2, .node_of_rank = {}});
  const std::weak_ptr<Exchange> kept = exchange;
  const auto memory = std::make_shared<EndlessMemory>();
  int ends = 0;
  {
    const auto reads = std::make_shared<OneSidedReads>(memory, std::move(exchange));
    reads->read({.owner = 1, .number = 1, .until = network.now() + std::chrono::seconds(1), .key = {}},
                HeldObject::make(4096, 4096), [&ends](bool) { ++ends; });
  }
  EXPECT_TRUE(kept.expired());
  memory->end();
  EXPECT_EQ(ends, 0);
}

}  // namespace
}  // namespace locum
