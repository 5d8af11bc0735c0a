#pragma once

#include <chrono>
#include <cstdint>

#include "transport/loopback/random.hpp"

namespace locum::loopback {

/// What a network is like. Equal options and equal calls give equal runs, to the last event.
struct NetworkOptions {
  int ranks = 2;
  std::uint64_t seed = 1;
  /// From send() until the header could be taken out at the other end, but for its bytes.
  Range latency{std::chrono::microseconds(2), std::chrono::microseconds(4)};
  /// Of each message or bulk alone: what is under way beside it does not slow it.
  std::uint64_t bytes_per_us = 10'000;
  /// A bulk of no more bytes is copied by send() and travels with its header; a larger one is read from the
  /// sender's memory when it has been told where to go.
  std::uint64_t eager_bytes = 4096;
  /// Whether messages between two ranks may overtake each other, against what the port promises.
  bool reorder = false;
  /// Probability that a message vanishes.
  double drop = 0;
  /// After a death (and after sever()): when the others are told that the rank is lost. Duration::max():
  /// never.
  Range detection{std::chrono::seconds(5), std::chrono::seconds(5)};
  /// When the transport gives up a bulk that was lost on the way, though nobody is dead: `timeout`.
  std::chrono::nanoseconds give_up = std::chrono::seconds(1);
  /// Whether memory that a rank has exposed is read without its help. Network::set_one_sided() says it of
  /// single ranks.
  bool one_sided = false;
  /// Probability that a message which was under way when its sender died is lost, and with it all that was
  /// sent later to the same rank.
  double lost_at_death = 0.5;
};

/// What becomes of one message.
enum class Fate : std::uint8_t {
  deliver,
  drop,           ///< it vanishes
  delay,          ///< it, and what is sent after it to the same rank, takes so much longer
  refuse,         ///< send() returns `out_of_memory`
  kill_before,    ///< its sender dies and the message never leaves
  kill_after,     ///< its sender dies; the message, and what was sent before it to the same rank, arrives
  strand,         ///< it arrives; a bulk that is read in place never does, and nobody is told
  kill_receiver,  ///< its receiver dies when it arrives, without having seen it
};

/// A fate, and for `delay` how long.
struct Verdict {
  Fate fate = Fate::deliver;
  std::chrono::nanoseconds delay{};
};

}  // namespace locum::loopback
