#include "core/promise.hpp"

#include <chrono>
#include <exception>
#include <span>
#include <utility>

#include "core/detail/promise_state.hpp"
#include "core/detail/session_state.hpp"

namespace locum::detail {

PromiseCalls::PromiseCalls() noexcept : StoreBase(nullptr) {}

PromiseCalls::PromiseCalls(std::shared_ptr<OpenStore> store, std::shared_ptr<PromiseState> state) noexcept
    : StoreBase(std::move(store)), state_(std::move(state)) {}

PromiseCalls::PromiseCalls(PromiseCalls&& other) noexcept = default;

PromiseCalls& PromiseCalls::operator=(PromiseCalls&& other) noexcept {
  std::swap(open_, other.open_);
  std::swap(state_, other.state_);
  return *this;
}

PromiseCalls::~PromiseCalls() {
  if (state_) {
    state_->give_up();
  }
}

// The reason is an object of its own: the record of the end has its memory already, and can only lead to it.
void PromiseCalls::give_up(std::string_view reason) noexcept {
  constexpr std::size_t longest = 1000;
  if (!may_be_set()) {
    return;
  }
  try {
    StoredHow how;
    how.lifetime = std::chrono::minutes(10);
    const auto text = std::as_bytes(std::span(reason.substr(0, longest)));
    const auto made = store_bytes({}, false, text, {}, how);
    state_->give_up({}, made ? made->key : Key());
  } catch (const std::exception&) {  // no private memory: it is broken without the reason
    state_->give_up();
  }
}

Handle PromiseCalls::handle(std::uint64_t type_hash) const noexcept {
  return state_->handle(type_hash);
}

Result<void> PromiseCalls::may_be_set() const {
  return state_ ? state_->may_be_set()
                : Error(Errc::invalid_argument, "this promise is empty; make one of a store");
}

Result<Key> PromiseCalls::set_stored(Deadline deadline, const StoreValue& store) {
  if (const auto allowed = may_be_set(); !allowed) {
    return allowed.error();
  }
  if (const auto placed = state_->placed()) {
    return elsewhere(placed->key, placed->size_bytes, deadline);
  }
  const bool named = !state_->name_of_value().empty();
  const auto made = store(named ? state_->name_of_value() : state_->name(), named);
  if (!named) {
    return bound(made);
  }
  return made ? elsewhere(made->key, made->size_bytes, deadline) : Result<Key>(made.error());
}

Result<Key> PromiseCalls::set_existing(const Key& value, std::uint64_t size_bytes, Deadline deadline) {
  if (const auto allowed = may_be_set(); !allowed) {
    return allowed.error();
  }
  if (const auto placed = state_->placed()) {
    return elsewhere(placed->key, placed->size_bytes, deadline);
  }
  if (!state_->name_of_value().empty()) {
    return Error(
        Errc::invalid_argument,
        "the value of this promise has to be put under a name, which an object that is there does not "
        "take; put a value, or make a promise without a name");
  }
  return elsewhere(value, size_bytes, deadline);
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

Result<Key> PromiseCalls::elsewhere(const Key& value, std::uint64_t size_bytes, Deadline deadline) {
  const auto kept = state_->keep_elsewhere({.key = value, .size_bytes = size_bytes}, effective(deadline));
  return kept ? Result<Key>(value) : session().explain(state_->key(), kept.error());
}

}  // namespace locum::detail
