#include "core/store.hpp"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "core/begun_seal.hpp"
#include "core/promised.hpp"
#include "core/unless_out_of_memory.hpp"

namespace locum {

namespace {

Result<ObjectInfo> info_of(const Result<ObjectView>& object) {
  if (!object) {
    return object.error();
  }
  const ObjectFacts facts = object->facts();
  if (!facts.whole) {
    return Error(Errc::corrupt,
                 "what stands behind this object's payload (type, extents, name) was overwritten")
        .about(to_string(facts.key));
  }
  const auto [type, codec] = detail::type_and_codec(facts.type_name);
  return ObjectInfo{facts.key,         facts.size_bytes,    std::string(type),
                    facts.layout,      facts.element_bytes, facts.extents,
                    facts.key.creator, facts.generation,    std::string(facts.name),
                    std::string(codec)};
}

// Whether an object that was promised is not there: not yet, not any more, or never.
bool is_absent(const Error& error) {
  return error.code() == Errc::not_found || error.code() == Errc::broken_promise;
}

}  // namespace

Result<void> Store::usable(const Address& address) const {
  if (session().closed() || open_->dropped.load(std::memory_order_relaxed)) [[unlikely]] {
    return session().explain(address, detail::closed_error(*open_));
  }
  return {};
}

Result<void> Store::usable(std::string_view name) const {
  if (name.empty() || name.size() > max_name_bytes) {
    return Error(Errc::invalid_argument,
                 "a name is 1 byte to 64 KiB long, this one has " + std::to_string(name.size()))
        .at_rank(session().options().rank);
  }
  if (is_reserved(name)) [[unlikely]] {
    return Error(Errc::invalid_argument, "names that begin like this one are the library's own, of promises")
        .about(name)
        .at_rank(session().options().rank);
  }
  return usable(Address(open_->number, name));
}

Error Store::refusal(const Key& key) const {
  if (const auto allowed = usable(Address(key)); !allowed) {
    return allowed.error();
  }
  return session().explain(
      key, Error(Errc::not_found, "the key is of store " + std::to_string(key.store) + ", this is store " +
                                      std::to_string(open_->number)));
}

Error Store::refusal(std::string_view name) const {
  return usable(name).error();
}

Result<ObjectView> Store::fetch_some(const Key& key, const Result<Selection>& selection, Deadline deadline) {
  const auto allowed = of_this_store(key);
  return allowed ? fetch_some_at(key, selection, deadline) : Result<ObjectView>(allowed.error());
}

Result<ObjectView> Store::fetch_some(std::string_view name, const Result<Selection>& selection,
                                     Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? fetch_some_at({open_->number, name}, selection, deadline)
                 : Result<ObjectView>(allowed.error());
}

Result<ObjectView> Store::fetch_some_at(const Address& address, const Result<Selection>& selection,
                                        Deadline deadline) {
  if (!selection) {
    return session().explain(address, selection.error());
  }
  const bool of_promise = address.name.empty() && is_promised(address.key);
  const auto at = of_promise ? session().actual(address.key, effective(deadline)) : address;
  return at ? session().fetch_some(*at, *selection, effective(deadline)) : Result<ObjectView>(at.error());
}

// Those that cannot be asked for are left out.
std::vector<Result<ObjectView>> Store::find_batch(const detail::BatchAddresses& asked, Wanting wanting,
                                                  Deadline deadline) {
  const std::vector<Address>& all = asked.all();
  std::vector<Result<ObjectView>> found(all.size(), Result<ObjectView>(ObjectView()));
  const auto is_right = [&](const Address& address) {
    return asked.by_name()
               ? !address.name.empty() && address.name.size() <= max_name_bytes && !is_reserved(address.name)
               : address.key.store == open_->number;
  };
  const bool is_open = !open_->dropped.load(std::memory_order_relaxed);
  const Deadline until = moment(deadline);
  if (is_open && std::ranges::all_of(all, is_right)) {
    session().find_batch(all, wanting, found, until);
    return found;
  }
  std::vector<Address> some;
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (is_open && is_right(all[at])) {
      some.push_back(all[at]);
      places.push_back(at);
    } else {
      found[at] = asked.by_name() ? refusal(all[at].name) : refusal(all[at].key);
    }
  }
  std::vector<Result<ObjectView>> of_some(some.size(), Result<ObjectView>(ObjectView()));
  session().find_batch(some, wanting, of_some, until);
  for (std::size_t at = 0; at < places.size(); ++at) {
    found[places[at]] = std::move(of_some[at]);
  }
  return found;
}

Result<ObjectView> Store::await(std::string_view name, Deadline deadline) {
  const Address address(open_->number, name);
  if (auto allowed = usable(name); !allowed) {
    return allowed.error();
  }
  auto object = session().connector().wait(address, effective(deadline),
                                           [this, name] { return usable(name).has_value(); });
  if (!object && object.error().code() == Errc::timeout) {
    if (auto allowed = usable(name); !allowed) {
      return allowed.error();
    }
  }
  return object ? std::move(object) : session().explain(address, object.error());
}

// The draft is made where the caller wants it: it is too large to be moved about.
Result<ObjectDraft> Store::allocate(std::uint64_t size_bytes, ObjectMeta&& meta, bool named,
                                    Deadline deadline) {
  if (const auto allowed = named ? usable(meta.name) : usable(Address(open_->number, meta.name)); !allowed)
      [[unlikely]] {
    return allowed.error();
  }
  meta.checksum = open_->options.checksum;
  return session().connector().create(size_bytes, meta, effective(deadline));
}

Error Store::no_draft(std::string_view name, const Error& error) const {
  return error.rank() >= 0 ? error : session().explain({open_->number, name}, error);
}

Result<Store::Made> Store::seal(const ObjectDraft& draft, std::string_view name, const SealOptions& options,
                                Deadline deadline) {
  const auto sealed = session().connector().seal(draft, options, effective(deadline));
  if (!sealed) {
    return session().explain({open_->number, name}, sealed.error());
  }
  if (open_->dropped_meanwhile()) [[unlikely]] {
    (void)session().connector().evict(Address(sealed->key), {});
    return refusal(sealed->key);
  }
  session().metrics().count_write(Path::shm_copy, draft.bytes.size());
  return Made{sealed->key, sealed->generation, draft.bytes.size()};
}

// As the connector tells of them: the names of those that failed went with them.
std::vector<Result<Store::Made>> Store::seal_batch(detail::OwnedDrafts& drafts, Deadline deadline) {
  const std::size_t count = drafts.all().size();
  std::vector<Result<Made>> made(count, no_memory_left());
  std::vector<Result<Sealed>> sealed(count, no_memory_left());
  const std::vector<ObjectDraft> to_seal = drafts.release();
  session().connector().seal_batch(to_seal, sealed, moment(deadline));
  for (std::size_t at = 0; at < count; ++at) {
    made[at] = sealed[at]
                   ? Result<Made>(Made{sealed[at]->key, sealed[at]->generation, to_seal[at].bytes.size()})
                   : Result<Made>(sealed[at].error());
  }
  return made;
}

// Where the store was dropped meanwhile, the drop may have come before the name stood for the object.
Result<Key> Store::key_in_batch(std::string_view name, const Result<Made>& made) noexcept {
  const Address address(open_->number, name);
  if (!made) {
    return session().explain(address, made.error());
  }
  if (open_->dropped_meanwhile()) [[unlikely]] {
    unless_out_of_memory([&] { (void)session().connector().evict(Address(made->key), {}); });
    unless_out_of_memory([&] { (void)session().connector().evict(address, {}); });
    Error closed = no_memory_left();
    unless_out_of_memory([&] { closed = refusal(made->key); });
    return closed;
  }
  session().metrics().count_write(Path::shm_copy, made->size_bytes);
  return made->key;
}

Eventual<Key> Store::begin_seal(const ObjectDraft& draft, std::string_view name, const SealOptions& options,
                                Deadline deadline) {
  return detail::begin_seal(open_, draft, name, options, effective(deadline), Path::shm_copy);
}

Result<ObjectDraft> Store::draft_of_bytes(std::string_view name, bool named, std::span<const std::byte> bytes,
                                          Deadline deadline) {
  constexpr const TypeIdentity& identity = type_identity<std::byte[]>;
  auto draft =
      allocate(bytes.size(), {open_->number, 1, 16, identity.hash, identity.name, name, Layout::bytes, {}},
               named, deadline);
  if (!draft) {
    return no_draft(name, draft.error());
  }
  if (!bytes.empty()) {
    std::memcpy(draft->bytes.data(), bytes.data(), bytes.size());
  }
  return draft;
}

Result<Store::Made> Store::store_bytes(std::string_view name, bool named, std::span<const std::byte> bytes,
                                       Deadline deadline) {
  const auto draft = draft_of_bytes(name, named, bytes, deadline);
  return draft ? seal(*draft, name, {}, deadline) : Result<Made>(draft.error());
}

Eventual<Key> Store::put_bytes_async(std::span<const std::byte> bytes, Deadline deadline) {
  return Eventual<Key>(put_bytes(bytes, deadline));
}

Eventual<Key> Store::put_bytes_async(std::string_view name, std::span<const std::byte> bytes,
                                     Deadline deadline) {
  const auto draft = draft_of_bytes(name, true, bytes, deadline);
  return draft ? begin_seal(*draft, name, {}, deadline) : Eventual<Key>(draft.error());
}

// Filled by a codec: in place where the size is known before, else by a copy of what it made.
Result<ObjectDraft> Store::draft_by(std::string_view name, bool named, const void* value,
                                    const detail::WritingSteps& steps, const void* codec, Deadline deadline) {
  const Address address(open_->number, name);
  auto size_bytes = detail::size_by(steps, codec, value);
  std::unique_ptr<std::byte[]> made;
  if (size_bytes && !steps.is_exact) {
    constexpr std::uint64_t most = std::uint64_t{1}
                                   << 40U;  // no process has more: some allocators end one that asks
    made.reset(*size_bytes <= most ? new (std::nothrow) std::byte[*size_bytes] : nullptr);
    size_bytes = made ? detail::encode_by(steps, codec, value, {made.get(), *size_bytes}) : no_memory_left();
  }
  if (!size_bytes) {
    return session().explain(address, size_bytes.error());
  }
  auto draft = allocate(*size_bytes, steps.meta(open_->number, name, value), named, deadline);
  if (!draft) {
    return no_draft(name, draft.error());
  }
  detail::OwnedDraft owned(open_, *draft);
  if (!steps.is_exact) {
    std::copy_n(made.get(), *size_bytes, draft->bytes.data());
  } else if (const auto written = detail::encode_by(steps, codec, value, draft->bytes); !written) {
    return session().explain(address, written.error());
  }
  (void)owned.release();
  return draft;
}

Result<Store::Made> Store::store_by(std::string_view name, bool named, const void* value,
                                    const detail::WritingSteps& steps, const void* codec,
                                    const SealOptions& options, Deadline deadline) {
  const auto draft = draft_by(name, named, value, steps, codec, deadline);
  return draft ? seal(*draft, name, options, deadline) : Result<Made>(draft.error());
}

Eventual<Key> Store::begin_put_by(std::string_view name, const void* value, const detail::WritingSteps& steps,
                                  const void* codec, const SealOptions& options, Deadline deadline) {
  const auto draft = draft_by(name, true, value, steps, codec, deadline);
  return draft ? begin_seal(*draft, name, options, deadline) : Eventual<Key>(draft.error());
}

Result<Handle> Store::handle_to(const Result<ObjectView>& object, const TypeIdentity& identity) {
  if (!object) {
    return object.error();
  }
  const auto allowed = detail::check_type(session(), *object, identity);
  return allowed ? Result<Handle>(session().handle_of(object->facts())) : allowed.error();
}

Handle Store::handle_of(std::string_view name, const Made& made, const TypeIdentity& identity) const {
  ObjectFacts facts;
  facts.key = made.key;
  facts.generation = made.generation;
  facts.size_bytes = made.size_bytes;
  facts.type_hash = identity.hash;
  facts.name = name;
  return session().handle_of(facts);
}

Result<View<std::byte[]>> Store::bytes_of(Result<ObjectView> object) {
  if (!object) {
    return object.error();
  }
  session().metrics().count_read(object->path(), object->bytes().size());
  return View<std::byte[]>(*std::move(object));
}

Result<bool> Store::exists_at(const Address& address, Deadline deadline) {
  auto found = session().connector().exists(address, effective(deadline));
  return found ? std::move(found) : session().explain(address, found.error());
}

Result<bool> Store::exists(const Key& key, Deadline deadline) {
  if (auto allowed = usable(Address(key)); !allowed) {
    return allowed.error();
  }
  if (key.store != open_->number) {
    return false;
  }
  const auto at = session().actual(key, effective(deadline));
  return at ? exists_at(*at, deadline) : is_absent(at.error()) ? Result<bool>(false) : at.error();
}

Result<bool> Store::exists(std::string_view name, Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? exists_at({open_->number, name}, deadline) : allowed.error();
}

Eventual<bool> Store::begin_exists_at(const Address& address, Deadline deadline) {
  return begin<bool, bool>(
      address, {},
      [&] {
        return address.name.empty() && is_promised(address.key)
                   ? BegunWith<bool>{exists(address.key, deadline)}
                   : session().connector().begin_exists(address, effective(deadline));
      },
      [open = open_](Result<bool> found, const Address& about) {
        return found ? std::move(found) : Result<bool>(open->session->explain(about, found.error()));
      });
}

Eventual<bool> Store::exists_async(const Key& key, Deadline deadline) {
  if (auto allowed = usable(Address(key)); !allowed) {
    return Eventual<bool>(allowed.error());
  }
  return key.store == open_->number ? begin_exists_at(key, deadline) : Eventual<bool>(Result<bool>(false));
}

Eventual<bool> Store::exists_async(std::string_view name, Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? begin_exists_at({open_->number, name}, deadline) : Eventual<bool>(allowed.error());
}

Result<bool> Store::evict_at(const Address& address, Deadline deadline) {
  auto evicted = session().connector().evict(address, effective(deadline));
  if (!evicted) {
    return session().explain(address, evicted.error());
  }
  if (*evicted) {
    Metrics::increment(session().metrics().evictions);
  }
  return evicted;
}

// Those that cannot be asked for are left out; and so are promises, which are evicted one by one.
std::vector<Result<bool>> Store::evict_all(const detail::BatchAddresses& asked, Deadline deadline) {
  const std::vector<Address>& all = asked.all();
  std::vector<Result<bool>> evicted(all.size(), no_memory_left());
  std::vector<Address> some;
  std::vector<std::size_t> places;
  std::vector<Result<bool>> of_some(all.size(), no_memory_left());
  some.reserve(all.size());
  places.reserve(all.size());
  std::vector<std::size_t> promised;
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto allowed = asked.by_name() ? usable(all[at].name) : usable(all[at]);
    if (!allowed) {
      evicted[at] = allowed.error();
    } else if (all[at].key.store != open_->number) {
      evicted[at] = false;
    } else if (!asked.by_name() && is_promised(all[at].key)) {
      promised.push_back(at);
    } else {
      some.push_back(all[at]);
      places.push_back(at);
    }
  }
  const Deadline until = moment(deadline);
  session().connector().evict_batch(some, std::span(of_some).first(some.size()), until);
  for (std::size_t at = 0; at < some.size(); ++at) {
    if (!of_some[at]) {
      evicted[places[at]] = session().explain(some[at], of_some[at].error());
      continue;
    }
    Metrics::add(session().metrics().evictions, *of_some[at] ? 1U : 0U);
    evicted[places[at]] = of_some[at];
  }
  for (const std::size_t at : promised) {
    unless_out_of_memory([&] { evicted[at] = evict_promised(all[at].key, until); });
  }
  return evicted;
}

Eventual<bool> Store::begin_evict_at(const Address& address, Deadline deadline) {
  return begin<bool, bool>(
      address, {}, [&] { return session().connector().begin_evict(address, effective(deadline)); },
      [open = open_](Result<bool> evicted, const Address& about) {
        return evicted ? std::move(evicted) : Result<bool>(open->session->explain(about, evicted.error()));
      },
      [to = session().weak_from_this()](const Result<bool>& evicted) noexcept {
        if (const auto session = to.lock(); session && evicted && *evicted) {
          Metrics::increment(session->metrics().evictions);
        }
      });
}

Eventual<bool> Store::evict_async(const Key& key, Deadline deadline) {
  if (auto allowed = usable(Address(key)); !allowed) {
    return Eventual<bool>(allowed.error());
  }
  if (key.store != open_->number) {
    return Eventual<bool>(Result<bool>(false));
  }
  return is_promised(key) ? Eventual<bool>(evict_promised(key, deadline)) : begin_evict_at(key, deadline);
}

Eventual<bool> Store::evict_async(std::string_view name, Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? begin_evict_at({open_->number, name}, deadline) : Eventual<bool>(allowed.error());
}

Evicted Store::evict(const Key& key, Deadline deadline) {
  if (auto allowed = usable(Address(key)); !allowed) {
    return Result<bool>(allowed.error());
  }
  if (key.store != open_->number) {
    return Result<bool>(false);
  }
  return is_promised(key) ? evict_promised(key, deadline) : evict_at(key, deadline);
}

// Also what stands under its name in place of a value.
Result<bool> Store::evict_promised(const Key& key, Deadline deadline) {
  const auto at = session().actual(key, effective(deadline));
  if (!at && !is_absent(at.error())) {
    return at.error();
  }
  auto evicted = at ? evict_at(*at, deadline) : Result<bool>(false);
  const std::string name = session().connector().name_of(key);
  const auto gone = session().connector().evict(Address(key.store, name), effective(deadline));
  return gone || !evicted ? std::move(evicted) : session().explain(key, gone.error());
}

Evicted Store::evict(std::string_view name, Deadline deadline) {
  const auto allowed = usable(name);
  return allowed ? evict_at({open_->number, name}, deadline) : Result<bool>(allowed.error());
}

Result<std::vector<std::string>> Store::keys(std::string_view prefix, Deadline deadline) {
  const Address address(open_->number, prefix);
  if (auto allowed = usable(address); !allowed) {
    return allowed.error();
  }
  auto names = session().connector().list(open_->number, prefix, effective(deadline));
  if (names) {
    std::erase_if(*names, [](const std::string& name) { return is_reserved(name); });
  }
  return names ? std::move(names) : session().explain(address, names.error());
}

Result<ObjectInfo> Store::info(const Key& key, Deadline deadline) {
  return info_of(fetch_some(key, Selection(Facts()), deadline));
}

Result<ObjectInfo> Store::info(std::string_view name, Deadline deadline) {
  return info_of(fetch_some(name, Selection(Facts()), deadline));
}

}  // namespace locum
