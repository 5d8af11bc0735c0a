#include "core/detail/session_state.hpp"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstddef>
#include <cstdio>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/async/serial_executor.hpp"
#include "core/codec.hpp"
#include "core/detail/decoded_cache.hpp"
#include "core/detail/expiry.hpp"
#include "core/detail/promises.hpp"
#include "core/detail/representation.hpp"
#include "core/detail/session_list.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/node/promised.hpp"
#include "core/object/internal_stores.hpp"
#include "core/store.hpp"

namespace locum::detail {

namespace {

// "f64[] by the codec f32"
std::string described(const TypeAndCodec& of) {
  const std::string type(of.type);
  return of.codec.empty() ? type : type + " by the codec " + std::string(of.codec);
}

std::uint64_t random_number() {
  std::random_device device;
  return (std::uint64_t{device()} << 32U) | device();
}

// Differs, as good as certainly, from that of any other session, of this process or another one: a handle of
// another one is known as such.
SessionOptions numbered(SessionOptions options, std::string_view own_name) {
  options.options.name = own_name;
  while (options.incarnation == 0) {
    options.incarnation = random_number();
  }
  return options;
}

}  // namespace

SessionState::SessionState(std::shared_ptr<Connector> connector, std::shared_ptr<Metrics> metrics,
                           SessionOptions options, std::shared_ptr<CompletionCounter> completions)
    : connector_(std::move(connector)),
      metrics_(std::move(metrics)),
      copied_by_(connector_->path_of_writes(Path::shm_copy)),
      written_by_(connector_->path_of_writes(Path::shm_view)),
      name_(options.options.name),
      options_(numbered(std::move(options), name_)),
      own_names_(random_number()),
      completions_(completions ? std::move(completions)
                               : std::make_shared<CompletionCounter>(options_.options.timeout)),
      decoded_(std::make_unique<DecodedCache>(options_.options.decoded_cache_bytes)),
      reader_(connector_.get()),
      promises_(std::make_unique<Promises>(*this, connector_)),
      files_(std::make_unique<FileParts>()),
      expiry_(std::make_shared<Expiry>(*connector_)) {}

SessionState::~SessionState() {
  remove_session(*this);
  close();
}

void SessionState::add(const std::shared_ptr<OpenStore>& store) {
  const MutexLock lock(mutex_);
  std::erase_if(open_stores_, [](const auto& known) { return known.expired(); });
  open_stores_.push_back(store);
}

std::string SessionState::listed_name() {
  constexpr std::size_t longest = 64;
  std::array<char, longest> name{};
  const int length = std::snprintf(name.data(), name.size(), "unnamed-%016" PRIx64 "-%" PRIu64, own_names_,
                                   listed_names_.fetch_add(1, std::memory_order_relaxed));
  return {name.data(), static_cast<std::size_t>(length)};
}

void SessionState::read_by(std::shared_ptr<Connector> around) {
  around_ = std::move(around);
  reader_.store(around_.get(), std::memory_order_release);
}

std::function<void()> SessionState::when_adopted() const {
  return [expiry = std::weak_ptr(expiry_)] {
    const auto open = expiry.lock();
    const auto expected = open ? open->expect_adopted() : Result<void>();
    if (!expected) {
      throw expected.error();
    }
  };
}

std::chrono::milliseconds SessionState::lifetime_in(std::uint32_t store) {
  const MutexLock lock(mutex_);
  for (const auto& weak : open_stores_) {
    const auto open = weak.lock();
    if (open && open->number == store && open->collection.empty() && !open->name.empty()) {
      return open->options.lifetime;
    }
  }
  return {};
}

void SessionState::mark_dropped(std::uint32_t number) {
  expiry_->forget(number);
  const MutexLock lock(mutex_);
  for (const auto& weak : open_stores_) {
    const auto store = weak.lock();
    if (store && store->number == number) {
      store->drop();
    }
  }
}

RankReport SessionState::report() const {
  if (!closed()) {
    promises_->collect_marks();
  }
  RankReport report = snapshot(*metrics_);
  report.rank = options_.rank;
  report.node = options_.node;
  report.memory = connector_->usage();
  report.decoded_bytes = decoded_->kept_bytes();
  return report;
}

void SessionState::close() noexcept {
  if (!disowned_.load(std::memory_order_relaxed)) {
    expiry_->close();
    files_->close(closed_error());
    promises_->break_all();
  }
  closed_.store(true, std::memory_order_relaxed);
  if (!disowned_.load(std::memory_order_relaxed)) {
    promises_->end_waits(closed_error());
    decoded_->clear();
  }
}

void SessionState::find_batch(std::span<const Address> addresses, Wanting wanting,
                              std::span<Result<ObjectView>> found, Deadline deadline, bool reads_files) {
  if (closed()) {
    std::ranges::fill(found, Result<ObjectView>(closed_error()));
    return;
  }
  (reads_files ? reader() : *connector_).find_batch(addresses, wanting, found, deadline);
  for (std::size_t at = 0; at < found.size(); ++at) {
    const Address& asked = addresses[at];
    const bool is_missing = !found[at] && found[at].error().code() == Errc::not_found;
    if (is_missing && !reads_files && asked.name.empty() && is_promised(asked.key)) {
      const auto stands = promises_->actual(asked.key, deadline);
      found[at] =
          stands ? connector_->get_some(*stands, Facts(), deadline) : Result<ObjectView>(stands.error());
    } else if (!found[at]) {
      found[at] = promises_->otherwise(asked, found[at].error(), deadline);
    }
  }
}

Result<ObjectView> SessionState::otherwise(const Address& address, const Error& error, Deadline deadline) {
  return promises_->otherwise(address, error, deadline);
}

Result<ObjectView> SessionState::fetch_some(const Address& address, const Selection& selection,
                                            Deadline deadline) {
  if (closed()) {
    return closed_error();
  }
  auto found = reader().get_some(address, selection, deadline);
  return found ? std::move(found) : missed(address, found.error());
}

Result<ObjectView> SessionState::fetch_into(const Address& address, const Selection& selection,
                                            std::span<std::byte> memory, Deadline deadline) {
  if (closed()) {
    return closed_error();
  }
  auto found = reader().get_into(address, selection, memory, deadline);
  return found ? std::move(found) : missed(address, found.error());
}

Result<ObjectView> SessionState::fetch(const Handle& handle, Deadline deadline) {
  if (closed()) {
    return closed_error();
  }
  return handle.awaits_promise() ? promises_->await(handle, deadline)
                                 : as_said(handle, connector_->get(addressed(handle), deadline), deadline);
}

NowOrTask<ObjectView> SessionState::get_or_task(const Handle& handle, CountsUntil counts, Deadline deadline) {
  if (closed()) {
    return {closed_error()};
  }
  if (handle.is_from_file()) {
    return {ObjectView(),
            files_->load_later(*this, Address(handle.key.store, connector_->name_of(handle.key)), {})};
  }
  if (handle.awaits_promise()) {
    return promises_->get_or_task(handle.key, counts, deadline);
  }
  auto made = connector_->get_or_task(addressed(handle), {}, counts, deadline);
  if (!made.found || *made.found) {
    made.found = as_said(handle, std::move(made.found), {});
  }
  return made;
}

// Where what was promised is, is asked for first, and waited for.
NowOrTask<ObjectView> SessionState::get_or_task(const Address& address, const Selection& selection,
                                                Deadline deadline) {
  if (closed()) {
    return {closed_error()};
  }
  const bool of_promise = address.name.empty() && is_promised(address.key);
  const auto at = of_promise ? promises_->actual(address.key, deadline, true) : address;
  if (!at) {
    return {at.error()};
  }
  return reader().get_or_task(*at, selection, CountsUntil::it_is_got, deadline);
}

Result<ObjectView> SessionState::fetch(const Handle& handle, Fetch& coming, Deadline deadline) {
  return closed() && !coming.ended() ? Result<ObjectView>(closed_error())
                                     : as_said(handle, coming.get(deadline), deadline);
}

Result<ObjectView> SessionState::as_said(const Handle& handle, Result<ObjectView> found, Deadline deadline) {
  if (handle.awaits_promise()) {
    return promises_->redeemed(handle.key, std::move(found), deadline);
  }
  if (!found) {
    return missed(addressed(handle), found.error());
  }
  if (found->bytes().size() != handle.size_bytes) {
    return explain(
        handle.key,
        Error(Errc::corrupt, "the object has another size than its handle states; take a new handle of it"));
  }
  return found;
}

void SessionState::restored(std::uint64_t incarnation, std::uint32_t former_store, std::uint32_t store,
                            std::uint32_t ranks) {
  restored_.add(incarnation, former_store, store, ranks);
  add_session(shared_from_this(), incarnation);
}

std::optional<Error> SessionState::refusal(const Handle& handle) const {
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

Handle SessionState::handle_of(const ObjectFacts& facts, const StoreOptions& options) const noexcept {
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

Error SessionState::closed_error() const {
  return Error(Errc::closed,
               "the runtime or session has ended, or this process was forked from the one that opened it; "
               "keep it alive as long as its stores are used, and use them in the process that opened it")
      .at_rank(options_.rank);
}

Error SessionState::explain(const Address& address, const Error& error) const noexcept {
  if (address.name.empty() && !address.key.valid()) {  // a new object without a name has no key yet
    return error.at_rank(options_.rank);
  }
  return address.name.empty() ? error.about(address.key, options_.rank)
                              : error.about(address.name, options_.rank);
}

void SessionState::forget_decoded(const Address& address) noexcept {
  if (address.name.empty()) {
    decoded_->forget(address.key, 0);
  } else {
    decoded_->forget({}, name_hash(address.key.store, address.name));
  }
}

Error SessionState::missed(const Address& address, const Error& error) noexcept {
  if (error.code() == Errc::not_found || error.code() == Errc::stale) {
    Metrics::increment(metrics_->misses);
    forget_decoded(address);
  }
  return explain(address, error);
}

Error SessionState::type_mismatch(std::string_view asked, const ObjectView& object) const {
  const auto wanted = type_and_codec(asked);
  const ObjectFacts facts = object.facts();
  const auto there = type_and_codec(facts.type_name);
  std::string text = "asked for " + described(wanted) + ", the object is of type " + described(there);
  if (wanted.type == there.type && wanted.codec != there.codec) {
    text += there.codec.empty() ? "; read it without a codec"
                                : "; read it by the codec that wrote it (the option codec)";
  } else {
    text += "; ask for the type that was put";
  }
  return explain(object, Error(Errc::type_mismatch, std::move(text)));
}

Error SessionState::explain(const ObjectView& object, const Error& error) const {
  const ObjectFacts facts = object.facts();
  const bool named = facts.whole && !facts.name.empty();
  return explain(named ? Address(facts.key.store, facts.name) : Address(object.key()), error);
}

Error SessionState::wrong_size(std::string_view type, const ObjectView& object) const {
  return explain(object, Error(Errc::corrupt, "the object has " + std::to_string(object.bytes().size()) +
                                                  " bytes, which is no size of its type " +
                                                  std::string(type) + "; store it again"));
}

}  // namespace locum::detail
