#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <locum/async/eventual.hpp>
#include <locum/ports/now_or_task.hpp>
#include <locum/ports/observer.hpp>

namespace locum::detail {

/// Of what is begun for its own sake nobody but who asked has to know the end.
struct NotNoted {
  template <class T>
  void operator()(const Result<T>& /*end*/) const noexcept {}
};

/// What the copies of an eventual share whose value a connector brings: it is there at once, or comes. What
/// follows from it is made by the first thread that asks. Dropped or cancelled, it means that nobody wants
/// what was begun.
///
/// \tparam T    what the connector brings
/// \tparam Make Result<V> of a Result<T>
/// \tparam Note void of a Result<T>, noexcept; called with its end, also when nobody has the eventual any
///              more, by who notices it: neither waits nor needs memory. NotNoted: not called
template <class V, class T, class Make, class Note>
class ComingState final : public EventualState<V> {
 public:
  /// \param call makes a NowOrTask<T>
  template <class Call>
  [[nodiscard]] static Eventual<V> begin(const std::shared_ptr<Arrivals>& arrivals, Call call, Make make,
                                         Note note) {
    const auto state = std::make_shared<ComingState>(arrivals, std::move(make));
    // What is begun must not fail afterwards.
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
    return Eventual<V>(state);
  }

  /// Only for begin().
  ComingState(std::shared_ptr<Arrivals> arrivals, Make make)
      : EventualState<V>(std::move(arrivals)), make_(std::move(make)) {}
  ~ComingState() override {
    if (!this->ended()) {
      forget();
    }
  }

 private:
  /// The eventual may be gone when its end comes.
  class Arrived final : public Observer {
   public:
    Arrived(std::weak_ptr<ComingState> state, Note note) : state_(std::move(state)), note_(std::move(note)) {}
    void note(const Result<T>& end) noexcept { note_(end); }
    /// Until it has ended: what has to be noted is.
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

  // What was found stays until something has been made of it: that may throw, and is then asked for again.
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
  void do_hurry() noexcept override {
    if (coming_) {
      coming_->hurry();
    }
  }

  Make make_;
  Result<T> found_ = T();              ///< unless it is on its way
  std::shared_ptr<Coming<T>> coming_;  ///< from begin() on, as long as this lives
};

/// Begins it.
template <class V, class T, class Call, class Make, class Note>
[[nodiscard]] Eventual<V> begin_coming(const std::shared_ptr<Arrivals>& arrivals, Call call, Make make,
                                       Note note) {
  return ComingState<V, T, Make, Note>::begin(arrivals, std::move(call), std::move(make), std::move(note));
}

}  // namespace locum::detail
