#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <locum/async_result.hpp>
#include <locum/detail/base/mutex.hpp>
#include <locum/detail/pipeline/function_stages.hpp>
#include <locum/detail/pipeline/pulled.hpp>
#include <locum/result.hpp>
#include <locum/when.hpp>

namespace locum::detail::stages {

/// async_map() with a function that returns an AsyncResult: up to `depth` of them are in flight. It has no
/// threads: pull() begins calls and waits for them.
template <class S, class F>
class AsyncCallsStage {
  using T = typename S::Value;

 public:
  using Value = MadeBy<F, T>;
  using Position = typename S::Position;

  AsyncCallsStage(S upstream, F function, CallSettings settings, std::size_t depth, bool keeps_order)
      : upstream_(std::move(upstream)),
        function_(std::move(function)),
        settings_(std::move(settings)),
        depth_(depth),
        keeps_order_(keeps_order),
        flying_(std::make_unique<Flying>()) {}

  [[nodiscard]] Pulled<Value, Position> pull(Moment moment) {
    while (!has_ended_ && calls_.size() < depth_) {
      auto from = upstream_.pull(moment);
      if (from.kind == Pull::end) {
        has_ended_ = true;
        end_ = std::move(from.place);
      } else if (from.kind == Pull::failed && !calls_.empty()) {
        has_ended_ = true;  // what was begun before is delivered before
        failure_ = std::move(from.error);
        end_ = std::move(from.place);
      } else if (from.kind == Pull::late && !calls_.empty()) {
        break;
      } else if (from.kind != Pull::element) {
        return passed_on<Value>(std::move(from));
      } else {
        begin(Call{std::move(from.value), std::move(from.place), settings_.policy.retries});
      }
    }
    for (;;) {
      if (calls_.empty()) {
        return failure_ ? pulled_failure<Value>(*failure_, end_) : pulled_end<Value>(end_);
      }
      const auto at = await(moment);
      if (!at) {
        return {};
      }
      if (auto one = ended(*at)) {
        return std::move(*one);
      }
    }
  }
  void cancel() noexcept {
    std::vector<AsyncResult<Value>> all;
    {
      const MutexLock lock(flying_->mutex);
      flying_->is_cancelled = true;
      all = flying_->results;
    }
    for (const auto& one : all) {
      one.cancel();
    }
    upstream_.cancel();
  }
  void close() noexcept {
    settings_.log->note_cancelled(calls_.size());
    forget_all();
    upstream_.close();
  }
  [[nodiscard]] Result<void> rewind() {
    forget_all();
    has_ended_ = false;
    failure_.reset();
    return upstream_.rewind();
  }

 private:
  struct Call {
    std::optional<T> element;  ///< for another attempt
    Place<Position> place;
    std::uint32_t retries_left = 0;
  };
  /// The results of calls_, which cancel() needs while another thread waits.
  struct Flying {
    Mutex mutex;
    std::vector<AsyncResult<Value>> results LOCUM_GUARDED_BY(mutex);
    bool is_cancelled LOCUM_GUARDED_BY(mutex) = false;
  };

  [[nodiscard]] AsyncResult<Value> begun(Call& call) {
    try {
      return call_with(function_, *call.element, call.retries_left > 0);
    } catch (...) {
      return AsyncResult<Value>(error_of_exception());
    }
  }
  void begin(Call call) {
    auto result = begun(call);
    calls_.push_back(std::move(call));
    const MutexLock lock(flying_->mutex);
    flying_->results.push_back(std::move(result));
  }

  /// Returns the number of a call that has ended; nothing if it is too late.
  [[nodiscard]] std::optional<std::size_t> await(Moment moment) {
    std::vector<AsyncResult<Value>> waited;
    {
      const MutexLock lock(flying_->mutex);
      if (flying_->is_cancelled) {
        return std::nullopt;
      }
      waited.assign(flying_->results.begin(),
                    keeps_order_ ? flying_->results.begin() + 1 : flying_->results.end());
    }
    if (keeps_order_) {
      return waited.front().wait_for(moment) ? std::optional<std::size_t>(0) : std::nullopt;
    }
    const auto first = when_any(waited, moment);
    return first ? std::optional<std::size_t>(first.place()) : std::nullopt;
  }

  /// Takes the result of a call; nothing if it failed and was begun again.
  [[nodiscard]] std::optional<Pulled<Value, Position>> ended(std::size_t at) {
    const auto distance = static_cast<std::ptrdiff_t>(at);
    AsyncResult<Value> result;
    {
      const MutexLock lock(flying_->mutex);
      if (flying_->is_cancelled) {
        return Pulled<Value, Position>();
      }
      result = flying_->results[at];
    }
    std::optional<Error> cause;
    std::optional<Value> value;
    try {
      Result<Value> made = result.get();
      if (made) {
        value.emplace(std::move(*made));
      } else {
        cause = made.error();
      }
    } catch (...) {
      cause = error_of_exception();
    }
    Call& call = calls_[at];
    if (cause && call.retries_left > 0 && !settings_.log->is_cancelled()) {
      --call.retries_left;
      settings_.log->note_retry();
      auto again = begun(call);
      const MutexLock lock(flying_->mutex);
      flying_->results[at] = std::move(again);
      return std::nullopt;
    }
    Place<Position> place = std::move(call.place);
    calls_.erase(calls_.begin() + distance);
    {
      const MutexLock lock(flying_->mutex);
      flying_->results.erase(flying_->results.begin() + distance);
    }
    return cause ? settings_.failed<Value>(std::move(place), *cause)
                 : pulled_element<Value>(std::move(*value), std::move(place));
  }

  void forget_all() noexcept {
    calls_.clear();
    const MutexLock lock(flying_->mutex);
    for (const auto& one : flying_->results) {
      one.cancel();
    }
    flying_->results.clear();
  }

  S upstream_;
  F function_;
  CallSettings settings_;
  std::size_t depth_;
  bool keeps_order_;
  std::vector<Call> calls_;  ///< in the order of the source
  std::unique_ptr<Flying> flying_;
  bool has_ended_ = false;
  std::optional<Error> failure_;
  Place<Position> end_;
};

}  // namespace locum::detail::stages
