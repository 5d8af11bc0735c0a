#include "core/detail/store_base.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/detail/expiry.hpp"
#include "core/detail/promise_state.hpp"
#include "core/detail/promises.hpp"
#include "core/detail/room_wait.hpp"
#include "core/detail/session_state.hpp"
#include "core/element_type.hpp"
#include "core/node/promised.hpp"
#include "core/object/selection.hpp"
#include "core/raw_array.hpp"
#include "core/raw_value.hpp"
#include "core/raw_view.hpp"
#include "core/strided_array.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

// Whether an object that was promised is not there: not yet, not any more, or never.
bool is_absent(const Error& error) {
  return error.code() == Errc::not_found || error.code() == Errc::broken_promise;
}

std::optional<std::chrono::system_clock::time_point> moment_of(std::uint64_t since_1970_ns) {
  using Clock = std::chrono::system_clock;
  return since_1970_ns == 0 ? std::nullopt
                            : std::optional(Clock::time_point(std::chrono::duration_cast<Clock::duration>(
                                  std::chrono::nanoseconds(since_1970_ns))));
}

/// The name of the type of an encoded value, with that of its codec.
Result<std::string> type_of(const EncodedValue& value) {
  const auto refused = [&value](const std::string& why) {
    return Error(Errc::invalid_argument,
                 "'" + std::string(value.type.substr(0, 128)) + "' is no type of an encoded value: " + why);
  };
  const std::string_view element = value.type.substr(0, value.type.find("[]"));
  constexpr std::size_t longest = std::numeric_limits<std::uint16_t>::max() - longest_codec_name - 1;
  if (value.type.empty() || value.type.size() > longest) {
    return refused("give 1 to " + std::to_string(longest) + " bytes");
  }
  // A Record is one in every language: who reads it checks its bytes.
  const bool is_record = value.type == "locum.record" && value.codec.empty();
  if (value.type.find(codec_mark) != value.type.npos ||
      ((value.type.starts_with("locum.") || value.type.starts_with("locum::")) && !is_record)) {
    return refused("names with '@', and those that begin with locum, are the library's own");
  }
  if (value.codec.empty() && ElementType::named(element)) {
    return refused("arrays and flat values have no encoding; give their elements");
  }
  if (!value.codec.empty() && !is_codec_name(value.codec)) {
    return refused("the name of its codec is not of 1 to 64 letters, digits, '_', '.', '+' or '-'");
  }
  std::string name(value.type);
  return value.codec.empty() ? name : (name + codec_mark).append(value.codec);
}

ObjectMeta meta_of_encoded(std::uint32_t store, std::string_view name, std::string_view type) {
  return {store, 1, 16, text_hash(type), type, name, Layout::encoded, {}};
}

// Inlined into the calls of this file, which take nanoseconds.
[[gnu::always_inline]] inline Deadline effective_in(const OpenStore& store, Deadline deadline) {
  const bool own = deadline.is_default() && store.options.timeout.count() > 0;
  return own ? Deadline(store.options.timeout) : deadline;
}

}  // namespace

Result<ObjectInfo> info_of(const Result<ObjectView>& object) {
  if (!object) {
    return object.error();
  }
  const ObjectFacts facts = object->facts();
  if (!facts.whole) {
    return end_overwritten("the type, the extents or the name of this object").about(to_string(facts.key));
  }
  const auto [type, codec] = detail::type_and_codec(facts.type_name);
  ElementType element;
  const bool is_array = facts.layout == Layout::array && type.ends_with("[]");
  if (codec.empty() && (is_array || facts.layout == Layout::flat)) {
    // A member array is an element where there are more dimensions than an object may have: it has no name of
    // its own.
    const auto named = ElementType::named(is_array ? type.substr(0, type.size() - 2) : type);
    element = named ? *named : ElementType();
  }
  return ObjectInfo{facts.key,          facts.size_bytes,    std::string(type),
                    facts.layout,       facts.element_bytes, facts.extents,
                    facts.key.creator,  facts.generation,    std::string(facts.name),
                    std::string(codec), std::move(element),  moment_of(object->expires_ns())};
}

Deadline StoreBase::effective(Deadline deadline) const {
  return effective_in(*open_, deadline);
}

DecodedHow StoreBase::decoded_how(Deadline deadline) const {
  return {open_->options.keep_decoded, effective_in(*open_, deadline)};
}

StoreBase::Choice StoreBase::choice_of_bytes(const Part& part) noexcept {
  static const Hyperslab none;
  return part.is_given() ? Choice{&array_type<std::byte>, &part, &none} : Choice();
}

std::string StoreBase::fresh_name(bool listed) const {
  return listed ? session().listed_name() : std::string();
}

std::string StoreBase::full_prefix(std::string_view prefix) const {
  return open_->collection.empty() ? std::string(prefix) : (open_->collection + '/').append(prefix);
}

[[gnu::hot]] Result<void> StoreBase::usable(const Address& address) const {
  if (session().closed() || open_->dropped.load(std::memory_order_relaxed)) [[unlikely]] {
    return session().explain(address, closed_error(*open_));
  }
  return {};
}

[[gnu::hot]] Result<void> StoreBase::usable(std::string_view name) const {
  if (name.empty() || name.size() > max_name_bytes) {
    return wrong_length("a name", name.size()).at_rank(session().options().rank);
  }
  if (is_reserved(name)) [[unlikely]] {
    return Error(Errc::invalid_argument,
                 "names of 16 or 24 bytes that begin like this one are the library's own, of promises")
        .about(name)
        .at_rank(session().options().rank);
  }
  return usable(Address(open_->number, name));
}

Error StoreBase::refusal(const Key& key) const {
  if (const auto allowed = usable(Address(key)); !allowed) {
    return allowed.error();
  }
  return session().explain(
      key, Error(Errc::not_found, "the key is of store " + std::to_string(key.store) + ", this is store " +
                                      std::to_string(open_->number) + "; use the store that the key is of"));
}

Error StoreBase::refusal(std::string_view name) const {
  return usable(name).error();
}

Deadline StoreBase::moment(Deadline deadline) const {
  return session().completions()->moment(effective_in(*open_, deadline));
}

Result<Selection> StoreBase::selection_of(const Choice& choice) {
  return choice.type == nullptr ? Selection() : selection_of(*choice.part, *choice.slab, *choice.type);
}

Result<Selection> StoreBase::selection_of(const Part& part, const Hyperslab& slab, const ArrayType& type) {
  if (part.is_given() && slab.is_given()) {
    return Error(Errc::invalid_argument, "a part and a slab of an object are two choices; give one of them");
  }
  if (part.is_given()) {
    const auto range = range_of(part, type.element_bytes);
    return range ? Result<Selection>(*range) : Result<Selection>(range.error());
  }
  const auto flat = slab.is_given() && type.inner.size() != 0 ? with_inner(slab, type.inner.span())
                                                              : Result<Hyperslab>(slab);
  if (!flat) {
    return flat.error();
  }
  return slab.is_given() ? Selection(Elements{*flat, type.flat_bytes}) : Selection();
}

// The two look-ups stay short: everything that is rare is out of line.
Result<ObjectView> StoreBase::fetch(const Key& key, Deadline deadline) const {
  if (key.store != open_->number || open_->dropped.load(std::memory_order_relaxed)) [[unlikely]] {
    return refusal(key);
  }
  return session().fetch(Address(key), effective_in(*open_, deadline));
}

Result<ObjectView> StoreBase::fetch(std::string_view name, Deadline deadline) const {
  if (name.empty() || name.size() > max_name_bytes || !open_->collection.empty() ||
      open_->dropped.load(std::memory_order_relaxed)) [[unlikely]] {
    return fetch_rarely(name, deadline);
  }
  return session().fetch(Address(open_->number, name), effective_in(*open_, deadline));
}

// In a collection, or refused.
Result<ObjectView> StoreBase::fetch_rarely(std::string_view name, Deadline deadline) const {
  const FullName whole = full(name);
  const auto allowed = usable(whole);
  return allowed ? session().fetch(whole, effective_in(*open_, deadline))
                 : Result<ObjectView>(allowed.error());
}

Result<ObjectView> StoreBase::fetch_chosen(const Key& key, const Choice& choice, Deadline deadline) const {
  return choice.type == nullptr ? fetch(key, deadline) : fetch_some(key, selection_of(choice), deadline);
}

Result<ObjectView> StoreBase::fetch_chosen(std::string_view name, const Choice& choice,
                                           Deadline deadline) const {
  return choice.type == nullptr ? fetch(name, deadline) : fetch_some(name, selection_of(choice), deadline);
}

Result<ObjectView> StoreBase::facts_of(const Key& key, Deadline deadline) const {
  return fetch_some(key, Selection(Facts()), deadline);
}

Result<ObjectView> StoreBase::facts_of(std::string_view name, Deadline deadline) const {
  return fetch_some(name, Selection(Facts()), deadline);
}

Result<ObjectView> StoreBase::fetch_some(const Key& key, const Result<Selection>& selection,
                                         Deadline deadline) const {
  const auto allowed = of_this_store(key);
  return allowed ? fetch_at(key, selection, {}, deadline) : Result<ObjectView>(allowed.error());
}

Result<ObjectView> StoreBase::fetch_some(std::string_view name, const Result<Selection>& selection,
                                         Deadline deadline) const {
  const FullName whole = full(name);
  const auto allowed = usable(whole);
  return allowed ? fetch_at(whole, selection, {}, deadline) : Result<ObjectView>(allowed.error());
}

Result<ObjectView> StoreBase::fetch_into(const Key& key, const Choice& choice, std::span<std::byte> memory,
                                         Deadline deadline) const {
  const auto allowed = of_this_store(key);
  return allowed ? fetch_at(key, selection_of(choice), memory, deadline)
                 : Result<ObjectView>(allowed.error());
}

Result<ObjectView> StoreBase::fetch_into(std::string_view name, const Choice& choice,
                                         std::span<std::byte> memory, Deadline deadline) const {
  const FullName whole = full(name);
  const auto allowed = usable(whole);
  return allowed ? fetch_at(whole, selection_of(choice), memory, deadline)
                 : Result<ObjectView>(allowed.error());
}

Result<ObjectView> StoreBase::fetch_at(const Address& address, const Result<Selection>& selection,
                                       std::span<std::byte> memory, Deadline deadline) const {
  if (!selection) {
    return session().explain(address, selection.error());
  }
  const bool of_promise = address.name.empty() && is_promised(address.key);
  const auto at =
      of_promise ? session().promises().actual(address.key, effective_in(*open_, deadline), true) : address;
  if (!at) {
    return at.error();
  }
  return memory.empty() ? session().fetch_some(*at, *selection, effective_in(*open_, deadline))
                        : session().fetch_into(*at, *selection, memory, effective_in(*open_, deadline));
}

Result<std::vector<std::string>> StoreBase::keys_in(Result<std::vector<std::string>> names,
                                                    const Address& prefix) const {
  if (names) {
    std::erase_if(*names, [](const std::string& name) { return is_reserved(name); });
    if (!open_->collection.empty()) {
      for (std::string& name : *names) {
        name.erase(0, open_->collection.size() + 1);
      }
    }
  }
  return names ? std::move(names) : session().explain(prefix, names.error());
}

Result<Handle> StoreBase::handle_to(const Result<ObjectView>& object, const TypeIdentity& identity) const {
  if (!object) {
    return object.error();
  }
  const auto allowed = check_type(session(), *object, identity);
  return allowed ? Result<Handle>(session().handle_of(object->facts(), open_->options)) : allowed.error();
}

// The draft is made where the caller wants it: it is too large to be moved about.
[[gnu::hot]] Result<ObjectDraft> StoreBase::allocate(std::uint64_t size_bytes, ObjectMeta&& meta, bool named,
                                                     const StoredHow& how) const {
  if (const auto allowed = named ? usable(meta.name) : usable(Address(open_->number, meta.name)); !allowed)
      [[unlikely]] {
    return allowed.error();
  }
  meta.checksum = open_->options.checksum;
  meta.at_home = open_->at_home;
  meta.tag = how.tag;
  if (may_expire(how.lifetime)) [[unlikely]] {
    if (const auto allowed = set_lifetime(meta, how.lifetime); !allowed) {
      return allowed.error();
    }
  }
  return session().connector().create(size_bytes, meta, effective_in(*open_, how.deadline));
}

// Before the object is there, so that whoever evicts it knows of it.
Result<void> StoreBase::set_lifetime(ObjectMeta& meta, std::chrono::milliseconds lifetime) const {
  if (lifetime == for_ever) {
    return {};
  }
  const auto in_force = lifetime.count() != 0 ? lifetime : open_->options.lifetime;
  if (auto allowed = check_lifetime(in_force); !allowed) {
    return allowed.error();
  }
  if (in_force.count() < open_->shortest_lifetime_ms.load(std::memory_order_relaxed)) {
    if (auto expected = session().expiry().expect(open_->number, in_force); !expected) {
      return expected.error();
    }
    open_->shortest_lifetime_ms.store(in_force.count(), std::memory_order_relaxed);
  }
  meta.lifetime_ms = static_cast<std::uint64_t>(in_force.count());
  return {};
}

// The session or the store may be closed meanwhile.
Result<ObjectDraft> StoreBase::allocate_in_room(std::uint64_t size_bytes, ObjectMeta&& meta, bool named,
                                                const StoredHow& how, RoomWait& room) const {
  meta.checksum = open_->options.checksum;
  meta.at_home = open_->at_home;
  meta.tag = how.tag;
  if (may_expire(how.lifetime)) {
    if (const auto allowed = set_lifetime(meta, how.lifetime); !allowed) {
      return allowed.error();
    }
  }
  const std::uint64_t budget = open_->options.memory_bytes;
  if (budget != 0 && size_bytes > budget) {
    // No waiting makes it smaller.
    return allocate(size_bytes, std::move(meta), named, how.by(room.until()));
  }
  for (;;) {
    if (const auto allowed = named ? usable(meta.name) : usable(Address(open_->number, meta.name));
        !allowed) {
      return allowed.error();
    }
    room.begin_try();
    auto draft = session().connector().create(size_bytes, meta, room.budget());
    if (draft || draft.error().code() != Errc::out_of_memory) {
      room.end_try();
      return draft;
    }
    if (const auto more = room.wait(draft.error(), size_bytes); !more) {
      return more.error();
    }
  }
}

template <class Call>
[[gnu::hot]] auto StoreBase::in_room(std::string_view name, RoomPolicy when_full, const StoredHow& how,
                                     Call call) const
    -> std::invoke_result_t<Call&, const StoredHow&, RoomWait*> {
  using Outcome = std::invoke_result_t<Call&, const StoredHow&, RoomWait*>;
  if (!when_full.waits()) [[likely]] {
    return call(how, nullptr);
  }
  RoomWait room(session(), effective_in(*open_, how.deadline));
  const StoredHow in_time = how.by(room.until());
  Result<void> may = room.check();
  while (may) {
    Outcome outcome = call(in_time, &room);
    if (outcome || outcome.error().code() != Errc::out_of_memory || !room.had_memory()) {
      return outcome;
    }
    may = room.wait(outcome.error());
  }
  return Outcome(explain(session(), {open_->number, name}, may.error()));
}

Result<StoreBase::Made> StoreBase::store_in_room(
    std::string_view name, const StoredHow& how,
    const std::function<Result<Made>(const StoredHow& in_time, RoomWait* room)>& call) const {
  return in_room(name, WhenFull::wait, how,
                 [&](const StoredHow& in_time, RoomWait* room) { return call(in_time, room); });
}

Result<RawView> StoreBase::raw_of(Result<ObjectView> object) const {
  if (!object) {
    return object.error();
  }
  session().metrics().count_read(object->path(), object->bytes().size());
  return Result<RawView>(std::in_place, std::move(*object));
}

Result<View<std::byte[]>> StoreBase::bytes_of(Result<ObjectView> object) const {
  if (!object) {
    return object.error();
  }
  session().metrics().count_read(object->path(), object->bytes().size());
  return View<std::byte[]>(std::move(*object));
}

Error StoreBase::no_draft(std::string_view name, const Error& error) const {
  return error.rank() >= 0 ? error : session().explain({open_->number, name}, error);
}

Result<std::shared_ptr<PromiseState>> StoreBase::new_promise(std::optional<std::string_view> name,
                                                             Deadline deadline) const {
  if (!name) {
    const auto allowed = usable(Address(open_->number, {}));
    return allowed ? PromiseState::make(open_, {}, effective_in(*open_, deadline)) : allowed.error();
  }
  const FullName whole = full(*name);
  const auto allowed = usable(whole);
  return allowed ? PromiseState::make(open_, whole, effective_in(*open_, deadline)) : allowed.error();
}

Result<StoreBase::Made> StoreBase::seal(const ObjectDraft& draft, std::string_view name,
                                        const SealOptions& options, Deadline deadline) const {
  const auto sealed = session().connector().seal(draft, options, effective_in(*open_, deadline));
  if (!sealed) {
    return session().explain({open_->number, name}, sealed.error());
  }
  if (open_->dropped_meanwhile()) [[unlikely]] {
    (void)session().connector().evict(Address(sealed->key), {});
    return refusal(sealed->key);
  }
  session().metrics().count_write(session().copied_by(), draft.bytes.size());
  return Made{sealed->key, sealed->generation, draft.bytes.size()};
}

Result<ObjectDraft> StoreBase::draft_of_bytes(std::string_view name, bool named,
                                              std::span<const std::byte> bytes, const StoredHow& how,
                                              RoomWait* room) const {
  constexpr const TypeIdentity& identity = type_identity<std::byte[]>;
  return draft_of_bytes({open_->number, 1, 16, identity.hash, identity.name, name, Layout::bytes, {}}, named,
                        bytes, how, room);
}

Result<ObjectDraft> StoreBase::draft_of_bytes(ObjectMeta&& meta, bool named, std::span<const std::byte> bytes,
                                              const StoredHow& how, RoomWait* room) const {
  const std::string_view name = meta.name;
  auto draft = allocate(bytes.size(), std::move(meta), named, how, room);
  if (!draft) {
    return no_draft(name, draft.error());
  }
  if (!bytes.empty()) {
    std::memcpy(draft->bytes.data(), bytes.data(), bytes.size());
  }
  return draft;
}

[[gnu::hot]] Result<OwnedDraft> StoreBase::create_array(std::string_view name, bool named,
                                                        const ArrayType& type, const Extents& extents,
                                                        RoomPolicy when_full, const StoredHow& how) const {
  return in_room(name, when_full, how, [&](const StoredHow& in_time, RoomWait* room) {
    return create_array(name, named, type, extents, in_time, room);
  });
}

[[gnu::hot]] Result<OwnedDraft> StoreBase::create_array(std::string_view name, bool named,
                                                        const ArrayType& type, const Extents& extents,
                                                        const StoredHow& how, RoomWait* room) const {
  const auto size_bytes = array_bytes(extents, type);
  if (!size_bytes) {
    return session().explain({open_->number, name}, size_bytes.error());
  }
  const auto draft = allocate(*size_bytes, array_meta(open_->number, name, extents, type), named, how, room);
  if (!draft) [[unlikely]] {
    return no_draft(name, draft.error());
  }
  return OwnedDraft(open_, *draft);
}

Result<OwnedDraft> StoreBase::create_encoded(std::string_view name, bool named, const EncodedMemory& memory,
                                             RoomPolicy when_full, const StoredHow& how) const {
  const auto type = type_of(EncodedValue{.type = memory.type, .codec = memory.codec});
  if (!type) {
    return session().explain({open_->number, name}, type.error());
  }
  return in_room(name, when_full, how, [&](const StoredHow& in_time, RoomWait* room) -> Result<OwnedDraft> {
    const auto draft =
        allocate(memory.size_bytes, meta_of_encoded(open_->number, name, *type), named, in_time, room);
    return draft ? Result<OwnedDraft>(OwnedDraft(open_, *draft)) : no_draft(name, draft.error());
  });
}

Result<StoreBase::Made> StoreBase::store_bytes(std::string_view name, bool named,
                                               std::span<const std::byte> bytes, RoomPolicy when_full,
                                               const StoredHow& how) const {
  return in_room(name, when_full, how, [&](const StoredHow& in_time, RoomWait* room) {
    const auto draft = draft_of_bytes(name, named, bytes, in_time, room);
    return draft ? seal(*draft, name, {}, in_time.deadline) : Result<Made>(draft.error());
  });
}

// Filled by a codec: in place where the size is known before, else by a copy of what it made.
Result<ObjectDraft> StoreBase::draft_by(std::string_view name, bool named, const void* value,
                                        const WritingSteps& steps, const void* codec, const StoredHow& how,
                                        RoomWait* room) const {
  const Address address(open_->number, name);
  auto size_bytes = size_by(steps, codec, value);
  std::unique_ptr<std::byte[]> made;
  if (size_bytes && !steps.is_exact) {
    constexpr std::uint64_t most = std::uint64_t{1}
                                   << 40U;  // no process has more: some allocators end one that asks
    made.reset(*size_bytes <= most ? new (std::nothrow) std::byte[*size_bytes] : nullptr);
    size_bytes = made ? encode_by(steps, codec, value, {made.get(), *size_bytes}) : no_memory_left();
  }
  if (!size_bytes) {
    return session().explain(address, size_bytes.error());
  }
  auto draft = allocate(*size_bytes, steps.meta(open_->number, name, value), named, how, room);
  if (!draft) {
    return no_draft(name, draft.error());
  }
  OwnedDraft owned(open_, *draft);
  if (!steps.is_exact) {
    std::copy_n(made.get(), *size_bytes, draft->bytes.data());
  } else if (const auto written = encode_by(steps, codec, value, draft->bytes); !written) {
    return session().explain(address, written.error());
  }
  (void)owned.release();
  return draft;
}

Result<StoreBase::Made> StoreBase::store_by(std::string_view name, bool named, const void* value,
                                            const WritingSteps& steps, const void* codec,
                                            const SealOptions& options, RoomPolicy when_full,
                                            const StoredHow& how) const {
  return in_room(name, when_full, how, [&](const StoredHow& in_time, RoomWait* room) {
    const auto draft = draft_by(name, named, value, steps, codec, in_time, room);
    return draft ? seal(*draft, name, options, in_time.deadline) : Result<Made>(draft.error());
  });
}

Result<ObjectDraft> StoreBase::draft_of(std::string_view name, bool named, const RawValue& value,
                                        const StoredHow& how, RoomWait* room) const {
  if (const auto* const encoded = std::get_if<EncodedValue>(&value.is())) {
    const auto type = type_of(*encoded);
    return type
               ? draft_of_bytes(meta_of_encoded(open_->number, name, *type), named, encoded->bytes, how, room)
               : session().explain({open_->number, name}, type.error());
  }
  const auto& array = std::get<ConstRawArray>(value.is());
  if (!array.is_valid()) {
    return session().explain({open_->number, name}, invalid(array));
  }
  auto made = create_array(name, named, RuntimeArrayType(array.element(), array.extents().size() == 0),
                           array.extents(), how, room);
  if (!made) {
    return made.error();
  }
  pack(array.memory(), made->bytes().data());
  const ObjectDraft draft = made->draft();
  (void)made->release();
  return draft;
}

Result<StoreBase::Made> StoreBase::store_raw(std::string_view name, bool named, const RawValue& value,
                                             const SealOptions& options, RoomPolicy when_full,
                                             const StoredHow& how) const {
  return in_room(name, when_full, how, [&](const StoredHow& in_time, RoomWait* room) {
    const auto draft = draft_of(name, named, value, in_time, room);
    return draft ? seal(*draft, name, options, in_time.deadline) : Result<Made>(draft.error());
  });
}

Result<StoreBase::Made> StoreBase::store_encoded(std::string_view name, bool named,
                                                 std::span<const std::byte> bytes, const ObjectMeta& meta,
                                                 RoomPolicy when_full, const StoredHow& how) const {
  // Of an array the first extent is to be found; those of an element that is an array itself are given.
  std::uint64_t each = meta.element_bytes;
  for (std::size_t at = 1; at < meta.extents.size(); ++at) {
    each *= meta.extents[at];
  }
  const bool fits = meta.layout == Layout::flat    ? bytes.size() == each
                    : meta.layout == Layout::array ? bytes.size() % each == 0
                                                   : true;
  if (!fits) {
    return session().explain(
        {open_->number, name},
        Error(Errc::invalid_argument, std::to_string(bytes.size()) + " bytes are no value of type " +
                                          std::string(meta.type_name) + ", of which each element has " +
                                          std::to_string(each)));
  }
  return in_room(name, when_full, how, [&](const StoredHow& in_time, RoomWait* room) {
    ObjectMeta own = meta;
    own.store = open_->number;
    own.name = name;
    if (own.layout == Layout::array) {
      own.extents.values[0] = bytes.size() / each;
    }
    const auto draft = draft_of_bytes(std::move(own), named, bytes, in_time, room);
    return draft ? seal(*draft, name, {}, in_time.deadline) : Result<Made>(draft.error());
  });
}

Result<bool> StoreBase::exists_at(const Address& address, Deadline deadline) const {
  auto found = session().connector().exists(address, effective_in(*open_, deadline));
  if (found && !*found) {
    session().forget_decoded(address);
  }
  return found ? std::move(found) : session().explain(address, found.error());
}

Result<bool> StoreBase::exists_by_key(const Key& key, Deadline deadline) const {
  const auto at = session().promises().actual(key, effective_in(*open_, deadline));
  return at ? exists_at(*at, deadline) : is_absent(at.error()) ? Result<bool>(false) : at.error();
}

Result<bool> StoreBase::evict_at(const Address& address, Deadline deadline) const {
  auto evicted = session().connector().evict(address, effective_in(*open_, deadline));
  if (!evicted) {
    return session().explain(address, evicted.error());
  }
  if (*evicted) {
    Metrics::increment(session().metrics().evictions);
    session().promises().evicted_some();
  }
  session().forget_decoded(address);
  return evicted;
}

// Also what stands under its name in place of a value.
Result<bool> StoreBase::evict_promised(const Key& key, Deadline deadline) const {
  const auto at = session().promises().actual(key, effective_in(*open_, deadline));
  if (!at && !is_absent(at.error())) {
    return at.error();
  }
  auto evicted = at ? evict_at(*at, deadline) : Result<bool>(false);
  const std::string name = session().connector().name_of(key);
  const auto gone = session().connector().evict(Address(key.store, name), effective_in(*open_, deadline));
  return gone || !evicted ? std::move(evicted) : session().explain(key, gone.error());
}

}  // namespace locum::detail
