#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "tests/loopback/random.hpp"
#include "tests/loopback/schedule.hpp"

namespace locum::loopback {

/// The fate of messages on a cut link.
enum class Cut : std::uint8_t {
  lose,  ///< they are lost
  hold,  ///< they wait until the link is healed
};

/// The state of the link between each two ranks, each way: latency, cuts, whether the receiver has given the
/// sender up. Stores only links with a state, so that a thousand ranks need not a million of them.
class Links {
 public:
  Links(int ranks, const Range& latency);

  void set_latency(int from, int to, const Range& latency) { at(from, to).latency = latency; }
  [[nodiscard]] const Range& latency(int from, int to) const noexcept;
  /// The arrival of a message that could arrive at `earliest`, but not before those sent before it.
  [[nodiscard]] Moment in_order(int from, int to, Moment earliest, Moment now);

  void cut(int from, int to, Cut cut) { at(from, to).cut = cut; }
  void heal(int from, int to);
  /// Cuts these ranks off from all others. A further call cuts off others as well.
  void partition(const std::vector<int>& apart, Cut cut);
  void heal_all();
  [[nodiscard]] std::optional<Cut> cut(int from, int to) const noexcept;

  /// The sender is dead: what arrives until then arrives for certain.
  void keep_until(int from, int to, Moment moment) { at(from, to).kept_until = moment; }
  [[nodiscard]] bool kept(int from, int to, Moment now) const noexcept;
  /// Nothing from that sender arrives any more.
  void end(int from, int to) { at(from, to).ended = true; }
  [[nodiscard]] bool ended(int from, int to) const noexcept;
  /// `observer` is told that `peer` is lost. False if it already was.
  [[nodiscard]] bool give_up(int observer, int peer);
  [[nodiscard]] bool given_up(int observer, int peer) const noexcept;

 private:
  struct Link {
    Moment last_arrival = Moment::min();
    Moment kept_until = Moment::min();
    std::optional<Range> latency;
    std::optional<Cut> cut;
    bool ended = false;
    bool given_up = false;  // the receiver has been told that the sender is lost
  };

  [[nodiscard]] std::uint64_t key(int from, int to) const noexcept {
    return static_cast<std::uint64_t>(from) * sides_.size() + static_cast<std::uint64_t>(to);
  }
  [[nodiscard]] Link& at(int from, int to) { return links_[key(from, to)]; }
  [[nodiscard]] const Link* find(int from, int to) const noexcept;
  void sweep(Moment now);

  Range latency_;
  std::unordered_map<std::uint64_t, Link> links_;  // for look-ups only: its order must never matter
  std::size_t sweep_at_ = 1024;
  std::vector<int> sides_;  // of each rank; messages pass between equal ones
  int last_side_ = 0;
  Cut partition_cut_ = Cut::lose;
};

}  // namespace locum::loopback
