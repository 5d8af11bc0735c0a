#include "core/pledge.hpp"

#include <cstring>
#include <exception>
#include <new>
#include <utility>

#include "core/directory.hpp"
#include "core/representation.hpp"

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

}  // namespace

Result<std::shared_ptr<Pledge>> Pledge::make(const std::shared_ptr<OpenStore>& store,
                                             std::string_view name_of_value, Deadline deadline) {
  Session& session = *store->session;
  const auto placeholder = put_placeholder(*store, deadline);
  if (!placeholder) {
    return session.explain({store->number, name_of_value}, placeholder.error());
  }
  std::shared_ptr<Pledge> pledge;
  try {
    pledge = std::make_shared<Pledge>(store, *placeholder, name_of_value);
  } catch (const std::bad_alloc&) {
    (void)session.connector().evict(Address(*placeholder), deadline);
    return no_memory_left();
  }
  {
    const MutexLock lock(pledge->mutex_);
    if (const auto ready = pledge->prepare(deadline); !ready) {
      pledge->finish(State::broken);  // nobody knows of it
      return session.explain(pledge->key_, ready.error());
    }
  }
  if (!session.enlist(pledge)) {
    return session.closed_error();
  }
  if (store->dropped_meanwhile()) {
    return session.explain(pledge->key_, closed_error(*store));
  }
  return pledge;
}

Pledge::Pledge(std::shared_ptr<OpenStore> store, const Key& placeholder, std::string_view name_of_value)
    : store_(std::move(store)),
      key_(promised_by(placeholder)),
      name_(store_->session->connector().name_of(key_)),
      name_of_value_(name_of_value) {}

Pledge::~Pledge() {
  give_up();
}

Result<void> Pledge::prepare(Deadline deadline) {
  const auto draft = draft_of_record(*store_, name_, {.state = PromiseRecord::State::broken}, deadline);
  if (!draft) {
    return draft.error();
  }
  end_.emplace(store_, *draft);
  return {};
}

Handle Pledge::handle(std::uint64_t type_hash) const noexcept {
  Handle handle;
  handle.incarnation = store_->session->options().incarnation;
  handle.key = key_;
  handle.name_hash = name_hash(key_.store, name_);
  handle.type_hash = type_hash;
  handle.owner_node = static_cast<std::uint16_t>(store_->session->options().node);
  handle.flags = Handle::promised;
  handle.stamp();
  return handle;
}

Result<void> Pledge::may_be_set() const {
  const Session& session = *store_->session;
  if (session.closed() || store_->dropped.load(std::memory_order_relaxed)) {
    return session.explain(key_, closed_error(*store_));
  }
  const MutexLock lock(mutex_);
  switch (state_) {
    case State::unset:
      return {};
    case State::kept:
      return session.explain(key_, Error(Errc::key_exists, "this promise was set before"));
    case State::broken:
      break;
  }
  return session.explain(
      key_, Error(Errc::broken_promise, "this promise was broken when its runtime began to close"));
}

void Pledge::keep() noexcept {
  const MutexLock lock(mutex_);
  if (state_ == State::unset) {
    finish(State::kept);
  }
}

Result<void> Pledge::keep_elsewhere(const Key& value, std::uint64_t size_bytes, Deadline deadline) {
  const MutexLock lock(mutex_);
  if (state_ != State::unset) {
    return Error(Errc::broken_promise,
                 "the value is there, under its name; but this promise was broken meanwhile");
  }
  auto kept = end({.state = PromiseRecord::State::kept,
                   .value = value,
                   .size_bytes = size_bytes,
                   .name_hash = name_hash(value.store, name_of_value_)},
                  deadline);
  if (kept) {
    finish(State::kept);
  }
  return kept;
}

// What stands under the name from now on. The memory for it is there, unless an attempt before this one has
// failed.
Result<void> Pledge::end(const PromiseRecord& record, Deadline deadline) {
  if (!end_) {
    if (auto ready = prepare(deadline); !ready) {
      return ready;
    }
  }
  std::memcpy(end_->bytes().data(), &record, sizeof record);
  const ObjectDraft draft = end_->draft();
  (void)end_->release();
  end_.reset();
  const auto sealed = store_->session->connector().seal(draft, {}, deadline);
  return sealed ? Result<void>() : Result<void>(sealed.error());
}

// Where even that fails, who waits learns by the missing placeholder that there is nothing to wait for.
void Pledge::give_up() noexcept {
  if (store_->session->closed()) {
    return;  // maybe in a process that was forked, where no lock may be taken
  }
  const MutexLock lock(mutex_);
  if (state_ != State::unset) {
    return;
  }
  const bool is_over = store_->dropped.load(std::memory_order_relaxed);
  try {
    if (!is_over) {
      (void)end({.state = PromiseRecord::State::broken}, {});
    }
  } catch (const std::exception&) {  // no memory of its own
  }
  finish(State::broken);
}

// What stands under the name is there, or never will be: first that, then the placeholder goes.
void Pledge::finish(State state) noexcept {
  state_ = state;
  end_.reset();
  try {
    if (!store_->session->closed()) {
      store_->session->strike(*this);
      (void)store_->session->connector().evict(Address(placeholder_of(key_)), {});
    }
  } catch (const std::exception&) {  // it goes with its store
  }
}

}  // namespace locum::detail
