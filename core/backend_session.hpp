#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include <locum/metrics.hpp>
#include <locum/options.hpp>
#include <locum/ports/backend.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>

namespace locum {

/// What a program needs of a backend, whatever it is: a backend that lacks one of these is refused when it is
/// opened (`unsupported`), not when it is used.
struct BackendNeeds {
  bool lists = false;                      ///< keys(), and dropping a store
  bool is_atomic = false;                  ///< of two puts of one name one wins, in whichever process
  bool expires = false;                    ///< removes what has expired itself
  bool pushes = false;                     ///< a wait is woken, and does not ask again and again
  bool is_durable = false;                 ///< objects outlive the process
  bool no_default = false;                 ///< a get of what is not there is `not_found`, by whatever name
  SharedBy shared_by = SharedBy::process;  ///< at least
  std::uint64_t largest_value = 0;         ///< at least that many bytes
};

/// How a backend is used by this process.
struct BackendSessionOptions {
  BackendNeeds needs{};
  std::chrono::milliseconds timeout{30'000};  ///< longest wait of a call without a deadline
  std::uint32_t most_threads = 64;            ///< calls under way at once: see docs/backends.md
  std::uint64_t prefetch_bytes = std::uint64_t{256} << 20U;      ///< see RuntimeOptions::prefetch_bytes
  std::uint64_t decoded_cache_bytes = std::uint64_t{64} << 20U;  ///< see RuntimeOptions::decoded_cache_bytes
  int rank = 0;                                                  ///< of this process, in errors
  int node = 0;
};

/// Stores over a backend. What is in a durable one stays, and so do keys and handles: another process, later,
/// opens the same and resolves them. find_store() and proxy() find the session. `unsupported` if the backend
/// lacks what is needed, and the errors of its first calls. Calls are counted in `metrics`, with those of
/// others that have the same; null: in the session's own. Local; blocks as long as the backend does.
[[nodiscard]] Result<Session> open_session(std::shared_ptr<Backend> backend,
                                           const BackendSessionOptions& options = {},
                                           std::shared_ptr<Metrics> metrics = {});

/// \cond library
/// Those needs, and all that a backend with these traits can do, but for its limits and for reading in place.
[[nodiscard]] constexpr BackendNeeds with_all_of(const BackendTraits& traits, BackendNeeds needs) noexcept {
  needs.lists = needs.lists || traits.lists;
  needs.is_atomic = needs.is_atomic || traits.is_atomic;
  needs.expires = needs.expires || traits.expires;
  needs.pushes = needs.pushes || traits.pushes;
  needs.is_durable = needs.is_durable || traits.is_durable;
  needs.shared_by = std::max(needs.shared_by, traits.shared_by);
  return needs;
}
/// Whether a backend has all that is needed.
[[nodiscard]] Result<void> meets(const BackendTraits& traits, const BackendNeeds& needs);
/// A store of the session that was opened for the connector of these options, or that has none. Over a
/// backend, options with nothing but a connector take those in force.
[[nodiscard]] Result<Store> open_store(const Session& session, std::string_view name, StoreOptions options);
/// \endcond

}  // namespace locum
