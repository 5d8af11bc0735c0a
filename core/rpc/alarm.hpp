#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/rpc/rpc_channel.hpp"

namespace locum {

/// Calls a function at the earliest of the moments that it was set for, from the channel's timer queue; it
/// then has to be set again for the others. No call after its destruction, or once the channel has closed.
/// Only for the thread that makes progress.
class Alarm {
 public:
  using Clock = RpcChannel::Clock;

  /// \param due called with the moment for which it was set
  Alarm(RpcChannel& channel, std::function<void(Clock::time_point)> due)
      : channel_(channel), state_(std::make_shared<State>(State{std::move(due)})) {}
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  ~Alarm() = default;

  void set(Clock::time_point moment) {
    if (moment >= state_->moment) {
      return;
    }
    state_->moment = moment;
    channel_.call_at(moment, [weak = std::weak_ptr(state_), moment, &channel = channel_] {
      const auto state = weak.lock();
      if (state && state->moment == moment) {  // else it was set for an earlier one, and was called then
        state->moment = Clock::time_point::max();
        state->due(channel.now());
      }
    });
  }

 private:
  struct State {
    std::function<void(Clock::time_point)> due;
    Clock::time_point moment = Clock::time_point::max();
  };

  RpcChannel& channel_;
  const std::shared_ptr<State> state_;
};

}  // namespace locum
