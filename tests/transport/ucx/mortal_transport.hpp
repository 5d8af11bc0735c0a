#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <utility>

#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"

namespace locum::tests {

/// The operations before and after which there is a moment.
enum class Step : std::uint8_t {
  before_sending,
  after_sending,
  before_receiving,
  after_receiving,
  before_landing,
  after_landing,
  before_reading,  ///< one-sidedly, from another rank's memory
  after_reading,   ///< when the outcome of the read is known
  closed           ///< of no message: the links have been closed, those of others perhaps not
};

/// A moment of a rank: before or after a message that begins with `kind`; for bulks and reads without `kind`.
struct Moment {
  Step step{};
  std::byte kind{};

  friend auto operator<=>(const Moment&, const Moment&) = default;
};

/// As readable text.
inline std::ostream& operator<<(std::ostream& out, const Moment& moment) {
  static constexpr std::array steps{"before sending",  "after sending",  "before receiving",
                                    "after receiving", "before landing", "after landing",
                                    "before reading",  "after reading",  "between the meetings of closing"};
  out << steps.at(static_cast<std::size_t>(moment.step));
  return moment.step < Step::before_landing ? out << " kind " << static_cast<int>(moment.kind) : out;
}

/// A transport with moments: before and after each message that is sent, received or landed. At each of them
/// it calls `at_moment(moment)`, which may end the process; and `told_of(rank)` when the transport itself
/// reports a lost rank.
class MortalTransport final : public Transport, private Receiver {
 public:
  MortalTransport(std::shared_ptr<Transport> real, std::function<void(const Moment&)> at_moment,
                  std::function<void(int)> told_of)
      : real_(std::move(real)), at_moment_(std::move(at_moment)), told_of_(std::move(told_of)) {}

  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t ticket) override {
    at_moment_({Step::before_sending, header.front()});
    auto sending = real_->send(to, header, bulk, ticket);
    at_moment_({Step::after_sending, header.front()});
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
    const std::byte kind = message.header.front();
    at_moment_({Step::before_receiving, kind});
    const auto landing = receiver_->arrived(message);
    at_moment_({Step::after_receiving, kind});
    return landing;
  }
  void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept override {
    at_moment_({Step::before_landing, {}});
    receiver_->landed(landing, outcome);
    at_moment_({Step::after_landing, {}});
  }
  void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept override {
    receiver_->sent(ticket, outcome);
  }
  void lost(int rank, const Error& cause) noexcept override {
    told_of_(rank);
    receiver_->lost(rank, cause);
  }

  const std::shared_ptr<Transport> real_;
  const std::function<void(const Moment&)> at_moment_;
  const std::function<void(int)> told_of_;
  Receiver* receiver_ = nullptr;
};

/// Memory of other ranks, with the moments of reading it.
class MortalMemory final : public RemoteMemory {
 public:
  MortalMemory(std::shared_ptr<RemoteMemory> real, std::function<void(const Moment&)> at_moment)
      : real_(std::move(real)), at_moment_(std::move(at_moment)) {}

  Result<Exposure> expose(std::span<const std::byte> memory) override { return real_->expose(memory); }
  void withdraw(std::uint64_t number) noexcept override { real_->withdraw(number); }
  Result<Sending> get(int from, const RemoteKey& key, std::uint64_t offset, std::span<std::byte> into,
                      Then then) override {
    at_moment_({Step::before_reading, {}});
    auto reading = real_->get(from, key, offset, into, [this, then](const Result<void>& outcome) {
      at_moment_({Step::after_reading, {}});
      then(outcome);
    });
    if (reading && *reading == Sending::done) {
      at_moment_({Step::after_reading, {}});
    }
    return reading;
  }
  bool reads(int rank) const noexcept override { return real_->reads(rank); }

 private:
  const std::shared_ptr<RemoteMemory> real_;
  const std::function<void(const Moment&)> at_moment_;
};

}  // namespace locum::tests
