#include "core/session.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/codec.hpp"
#include "core/detail/local_waits.hpp"
#include "core/detail/promise_marks.hpp"
#include "core/detail/representation.hpp"
#include "core/detail/session_list.hpp"
#include "core/node/promised.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/directory.hpp"
#include "core/store.hpp"

namespace locum {

namespace {

/// What stands under a store's name, in the runtime's own store. Part of no file: one job's ranks only. Other
/// versions of this library may add fields at its end, of which 0 means what there was before them; where
/// what is there comes to mean something else, the version is another one.
struct StoreRecord {
  static constexpr std::string_view locum_type_name = "locum.store";
  static constexpr std::uint64_t current = 1;

  std::uint64_t version = current;
  std::int64_t timeout_ms = 0;
  std::uint64_t keep_decoded = 1;
  std::uint64_t checksum = 0;
};

// "f64[] by the codec f32"
std::string described(const detail::TypeAndCodec& of) {
  const std::string type(of.type);
  return of.codec.empty() ? type : type + " by the codec " + std::string(of.codec);
}

// As far as this version knows it: what more there is must be of no effect.
Result<StoreOptions> options_in(std::span<const std::byte> stored) {
  StoreRecord record;
  if (stored.size() < sizeof record) {
    return Error(Errc::corrupt, "the record of this store has " + std::to_string(stored.size()) + " bytes, " +
                                    std::to_string(sizeof record) + " are the least");
  }
  std::memcpy(&record, stored.data(), sizeof record);
  const auto rest = stored.subspan(sizeof record);
  if (record.version != StoreRecord::current ||
      std::ranges::any_of(rest, [](std::byte byte) { return byte != std::byte{0}; })) {
    return Error(Errc::unsupported,
                 "the store was opened by another version of this library, with options that this one does "
                 "not know; link the same version into all programs of a job");
  }
  return StoreOptions{std::chrono::milliseconds(record.timeout_ms), record.keep_decoded != 0,
                      record.checksum != 0};
}

std::string to_text(const StoreOptions& options) {
  return "timeout " + std::to_string(options.timeout.count()) + " ms, keep_decoded " +
         std::to_string(options.keep_decoded) + " and checksum " + std::to_string(options.checksum);
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > max_name_bytes) {
    return Error(Errc::invalid_argument,
                 "a store's name is 1 byte to 64 KiB long, this one has " + std::to_string(name.size()));
  }
  return {};
}

// Differs, as good as certainly, from that of any other session, of this process or another one: a handle of
// another one is known as such.
SessionOptions numbered(SessionOptions options, std::string_view own_name) {
  options.options.name = own_name;
  std::random_device device;
  while (options.incarnation == 0) {
    options.incarnation = (std::uint64_t{device()} << 32U) | device();
  }
  return options;
}

}  // namespace

Session::Session(std::shared_ptr<Connector> connector, std::shared_ptr<Metrics> metrics,
                 SessionOptions options, std::shared_ptr<CompletionCounter> completions)
    : connector_(std::move(connector)),
      metrics_(std::move(metrics)),
      name_(options.options.name),
      options_(numbered(std::move(options), name_)),
      completions_(completions ? std::move(completions)
                               : std::make_shared<CompletionCounter>(options_.options.timeout)),
      decoded_(options_.options.decoded_cache_bytes),
      standing_(std::make_shared<detail::LocalWaits>(connector_, completions_->continuations().on_start())),
      marks_(std::make_unique<detail::PromiseMarks>()) {}

void Session::announce() {
  detail::add_session(shared_from_this());
}

Session::~Session() {
  detail::remove_session(*this);
  close();
}

Result<ObjectView> Session::find_or_register(std::string_view name, const StoreOptions& options) {
  const Address address(registry, name);
  // A few rounds: between our look-up and our put another rank may put, and drop, the same name.
  for (int round = 0;; ++round) {
    auto found = connector_->get(address, {});
    if (found || found.error().code() != Errc::not_found) {
      return found;
    }
    const StoreRecord record{.timeout_ms = options.timeout.count(),
                             .keep_decoded = options.keep_decoded ? 1U : 0U,
                             .checksum = options.checksum ? 1U : 0U};
    auto draft = connector_->create(sizeof record, detail::meta_of(registry, name, record), {});
    if (!draft) {
      return draft.error();
    }
    if (auto written = detail::store_value(record, draft->bytes); !written) {
      connector_->discard(*draft);
      return written.error();
    }
    constexpr int most_rounds = 16;
    const auto sealed = connector_->seal(*draft, {}, {});
    if (!sealed && (sealed.error().code() != Errc::key_exists || round == most_rounds)) {
      return sealed.error();
    }
  }
}

// A store's number follows from the generation of its name: the directory that binds the registry's names
// counts their generations apart from all others, never gives one twice, and goes on counting when a store is
// dropped. Where the names have several homes, each counts for itself, and a number says which home has given
// it. So a number is never that of another store, old or new. Keys hold 32 bits of it: a larger one is
// refused, not cut, and stores that are open stay as they are.
Result<std::uint32_t> Session::number_from(std::string_view name, const ObjectView& registration) const {
  const std::uint64_t generation = registration.facts().generation;
  const std::uint64_t number = connector_->store_number(name, generation);
  if (generation == 0 || number > last_store) {
    return Error(Errc::unsupported,
                 "the 4294967292 numbers of stores, or those of them that the node has to give at which this "
                 "name is at home, are used up: keep stores that are opened again and again instead of "
                 "dropping them, or open another runtime");
  }
  return static_cast<std::uint32_t>(number);
}

Result<Store> Session::open(std::string_view name) {
  return open_with(name, nullptr);
}

Result<Store> Session::open(std::string_view name, const StoreOptions& options) {
  return open_with(name, &options);
}

// Wanted or not, they are those of a store that is new.
Result<Store> Session::open_with(std::string_view name, const StoreOptions* wanted) {
  if (auto allowed = check_name(name); !allowed) {
    return allowed.error();
  }
  if (closed()) {
    return closed_error();
  }
  const Address address(registry, name);
  auto registration = find_or_register(name, wanted != nullptr ? *wanted : StoreOptions());
  if (!registration) {
    return explain(address, registration.error());
  }
  const auto stored = options_in(registration->bytes());
  if (!stored) {
    return explain(address, stored.error());
  }
  if (wanted != nullptr && *stored != *wanted) {
    return explain(address, Error(Errc::options_differ, "the store is open with " + to_text(*stored) +
                                                            ", this call asks for " + to_text(*wanted) +
                                                            "; give the same options everywhere, or none"));
  }
  const auto number = number_from(name, *registration);
  if (!number) {
    return explain(address, number.error());
  }
  auto opened = std::make_shared<detail::OpenStore>();
  opened->session = shared_from_this();
  opened->number = *number;
  opened->name = name;
  opened->options = *stored;
  {
    const MutexLock lock(mutex_);
    std::erase_if(open_stores_, [](const auto& store) { return store.expired(); });
    open_stores_.push_back(opened);
  }
  // By its name, which the same node knows: the rank that opened the store first may be lost.
  const auto still_there = connector_->get(address, {});
  if (!still_there && still_there.error().code() != Errc::not_found) {
    return explain(address, still_there.error());
  }
  if (!still_there || still_there->key() != registration->key()) {
    opened->drop();  // by another thread, which may not have met this value
  }
  return Store(std::move(opened));
}

Result<std::uint32_t> Session::number_of(std::string_view name) {
  if (auto allowed = check_name(name); !allowed) {
    return allowed.error();
  }
  const auto registration = fetch(Address(registry, name), {});
  return registration ? number_from(name, *registration) : Result<std::uint32_t>(registration.error());
}

Result<std::uint64_t> Session::drop(std::string_view name, std::uint32_t number) {
  const Address address(registry, name);
  // First the name, then the marks, then the objects: whoever opens meanwhile is marked, or misses the name.
  // It may already stand for a newer store: that one stays.
  const auto registration = connector_->get(address, {});
  const auto found = registration ? number_from(name, *registration) : Result<std::uint32_t>(0U);
  if (registration && found && *found == number) {
    const auto evicted = connector_->evict(Address(registration->key()), {});
    if (!evicted) {
      return explain(address, evicted.error());
    }
  }
  {
    const MutexLock lock(mutex_);
    for (const auto& weak : open_stores_) {
      const auto store = weak.lock();
      if (store && store->number == number) {
        store->drop();
      }
    }
  }
  auto dropped = connector_->drop(number);
  decoded_.forget(number);
  return dropped ? std::move(dropped) : explain(address, dropped.error());
}

Result<std::uint64_t> Session::drop(std::string_view name) {
  const auto number = number_of(name);
  return number ? drop(name, *number) : Result<std::uint64_t>(number.error());
}

RankReport Session::report() const {
  if (!closed()) {
    marks_->collect(*connector_);
  }
  RankReport report = snapshot(*metrics_);
  report.rank = options_.rank;
  report.node = options_.node;
  report.memory = connector_->usage();
  report.decoded_bytes = decoded_.kept_bytes();
  return report;
}

void Session::close() noexcept {
  if (!disowned_.load(std::memory_order_relaxed)) {
    break_promises();
  }
  closed_.store(true, std::memory_order_relaxed);
  if (!disowned_.load(std::memory_order_relaxed)) {
    standing_->close(closed_error());
    decoded_.clear();
  }
}

void Session::find_batch(std::span<const Address> addresses, Wanting wanting,
                         std::span<Result<ObjectView>> found, Deadline deadline) {
  if (closed()) {
    std::ranges::fill(found, Result<ObjectView>(closed_error()));
    return;
  }
  connector_->find_batch(addresses, wanting, found, deadline);
  for (std::size_t at = 0; at < found.size(); ++at) {
    if (!found[at]) {
      found[at] = otherwise(addresses[at], found[at].error(), deadline);
    }
  }
}

Result<ObjectView> Session::fetch_some(const Address& address, const Selection& selection,
                                       Deadline deadline) {
  if (closed()) {
    return closed_error();
  }
  auto found = connector_->get_some(address, selection, deadline);
  return found ? std::move(found) : missed(address, found.error());
}

Result<ObjectView> Session::fetch_into(const Address& address, const Selection& selection,
                                       std::span<std::byte> memory, Deadline deadline) {
  if (closed()) {
    return closed_error();
  }
  auto found = connector_->get_into(address, selection, memory, deadline);
  return found ? std::move(found) : missed(address, found.error());
}

Result<ObjectView> Session::fetch(const Handle& handle, Deadline deadline) {
  if (closed()) {
    return closed_error();
  }
  return handle.awaits_promise() ? await(handle, deadline)
                                 : as_said(handle, connector_->get(addressed(handle), deadline), deadline);
}

NowOrTask<ObjectView> Session::get_or_task(const Handle& handle, CountsUntil counts, Deadline deadline) {
  if (closed()) {
    return {closed_error()};
  }
  if (handle.awaits_promise()) {
    return promised_or_task(handle.key, counts, deadline);
  }
  auto made = connector_->get_or_task(addressed(handle), {}, counts, deadline);
  if (!made.found || *made.found) {
    made.found = as_said(handle, std::move(made.found), {});
  }
  return made;
}

// Where what was promised is, is asked for first, and waited for.
NowOrTask<ObjectView> Session::get_or_task(const Address& address, const Selection& selection,
                                           Deadline deadline) {
  if (closed()) {
    return {closed_error()};
  }
  const bool of_promise = address.name.empty() && is_promised(address.key);
  const auto at = of_promise ? actual(address.key, deadline) : address;
  return at ? connector_->get_or_task(*at, selection, CountsUntil::it_is_got, deadline)
            : NowOrTask<ObjectView>{at.error()};
}

Result<ObjectView> Session::fetch(const Handle& handle, Fetch& coming, Deadline deadline) {
  return closed() && !coming.ended() ? Result<ObjectView>(closed_error())
                                     : as_said(handle, coming.get(deadline), deadline);
}

Result<ObjectView> Session::as_said(const Handle& handle, Result<ObjectView> found, Deadline deadline) {
  if (handle.awaits_promise()) {
    return redeemed(handle.key, std::move(found), deadline);
  }
  if (!found) {
    return missed(addressed(handle), found.error());
  }
  if (found->bytes().size() != handle.size_bytes) {
    return explain(handle.key, Error(Errc::corrupt, "the object is of another size than its handle says"));
  }
  return found;
}

std::optional<Error> Session::refusal(const Handle& handle) const {
  if (const auto whole = handle.verify(); !whole) {
    return whole.error().at_rank(options_.rank);
  }
  if (handle.incarnation != options_.incarnation) {
    return explain(handle.key, Error(Errc::invalid_argument,
                                     "the handle was made by another runtime; a handle is of use only in the "
                                     "runtime whose store holds its object"));
  }
  return std::nullopt;
}

Handle Session::handle_of(const ObjectFacts& facts, const StoreOptions& options) const noexcept {
  Handle handle;
  handle.incarnation = options_.incarnation;
  handle.key = facts.key;
  handle.generation = facts.generation;
  handle.size_bytes = facts.size_bytes;
  handle.type_hash = facts.type_hash;
  handle.owner_node = static_cast<std::uint16_t>(options_.node);
  if (!facts.name.empty()) {
    handle.name_hash = name_hash(facts.key.store, facts.name);
    handle.flags = Handle::named;
  }
  if (!options.keep_decoded) {
    handle.flags |= Handle::decoded_anew;
  }
  handle.stamp();
  return handle;
}

Error Session::closed_error() const {
  return Error(Errc::closed,
               "the runtime has ended, or this process was forked from a rank; keep the runtime alive as "
               "long as its stores are used, and use them in the rank itself")
      .at_rank(options_.rank);
}

Error Session::explain(const Address& address, const Error& error) const noexcept {
  if (address.name.empty() && !address.key.valid()) {  // a new object without a name has no key yet
    return error.at_rank(options_.rank);
  }
  return address.name.empty() ? error.about(address.key, options_.rank)
                              : error.about(address.name, options_.rank);
}

void Session::forget_decoded(const Address& address) noexcept {
  if (address.name.empty()) {
    decoded_.forget(address.key, 0);
  } else {
    decoded_.forget({}, name_hash(address.key.store, address.name));
  }
}

Error Session::missed(const Address& address, const Error& error) noexcept {
  if (error.code() == Errc::not_found || error.code() == Errc::stale) {
    Metrics::increment(metrics_->misses);
    forget_decoded(address);
  }
  return explain(address, error);
}

Error Session::type_mismatch(std::string_view asked, const ObjectView& object) const {
  const auto wanted = detail::type_and_codec(asked);
  const ObjectFacts facts = object.facts();
  const auto there = detail::type_and_codec(facts.type_name);
  const bool named = facts.whole && !facts.name.empty();
  std::string text = "asked for " + described(wanted) + ", the object is of type " + described(there);
  if (wanted.type == there.type && wanted.codec != there.codec) {
    text += there.codec.empty() ? "; read it without a codec"
                                : "; read it by the codec that it was written by: {.codec = ...}";
  }
  return explain(named ? Address(facts.key.store, facts.name) : Address(object.key()),
                 Error(Errc::type_mismatch, std::move(text)));
}

Error Session::wrong_size(std::string_view type, const ObjectView& object) const {
  return explain(object.key(),
                 Error(Errc::corrupt, "the object says that it is of type " + std::string(type) +
                                          ", but has " + std::to_string(object.bytes().size()) + " bytes"));
}

}  // namespace locum
