#include "core/detail/promise_calls.hpp"

#include "core/detail/session_state.hpp"

namespace locum::detail {

Result<Key> PromiseCalls::set_stored(Deadline deadline, const StoreValue& store) {
  if (!state_) {
    return Error(Errc::invalid_argument, "this promise is empty; make it by Store::promise");
  }
  if (const auto allowed = state_->may_be_set(); !allowed) {
    return allowed.error();
  }
  if (const auto placed = state_->placed()) {
    return elsewhere(*placed, deadline);
  }
  const bool named = !state_->name_of_value().empty();
  const auto made = store(named ? state_->name_of_value() : state_->name(), named);
  if (!named) {
    return bound(made);
  }
  return made ? elsewhere({.key = made->key, .size_bytes = made->size_bytes}, deadline)
              : Result<Key>(made.error());
}

// Set or broken: the first to bind the name decides.
Result<Key> PromiseCalls::bound(const Result<Made>& made) {
  if (made) {
    state_->keep();
    return made->key;
  }
  const auto allowed = state_->may_be_set();
  return session().explain(state_->key(), allowed ? made.error() : allowed.error());
}

Result<Key> PromiseCalls::elsewhere(const PromiseState::Placed& value, Deadline deadline) {
  const auto kept = state_->keep_elsewhere(value, effective(deadline));
  return kept ? Result<Key>(value.key) : session().explain(state_->key(), kept.error());
}

}  // namespace locum::detail
