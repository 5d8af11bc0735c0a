#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/backend_session.hpp"
#include "core/base/mutex.hpp"
#include "core/options.hpp"
#include "core/result.hpp"
#include "core/session.hpp"
#include "shm/death/fork_guard.hpp"

namespace locum {

/// The sessions of a runtime over backends, one for each URL, opened when a store asks for it. Any thread.
class BackendSessions {
 public:
  /// The session of that URL; see locum::open_session().
  [[nodiscard]] Result<Session> find_or_open(std::string_view url, const BackendSessionOptions& options)
      LOCUM_EXCLUDES(opening_) LOCUM_EXCLUDES(mutex_);
  /// The one that has made a handle.
  [[nodiscard]] std::optional<Session> find(std::uint64_t incarnation) LOCUM_EXCLUDES(mutex_);
  /// Their stores return `closed` from now on.
  void close() noexcept LOCUM_EXCLUDES(mutex_);

 private:
  struct Open {
    explicit Open(const Session& opened) : session(opened), fork_guard(opened.state()) {}

    Session session;
    shm::ForkGuard fork_guard;
  };

  [[nodiscard]] std::optional<Session> opened(const std::string& url) LOCUM_EXCLUDES(mutex_);

  Mutex opening_;  ///< one opens at a time, so that a URL has one session: held while the backend is asked
  Mutex mutex_;
  std::map<std::string, Open> sessions_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum
