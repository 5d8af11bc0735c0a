#pragma once

#include "tests/loopback/network.hpp"

namespace locum::loopback {

/// One rank's end of a simulated network. Made by Network::transport().
class LoopbackTransport final : public Transport {
 public:
  LoopbackTransport(Network& network, int rank) noexcept : network_(network), rank_(rank) {}
  ~LoopbackTransport() override { network_.close(rank_); }

  [[nodiscard]] Result<Sending> send(int to, std::span<const std::byte> header,
                                     std::span<const std::byte> bulk, std::uint64_t ticket) override {
    return network_.send(rank_, to, header, bulk, ticket);
  }
  void forget(int rank) noexcept override { network_.forget(rank_, rank); }
  bool progress(Receiver& receiver) override { return network_.progress(rank_, receiver); }
  [[nodiscard]] bool arm() override { return network_.arm(rank_); }
  void sleep(Clock::time_point moment) override;
  void wake() noexcept override { network_.wake(rank_); }
  [[nodiscard]] Clock::time_point now() const noexcept override { return network_.now_of(rank_); }

 private:
  Network& network_;
  const int rank_;
};

}  // namespace locum::loopback
