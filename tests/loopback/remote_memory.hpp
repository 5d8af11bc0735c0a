#pragma once

#include <utility>

#include "core/ports/remote_memory.hpp"
#include "tests/loopback/network.hpp"

namespace locum::loopback {

/// One rank's memory in a simulated network. Made by Network::remote_memory().
class LoopbackRemoteMemory final : public RemoteMemory {
 public:
  LoopbackRemoteMemory(Network& network, int rank) noexcept : network_(network), rank_(rank) {}

  [[nodiscard]] Result<Exposure> expose(std::span<const std::byte> memory) override {
    return network_.expose(rank_, memory);
  }
  void withdraw(std::uint64_t number) noexcept override { network_.withdraw(number); }
  [[nodiscard]] Result<Sending> get(int from, const RemoteKey& key, std::uint64_t offset,
                                    std::span<std::byte> into, Then then) override {
    return network_.read({.reader = rank_, .owner = from, .into = into, .then = std::move(then)}, key,
                         offset);
  }
  [[nodiscard]] bool reads(int rank) const noexcept override;

 private:
  Network& network_;
  const int rank_;
};

}  // namespace locum::loopback
