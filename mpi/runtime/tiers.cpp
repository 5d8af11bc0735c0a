#include "mpi/runtime/tiers.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/base/hash.hpp"
#include "core/base/quantity.hpp"
#include "core/detail/expiry.hpp"
#include "core/detail/session_state.hpp"
#include "core/value/options.hpp"
#include "transport/storage/open.hpp"

namespace locum {

namespace {

constexpr std::string_view wrapper = "nodes";
constexpr std::string_view option_prefix = "nodes.";

/// Takes the options of `nodes` out of a URL, as a URL of their own: its errors then name them.
Url take_options(Url& url) {
  Url own;
  own.scheme = wrapper;
  for (const auto& [name, value] : url.options) {
    if (name.starts_with(option_prefix)) {
      own.options.emplace_back(name.substr(option_prefix.size()), value);
    }
  }
  std::erase_if(url.options, [](const auto& option) { return option.first.starts_with(option_prefix); });
  return own;
}

Result<TierWrites> writes_in(const Url& options) {
  const std::string_view writes = options.option("write");
  if (writes.empty() || writes == "through") {
    return TierWrites::through;
  }
  if (writes == "back") {
    return TierWrites::back;
  }
  return writes == "none" ? Result<TierWrites>(TierWrites::none)
                          : Error(Errc::invalid_argument,
                                  "nodes.write is none, through or back, not '" + std::string(writes) + "'");
}

// As in tables of stores: a number has a unit.
Result<std::uint64_t> unwritten_in(const Url& options) {
  const std::string_view text = options.option("unwritten");
  const auto bytes = text.empty() ? TierOptions().unwritten_bytes : parse_quantity(text, units_of_bytes);
  return bytes && *bytes > 0
             ? Result<std::uint64_t>(*bytes)
             : Error(
                   Errc::invalid_argument,
                   "nodes.unwritten is a whole number above 0 of B, KiB, MiB, GiB or TiB, as 256MiB, not '" +
                       std::string(text) + "'");
}

/// What memory does for the stores of a tier, whatever the backend is. What is written back is written later:
/// another job may have put the name by then.
BackendTraits traits_of_memory(TierWrites writes) {
  const bool is_later = writes == TierWrites::back;
  return {.scheme = is_later ? "nodes.write=back" : "nodes",
          .is_atomic = !is_later,
          .expires = true,
          .pushes = true,
          .in_place = true};
}

/// What is left of needs for the backend: it neither wakes nor shows anybody what is in memory.
BackendNeeds needs_of_backend(BackendNeeds needs) {
  needs.pushes = false;
  needs.in_place = false;
  return needs;
}

Result<std::uint32_t> number_in(const Session& session, std::string_view name) {
  const auto store = session.open(name);
  return store ? session.number_of(name) : Result<std::uint32_t>(store.error());
}

}  // namespace

bool RuntimeTier::is_meant(const Url& url) noexcept {
  return std::ranges::find(url.wrappers, wrapper) != url.wrappers.end();
}

// All ranks that open the same backend share its stores in memory, whatever their options of `nodes` are.
Result<RuntimeTier> RuntimeTier::open(const Session& own, Url url, BackendSessionOptions options,
                                      const Job& job) {
  if (url.wrappers.front() != wrapper || std::ranges::count(url.wrappers, wrapper) != 1) {
    return Error(
        Errc::invalid_argument,
        "nodes stands once in a URL, before all wrappers: what they do is done between memory and the "
        "backend");
  }
  const Url of_nodes = take_options(url);
  const auto known = of_nodes.knows_only({"write", "unwritten"});
  const auto writes = writes_in(of_nodes);
  const auto unwritten = unwritten_in(of_nodes);
  if (!known || !writes || !unwritten) {
    return !known ? known.error() : !writes ? writes.error() : unwritten.error();
  }
  if (*writes == TierWrites::back && job.only_in_calls) {
    return Error(Errc::unsupported,
                 "nodes.write=back needs a thread that may ask other nodes: initialise MPI with "
                 "MPI_THREAD_MULTIPLE, or take nodes.write=through");
  }
  const BackendTraits memory_traits = traits_of_memory(*writes);
  if (auto has_all = meets(memory_traits, options.needs); !has_all) {
    return has_all.error();
  }
  url.wrappers.erase(url.wrappers.begin());
  const std::string text = to_string(url);
  options.needs = needs_of_backend(options.needs);
  options.needs.shared_by = std::max(options.needs.shared_by, job.ranks);
  options.needs.is_durable = true;  // what memory has no room for is there, and must not be forgotten
  options.needs.no_default = true;  // it would come to memory under a name that is not its own
  const auto backend = open_session(text, options);
  if (!backend) {
    return backend.error();
  }
  const std::string suffix = " (nodes+" + text + ")";
  const auto claims = number_in(own, "claims" + suffix);
  const auto records = number_in(own, "unwritten" + suffix);
  if (!claims || !records) {
    return claims ? records.error() : claims.error();
  }
  const std::shared_ptr<detail::SessionState>& memory = own.state();
  auto tier =
      open_tier(std::shared_ptr<Connector>(memory, &memory->connector()),
                std::shared_ptr<Connector>(backend->state(), &backend->state()->connector()),
                {.writes = *writes,
                 .timeout = options.timeout,
                 .most_threads = options.most_threads,
                 .prefetch_bytes = job.window_bytes,
                 .claims_store = *claims,
                 .unwritten_bytes = *unwritten,
                 .unwritten_store = *records,
                 .suffix = suffix,
                 .open_in_back = [at = *backend](std::string_view name) { return number_in(at, name); },
                 .drop_in_back =
                     [at = *backend](std::string_view name) {
                       auto dropped = at.drop(name);
                       return dropped || dropped.error().code() != Errc::not_found ? std::move(dropped)
                                                                                   : Result<std::uint64_t>(0);
                     },
                 .expect_expiry =
                     [memory](std::uint32_t store, std::chrono::milliseconds lifetime) {
                       return memory->expiry().expect(store, lifetime);
                     },
                 .lost_node_peers = job.lost_node_peers});
  SessionOptions session_options{
      .incarnation = hash64(suffix, own.options().incarnation), .rank = options.rank, .node = options.node};
  session_options.options.timeout = options.timeout;
  session_options.options.decoded_cache_bytes = options.decoded_cache_bytes;
  Session session(tier, std::shared_ptr<Metrics>(memory, &memory->metrics()), std::move(session_options),
                  memory->completions());
  session.announce();
  return RuntimeTier(std::move(tier), std::move(session), *backend, memory_traits);
}

// In the backend a store has the options that it was first opened with, in whichever job, but for its budget.
Result<Store> RuntimeTier::store(std::string_view name, StoreOptions options) const {
  const auto in_memory = meets(memory_traits_, options.needs);
  const auto in_backend = meets(backend_.options().traits, needs_of_backend(options.needs));
  if (!in_memory || !in_backend) {
    return (in_memory ? in_backend : in_memory).error().about(name);
  }
  options.connector = {};
  options.needs = {};
  const bool takes_those_in_force = options == StoreOptions();
  StoreOptions there = options;
  there.memory_bytes = 0;
  const auto kept = there == StoreOptions() ? backend_.open(name) : backend_.open(name, there);
  if (!kept) {
    return kept.error();
  }
  if (!takes_those_in_force) {
    return session_.open(name, options);
  }
  auto opened = session_.open(name, kept->options());
  return opened || opened.error().code() != Errc::options_differ ? std::move(opened) : session_.open(name);
}

void RuntimeTier::close() const noexcept {
  tier_->close();
  session_.close();
  backend_.close();
}

}  // namespace locum
