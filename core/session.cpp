#include "core/session.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "core/detail/decoded_cache.hpp"
#include "core/detail/expiry.hpp"
#include "core/detail/representation.hpp"
#include "core/detail/session_list.hpp"
#include "core/detail/session_state.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/directory.hpp"
#include "core/raw_proxy.hpp"
#include "core/store.hpp"
#include "core/value/errors.hpp"

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
  std::uint64_t memory_bytes = 0;
  std::int64_t lifetime_ms = 0;
  std::uint64_t decoded_cache_bytes = 0;
  std::uint64_t decoded_cache_values = 0;
};

// As far as this version knows it: what more there is must be of no effect.
Result<StoreOptions> options_in(std::span<const std::byte> stored) {
  StoreRecord record;
  constexpr std::size_t least = offsetof(StoreRecord, decoded_cache_bytes);  // the first version had no more
  if (stored.size() != least && stored.size() < sizeof record) {
    return memory_damaged("the record of this store has " + std::to_string(stored.size()) +
                          " bytes, fewer than " + std::to_string(least));
  }
  const std::size_t known = std::min(stored.size(), sizeof record);
  std::memcpy(&record, stored.data(), known);
  const auto rest = stored.subspan(known);
  if (record.version != StoreRecord::current ||
      std::ranges::any_of(rest, [](std::byte byte) { return byte != std::byte{0}; })) {
    return Error(Errc::unsupported,
                 "the store was opened by another version of this library, with options that this one does "
                 "not know; link the same version into all programs of a job");
  }
  return StoreOptions{std::chrono::milliseconds(record.timeout_ms),
                      record.keep_decoded != 0,
                      record.decoded_cache_bytes,
                      record.decoded_cache_values,
                      record.checksum != 0,
                      record.memory_bytes,
                      std::chrono::milliseconds(record.lifetime_ms),
                      {},
                      {}};
}

std::string to_text(const StoreOptions& options) {
  return "timeout " + std::to_string(options.timeout.count()) + " ms, keep_decoded " +
         std::to_string(options.keep_decoded) + ", decoded_cache_bytes " +
         std::to_string(options.decoded_cache_bytes) + ", decoded_cache_values " +
         std::to_string(options.decoded_cache_values) + ", checksum " + std::to_string(options.checksum) +
         ", memory_bytes " + std::to_string(options.memory_bytes) + " and lifetime " +
         std::to_string(options.lifetime.count()) + " ms";
}

Result<void> check_name(std::string_view name) {
  if (name.empty() || name.size() > max_name_bytes) {
    return wrong_length("a store's name", name.size());
  }
  return {};
}

Result<ObjectView> find_or_register(Connector& connector, std::string_view name, const StoreOptions& options,
                                    WaitBudget budget) {
  const Address address(registry, name);
  // A few rounds: between our look-up and our put another rank may put, and drop, the same name.
  for (int round = 0;; ++round) {
    auto found = connector.get(address, budget);
    if (found || found.error().code() != Errc::not_found) {
      return found;
    }
    const StoreRecord record{.timeout_ms = options.timeout.count(),
                             .keep_decoded = options.keep_decoded ? 1U : 0U,
                             .checksum = options.checksum ? 1U : 0U,
                             .memory_bytes = options.memory_bytes,
                             .lifetime_ms = options.lifetime.count(),
                             .decoded_cache_bytes = options.decoded_cache_bytes,
                             .decoded_cache_values = options.decoded_cache_values};
    auto draft = connector.create(sizeof record, detail::meta_of(registry, name, record), {});
    if (!draft) {
      return draft.error();
    }
    if (auto written = detail::store_value(record, draft->bytes); !written) {
      connector.discard(*draft);
      return written.error();
    }
    constexpr int most_rounds = 16;
    const auto sealed = connector.seal(*draft, {}, budget);
    if (!sealed && (sealed.error().code() != Errc::key_exists || round == most_rounds)) {
      return sealed.error();
    }
    if (round == most_rounds) {
      return Error(Errc::corrupt,
                   "what is stored is not found afterwards: the backend of this store loses it, or other "
                   "processes remove it; check the backend");
    }
  }
}

// A store's number follows from the generation of its name: the directory that binds the registry's names
// counts their generations apart from all others, never gives one twice, and goes on counting when a store is
// dropped. Where the names have several homes, each counts for itself, and a number says which home has given
// it. So a number is never that of another store, old or new. Keys hold 32 bits of it: a larger one is
// refused, not cut, and stores that are open stay as they are.
Result<std::uint32_t> number_from(const Connector& connector, std::string_view name,
                                  const ObjectView& registration) {
  const std::uint64_t generation = registration.facts().generation;
  const std::uint64_t number = connector.store_number(name, generation);
  if (generation == 0 || number > last_store) {
    return Error(Errc::unsupported,
                 "no store numbers are left on the home node of this name; reuse open stores instead of "
                 "dropping them, or open another runtime");
  }
  return static_cast<std::uint32_t>(number);
}

Result<void> set_budget(Connector& connector, std::uint32_t store, std::string_view name,
                        std::uint64_t bytes) {
  if (StoreAccounts* const accounts = connector.capability<StoreAccounts>()) {
    return accounts->set_budget(store, name, bytes);
  }
  return Error(Errc::unsupported,
               "this connector has no budgets for stores; open the store without memory_bytes");
}

}  // namespace

Session::Session(std::shared_ptr<Connector> connector, std::shared_ptr<Metrics> metrics,
                 SessionOptions options, std::shared_ptr<CompletionCounter> completions)
    : state_(std::make_shared<detail::SessionState>(std::move(connector), std::move(metrics),
                                                    std::move(options), std::move(completions))) {
  detail::list_session(state_);
}

void Session::announce() const {
  detail::add_session(state_);
}

Result<Store> Session::open(std::string_view name) const {
  return open_with(name, nullptr, {});
}

Result<Store> Session::open(std::string_view name, const StoreOptions& options) const {
  return open_with(name, &options, {});
}

Result<Store> Session::open(std::string_view name, const StoreOptions& options, TimeLimit deadline) const {
  return open_with(name, &options, deadline);
}

// Wanted or not, they are those of a store that is new.
Result<Store> Session::open_with(std::string_view name, const StoreOptions* wanted,
                                 TimeLimit deadline) const {
  if (auto allowed = check_name(name); !allowed) {
    return allowed.error();
  }
  if (closed()) {
    return state_->closed_error();
  }
  if (wanted != nullptr && (!wanted->connector.empty() || wanted->needs != BackendNeeds())) {
    return Error(Errc::invalid_argument,
                 "a session has one backend; give its URL and the needs where the session, or a "
                 "store of a runtime, is opened")
        .about(name);
  }
  if (wanted != nullptr) {
    if (auto allowed = check(*wanted); !allowed) {
      return allowed.error().about(name);
    }
  }
  Connector& connector = state_->connector();
  const WaitBudget budget{Deadline(deadline)};
  const Address address(registry, name);
  auto registration = find_or_register(connector, name, wanted != nullptr ? *wanted : StoreOptions(), budget);
  if (!registration) {
    return state_->explain(address, registration.error());
  }
  const auto stored = options_in(registration->bytes());
  if (!stored) {
    return state_->explain(address, stored.error());
  }
  if (wanted != nullptr && *stored != *wanted) {
    return state_->explain(
        address,
        Error(Errc::options_differ, "the store is open with " + to_text(*stored) + ", this call asks for " +
                                        to_text(*wanted) + "; give the same options everywhere, or none"));
  }
  const auto number = number_from(connector, name, *registration);
  if (!number) {
    return state_->explain(address, number.error());
  }
  if (stored->memory_bytes != 0) {
    const auto limited = set_budget(connector, *number, name, stored->memory_bytes);
    if (!limited) {
      return state_->explain(address, limited.error());
    }
  }
  if (auto allowed = check(*stored); !allowed) {
    return state_->explain(address,
                           memory_damaged("the record of this store is damaged: " + allowed.error().text()));
  }
  if (stored->lifetime.count() > 0) {
    if (auto expected = state_->expiry().expect(*number, stored->lifetime); !expected) {
      return state_->explain(address, expected.error());
    }
  }
  if (stored->decoded_cache_bytes != 0 || stored->decoded_cache_values != 0) {
    state_->decoded().give_own(*number, stored->decoded_cache_bytes, stored->decoded_cache_values);
  }
  auto opened = std::make_shared<detail::OpenStore>();
  opened->session = state_;
  opened->number = *number;
  opened->name = name;
  opened->options = *stored;
  state_->add(opened);
  // By its name, which the same node knows: the rank that opened the store first may be lost.
  const auto still_there = connector.get(address, budget);
  if (!still_there && still_there.error().code() != Errc::not_found) {
    return state_->explain(address, still_there.error());
  }
  if (!still_there || still_there->key() != registration->key()) {
    opened->drop();  // by another thread, which may not have met this value
  }
  return Store(std::move(opened));
}

Result<std::uint32_t> Session::number_of(std::string_view name) const {
  if (auto allowed = check_name(name); !allowed) {
    return allowed.error();
  }
  const auto registration = state_->fetch(Address(registry, name), {});
  if (!registration && registration.error().code() == Errc::not_found) {
    return Error(
               Errc::not_found,
               "no rank has opened a store of this name in the memory of the nodes; open it first, or check "
               "its name (stores over a URL are kept by their backends)")
        .about(name);
  }
  return registration ? number_from(state_->connector(), name, *registration)
                      : Result<std::uint32_t>(registration.error());
}

Result<std::uint64_t> Session::drop(std::string_view name, std::uint32_t number) const {
  Connector& connector = state_->connector();
  const Address address(registry, name);
  // First the name, then the marks, then the objects: whoever opens meanwhile is marked, or misses the name.
  // It may already stand for a newer store: that one stays.
  const auto registration = connector.get(address, {});
  const auto found = registration ? number_from(connector, name, *registration) : Result<std::uint32_t>(0U);
  if (registration && found && *found == number) {
    const auto evicted = connector.evict(Address(registration->key()), {});
    if (!evicted) {
      return state_->explain(address, evicted.error());
    }
  }
  state_->mark_dropped(number);
  auto dropped = connector.drop(number);
  state_->decoded().forget(number);
  return dropped ? std::move(dropped) : state_->explain(address, dropped.error());
}

Result<std::uint64_t> Session::drop(std::string_view name) const {
  const auto number = number_of(name);
  return number ? drop(name, *number) : Result<std::uint64_t>(number.error());
}

RawProxy Session::raw_proxy(const Handle& handle) const {
  return RawProxy(detail::origin_of(*state_, handle));
}

RankReport Session::report() const {
  return state_->report();
}

Metrics& Session::metrics() const noexcept {
  return state_->metrics();
}

const SessionOptions& Session::options() const noexcept {
  return state_->options();
}

void Session::close() const noexcept {
  state_->close();
}

bool Session::closed() const noexcept {
  return state_->closed();
}

}  // namespace locum
