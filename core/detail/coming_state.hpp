#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "core/async_result.hpp"
#include "core/ports/completion_listener.hpp"
#include "core/ports/now_or_task.hpp"

namespace locum::detail {

/// For operations whose result concerns only their caller.
struct NotNoted {
  template <class T>
  void operator()(const Result<T>& /*end*/) const noexcept {}
};

/// Shared state of an asynchronous result whose value comes from a connector, at once or later. The first
/// thread that asks makes the final value of it. If it is dropped or cancelled, it notifies the connector
/// that the result is not wanted.
///
/// \tparam T the connector's result
/// \tparam Make Result<V> of a Result<T>
/// \tparam Note void of a Result<T>, noexcept; called with the connector's result on completion, even if the
///   AsyncResult was destroyed, on any thread: neither waits nor needs memory. NotNoted: not called
template <class V, class T, class Make, class Note>
class ComingState final : public AsyncResultState<V> {
 public:
  /// \param call makes a NowOrTask<T>
  template <class Call>
  [[nodiscard]] static AsyncResult<V> begin(const std::shared_ptr<CompletionCounter>& completions, Call call,
                                            Make make, Note note) {
    const auto state = std::make_shared<ComingState>(completions, std::move(make));
    // Allocated first: nothing may fail once the operation has begun.
    auto arrived = std::make_shared<Arrived>(state, std::move(note));
    NowOrTask<T> made = call();
    if (!made.coming) {
      arrived->note(made.found);
    }
    state->found_ = std::move(made.found);
    state->coming_ = std::move(made.coming);
    if (state->coming_) {
      arrived->keep(state->coming_);
      state->coming_->begin();
      state->coming_->observe(std::move(arrived));
    } else {
      arrived->ended();
    }
    return AsyncResult<V>(state);
  }

  /// Used by begin() only.
  ComingState(std::shared_ptr<CompletionCounter> completions, Make make)
      : AsyncResultState<V>(std::move(completions)), make_(std::move(make)) {}
  ~ComingState() override {
    if (!this->ended()) {
      forget();
    }
  }

 private:
  /// The AsyncResult may be destroyed before completion.
  class Arrived final : public CompletionListener {
   public:
    Arrived(std::weak_ptr<ComingState> state, Note note) : state_(std::move(state)), note_(std::move(note)) {}
    void note(const Result<T>& end) noexcept { note_(end); }
    /// Keeps the operation until its result was passed to the note.
    void keep(std::shared_ptr<Coming<T>> coming) noexcept {
      if constexpr (!std::is_same_v<Note, NotNoted>) {
        coming_ = std::move(coming);
      }
    }
    void ended() noexcept override {
      if (const auto coming = std::move(coming_)) {
        note(coming->get({}));
      }
      if (const auto state = state_.lock(); state && state->claim()) {
        state->publish();
      }
    }

   private:
    const std::weak_ptr<ComingState> state_;
    Note note_;
    std::shared_ptr<Coming<T>> coming_;
  };

  // The connector's result is kept until `make_` has returned: after an exception it is called again.
  [[nodiscard]] Result<V> make() override {
    if (coming_) {
      return make_(coming_->get({}));
    }
    Result<V> made = make_(found_);
    found_ = T();
    return made;
  }
  void forget() noexcept override {
    if (coming_) {
      coming_->forget();
    }
  }
  void do_expedite() noexcept override {
    if (coming_) {
      coming_->expedite();
    }
  }

  Make make_;
  Result<T> found_ = T();              ///< unless it is pending
  std::shared_ptr<Coming<T>> coming_;  ///< constant after begin()
};

/// See ComingState::begin().
template <class V, class T, class Call, class Make, class Note>
[[nodiscard]] AsyncResult<V> begin_coming(const std::shared_ptr<CompletionCounter>& completions, Call call,
                                          Make make, Note note) {
  return ComingState<V, T, Make, Note>::begin(completions, std::move(call), std::move(make), std::move(note));
}

}  // namespace locum::detail
