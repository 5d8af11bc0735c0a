#include "tests/loopback/world.hpp"

#include <chrono>
#include <cstddef>
#include <deque>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace locum::tests {
namespace {

class LoopbackWorld final : public TransportWorld {
 public:
  LoopbackWorld(const loopback::NetworkOptions& options, FirstRank first)
      : options_(options), first_(first) {}

  void run(int ranks, const Body& body) override {
    options_.ranks = ranks;
    loopback::Network network(options_);
    std::vector<std::unique_ptr<Transport>> transports;
    for (int rank = 0; rank < ranks; ++rank) {
      transports.push_back(network.transport(rank));
    }
    std::size_t arrived = 0;  // at all barriers together
    const auto play = [&](int rank) {
      Transport& transport = *transports[static_cast<std::size_t>(rank)];
      std::size_t barriers = 0;
      const auto barrier = [&](const std::function<void()>& meanwhile) {
        ++arrived;
        ++barriers;
        for (const auto& each : transports) {
          each->wake();
        }
        int turns = 0;
        while (arrived < barriers * static_cast<std::size_t>(ranks)) {
          if (++turns > 100'000) {
            throw std::runtime_error("rank " + std::to_string(rank) +
                                     " waits in vain for the others at a barrier");
          }
          meanwhile();
          (void)transport.arm();  // fails if `meanwhile` has not received what is there
          transport.sleep(transport.now() + std::chrono::seconds(1));
        }
      };
      const auto remote = network.remote_memory(rank);
      std::deque<std::vector<std::byte>> exposed;
      body({.transport = transport,
            .remote = remote.get(),
            .rank = rank,
            .size = ranks,
            .barrier = barrier,
            .die = [&network, rank] { network.kill(rank); },
            .exposable = [&exposed](std::size_t bytes) { return std::span(exposed.emplace_back(bytes)); }});
    };
    const int first_program = first_ == FirstRank::test ? 1 : 0;
    for (int rank = first_program; rank < ranks; ++rank) {
      network.start([&play, rank] { play(rank); });
    }
    if (first_ == FirstRank::test) {
      try {
        play(0);
      } catch (...) {  // the programs end while the objects that they use exist
        for (int rank = 0; rank < ranks; ++rank) {
          network.kill(rank);
        }
        network.run();
        throw;
      }
    }
    network.run();
  }
  [[nodiscard]] std::optional<std::chrono::seconds> loss_told_within() const override {
    return std::chrono::duration_cast<std::chrono::seconds>(options_.detection.most) +
           std::chrono::seconds(1);
  }

 private:
  loopback::NetworkOptions options_;
  const FirstRank first_;
};

}  // namespace

std::unique_ptr<TransportWorld> loopback_world(const loopback::NetworkOptions& options, FirstRank first) {
  return std::make_unique<LoopbackWorld>(options, first);
}

}  // namespace locum::tests
