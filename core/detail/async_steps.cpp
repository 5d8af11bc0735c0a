#include "core/detail/async_steps.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/detail/begun_seal.hpp"
#include "core/detail/promises.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"
#include "core/raw_view.hpp"

namespace locum::detail {

Result<ObjectView> AsyncSteps::arrived(SessionState& session, Result<ObjectView> found,
                                       const Address& about) {
  return found ? std::move(found) : session.missed(about, found.error());
}

NowOrTask<ObjectView> AsyncSteps::get_or_task(const Address& address, const Selection& selection,
                                              Deadline deadline) const {
  return session().get_or_task(address, selection, effective(deadline));
}

NowOrTask<ObjectView> AsyncSteps::await_or_task(const Address& name, Deadline deadline) const {
  return session().promises().await_or_task(name, effective(deadline));
}

AsyncResult<RawView> AsyncSteps::begin_raw(const Result<void>& allowed, const Address& address,
                                           Deadline deadline) const {
  return begin<RawView, ObjectView>(
      address, allowed, [&] { return get_or_task(address, Selection(), deadline); },
      [steps = *this](Result<ObjectView> found, const Address& about) {
        return steps.raw_of(arrived(steps.session(), std::move(found), about));
      });
}

AsyncResult<RawView> AsyncSteps::begin_raw_wait(std::string_view name, Deadline deadline) const {
  const FullName whole = full(name);
  const Address address = whole;
  return begin<RawView, ObjectView>(
      address, usable(whole), [&] { return await_or_task(address, deadline); },
      [steps = *this](Result<ObjectView> found, const Address& about) {
        return steps.raw_of(arrived(steps.session(), std::move(found), about));
      });
}

AsyncResult<std::size_t> AsyncSteps::begin_read(const Result<void>& allowed, const Address& address,
                                                const Result<Selection>& selection, Target into,
                                                Deadline deadline) const {
  return begin<std::size_t, ObjectView>(
      address, allowed && !selection ? selection.error() : allowed,
      [&] { return get_or_task(address, *selection, deadline); },
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
  return begin<ObjectView, ObjectView>(
      address, allowed && !selection ? selection.error() : allowed,
      [&] { return get_or_task(address, *selection, deadline); },
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
            "later: use put or replace, or WhenFull::fail"));
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
  return begin<Names, Names>(
      address, usable(address),
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
  return begin<ObjectInfo, ObjectView>(
      address, allowed, [&] { return get_or_task(address, Selection(Facts()), deadline); },
      [open = open_](const Result<ObjectView>& found, const Address& about) {
        return found ? info_of(found) : Result<ObjectInfo>(open->session->missed(about, found.error()));
      });
}

AsyncResult<bool> AsyncSteps::begin_exists_at(const Address& address, Deadline deadline) const {
  return begin<bool, bool>(
      address, {},
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
  return begin<bool, bool>(
      address, {},
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
