#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <variant>

#include "core/async/completion.hpp"
#include "core/backend/call_pool.hpp"
#include "core/backend/read_ahead.hpp"
#include "core/object/object.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/value/errors.hpp"

namespace locum {

/// A blocking call as a task: a thread of a pool makes it. In a process forked from the pool's owner it does
/// nothing, and takes no lock: get() returns `closed`.
template <class T>
class PooledCall final : public Coming<T>,
                         public ReadAhead::Fetch,
                         public std::enable_shared_from_this<PooledCall<T>> {
 public:
  using Call = std::function<Result<T>()>;
  /// Asks for the end of what the call fetches. Its size, which is more; or the result, if that was all of
  /// it.
  using Look = std::function<std::variant<std::uint64_t, Result<T>>()>;

  /// \param ahead what bounds it, if it fetches; null: it starts when a thread is free
  /// \param bytes of what it fetches, as far as it is known
  /// \param timeout of get() without a deadline
  /// \param look null: the call itself asks for no more
  PooledCall(std::shared_ptr<CallPool> pool, Call call, std::shared_ptr<ReadAhead> ahead, std::uint64_t bytes,
             std::chrono::milliseconds timeout, Look look = nullptr)
      : pool_(std::move(pool)),
        ahead_(std::move(ahead)),
        timeout_(timeout),
        call_(std::move(call)),
        look_(std::move(look)),
        bytes_(bytes) {}
  ~PooledCall() override { leave(); }

  void begin() override {
    if (ahead_) {
      ahead_->enter(this->shared_from_this(), bytes_);
    } else {
      start(ReadAhead::Ask::whole);
    }
  }
  [[nodiscard]] bool ended() const noexcept override { return result_.is_set(); }
  [[nodiscard]] Result<T> get(Deadline deadline) override {
    if (pool_->in_child()) {
      return closed_before_end();
    }
    expedite();
    const Result<T>* const result = result_.wait(deadline.moment(timeout_));
    if (result == nullptr) {
      return deadline_passed("the backend did not reply", "wait again for this operation, which continues");
    }
    leave();
    return *result;
  }
  void expedite() noexcept override {
    if (ahead_ && !ended() && !pool_->in_child()) {
      is_expedited_ = true;
      ahead_->expedite(*this);
    }
  }
  void observe(std::shared_ptr<CompletionListener> observer) noexcept override {
    if (!result_.observe(observer)) {
      observer->ended();
    }
  }
  void forget() noexcept override {
    if (pool_->in_child()) {
      return;
    }
    is_forgotten_ = true;
    if (ahead_ && ahead_->withdraw(*this)) {
      has_share_ = false;
      end(result_unwanted(Errc::cancelled));
    } else {
      leave();
    }
  }
  void start(ReadAhead::Ask ask) noexcept override {
    has_share_ = ahead_ != nullptr;
    pool_->add([self = this->shared_from_this(), ask](bool goes_on) {
      if (!goes_on) {
        self->end(closed_before_end());
      } else if (ask == ReadAhead::Ask::end && self->look_) {
        self->look();
      } else {
        self->end(self->call_());
      }
    });
  }

 private:
  void look() {
    auto found = look_();
    if (auto* const all = std::get_if<Result<T>>(&found)) {
      end(std::move(*all));
      return;
    }
    const std::uint64_t bytes = std::get<std::uint64_t>(found);
    bytes_ = bytes;
    has_share_ = false;
    ahead_->enter_again(this->shared_from_this(), bytes);
    // Who said so while it was not in the queue has not found it there.
    if (is_forgotten_) {
      forget();
    } else if (is_expedited_) {
      ahead_->expedite(*this);
    }
  }
  void end(Result<T> result) noexcept {
    const Call made = std::exchange(call_, nullptr);  // which may be what keeps the connector
    const Look looked = std::exchange(look_, nullptr);
    if (ahead_ && has_share_) {
      const std::uint64_t bytes = bytes_in(result);
      ahead_->resize(bytes_.exchange(bytes), bytes);
    }
    result_.set(std::move(result));
  }
  [[nodiscard]] static std::uint64_t bytes_in(const Result<T>& result) noexcept {
    if constexpr (std::is_same_v<T, ObjectView>) {
      return result ? result->bytes().size() : 0;
    } else {
      return 0;
    }
  }
  // Only once it has ended: what is on its way counts whether it is wanted or not.
  void leave() noexcept {
    if (ended() && !pool_->in_child() && has_share_.exchange(false)) {
      ahead_->leave(bytes_);
    }
  }

  const std::shared_ptr<CallPool> pool_;
  const std::shared_ptr<ReadAhead> ahead_;
  const std::chrono::milliseconds timeout_;
  Call call_;
  Look look_;
  std::atomic<std::uint64_t> bytes_;
  std::atomic<bool> has_share_{false};
  std::atomic<bool> is_expedited_{false};  ///< a thread waits for it
  std::atomic<bool> is_forgotten_{false};  ///< nobody wants it
  Completion<Result<T>> result_;
};

}  // namespace locum
