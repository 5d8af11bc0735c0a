#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/backend_session.hpp"
#include "core/base/mutex.hpp"
#include "core/configuration.hpp"
#include "core/options.hpp"
#include "core/result.hpp"
#include "core/session.hpp"
#include "core/store.hpp"
#include "mpi/runtime_tiers.hpp"
#include "shm/death/fork_guard.hpp"

namespace locum {

/// The stores of a runtime, and its sessions over backends, or over the nodes' memory and a backend: one for
/// each URL, opened when a store asks for it. `own` is the session over the nodes' memory. Any thread.
class BackendSessions {
 public:
  /// \param stores what stores are opened with that are opened without options
  BackendSessions(Configuration stores, const BackendSessionOptions& options)
      : stores_(std::move(stores)), options_(options) {}

  /// Before the first store. \param lost_mates the dead ranks of this node; any thread calls it
  /// \param ranks who has to reach what the ranks share
  void know_job(std::function<std::vector<int>()> lost_mates, SharedBy ranks) {
    lost_mates_ = std::move(lost_mates);
    ranks_ = ranks;
  }
  /// Runtime::store().
  [[nodiscard]] Result<Store> store(const Session& own, std::string_view name, const StoreOptions& options);
  [[nodiscard]] Result<Store> store(const Session& own, std::string_view name);
  /// The one in which a store is that is opened without options.
  [[nodiscard]] Result<Session> session_of(const Session& own, std::string_view name);
  /// The URL that leads there; empty: there is none, it is in the nodes' memory.
  [[nodiscard]] std::string connector_of(std::string_view name) const;
  /// The one that has made a handle.
  [[nodiscard]] std::optional<Session> find(std::uint64_t incarnation) LOCUM_EXCLUDES(mutex_);
  /// Their stores return `closed` from now on, and none is opened.
  void close() noexcept LOCUM_EXCLUDES(mutex_);

 private:
  struct Open {
    explicit Open(const Session& opened) : session(opened), fork_guard(opened.state()) {}
    explicit Open(RuntimeTier opened)
        : session(opened.session()),
          tier(std::move(opened)),
          fork_guard(session.state()),
          backend_guard(std::in_place, tier->backend().state()) {}

    Session session;
    std::optional<RuntimeTier> tier;  ///< if it is that of one
    shm::ForkGuard fork_guard;
    std::optional<shm::ForkGuard> backend_guard;
  };

  struct Found {
    Session session;
    std::optional<RuntimeTier> tier;
  };

  [[nodiscard]] Result<Found> find_or_open(const Session& own, std::string_view url) LOCUM_EXCLUDES(opening_)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::optional<Found> opened(const std::string& url) LOCUM_EXCLUDES(mutex_);

  const Configuration stores_;
  const BackendSessionOptions options_;
  std::function<std::vector<int>()> lost_mates_;
  SharedBy ranks_ = SharedBy::process;
  Mutex opening_;  ///< one opens at a time, so that a URL has one session: held while the backend is asked
  Mutex mutex_;
  std::map<std::string, Open> sessions_ LOCUM_GUARDED_BY(mutex_);
  bool is_closed_ LOCUM_GUARDED_BY(mutex_) = false;
};

}  // namespace locum
