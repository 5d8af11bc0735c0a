#include "core/detail/async_steps.hpp"

#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/detail/promises.hpp"
#include "core/detail/session_state.hpp"
#include "core/object/selection.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

/// The generation that a replacement has to find. While that of a put is being recorded it is 0: then none
/// may succeed.
std::uint64_t expected_of(const ObjectView& object) {
  const std::uint64_t noted = object.facts().generation;
  return noted != 0 ? noted : ~std::uint64_t{0};
}

}  // namespace

Result<ObjectView> StoreBase::await(std::string_view name, Deadline deadline) const {
  const FullName whole = full(name);
  const Address address = whole;
  if (auto allowed = usable(whole); !allowed) {
    return allowed.error();
  }
  auto object = session().promises().await(address, effective(deadline),
                                           [this, &address] { return usable(address.name).has_value(); });
  if (!object && object.error().code() == Errc::timeout) {
    if (auto allowed = usable(whole); !allowed) {
      return allowed.error();
    }
  }
  return object ? std::move(object) : session().explain(address, object.error());
}

Result<Key> StoreBase::update_by(std::string_view name, Deadline deadline,
                                 const Replace<Result<Key>>& replace) const {
  for (const Deadline until = moment(deadline);;) {
    auto object = fetch(name, until);
    if (!object) {
      return object.error();
    }
    const std::uint64_t expected = expected_of(*object);
    auto replaced = replace(std::move(*object), expected, until);
    if (replaced || replaced.error().code() != Errc::stale) {
      return replaced;
    }
    if (auto again = may_repeat(name, expected, replaced.error(), info_of(facts_of(name, until)), until);
        !again) {
      return again.error();
    }
  }
}

AsyncResult<Key> AsyncSteps::begin_update_by(std::string_view name, Deadline deadline,
                                             Replace<AsyncResult<Key>> replace) const {
  return updating(*this, std::string(name), moment(deadline), std::move(replace));
}

// What is awaited stands in a statement of its own: a temporary of the expression would live in the
// coroutine.
AsyncResult<Key> AsyncSteps::updating(AsyncSteps steps, std::string name, Deadline until,
                                      Replace<AsyncResult<Key>> replace) {
  for (;;) {
    const FullName whole = steps.full(name);
    const auto found = steps.begin_object(steps.usable(whole), whole, Selection(), until);
    Result<ObjectView> object = co_await found;
    if (!object) {
      co_return object.error();
    }
    const std::uint64_t expected = expected_of(*object);
    const auto replacing = replace(std::move(*object), expected, until);
    const Result<Key> replaced = co_await replacing;
    if (replaced || replaced.error().code() != Errc::stale) {
      co_return replaced;
    }
    const auto looking = steps.begin_info(std::string_view(name), until);
    const Result<ObjectInfo> live = co_await looking;
    if (auto again = steps.may_repeat(name, expected, replaced.error(), live, until); !again) {
      co_return again.error();
    }
  }
}

// A serialize may have thrown `stale` for a reason of its own.
Result<void> StoreBase::may_repeat(std::string_view name, std::uint64_t expected, const Error& error,
                                   const Result<ObjectInfo>& live, Deadline until) const {
  if (!live || live->generation == expected) {
    return live ? error : live.error();
  }
  return check_time(name, until);
}

Result<void> StoreBase::check_time(std::string_view name, Deadline until) const {
  if (session().completions()->now() < until.moment(session().options().options.timeout)) {
    return {};
  }
  return session().explain(full(name),
                           deadline_passed("other ranks changed this value in each attempt to update it",
                                           "let fewer ranks change one name"));
}

}  // namespace locum::detail
