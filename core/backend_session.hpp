#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include <locum/deadline.hpp>
#include <locum/metrics.hpp>
#include <locum/options.hpp>
#include <locum/ports/backend.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>

namespace locum {

/// Options of this process's session over a backend.
struct BackendSessionOptions {
  BackendNeeds needs{};
  std::chrono::milliseconds timeout{30'000};  ///< longest wait of a call without a deadline
  std::uint32_t most_threads = 64;            ///< calls under way at once: see docs/backends.md
  std::uint64_t prefetch_bytes = std::uint64_t{256} << 20U;      ///< see RuntimeOptions::prefetch_bytes
  std::uint64_t decoded_cache_bytes = std::uint64_t{64} << 20U;  ///< see RuntimeOptions::decoded_cache_bytes
  int rank = 0;                                                  ///< of this process, in errors
  int node = 0;
};

/// Opens a session whose stores keep their objects in `backend`. Objects in a durable backend stay, and so do
/// keys and handles: a later process that opens the same backend resolves them. find_store() and proxy() find
/// the session. `unsupported` if the backend lacks an ability in `options.needs`; also the errors of its
/// first calls. Counts calls in `metrics`, which sessions may share; null: in the session's own. Local;
/// blocks as long as the backend does.
[[nodiscard]] Result<Session> open_session(std::shared_ptr<Backend> backend,
                                           const BackendSessionOptions& options = {},
                                           std::shared_ptr<Metrics> metrics = {});

/// \cond library
/// Opens a store of `session`, which is over the backend of `options.connector`, if that is given. Options
/// with only a connector or needs take those in force. `unsupported` if the session's connector lacks an
/// ability in `options.needs`.
[[nodiscard]] Result<Store> open_store(const Session& session, std::string_view name, StoreOptions options);
/// \endcond

}  // namespace locum
