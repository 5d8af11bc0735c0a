#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/ports/transport.hpp"

namespace locum::tests {

/// A receiver that records all messages and events, and provides new memory for each bulk that lands.
class Recorder final : public Receiver {
 public:
  struct Message {
    int from;
    std::vector<std::byte> header;
    std::vector<std::byte> bulk;
    std::uint64_t landing;  ///< 0: the bulk was present
  };
  template <class T>
  struct Outcome {
    std::uint64_t number;
    Result<T> outcome;
    bool after_loss;  ///< whether a rank had been lost before this report
  };

  [[nodiscard]] std::span<std::byte> arrived(const Arrival& message) noexcept override {
    messages.push_back({.from = message.from,
                        .header = {message.header.begin(), message.header.end()},
                        .bulk = {message.present.begin(), message.present.end()},
                        .landing = message.landing});
    if (on_arrival) {
      on_arrival(message);
    }
    if (!refuses && message.present.size() != message.bulk_bytes) {
      messages.back().bulk.resize(message.bulk_bytes);
      return messages.back().bulk;
    }
    return {};
  }
  void landed(std::uint64_t landing, const Result<Path>& outcome) noexcept override {
    inbound.push_back({landing, outcome, !lost_ranks.empty()});
  }
  void sent(std::uint64_t ticket, const Result<void>& outcome) noexcept override {
    sendings.push_back({ticket, outcome, !lost_ranks.empty()});
  }
  void lost(int rank, const Error& cause) noexcept override {
    lost_ranks.push_back(rank);
    causes.push_back(cause);
  }
  void dropped_foreign() noexcept override { ++foreign; }

  std::vector<Message> messages;
  std::vector<Outcome<Path>> inbound;
  std::vector<Outcome<void>> sendings;
  std::vector<int> lost_ranks;
  std::vector<Error> causes;
  std::uint64_t foreign = 0;  ///< messages of nobody
  bool refuses = false;
  std::function<void(const Arrival&)> on_arrival;
};

/// Makes progress until `condition()` holds; false if it does not by `limit`. Sleeps while there is nothing
/// to do.
template <class Condition>
[[nodiscard]] bool drive(Transport& transport, Receiver& receiver, Condition condition,
                         std::chrono::milliseconds limit) {
  const auto end = transport.now() + limit;
  while (!condition()) {
    if (transport.now() >= end) {
      return false;
    }
    if (!transport.progress(receiver) && !condition() && transport.arm()) {
      transport.sleep(end);
    }
  }
  return true;
}

/// Makes progress until `condition()` holds; false if nothing happens for 50 s. There is no limit for all of
/// it: how long thousands of messages take depends on what else the machine does.
template <class Condition>
[[nodiscard]] bool drive(Transport& transport, Receiver& receiver, Condition condition) {
  constexpr std::chrono::seconds longest_silence(50);
  auto end = transport.now() + longest_silence;
  while (!condition()) {
    if (transport.progress(receiver)) {
      end = transport.now() + longest_silence;
    } else if (transport.now() >= end) {
      return false;
    } else if (!condition() && transport.arm()) {
      transport.sleep(end);
    }
  }
  return true;
}

/// The bytes of a bulk of that size, different for each seed.
[[nodiscard]] inline std::vector<std::byte> message_bytes(std::size_t size, std::uint64_t seed) {
  std::vector<std::byte> bytes(size);
  std::uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1;
  for (std::byte& byte : bytes) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::byte>(state >> 56);
  }
  return bytes;
}

}  // namespace locum::tests
