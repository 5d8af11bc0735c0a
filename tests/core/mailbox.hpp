#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/ports/transport.hpp"
#include "tests/core/transport_world.hpp"

namespace locum::tests {

/// Bytes that depend on seed and position.
inline std::vector<std::byte> bytes_of(std::uint64_t seed, std::size_t size) {
  std::vector<std::byte> bytes(size);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + size;
  for (std::size_t at = 0; at < size; at += sizeof state) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    const std::uint64_t word = state ^ state >> 32U;
    std::memcpy(bytes.data() + at, &word, std::min(sizeof word, size - at));
  }
  return bytes;
}

/// A header of eight bytes that holds a number.
inline std::array<std::byte, 8> numbered(std::uint64_t number) {
  std::array<std::byte, 8> header;
  std::memcpy(header.data(), &number, header.size());
  return header;
}
inline std::uint64_t number_of(std::span<const std::byte> header) {
  std::uint64_t number = 0;
  std::memcpy(&number, header.data(), std::min(header.size(), sizeof number));
  return number;
}

/// A received message.
struct Letter {
  int from = 0;
  std::vector<std::byte> header;
  std::uint64_t bulk_bytes = 0;
  std::vector<std::byte> bulk;  ///< what has arrived of it so far
  bool eager = false;           ///< the bulk was present
  bool refused = false;
  std::optional<Result<Path>> landed;

  /// Nothing more of it will arrive.
  [[nodiscard]] bool complete() const { return eager || refused || landed.has_value(); }
};

/// A receiver that keeps all messages and events, and fails the test if the transport breaks its contract:
/// calls outside progress(), calls twice, or names an unknown ticket or landing. One rank's; also drives that
/// rank's transport.
class Mailbox final : public Receiver {
 public:
  using Clock = Transport::Clock;
  /// The longest wait of a test that does not measure time.
  static constexpr std::chrono::seconds patience{60};

  explicit Mailbox(Transport& transport) : transport_(transport) {}

  /// Sends, and records that an outcome of the ticket is expected once. The caller keeps the bulk alive.
  Sending send(int to, std::span<const std::byte> header, std::span<const std::byte> bulk = {}) {
    const std::uint64_t ticket = next_ticket_++;
    // An outcome reported within send() would be too early, so the ticket is recorded afterwards.
    const auto sending = transport_.send(to, header, bulk, ticket);
    EXPECT_TRUE(sending.has_value()) << sending.error().what();
    if (!sending || *sending == Sending::done) {
      return Sending::done;
    }
    pending_[ticket] = std::nullopt;
    return Sending::pending;
  }
  bool progress() {
    moving_ = true;
    const bool moved = transport_.progress(*this);
    moving_ = false;
    return moved;
  }
  /// Makes progress, and sleeps in between, until `done()` or `moment`. False: `moment` has come.
  bool wait(const std::function<bool()>& done, Clock::time_point moment) {
    for (int in_vain = 0; in_vain < 10'000;) {
      while (!done() && progress()) {
        in_vain = 0;
      }
      if (done()) {
        return true;
      }
      const auto now = transport_.now();
      if (now >= moment) {
        return false;
      }
      if (transport_.arm()) {
        transport_.sleep(moment);
      }
      in_vain = transport_.now() == now ? in_vain + 1 : 0;
    }
    ADD_FAILURE() << "nothing arrives, and no time passes: sleep() does not sleep, or arm() never arms";
    return false;
  }
  bool wait(const std::function<bool()>& done) { return wait(done, transport_.now() + patience); }

  /// Waits until all ranks are here, and makes progress for the others meanwhile.
  void meet(const TransportSide& side) {
    side.barrier([this] { (void)progress(); });
  }

  /// Waits until that many messages have arrived completely.
  bool wait_for_letters(std::size_t count) {
    return wait([&] { return letters.size() >= count && open_landings_ == 0; });
  }
  bool wait_until_sent() {
    return wait([&] { return open_tickets() == 0; });
  }
  [[nodiscard]] std::size_t open_tickets() const {
    std::size_t open = 0;
    for (const auto& [ticket, outcome] : pending_) {
      open += outcome ? 0U : 1U;
    }
    return open;
  }
  [[nodiscard]] std::size_t open_landings() const noexcept { return open_landings_; }
  /// The outcomes of pending bulks, in the order of sending.
  [[nodiscard]] std::vector<Result<void>> outcomes() const {
    std::vector<Result<void>> said;
    for (const auto& [ticket, outcome] : pending_) {
      if (outcome) {
        said.push_back(*outcome);
      }
    }
    return said;
  }

  std::vector<Letter> letters;  ///< in the order of their arrival
  std::vector<int> lost_ranks;
  std::function<bool(const Arrival&)> refuses;       ///< whether to refuse a bulk that is still to come
  std::function<void(const Letter&)> on_arrival;     ///< called within arrived(), after the message is stored
  std::function<void(const Letter&)> on_landing;     ///< called within landed()
  std::function<void(const Result<void>&)> on_sent;  ///< called within sent()

 private:
  std::span<std::byte> arrived(const Arrival& message) noexcept override {
    EXPECT_TRUE(moving_) << "arrived() outside progress()";
    EXPECT_GE(message.header.size(), 1U);
    EXPECT_LE(message.header.size(), max_header_bytes);
    Letter letter;
    letter.from = message.from;
    letter.header.assign(message.header.begin(), message.header.end());
    letter.bulk_bytes = message.bulk_bytes;
    letter.eager = message.present.size() == message.bulk_bytes;
    if (letter.eager) {
      letter.bulk.assign(message.present.begin(), message.present.end());
    } else {
      EXPECT_TRUE(message.present.empty()) << "a bulk must be present completely or not at all";
      letter.refused = refuses && refuses(message);
    }
    const bool lands = !letter.eager && !letter.refused;
    if (lands) {
      letter.bulk.resize(message.bulk_bytes);
      EXPECT_TRUE(inbound_.emplace(message.landing, letters.size()).second)
          << "landing " << message.landing << " is open already";
      ++open_landings_;
    }
    letters.push_back(std::move(letter));
    // The bytes do not move when `letters` grows.
    const std::span<std::byte> landing = lands ? std::span(letters.back().bulk) : std::span<std::byte>();
    if (on_arrival) {
      on_arrival(letters.back());
    }
    return landing;
  }
  void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept override {
    EXPECT_TRUE(moving_) << "landed() outside progress()";
    const auto found = inbound_.find(landing);
    ASSERT_NE(found, inbound_.end()) << "landing " << landing << " is not open, or was reported before";
    Letter& letter = letters[found->second];
    inbound_.erase(found);
    --open_landings_;
    letter.landed = outcome;
    if (on_landing) {
      on_landing(letter);
    }
  }
  void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept override {
    EXPECT_TRUE(moving_) << "sent() outside progress()";
    const auto found = pending_.find(ticket);
    ASSERT_NE(found, pending_.end()) << "ticket " << ticket << " belongs to no pending bulk";
    ASSERT_FALSE(found->second) << "ticket " << ticket << " was reported before";
    found->second = outcome;
    if (on_sent) {
      on_sent(outcome);
    }
  }
  void lost(int rank, const Error& cause) noexcept override {
    EXPECT_TRUE(moving_) << "lost() outside progress()";
    EXPECT_EQ(cause.code(), Errc::peer_lost) << cause.what();
    lost_ranks.push_back(rank);
  }

  Transport& transport_;
  std::uint64_t next_ticket_ = 1;
  std::map<std::uint64_t, std::optional<Result<void>>> pending_;
  std::map<std::uint64_t, std::size_t> inbound_;
  std::size_t open_landings_ = 0;
  bool moving_ = false;
};

}  // namespace locum::tests
