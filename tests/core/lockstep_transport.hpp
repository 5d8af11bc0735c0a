#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>

#include "core/ports/transport.hpp"

namespace locum::tests {

/// One end of a connection between ranks 0 and 1, both in one thread: a message waits until the other rank
/// makes progress, and a rank that sleeps lets the other one run. Allocates nothing, copies a bulk once, and
/// records source and destination, so that what core adds can be counted.
class LockstepTransport final : public Transport {
 public:
  static constexpr std::size_t eager_bytes = 8192;

  explicit LockstepTransport(int rank) : rank_(rank) {}

  void connect(LockstepTransport& other) noexcept { other_ = &other; }

  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t ticket) override {
    LockstepTransport& receiver = to == rank_ ? *this : *other_;
    if (receiver.end_ - receiver.begin_ == receiver.inbox_.size()) {
      return Error(Errc::out_of_memory, "the test sends more messages than its transport holds");
    }
    Message& message = receiver.inbox_.at(receiver.end_++ % receiver.inbox_.size());
    message.from = rank_;
    message.ticket = ticket;
    message.header_bytes = header.size();
    message.bulk = bulk;
    message.is_receipt = false;
    std::ranges::copy(header, message.header.begin());
    if (bulk.size() <= eager_bytes) {
      std::ranges::copy(bulk, message.present.begin());
      message.bulk = std::span(message.present).first(bulk.size());
      return Sending::done;
    }
    return Sending::pending;
  }

  void forget(int /*rank*/) noexcept override {}
  bool progress(Receiver& receiver) override {
    if (begin_ == end_) {
      return false;
    }
    while (begin_ != end_) {
      Message& message = inbox_.at(begin_++ % inbox_.size());
      const auto header = std::span<const std::byte>(message.header).first(message.header_bytes);
      if (message.is_receipt) {
        receiver.sent(message.ticket, {});
      } else if (message.bulk.size() <= eager_bytes) {
        (void)receiver.arrived({.from = message.from,
                                .header = header,
                                .bulk_bytes = message.bulk.size(),
                                .present = message.bulk,
                                .landing = 0});
      } else {
        const auto memory = receiver.arrived({.from = message.from,
                                              .header = header,
                                              .bulk_bytes = message.bulk.size(),
                                              .present = {},
                                              .landing = ++last_landing_});
        if (!memory.empty()) {
          std::ranges::copy(message.bulk, memory.begin());
          read_from = message.bulk.data();
          written_to = memory.data();
          receiver.landed(last_landing_, Path::rendezvous);
        }
        Message& receipt = other_->inbox_.at(other_->end_++ % inbox_.size());
        receipt.ticket = message.ticket;
        receipt.is_receipt = true;
      }
    }
    return true;
  }
  bool arm() override { return begin_ == end_; }
  void sleep(Clock::time_point /*moment*/) override {
    if (others_turn) {
      others_turn();
    }
  }
  void wake() noexcept override { ++wakes; }
  [[nodiscard]] Clock::time_point now() const noexcept override { return Clock::now(); }

  std::function<void()> others_turn;      ///< runs while this rank sleeps
  std::uint64_t wakes = 0;                ///< number of calls of wake()
  const std::byte* read_from = nullptr;   ///< the last bulk that landed here: its address at the sender
  const std::byte* written_to = nullptr;  ///< and its address here

 private:
  struct Message {
    int from = 0;
    std::uint64_t ticket = 0;
    std::size_t header_bytes = 0;
    std::span<const std::byte> bulk;
    bool is_receipt = false;
    std::array<std::byte, max_header_bytes> header;
    std::array<std::byte, eager_bytes> present;
  };

  const int rank_;
  LockstepTransport* other_ = nullptr;
  std::array<Message, 8> inbox_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t last_landing_ = 0;
};

}  // namespace locum::tests
