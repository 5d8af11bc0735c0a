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
#include "core/node/promised.hpp"

namespace locum {

Result<ObjectView> Store::await(std::string_view name, Deadline deadline) const {
  const detail::FullName whole = full(name);
  const Address address = whole;
  if (auto allowed = usable(whole); !allowed) {
    return allowed.error();
  }
  auto object = session().await(address, effective(deadline),
                                [this, &address] { return usable(address.name).has_value(); });
  if (!object && object.error().code() == Errc::timeout) {
    if (auto allowed = usable(whole); !allowed) {
      return allowed.error();
    }
  }
  return object ? std::move(object) : session().explain(address, object.error());
}

Result<std::int64_t> Store::fetch_add(std::string_view name, std::int64_t difference,
                                      const CallOptions& options) const {
  for (const Deadline until = moment(options.deadline);;) {
    std::int64_t before = 0;
    const auto added =
        update<std::int64_t>(name,
                             [&](std::int64_t value) {
                               before = value;
                               return static_cast<std::int64_t>(static_cast<std::uint64_t>(value) +
                                                                static_cast<std::uint64_t>(difference));
                             },
                             {.deadline = until});
    if (added || added.error().code() != Errc::not_found) {
      return added ? Result<std::int64_t>(before) : added.error();
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

// A serialize may have thrown `stale` for a reason of its own.
Result<void> Store::may_repeat(std::string_view name, std::uint64_t expected, const Error& error,
                               Deadline until) const {
  if (error.code() != Errc::stale) {
    return error;
  }
  const auto live = info(name, {.deadline = until});
  if (!live || live->generation == expected) {
    return live ? error : live.error();
  }
  return check_time(name, until);
}

Result<void> Store::check_time(std::string_view name, Deadline until) const {
  if (session().completions()->now() < until.moment(session().options().options.timeout)) {
    return {};
  }
  return session().explain(
      full(name), Error(Errc::timeout,
                        "other ranks changed this value whenever this one tried; give more time, or let "
                        "fewer ranks change one name"));
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

Result<Writer<std::byte>> Store::make_writer(std::string_view name, bool named, const ElementType& element,
                                             const Extents& extents, const StoringOptions& options) const {
  if (!element) {
    return session().explain({open_->number, name}, no_element_type());
  }
  return writer_of<std::byte>(create_array(name, named, detail::RuntimeArrayType(element), extents,
                                           options.when_full, detail::StoredHow(options)),
                              name, extents);
}

Result<Key> Store::put_of(std::string_view name, bool named, const ElementType& element,
                          const Extents& extents, std::span<const std::byte> bytes,
                          const StoringOptions& options) const {
  const auto size_bytes = detail::array_bytes(extents, element.bytes());
  if (element && size_bytes && *size_bytes != bytes.size()) {
    return session().explain(
        {open_->number, name},
        Error(Errc::invalid_argument, "these extents are of " + std::to_string(*size_bytes) + " bytes, " +
                                          std::to_string(bytes.size()) + " were given"));
  }
  return put_raw(name, named, {bytes.data(), element, extents}, options);
}

Result<Key> Store::put_raw(std::string_view name, bool named, const ConstRawArray& array,
                           const StoringOptions& options) const {
  if (!array.element()) {
    return session().explain({open_->number, name}, no_element_type());
  }
  const detail::RuntimeArrayType type(array.element());
  return in_room(name, options.when_full, detail::StoredHow(options).by(moment(options.deadline)),
                 [&](const detail::StoredHow& how, detail::RoomWait* room) -> Result<Key> {
                   auto draft = create_array(name, named, type, array.extents(), how, room);
                   if (!draft) {
                     return draft.error();
                   }
                   detail::pack(array.memory(), draft->bytes().data());
                   return detail::seal_writer(*draft, name, how.deadline);
                 });
}

Result<Selection> Store::raw_selection(const RawArray& into, const RawOptions& options) {
  return into.element() ? selection_of({}, options.slab, detail::RuntimeArrayType(into.element()))
                        : Result<Selection>(no_element_type());
}

Result<std::size_t> Store::raw_into(const RawArray& into, const Result<ObjectView>& object) const {
  return object ? detail::copy_elements(session(), *object, detail::RuntimeArrayType(into.element()),
                                        into.memory(), detail::Fit::same_extents)
                : Result<std::size_t>(object.error());
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

Result<std::uint64_t> Store::clear(const CallOptions& options) const {
  const Deadline until = moment(options.deadline);
  const auto names = keys({}, {.deadline = until});
  if (!names) {
    return names.error();
  }
  std::uint64_t count = 0;
  std::optional<Error> failed;
  // Some at a time, so that all that is of the number of the names is their list.
  constexpr std::size_t most = 4096;
  for (std::size_t from = 0; from < names->size(); from += most) {
    const auto some = std::span(*names).subspan(from, std::min(most, names->size() - from));
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
               "of " + std::to_string(names->size()) + " objects " + std::to_string(count) +
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
                     "another call collection() of that one"));
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
