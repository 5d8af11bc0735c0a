#include "core/detail/promise_state.hpp"

#include <cstring>
#include <exception>
#include <utility>

#include "core/detail/promises.hpp"
#include "core/detail/representation.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/ports/directory.hpp"

namespace locum::detail {

namespace {

// Memory for a PromiseRecord, under a name or none.
Result<ObjectDraft> draft_of_record(OpenStore& store, std::string_view name, const PromiseRecord& record,
                                    Deadline deadline) {
  ObjectMeta meta = meta_of(store.number, name, record);
  meta.checksum = store.options.checksum;
  auto draft = store.session->connector().create(sizeof record, meta, deadline);
  if (draft) {
    std::memcpy(draft->bytes.data(), &record, sizeof record);
  }
  return draft;
}

Result<Key> put_placeholder(OpenStore& store, Deadline deadline) {
  const auto draft = draft_of_record(store, {}, {}, deadline);
  if (!draft) {
    return draft.error();
  }
  const auto sealed = store.session->connector().seal(*draft, {}, deadline);
  return sealed ? Result<Key>(sealed->key) : Result<Key>(sealed.error());
}

Error promise_is_set() {
  return Error(Errc::key_exists, "this promise is already set; make another one");
}

}  // namespace

Result<std::shared_ptr<PromiseState>> PromiseState::make(const std::shared_ptr<OpenStore>& store,
                                                         std::string_view name_of_value, Deadline deadline) {
  SessionState& session = *store->session;
  const auto placeholder = put_placeholder(*store, deadline);
  if (!placeholder) {
    return session.explain({store->number, name_of_value}, placeholder.error());
  }
  const auto promise = std::make_shared<PromiseState>(store, *placeholder, name_of_value);
  const auto ready = promise->prepare(deadline);
  if (!ready) {
    if (promise->leave(State::broken)) {
      promise->finish(deadline);  // nobody has its proxy yet
    }
    return session.explain(promise->key_, ready.error());
  }
  if (!session.promises().enlist(promise)) {
    return session.closed_error();
  }
  promise->claim(deadline);
  if (store->dropped_meanwhile()) {
    return session.explain(promise->key_, closed_error(*store));
  }
  return promise;
}

PromiseState::PromiseState(std::shared_ptr<OpenStore> store, const Key& placeholder,
                           std::string_view name_of_value)
    : store_(std::move(store)),
      key_(promised_by(placeholder)),
      name_(store_->session->connector().name_of(key_)),
      name_of_value_(name_of_value) {}

PromiseState::~PromiseState() {
  give_up();
}

Result<void> PromiseState::prepare(Deadline deadline) {
  const auto draft = draft_of_record(*store_, name_, {.state = PromiseRecord::State::broken}, deadline);
  if (!draft) {
    return draft.error();
  }
  std::optional<OwnedDraft> made(std::in_place, store_, *draft);
  const MutexLock lock(mutex_);
  end_.swap(made);
  return {};
}

// Records that name_of_value() is promised, by this promise instead of any earlier one. If that fails,
// waiters for the name do not learn how the promise ends, as if the name were not promised.
void PromiseState::claim(Deadline deadline) {
  if (name_of_value_.empty()) {
    return;
  }
  const PromiseRecord record{.value = key_, .name_hash = name_hash(key_.store, name_of_value_)};
  const auto draft = draft_of_record(*store_, claimed_name(key_.store, name_of_value_), record, deadline);
  const auto sealed = draft ? store_->session->connector().seal(*draft, {.mode = SealMode::replace}, deadline)
                            : Result<Sealed>(draft.error());
  const MutexLock lock(mutex_);
  claim_ = sealed ? sealed->key : Key();
}

Key PromiseState::claimed() const noexcept {
  const MutexLock lock(mutex_);
  return claim_;
}

// Set, or dropped with its store.
void PromiseState::drop_claim(Deadline deadline) noexcept {
  try {
    const Key claim = claimed();
    if (claim.valid() && !store_->session->closed()) {
      const auto evicting =
          store_->session->connector().evict_or_task(Address(claim), CountsUntil::it_is_got, deadline);
      if (evicting.coming) {
        evicting.coming->begin();
      }
    }
  } catch (const std::exception&) {  // it is dropped with its store
  }
}

Handle PromiseState::handle(std::uint64_t type_hash) const noexcept {
  Handle handle;
  handle.incarnation = store_->session->options().incarnation;
  handle.key = key_;
  handle.name_hash = name_hash(key_.store, name_);
  handle.type_hash = type_hash;
  handle.owner_node = static_cast<std::uint16_t>(store_->session->options().node);
  handle.flags = Handle::promised;
  if (!store_->options.keep_decoded) {
    handle.flags |= Handle::decoded_anew;
  }
  handle.stamp();
  return handle;
}

Result<void> PromiseState::may_be_set() const {
  const SessionState& session = *store_->session;
  if (session.closed() || store_->dropped.load(std::memory_order_relaxed)) {
    return session.explain(key_, closed_error(*store_));
  }
  const MutexLock lock(mutex_);
  switch (state_) {
    case State::unset:
      return {};
    case State::kept:
      return session.explain(key_, promise_is_set());
    case State::broken:
      break;
  }
  return session.explain(
      key_, Error(Errc::broken_promise,
                  "this promise was broken: it was given up, or its runtime began to close; set it before"));
}

// Whether it was unset until now: then the caller has to finish() it.
bool PromiseState::leave(State state) noexcept {
  const MutexLock lock(mutex_);
  const bool was_unset = state_ == State::unset;
  state_ = was_unset ? state : state_;
  return was_unset;
}

void PromiseState::keep() noexcept {
  if (leave(State::kept)) {
    finish({});
  }
}

std::optional<PromiseState::Placed> PromiseState::placed() const {
  const MutexLock lock(mutex_);
  return placed_;
}

PromiseRecord PromiseState::record_of(const Placed& value) const noexcept {
  return {.state = PromiseRecord::State::kept,
          .value = value.key,
          .size_bytes = value.size_bytes,
          .name_hash = name_hash(value.key.store, name_of_value_)};
}

Result<void> PromiseState::keep_elsewhere(const Placed& value, Deadline deadline) {
  const auto kept = end(record_of(value), deadline);
  if (kept) {
    store_->session->promises().left_kept(*kept, value.key);
    if (leave(State::kept)) {
      drop_claim(deadline);
      finish(deadline);
    }
    return {};
  }
  if (const auto allowed = may_be_set(); !allowed) {
    return allowed.error();
  }
  if (kept.error().code() == Errc::key_exists) {
    return promise_is_set();
  }
  {
    const MutexLock lock(mutex_);
    placed_ = value;
  }
  (void)prepare(deadline);  // so that breaking it needs no memory
  return kept.error();
}

// The object under the name from now on. The memory for it is there, unless an earlier attempt failed, or
// another thread makes one now.
Result<Key> PromiseState::end(const PromiseRecord& record, Deadline deadline) {
  std::optional<OwnedDraft> prepared;
  for (bool tried = false; !prepared; tried = true) {
    if (tried) {
      if (auto ready = prepare(deadline); !ready) {
        return ready.error();
      }
    }
    const MutexLock lock(mutex_);
    prepared.swap(end_);
  }
  std::memcpy(prepared->bytes().data(), &record, sizeof record);
  const ObjectDraft draft = prepared->draft();
  (void)prepared->release();
  const auto sealed = store_->session->connector().seal(draft, {}, deadline);
  return sealed ? Result<Key>(sealed->key) : Result<Key>(sealed.error());
}

// If even that fails, waiters learn from the missing placeholder that there is nothing to wait for.
void PromiseState::give_up(Deadline deadline, const Key& reason) noexcept {
  if (store_->session->closed()) {
    return;  // possibly in a forked process, where no lock may be taken
  }
  if (!leave(State::broken)) {
    return;
  }
  const bool is_over = store_->dropped.load(std::memory_order_relaxed);
  const auto value = placed();
  try {
    if (!is_over) {
      const auto mark = end(
          value ? record_of(*value) : PromiseRecord{.state = PromiseRecord::State::broken, .value = reason},
          deadline);
      if (mark) {
        value ? store_->session->promises().left_kept(*mark, value->key)
              : store_->session->promises().left_broken(*mark);
      }
    }
  } catch (const std::exception&) {  // no private memory
  }
  if (const Key claim = claimed(); claim.valid() && !value && !is_over) {
    store_->session->promises().left_broken(claim);  // waiters for the name still have to see it
  } else {
    drop_claim(deadline);
  }
  finish(deadline);
}

// The object under the name is there, or never will be: only now the placeholder is removed.
void PromiseState::finish(Deadline deadline) noexcept {
  std::optional<OwnedDraft> unused;
  {
    const MutexLock lock(mutex_);
    unused.swap(end_);
  }
  unused.reset();
  try {
    if (!store_->session->closed()) {
      store_->session->promises().strike(*this);
      (void)store_->session->connector().evict(Address(placeholder_of(key_)), deadline);
    }
  } catch (const std::exception&) {  // it is dropped with its store
  }
}

}  // namespace locum::detail
