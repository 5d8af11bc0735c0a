#pragma once

#include <memory>
#include <utility>

#include <locum/async_result.hpp>
#include <locum/detail/object/object.hpp>

namespace locum {

class CompletionListener;
template <class T>
class Coming;
template <class T>
struct NowOrTask;

namespace detail {

/// The object of an asynchronous result: found at once, or by a task that has begun. begin() is called once,
/// before other threads have access.
class BegunFetch {
 public:
  BegunFetch() = default;
  BegunFetch(const BegunFetch&) = delete;
  BegunFetch& operator=(const BegunFetch&) = delete;

  /// Returns the listener for begin(), which ends `state`. Allocated first: nothing may fail once the task
  /// has begun.
  [[nodiscard]] static std::shared_ptr<CompletionListener> listener(
      const std::shared_ptr<SharedState>& state);
  /// Takes the object, or begins the task.
  void begin(NowOrTask<ObjectView> made, std::shared_ptr<CompletionListener> listener);

 protected:
  ~BegunFetch() = default;

  /// Returns the object. REQUIRES: the listener was notified.
  [[nodiscard]] Result<ObjectView> object() const;
  /// Releases the object found.
  void release_found() noexcept { found_ = ObjectView(); }
  void forget_task() noexcept;
  void expedite_task() noexcept;

 private:
  Result<ObjectView> found_ = ObjectView();     ///< unless there is a task
  std::shared_ptr<Coming<ObjectView>> coming_;  ///< constant after begin()
};

/// State of an asynchronous result that is made of an object, by the first thread that asks. If it is dropped
/// or cancelled, the task is notified that the object is not wanted.
///
/// \tparam Make Result<V> of a Result<ObjectView>
template <class V, class Make>
class ObjectResultState final : public AsyncResultState<V>, public BegunFetch {
 public:
  ObjectResultState(std::shared_ptr<CompletionCounter> completions, Make make)
      : AsyncResultState<V>(std::move(completions)), make_(std::move(make)) {}
  ~ObjectResultState() override {
    if (!this->ended()) {
      forget_task();
    }
  }

 private:
  // The object is kept until `make_` has returned: after an exception it is called again.
  [[nodiscard]] Result<V> make() override {
    Result<V> made = make_(object());
    release_found();
    return made;
  }
  void forget() noexcept override { forget_task(); }
  void do_expedite() noexcept override { expedite_task(); }

  Make make_;
};

/// Returns an asynchronous result that `make` makes of the object that `begin(BegunFetch&, state)` begins to
/// fetch.
template <class V, class Begin, class Make>
[[nodiscard]] AsyncResult<V> made_of_object(const std::shared_ptr<CompletionCounter>& completions,
                                            const Begin& begin, Make make) {
  const auto state = std::make_shared<ObjectResultState<V, Make>>(completions, std::move(make));
  begin(*state, state);
  return AsyncResult<V>(state);
}

}  // namespace detail

}  // namespace locum
