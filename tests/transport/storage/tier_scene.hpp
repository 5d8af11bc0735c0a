#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/backend_session.hpp"
#include "core/base/wall_clock.hpp"
#include "core/detail/session_state.hpp"
#include "core/node/local.hpp"
#include "core/open_sessions.hpp"
#include "core/ports/wanting.hpp"
#include "core/tier/tier.hpp"
#include "tests/core/connector_samples.hpp"

namespace locum::tests::tiers {

using namespace std::chrono_literals;

inline constexpr std::uint32_t fields = 7;
inline constexpr std::uint32_t claims = 9;
inline constexpr std::uint32_t records = 10;

inline std::shared_ptr<Connector> connector_of(const Session& session) {
  return {session.state(), &session.state()->connector()};
}

/// A job: its memory, in front of a backend that other jobs use, too. Stores have one number in both.
struct Job {
  explicit Job(const std::shared_ptr<Backend>& backend, TierWrites writes = TierWrites::through,
               std::uint64_t memory_bytes = 0)
      : memory(open_local({.memory_bytes = memory_bytes})),
        back(open_session(backend).value()),
        tier(open_tier(memory, connector_of(back),
                       {.writes = writes,
                        .timeout = 20s,
                        .claims_store = claims,
                        .unwritten_bytes = 1000,
                        .unwritten_store = records})) {}

  Result<ObjectView> get(std::string_view name) const { return tier->get({fields, name}, {}); }
  Result<Sealed> put(std::string_view name, std::uint64_t seed, const SealOptions& options = {},
                     std::size_t size_bytes = 100) const {
    return tests::put(*tier, fields, name, pattern(seed, size_bytes), options);
  }
  ObjectDraft draft(std::string_view name, std::uint64_t seed, std::chrono::milliseconds lifetime = {},
                    std::size_t size_bytes = 100, std::string_view tag = {}) const {
    ObjectMeta meta = plain_meta(fields, name);
    meta.lifetime_ms = static_cast<std::uint64_t>(lifetime.count());
    meta.tag = tag;
    const ObjectDraft made = tier->create(size_bytes, meta, {}).value();
    std::ranges::copy(pattern(seed, size_bytes), made.bytes.begin());
    return made;
  }
  Result<Sealed> put_for(std::string_view name, std::uint64_t seed, std::chrono::milliseconds lifetime,
                         const SealOptions& options = {}) const {
    return tier->seal(draft(name, seed, lifetime), options, {});
  }
  std::vector<Result<Sealed>> put_all(const std::vector<std::string>& names, std::size_t size_bytes) const {
    std::vector<ObjectDraft> drafts;
    for (const std::string& name : names) {
      drafts.push_back(draft(name, drafts.size(), {}, size_bytes));
    }
    std::vector<Result<Sealed>> sealed(drafts.size(), Result<Sealed>(Sealed()));
    tier->seal_batch(drafts, sealed, {});
    return sealed;
  }
  std::vector<Result<ObjectView>> get_all(const std::vector<std::string>& names,
                                          Wanting wanting = Wanting::all) const {
    const auto addresses = addresses_of(names);
    std::vector<Result<ObjectView>> found(names.size(), Result<ObjectView>(ObjectView()));
    tier->find_batch(addresses, wanting, found, {});
    return found;
  }
  std::vector<Result<bool>> evict_all(const std::vector<std::string>& names) const {
    const auto addresses = addresses_of(names);
    std::vector<Result<bool>> evicted(names.size(), Result<bool>(false));
    tier->evict_batch(addresses, evicted, {});
    return evicted;
  }
  static std::vector<Address> addresses_of(const std::vector<std::string>& names) {
    std::vector<Address> addresses;
    for (const std::string& name : names) {
      addresses.emplace_back(fields, name);
    }
    return addresses;
  }

  const std::shared_ptr<Connector> memory;
  const Session back;
  const std::shared_ptr<Tier> tier;
};

inline std::size_t count(const std::vector<std::string>& calls, std::string_view what) {
  return static_cast<std::size_t>(
      std::ranges::count_if(calls, [&](const std::string& call) { return call.starts_with(what); }));
}

/// Until the moment has passed, by the clock of lifetimes.
inline void await_end(std::uint64_t since_1970_ns) {
  while (nanoseconds_since_1970() <= since_1970_ns) {
    std::this_thread::sleep_for(1ms);
  }
}

}  // namespace locum::tests::tiers
