#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/backend_session.hpp"
#include "core/base/mutex.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "core/value/metrics.hpp"
#include "core/value/options.hpp"
#include "core/value/result.hpp"
#include "mpi/runtime/tiers.hpp"
#include "transport/storage/configuration.hpp"

namespace locum {

/// The stores of a runtime, and its sessions over backends, or over the nodes' memory and a backend: one for
/// each URL, opened when a store asks for it. `own` is the session over the nodes' memory. Any thread.
class BackendSessions {
 public:
  /// \param stores what stores are opened with that are opened without options
  /// \param metrics of the runtime: calls of all sessions are counted there
  BackendSessions(Configuration stores, const BackendSessionOptions& options,
                  std::shared_ptr<Metrics> metrics)
      : stores_(std::move(stores)), options_(options), metrics_(std::move(metrics)) {}

  /// Before the first store.
  void know_job(RuntimeTier::Job job) { job_ = std::move(job); }
  /// Runtime::store().
  [[nodiscard]] Result<Store> store(const Session& own, std::string_view name, const StoreOptions& options);
  [[nodiscard]] Result<Store> store(const Session& own, std::string_view name);
  /// The one in which a store is that is opened without options.
  [[nodiscard]] Result<Session> session_of(const Session& own, std::string_view name);
  /// The URL that leads there; empty: there is none, it is in the nodes' memory.
  [[nodiscard]] std::string connector_of(std::string_view name) const;
  [[nodiscard]] bool has_tiers() LOCUM_EXCLUDES(mutex_) { return !tiers().empty(); }
  /// Runtime::flush().
  [[nodiscard]] Result<void> flush(Deadline deadline) LOCUM_EXCLUDES(mutex_);
  /// For Runtime::report(): what is not written to backends yet, a line for each, and what `stats+` has
  /// counted.
  [[nodiscard]] std::string describe() LOCUM_EXCLUDES(mutex_);
  /// The one that has made a handle.
  [[nodiscard]] std::optional<Session> find(std::uint64_t incarnation) LOCUM_EXCLUDES(mutex_);
  /// Their stores return `closed` from now on, and none is opened.
  void close() noexcept LOCUM_EXCLUDES(mutex_);

 private:
  struct Open {
    explicit Open(const Session& opened) : session(opened) {}
    explicit Open(RuntimeTier opened) : session(opened.session()), tier(std::move(opened)) {}

    Session session;
    std::optional<RuntimeTier> tier;  ///< if it is that of one
  };

  struct Found {
    Session session;
    std::optional<RuntimeTier> tier;
  };

  [[nodiscard]] Result<Store> open(const Session& own, std::string_view name, const StoreOptions& options);
  /// \param needs of the store: one that is opened anew has them, or is not opened
  [[nodiscard]] Result<Found> find_or_open(const Session& own, std::string_view url,
                                           const BackendNeeds& needs) LOCUM_EXCLUDES(opening_)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::map<std::string, RuntimeTier> tiers() LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::optional<Found> opened(const std::string& url) LOCUM_EXCLUDES(mutex_);

  const Configuration stores_;
  const BackendSessionOptions options_;
  const std::shared_ptr<Metrics> metrics_;
  RuntimeTier::Job job_;
  Mutex opening_;  ///< one opens at a time, so that a URL has one session: held while the backend is asked
  Mutex mutex_;
  std::map<std::string, Open> sessions_ LOCUM_GUARDED_BY(mutex_);
  bool is_closed_ LOCUM_GUARDED_BY(mutex_) = false;
};

}  // namespace locum
