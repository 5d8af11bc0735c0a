#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "core/ports/transport.hpp"

namespace locum::tests {

/// Forwards all calls to another transport; tests override some functions.
class ForwardingTransport : public Transport {
 public:
  explicit ForwardingTransport(std::shared_ptr<Transport> transport) : transport_(std::move(transport)) {}

  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t ticket) override {
    return transport_->send(to, header, bulk, ticket);
  }
  void forget(int rank) noexcept override { transport_->forget(rank); }
  bool progress(Receiver& receiver) override { return transport_->progress(receiver); }
  bool arm() override { return transport_->arm(); }
  void sleep(Clock::time_point moment) override { transport_->sleep(moment); }
  void wake() noexcept override { transport_->wake(); }
  [[nodiscard]] Clock::time_point now() const noexcept override { return transport_->now(); }

 private:
  const std::shared_ptr<Transport> transport_;
};

}  // namespace locum::tests
