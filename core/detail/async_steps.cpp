#include "core/detail/async_steps.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/detail/begun_seal.hpp"
#include "core/detail/coming_state.hpp"
#include "core/detail/promises.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/object/selection.hpp"
#include "core/raw_view.hpp"

namespace locum::detail {

namespace {

// Begins the NowOrTask<T> that `call` returns, as AsyncSteps::begin_of_object() begins a fetch; for `note`
// see ComingState.
template <class T, class Call, class Make, class Note = NotNoted>
AsyncResult<T> begin_task(SessionState& session, const Address& address, Call call, Make make,
                          Note note = {}) {
  return begin_coming<T, T>(
      session.completions(), std::move(call),
      [make = std::move(make), key = address.key, name = std::string(address.name)](Result<T> end) {
        return make(std::move(end), name.empty() ? Address(key) : Address(key.store, name));
      },
      std::move(note));
}

}  // namespace

Result<ObjectView> AsyncSteps::arrived(SessionState& session, Result<ObjectView> found,
                                       const Address& about) {
  return found ? std::move(found) : session.missed(about, found.error());
}

Result<void> AsyncSteps::may_choose(const Result<void>& allowed, const Choice& choice) {
  if (allowed && choice.type != nullptr) {
    if (const auto selection = selection_of(choice); !selection) {
      return selection.error();
    }
  }
  return allowed;
}

void AsyncSteps::begin_get(BegunFetch& fetch, const std::shared_ptr<SharedState>& state,
                           const Address& address, const Choice& choice, Deadline deadline) const {
  begin_get(fetch, state, address, *selection_of(choice), deadline);
}

void AsyncSteps::begin_get(BegunFetch& fetch, const std::shared_ptr<SharedState>& state,
                           const Address& address, const Selection& selection, Deadline deadline) const {
  auto listener = BegunFetch::listener(state);
  fetch.begin(session().get_or_task(address, selection, effective(deadline)), std::move(listener));
}

void AsyncSteps::begin_facts(BegunFetch& fetch, const std::shared_ptr<SharedState>& state,
                             const Address& address, Deadline deadline) const {
  begin_get(fetch, state, address, Selection(Facts()), deadline);
}

void AsyncSteps::begin_await(BegunFetch& fetch, const std::shared_ptr<SharedState>& state,
                             const Address& name, Deadline deadline) const {
  auto listener = BegunFetch::listener(state);
  fetch.begin(session().promises().await_or_task(name, effective(deadline)), std::move(listener));
}

AsyncResult<RawView> AsyncSteps::begin_raw(const Result<void>& allowed, const Address& address,
                                           Deadline deadline) const {
  return begin_of_object<RawView>(
      address, allowed,
      [&](BegunFetch& fetch, const auto& state) { begin_get(fetch, state, address, Selection(), deadline); },
      [steps = *this](Result<ObjectView> found, const Address& about) {
        return steps.raw_of(arrived(steps.session(), std::move(found), about));
      });
}

AsyncResult<RawView> AsyncSteps::begin_raw_wait(std::string_view name, Deadline deadline) const {
  const FullName whole = full(name);
  const Address address = whole;
  return begin_of_object<RawView>(
      address, usable(whole),
      [&](BegunFetch& fetch, const auto& state) { begin_await(fetch, state, address, deadline); },
      [steps = *this](Result<ObjectView> found, const Address& about) {
        return steps.raw_of(arrived(steps.session(), std::move(found), about));
      });
}

AsyncResult<std::size_t> AsyncSteps::begin_chosen_read(const Result<void>& allowed, const Address& address,
                                                       const Choice& choice, Target into,
                                                       Deadline deadline) const {
  return begin_read(allowed, address, selection_of(choice), std::move(into), deadline);
}

AsyncResult<std::size_t> AsyncSteps::begin_read(const Result<void>& allowed, const Address& address,
                                                const Result<Selection>& selection, Target into,
                                                Deadline deadline) const {
  return begin_of_object<std::size_t>(
      address, allowed && !selection ? selection.error() : allowed,
      [&](BegunFetch& fetch, const auto& state) { begin_get(fetch, state, address, *selection, deadline); },
      [open = open_, into = std::move(into)](Result<ObjectView> found, const Address& about) {
        SessionState& session = *open->session;
        const auto object = arrived(session, std::move(found), about);
        return object ? copy_elements(session, *object, *into.type, into.memory, into.fit)
                      : Result<std::size_t>(object.error());
      });
}

AsyncResult<ObjectView> AsyncSteps::begin_object(const Result<void>& allowed, const Address& address,
                                                 const Result<Selection>& selection,
                                                 Deadline deadline) const {
  return begin_of_object<ObjectView>(
      address, allowed && !selection ? selection.error() : allowed,
      [&](BegunFetch& fetch, const auto& state) { begin_get(fetch, state, address, *selection, deadline); },
      [open = open_](Result<ObjectView> found, const Address& about) {
        return arrived(*open->session, std::move(found), about);
      });
}

Result<void> AsyncSteps::never_waits(std::string_view name, RoomPolicy when_full) const {
  if (when_full.waits()) {
    return session().explain(
        {open_->number, name},
        Error(
            Errc::invalid_argument,
            "a put that is asynchronous stores the value before it returns, so that it cannot wait for room "
            "later: use the blocking call, or let it fail where there is no room"));
  }
  return {};
}

AsyncResult<Key> AsyncSteps::begin_seal(const ObjectDraft& draft, std::string_view name,
                                        const SealOptions& options, Deadline deadline) const {
  return detail::begin_seal(open_, draft, name, options, effective(deadline), session().copied_by());
}

AsyncResult<Key> AsyncSteps::begin_put_bytes(std::string_view name, std::span<const std::byte> bytes,
                                             const StoredHow& how) const {
  const auto draft = draft_of_bytes(name, true, bytes, how);
  return draft ? begin_seal(*draft, name, {}, how.deadline) : AsyncResult<Key>(draft.error());
}

AsyncResult<Key> AsyncSteps::begin_put_by(std::string_view name, const void* value, const WritingSteps& steps,
                                          const void* codec, const SealOptions& options,
                                          const StoredHow& how) const {
  const auto draft = draft_by(name, true, value, steps, codec, how);
  return draft ? begin_seal(*draft, name, options, how.deadline) : AsyncResult<Key>(draft.error());
}

AsyncResult<std::vector<std::string>> AsyncSteps::begin_keys(std::string_view prefix,
                                                             Deadline deadline) const {
  using Names = std::vector<std::string>;
  const std::string whole = full_prefix(prefix);
  const Address address(open_->number, whole);
  if (const auto allowed = usable(address); !allowed) {
    return AsyncResult<Names>(session().explain(address, allowed.error()));
  }
  return begin_task<Names>(
      session(), address,
      [&] {
        return session().connector().list_or_task(open_->number, whole, CountsUntil::it_is_got,
                                                  effective(deadline));
      },
      [steps = *this](Result<Names> names, const Address& about) {
        return steps.keys_in(std::move(names), about);
      });
}

AsyncResult<ObjectInfo> AsyncSteps::begin_info_at(const Result<void>& allowed, const Address& address,
                                                  Deadline deadline) const {
  return begin_of_object<ObjectInfo>(
      address, allowed,
      [&](BegunFetch& fetch, const auto& state) { begin_facts(fetch, state, address, deadline); },
      [open = open_](const Result<ObjectView>& found, const Address& about) {
        return found ? info_of(found) : Result<ObjectInfo>(open->session->missed(about, found.error()));
      });
}

AsyncResult<ObjectInfo> AsyncSteps::begin_info(const Key& key, Deadline deadline) const {
  return begin_info_at(may_read(key), key, deadline);
}

AsyncResult<ObjectInfo> AsyncSteps::begin_info(std::string_view name, Deadline deadline) const {
  const FullName whole = full(name);
  return begin_info_at(usable(whole), whole, deadline);
}

AsyncResult<bool> AsyncSteps::begin_exists_at(const Address& address, Deadline deadline) const {
  return begin_task<bool>(
      session(), address,
      [&] {
        return address.name.empty() && is_promised(address.key)
                   ? NowOrTask<bool>{exists_by_key(address.key, deadline)}
                   : session().connector().exists_or_task(address, CountsUntil::it_is_got,
                                                          effective(deadline));
      },
      [open = open_](Result<bool> found, const Address& about) {
        return found ? std::move(found) : Result<bool>(open->session->explain(about, found.error()));
      });
}

AsyncResult<bool> AsyncSteps::begin_exists(const Key& key, Deadline deadline) const {
  if (auto allowed = usable(Address(key)); !allowed) {
    return AsyncResult<bool>(allowed.error());
  }
  return key.store == open_->number ? begin_exists_at(key, deadline) : AsyncResult<bool>(Result<bool>(false));
}

AsyncResult<bool> AsyncSteps::begin_exists(std::string_view name, Deadline deadline) const {
  const FullName whole = full(name);
  const auto allowed = usable(whole);
  return allowed ? begin_exists_at(whole, deadline) : AsyncResult<bool>(allowed.error());
}

// What was decoded goes now: its destructors are the user's code, and whoever notes the end may not wait.
AsyncResult<bool> AsyncSteps::begin_evict_at(const Address& address, Deadline deadline) const {
  session().promises().evicted_some();  // those before this one
  session().forget_decoded(address);
  return begin_task<bool>(
      session(), address,
      [&] {
        return session().connector().evict_or_task(address, CountsUntil::it_is_got, effective(deadline));
      },
      [open = open_](Result<bool> evicted, const Address& about) {
        return evicted ? std::move(evicted) : Result<bool>(open->session->explain(about, evicted.error()));
      },
      [to = session().weak_from_this()](const Result<bool>& evicted) noexcept {
        if (const auto session = to.lock(); session && evicted && *evicted) {
          Metrics::increment(session->metrics().evictions);
        }
      });
}

AsyncResult<bool> AsyncSteps::begin_evict(const Key& key, Deadline deadline) const {
  if (auto allowed = usable(Address(key)); !allowed) {
    return AsyncResult<bool>(allowed.error());
  }
  if (key.store != open_->number) {
    return AsyncResult<bool>(Result<bool>(false));
  }
  return is_promised(key) ? AsyncResult<bool>(evict_promised(key, deadline)) : begin_evict_at(key, deadline);
}

AsyncResult<bool> AsyncSteps::begin_evict(std::string_view name, Deadline deadline) const {
  const FullName whole = full(name);
  const auto allowed = usable(whole);
  return allowed ? begin_evict_at(whole, deadline) : AsyncResult<bool>(allowed.error());
}

}  // namespace locum::detail
