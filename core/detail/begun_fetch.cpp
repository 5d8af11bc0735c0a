#include "core/detail/begun_fetch.hpp"

#include "core/ports/completion_listener.hpp"
#include "core/ports/now_or_task.hpp"

namespace locum::detail {

namespace {

/// Ends a state, which may be destroyed before.
class EndOfState final : public CompletionListener {
 public:
  explicit EndOfState(const std::shared_ptr<SharedState>& state) : state_(state) {}
  void ended() noexcept override {
    if (const auto state = state_.lock()) {
      state->end();
    }
  }

 private:
  const std::weak_ptr<SharedState> state_;
};

}  // namespace

std::shared_ptr<CompletionListener> BegunFetch::listener(const std::shared_ptr<SharedState>& state) {
  return std::make_shared<EndOfState>(state);
}

void BegunFetch::begin(NowOrTask<ObjectView> made, std::shared_ptr<CompletionListener> listener) {
  found_ = std::move(made.found);
  coming_ = std::move(made.coming);
  if (coming_) {
    coming_->begin();
    coming_->observe(std::move(listener));
  } else {
    listener->ended();
  }
}

Result<ObjectView> BegunFetch::object() const {
  return coming_ ? coming_->get({}) : found_;
}

void BegunFetch::forget_task() noexcept {
  if (coming_) {
    coming_->forget();
  }
}

void BegunFetch::expedite_task() noexcept {
  if (coming_) {
    coming_->expedite();
  }
}

}  // namespace locum::detail
