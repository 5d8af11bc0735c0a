#include "core/store.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/async/completion_counter.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/promised.hpp"

namespace locum {

namespace {

// These wrap around.
std::int64_t sum_of(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

std::int64_t difference_of(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

}  // namespace

Result<std::int64_t> Store::fetch_add(std::string_view name, std::int64_t difference,
                                      const CallOptions& options) const {
  for (const Deadline until = moment(options.deadline);;) {
    const auto added = update<std::int64_t>(
        name, [difference](std::int64_t value) { return sum_of(value, difference); }, {.deadline = until});
    if (added || added.error().code() != Errc::not_found) {
      return added ? Result<std::int64_t>(difference_of(*added, difference)) : added;
    }
    const auto made = put(name, difference, {.deadline = until});
    if (made || made.error().code() != Errc::key_exists) {
      return made ? Result<std::int64_t>(0) : made.error();
    }
    if (auto in_time = check_time(name, until); !in_time) {
      return in_time.error();
    }
  }
}

AsyncResult<std::int64_t> Store::fetch_add_async(std::string_view name, std::int64_t difference,
                                                 const CallOptions& options) const {
  return adding(*this, std::string(name), difference, moment(options.deadline));
}

// What is awaited stands in a statement of its own: a temporary of the expression would live in the
// coroutine.
AsyncResult<std::int64_t> Store::adding(Store store, std::string name, std::int64_t difference,
                                        Deadline until) {
  for (;;) {
    const auto adding = store.update_async<std::int64_t>(
        name, [difference](std::int64_t value) { return sum_of(value, difference); }, {.deadline = until});
    const Result<std::int64_t> added = co_await adding;
    if (added || added.error().code() != Errc::not_found) {
      co_return added ? Result<std::int64_t>(difference_of(*added, difference)) : added;
    }
    const auto putting = store.put_async(name, difference, {.deadline = until});
    const Result<Key> made = co_await putting;
    if (made || made.error().code() != Errc::key_exists) {
      co_return made ? Result<std::int64_t>(0) : made.error();
    }
    if (auto in_time = store.check_time(name, until); !in_time) {
      co_return in_time.error();
    }
  }
}

AsyncResult<ObjectInfo> Store::info_async(const Key& key, const CallOptions& options) const {
  return begin_info(key, options.deadline);
}

AsyncResult<ObjectInfo> Store::info_async(std::string_view name, const CallOptions& options) const {
  return begin_info(name, options.deadline);
}

AsyncResult<std::vector<std::string>> Store::keys_async(std::string_view prefix,
                                                        const CallOptions& options) const {
  return begin_keys(prefix, options.deadline);
}

AsyncResult<bool> Store::exists_async(const Key& key, const CallOptions& options) const {
  return begin_exists(key, options.deadline);
}

AsyncResult<bool> Store::exists_async(std::string_view name, const CallOptions& options) const {
  return begin_exists(name, options.deadline);
}

AsyncResult<bool> Store::evict_async(const Key& key, const CallOptions& options) const {
  return begin_evict(key, options.deadline);
}

AsyncResult<bool> Store::evict_async(std::string_view name, const CallOptions& options) const {
  return begin_evict(name, options.deadline);
}

AsyncResult<Key> Store::put_bytes_async(std::span<const std::byte> bytes,
                                        const StoringOptions& options) const {
  const auto allowed = never_waits({}, options.when_full);
  if (allowed && options.listed) {
    return begin_put_bytes(unnamed(true), bytes, detail::StoredHow(options));
  }
  return AsyncResult<Key>(allowed ? put_bytes(bytes, options) : allowed.error());
}

AsyncResult<Key> Store::put_bytes_async(std::string_view name, std::span<const std::byte> bytes,
                                        const StoringOptions& options) const {
  const detail::FullName whole = full(name);
  const auto allowed = never_waits(whole, options.when_full);
  return allowed ? begin_put_bytes(whole, bytes, detail::StoredHow(options))
                 : AsyncResult<Key>(allowed.error());
}

Handle Store::handle_of(std::string_view name, const Made& made, const TypeIdentity& identity) const {
  ObjectFacts facts;
  facts.key = made.key;
  facts.generation = made.generation;
  facts.size_bytes = made.size_bytes;
  facts.type_hash = identity.hash;
  facts.name = name;
  return session().handle_of(facts, open_->options);
}

Result<bool> Store::exists(const Key& key, const CallOptions& options) const {
  if (auto allowed = usable(Address(key)); !allowed) {
    return allowed.error();
  }
  return key.store == open_->number ? exists_by_key(key, options.deadline) : Result<bool>(false);
}

Result<bool> Store::exists(std::string_view name, const CallOptions& options) const {
  const detail::FullName whole = full(name);
  const auto allowed = usable(whole);
  return allowed ? exists_at(whole, options.deadline) : allowed.error();
}

Evicted Store::evict(const Key& key, const CallOptions& options) const {
  if (auto allowed = usable(Address(key)); !allowed) {
    return Result<bool>(allowed.error());
  }
  if (key.store != open_->number) {
    return Result<bool>(false);
  }
  return is_promised(key) ? evict_promised(key, options.deadline) : evict_at(key, options.deadline);
}

Evicted Store::evict(std::string_view name, const CallOptions& options) const {
  const detail::FullName whole = full(name);
  const auto allowed = usable(whole);
  return allowed ? evict_at(whole, options.deadline) : Result<bool>(allowed.error());
}

Result<std::vector<std::string>> Store::keys(std::string_view prefix, const CallOptions& options) const {
  const std::string whole = full_prefix(prefix);
  const Address address(open_->number, whole);
  if (auto allowed = usable(address); !allowed) {
    return allowed.error();
  }
  return keys_in(session().connector().list(open_->number, whole, effective(options.deadline)), address);
}

Result<std::uint64_t> Store::size(const CallOptions& options) const {
  const auto names = keys({}, options);
  return names ? Result<std::uint64_t>(names->size()) : names.error();
}

AsyncResult<std::uint64_t> Store::size_async(const CallOptions& options) const {
  return begin_keys({}, options.deadline).then([](const Result<std::vector<std::string>>& names) {
    return names ? Result<std::uint64_t>(names->size()) : names.error();
  });
}

Result<std::uint64_t> Store::clear(const CallOptions& options) const {
  const Deadline until = moment(options.deadline);
  const auto names = keys({}, {.deadline = until});
  return names ? evict_named(*names, until) : names.error();
}

// The names come without a thread; the evictions, in batches, take one.
AsyncResult<std::uint64_t> Store::clear_async(const CallOptions& options) const {
  const Deadline until = moment(options.deadline);
  return begin_keys({}, until).then(
      [store = *this, until](const Result<std::vector<std::string>>& names) -> Result<std::uint64_t> {
        return names ? store.evict_named(*names, until) : names.error();
      });
}

Result<std::uint64_t> Store::evict_named(const std::vector<std::string>& names, Deadline until) const {
  std::uint64_t count = 0;
  std::optional<Error> failed;
  // Some at a time, so that all that is of the number of the names is their list.
  constexpr std::size_t most = 4096;
  for (std::size_t from = 0; from < names.size(); from += most) {
    const auto some = std::span(names).subspan(from, std::min(most, names.size() - from));
    for (const auto& evicted : evict_batch(some, {.deadline = until})) {
      count += evicted && *evicted ? 1U : 0U;
      if (!evicted && !failed) {
        failed = evicted.error();
      }
    }
  }
  if (failed) {
    return Error(
               failed->code(),
               "of " + std::to_string(names.size()) + " objects " + std::to_string(count) +
                   " were evicted; call again for the others. The first one that was not: " + failed->text(),
               failed->detail())
        .about(failed->key(), failed->rank());
  }
  return count;
}

// In the list of open stores, as the store itself: whoever drops that drops this one.
Result<Store> Store::collection(std::string_view name, const CollectionOptions& options) const {
  const detail::FullName whole = full(name);
  if (auto allowed = usable(whole); !allowed) {
    return allowed.error();
  }
  if (name.find('/') != std::string_view::npos) {
    return session().explain(
        whole, Error(Errc::invalid_argument,
                     "the name of a collection has no '/', which parts it from the names in it; for one in "
                     "another make it of that one"));
  }
  auto opened = std::make_shared<detail::OpenStore>();
  opened->session = open_->session;
  opened->number = open_->number;
  opened->name = open_->name;
  opened->collection = std::string_view(whole);
  opened->options = open_->options;
  if (options.lifetime == for_ever) {
    opened->options.lifetime = options.lifetime.zero();
  } else if (options.lifetime.count() != 0) {
    opened->options.lifetime = options.lifetime;
    if (auto allowed = check_lifetime(options.lifetime); !allowed) {
      return session().explain(whole, allowed.error());
    }
  }
  session().add(opened);
  if (open_->dropped_meanwhile()) {
    opened->drop();
  }
  return Store(std::move(opened));
}

Result<ObjectInfo> Store::info(const Key& key, const CallOptions& options) const {
  return detail::info_of(facts_of(key, options.deadline));
}

Result<ObjectInfo> Store::info(std::string_view name, const CallOptions& options) const {
  return detail::info_of(facts_of(name, options.deadline));
}

}  // namespace locum
