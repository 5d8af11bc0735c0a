#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include <locum/backend_needs.hpp>
#include <locum/metrics.hpp>
#include <locum/options.hpp>
#include <locum/ports/backend.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>
#include <locum/store.hpp>

namespace locum {

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
/// A store of the session that was opened for the connector of these options, or that has none. Options with
/// nothing but a connector, or needs, take those in force. `unsupported` if the session lacks what is needed.
[[nodiscard]] Result<Store> open_store(const Session& session, std::string_view name, StoreOptions options);
/// \endcond

}  // namespace locum
