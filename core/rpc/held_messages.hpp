#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "core/object/bulk.hpp"
#include "core/rpc/message.hpp"
#include "core/rpc/short_bytes.hpp"
#include "core/rpc/together_wire.hpp"

namespace locum {

/// Messages that can wait for others to travel with. Each is kept until another message to its rank takes it
/// along, or until its moment has come: so that it costs no message of its own. One thread at a time.
class HeldMessages {
 public:
  using Moment = std::chrono::steady_clock::time_point;

  struct Held {
    int to = 0;
    Moment due;  ///< then it is sent alone
    Envelope envelope;
    ShortBytes body;
    Bulk bulk;
  };

  HeldMessages();

  [[nodiscard]] bool empty() const noexcept { return held_.empty(); }
  /// Keeps a message. False, and nothing done, if as many are kept as ever are, or it is too long to travel
  /// with another one.
  [[nodiscard]] bool keep(Held&& message) noexcept;
  /// The messages to that rank that fit beside this one, and then this one, as the bulk of one message. None
  /// if nothing is kept for the rank, or nothing fits, or this process has no memory for them.
  [[nodiscard]] std::optional<Bulk> with(int rank, const MessageParts& message) const;
  /// Those that the last with() for that rank has packed were sent.
  void sent_with(int rank) noexcept;
  /// Removes a message that is due: of those to its rank the last one, which takes the others along.
  [[nodiscard]] std::optional<Held> take_due(Moment now) noexcept;
  /// When take_due() has something to do; Moment::max(): never.
  [[nodiscard]] Moment next_due() const noexcept;
  /// Drops the messages to that rank.
  void forget(int rank) noexcept;
  /// Drops all.
  void clear() noexcept { held_.clear(); }

 private:
  std::vector<Held> held_;          ///< its capacity is fixed
  mutable std::size_t packed_ = 0;  ///< by the last with(): of those to its rank the first ones
};

}  // namespace locum
