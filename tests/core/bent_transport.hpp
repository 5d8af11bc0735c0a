#pragma once

#include <cstring>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "core/ports/transport.hpp"
#include "core/rpc/message.hpp"

namespace locum::tests {

/// A message as a rank sends it.
struct Message {
  int to = 0;
  std::vector<std::byte> header;
  std::vector<std::byte> bulk;

  [[nodiscard]] Envelope envelope() const {
    Envelope envelope;
    std::memcpy(&envelope, header.data(), sizeof envelope);
    return envelope;
  }
  void set_envelope(const Envelope& envelope) { std::memcpy(header.data(), &envelope, sizeof envelope); }
  [[nodiscard]] std::span<const std::byte> body() const {
    return std::span(header).subspan(sizeof(Envelope));
  }
  void set_body(std::span<const std::byte> body) {
    header.resize(sizeof(Envelope));
    header.insert(header.end(), body.begin(), body.end());
  }
};

/// A transport that records what is sent, and can replace or add messages: it simulates a faulty rank. Keeps
/// all that it changed until forget().
class BentTransport final : public Transport {
 public:
  explicit BentTransport(std::shared_ptr<Transport> straight) : straight_(std::move(straight)) {}

  Result<Sending> send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk,
                       std::uint64_t ticket) override {
    if (!bend && !record) {
      return straight_->send(to, header, bulk, ticket);
    }
    Message message{to, {header.begin(), header.end()}, {bulk.begin(), bulk.end()}};
    if (record) {
      record(message);
    }
    if (bend) {
      bend(message);
    }
    return say(std::move(message), ticket);
  }
  Result<Sending> say(Message message, std::uint64_t ticket = 0) {
    const Message& kept = said_.emplace_back(std::move(message));
    return straight_->send(kept.to, kept.header, kept.bulk, ticket);
  }
  /// REQUIRES: no message is in transfer.
  void forget() { said_.clear(); }

  void forget(int rank) noexcept override { straight_->forget(rank); }
  bool progress(Receiver& receiver) override { return straight_->progress(receiver); }
  bool arm() override { return straight_->arm(); }
  void sleep(Clock::time_point moment) override { straight_->sleep(moment); }
  void wake() noexcept override { straight_->wake(); }
  Clock::time_point now() const noexcept override { return straight_->now(); }

  std::function<void(const Message&)> record;
  std::function<void(Message&)> bend;

 private:
  const std::shared_ptr<Transport> straight_;
  std::deque<Message> said_;
};

/// The faulty ranks of simulated nodes, for SimulatedNodesOptions::wrap: `SimulatedNodes world({.nodes = {},
/// .network = {}, .wrap = liars.wrap()})`. Declared before that world.
class Liars {
 public:
  Liars(std::initializer_list<int> ranks) {
    for (const int rank : ranks) {
      transports_.emplace(rank, nullptr);
    }
  }
  Liars(const Liars&) = delete;
  Liars& operator=(const Liars&) = delete;
  ~Liars() = default;

  /// Wraps the transports of these ranks only.
  [[nodiscard]] std::function<std::shared_ptr<Transport>(int, std::shared_ptr<Transport>)> wrap() {
    return [this](int rank, std::shared_ptr<Transport> straight) -> std::shared_ptr<Transport> {
      const auto liar = transports_.find(rank);
      if (liar == transports_.end()) {
        return straight;
      }
      auto bent = std::make_shared<BentTransport>(std::move(straight));
      liar->second = bent.get();
      return bent;
    };
  }
  /// REQUIRES: that rank is one of the faulty ones, and its world exists.
  [[nodiscard]] BentTransport& operator[](int rank) { return *transports_.at(rank); }

 private:
  std::map<int, BentTransport*> transports_;  // of the world, which must end before its network
};

/// Corrupts messages, in the same way for the same seed: truncates them, extends them, flips bits, overwrites
/// bytes, and inserts parts of other messages.
class Spoiler {
 public:
  explicit Spoiler(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  /// \param others messages whose parts may be inserted
  void spoil(Message& message, const std::vector<Message>& others) {
    std::vector<std::byte> body(message.body().begin(), message.body().end());
    for (std::uint64_t more = 1 + below(2); more > 0; --more) {
      const Message& other = others[below(others.size())];
      switch (below(8)) {
        case 0:
        case 1:
          spoil(body, max_header_bytes - sizeof(Envelope));
          break;
        case 2:
        case 3:
          turn_bits(body);
          break;
        case 4:
          spoil(message.bulk, below(40) == 0 ? (std::size_t{3} << 20U) : 8000);
          break;
        case 5:
          turn_bits(message.bulk);
          break;
        case 6:
          body.assign(other.body().begin(), other.body().end());
          break;
        default:
          message.bulk = other.bulk;
          break;
      }
    }
    message.set_body(body);
  }

  void turn_bits(std::vector<std::byte>& bytes) {
    for (std::uint64_t more = 1 + below(4); more > 0 && !bytes.empty(); --more) {
      bytes[below(bytes.size())] ^= std::byte{1} << below(8);
    }
  }

 private:
  // Other bytes, or a part of these, or these and more.
  void spoil(std::vector<std::byte>& bytes, std::size_t most) {
    const std::size_t kept = below(3) == 0 ? 0 : below(bytes.size() + 1);
    bytes.resize(kept);
    for (std::size_t more = below(2) == 0 ? 0 : below(most - std::min(kept, most) + 1); more > 0; --more) {
      bytes.push_back(static_cast<std::byte>(random_()));
    }
  }

  std::mt19937_64 random_;
};

}  // namespace locum::tests
