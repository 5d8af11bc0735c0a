#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/transport.hpp"

namespace locum::tests {

/// A transport with numbered moments: before and after each message that is sent, heard or landed. At each of
/// them `at_moment(number)` is called, which may end the process.
class MortalTransport final : public Transport, private Receiver {
 public:
  MortalTransport(std::shared_ptr<Transport> real, std::function<void(std::uint64_t)> at_moment)
      : real_(std::move(real)), at_moment_(std::move(at_moment)) {}

  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t ticket) override {
    pass();
    auto sending = real_->send(to, header, bulk, ticket);
    pass();
    return sending;
  }
  void forget(int rank) noexcept override { real_->forget(rank); }
  bool progress(Receiver& receiver) override {
    receiver_ = &receiver;
    return real_->progress(*this);
  }
  bool arm() override { return real_->arm(); }
  void sleep(Clock::time_point moment) override { real_->sleep(moment); }
  void wake() noexcept override { real_->wake(); }
  Clock::time_point now() const noexcept override { return real_->now(); }

 private:
  std::span<std::byte> arrived(const Arrival& message) noexcept override {
    pass();
    const auto landing = receiver_->arrived(message);
    pass();
    return landing;
  }
  void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept override {
    pass();
    receiver_->landed(landing, outcome);
    pass();
  }
  void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept override {
    receiver_->sent(ticket, outcome);
  }
  void lost(int rank, const Error& cause) noexcept override { receiver_->lost(rank, cause); }
  void pass() { at_moment_(moments_++); }

  const std::shared_ptr<Transport> real_;
  const std::function<void(std::uint64_t)> at_moment_;
  Receiver* receiver_ = nullptr;
  std::uint64_t moments_ = 0;
};

}  // namespace locum::tests
