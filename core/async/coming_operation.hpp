#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/async/node_client.hpp"
#include "core/async/operation.hpp"
#include "core/async/window.hpp"
#include "core/base/frame_pool.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/value/errors.hpp"

namespace locum {

/// What an operation does when its result is not wanted any more.
enum class Unwanted : std::uint8_t {
  ends,     ///< begins nothing new, and leaves the window's queue
  goes_on,  ///< completes as usual
};

/// The Coming of an operation. `Take` makes a Result<T> of the operation's result, on the first thread that
/// asks.
template <class T, class End, class Take>
class ComingOperation final : public Coming<T> {
 public:
  /// \param window the window that the operation enters
  ComingOperation(const std::shared_ptr<const NodeClient>& client, std::shared_ptr<Window> window,
                  Held<OperationOf<End>> operation, Unwanted unwanted, Take take)
      : client_(client),
        window_(std::move(window)),
        operation_(std::move(operation)),
        unwanted_(unwanted),
        take_(std::move(take)) {}

  ~ComingOperation() override { let_go(); }

  // The thread that begins it must not wait.
  void begin() override {
    if (const auto client = client_.lock()) {
      operation_->begin(client->budget_to_begin());
    }
  }
  [[nodiscard]] bool ended() const noexcept override { return operation_->ended(); }
  [[nodiscard]] Result<T> get(Deadline deadline) override {
    if (const auto client = client_.lock(); !ended()) {
      if (!client) {
        return closed_before_end();
      }
      const auto began = client->now();
      const auto until = client->moment(deadline, began);
      if (until > began) {
        expedite();
      }
      const bool for_objects = client->times()->any();
      const bool has_ended = operation_->wait(until);
      if (for_objects) {
        client->times()->wait(client->now() - began);
      }
      if (!has_ended) {
        return deadline_passed("this operation did not end", "wait again for it, as it continues");
      }
    }
    const MutexLock lock(mutex_);
    if (!result_) {
      result_ = Result<T>(take_(operation_->take()));
    }
    return *result_;
  }
  void expedite() noexcept override { window_->expedite(*operation_); }
  void observe(std::shared_ptr<CompletionListener> observer) noexcept override {
    operation_->observe(std::move(observer));
  }
  void forget() noexcept override { let_go(); }

 private:
  void let_go() noexcept {
    if (unwanted_ == Unwanted::ends) {
      operation_->forget();
      window_->withdraw(*operation_);
    }
  }

  const std::weak_ptr<const NodeClient> client_;  ///< on which the operation runs
  const std::shared_ptr<Window> window_;
  const Held<OperationOf<End>> operation_;
  const Unwanted unwanted_;
  const Take take_;
  Mutex mutex_;
  std::optional<Result<T>> result_ LOCUM_GUARDED_BY(mutex_);
};

/// \param window the window that the task enters
template <class T, class End, class Take>
[[nodiscard]] std::shared_ptr<Coming<T>> make_coming(const std::shared_ptr<const NodeClient>& client,
                                                     std::shared_ptr<Window> window, Task<End> first,
                                                     Unwanted unwanted, Take take) {
  using Made = ComingOperation<T, End, Take>;
  return std::allocate_shared<Made>(detail::FrameAllocator<Made>(), client, std::move(window),
                                    client->operation(std::move(first)), unwanted, std::move(take));
}

/// Runs the task that `begin` returns, given the moment at which it gives up, as soon as the window has room
/// for a small one.
/// \param client on which the operation runs
/// \param latest that moment; the greatest: the client's timeout after it was let in
template <class T, class Begin>
[[nodiscard]] Task<Result<T>> in_turn(std::shared_ptr<Window> window, const NodeClient* client,
                                      Deadline::Clock::time_point latest, Begin begin) {
  const auto way = co_await window->enter(0);
  if (!way) {
    co_return way.error();
  }
  const auto until = latest == Deadline::Clock::time_point::max() ? client->moment({}) : latest;
  co_return co_await begin(until);
}

}  // namespace locum
