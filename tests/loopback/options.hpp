#pragma once

#include <chrono>
#include <cstdint>

#include "tests/loopback/random.hpp"

namespace locum::loopback {

/// Properties of a network. Equal options and equal calls give equal runs, to the last event.
struct NetworkOptions {
  int ranks = 2;
  std::uint64_t seed = 1;
  /// From send() until the header can be received, without the time of its bytes.
  Range latency{std::chrono::microseconds(2), std::chrono::microseconds(4)};
  /// Of each message or bulk alone: concurrent transfers do not slow it down.
  std::uint64_t bytes_per_us = 10'000;
  /// A bulk up to this size is copied by send() and travels with its header; a larger one is read from the
  /// sender's memory once the receiver has chosen the destination.
  std::uint64_t eager_bytes = 4096;
  /// Whether messages between two ranks may overtake each other, contrary to the port's contract.
  bool reorder = false;
  /// Probability that a message is lost.
  double drop = 0;
  /// Time from a death (or sever()) until the others are told that the rank is lost. Duration::max(): never.
  Range detection{std::chrono::seconds(5), std::chrono::seconds(5)};
  /// When the transport gives up a bulk lost in transfer although nobody is dead: `timeout`.
  std::chrono::nanoseconds give_up = std::chrono::seconds(1);
  /// Whether exposed memory can be read one-sidedly. Network::set_one_sided() sets it for single ranks.
  bool one_sided = false;
  /// Probability that a message in transfer when its sender dies is lost, and with it all that was sent later
  /// to the same rank.
  double lost_at_death = 0.5;
};

/// The fate of one message.
enum class Fate : std::uint8_t {
  deliver,
  drop,           ///< it is lost
  delay,          ///< it, and later messages to the same rank, are delayed by this time
  refuse,         ///< send() returns `out_of_memory`
  kill_before,    ///< its sender dies and the message never leaves
  kill_after,     ///< its sender dies; the message, and what was sent before it to the same rank, arrives
  strand,         ///< it arrives, but a bulk that is read in place never does, and nobody is told
  kill_receiver,  ///< its receiver dies on its arrival, without receiving it
};

/// A fate, and the time for `delay`.
struct Verdict {
  Fate fate = Fate::deliver;
  std::chrono::nanoseconds delay{};
};

}  // namespace locum::loopback
