#include "mpi/runtime_sessions.hpp"

#include <utility>

#include "core/open.hpp"
#include "core/url.hpp"

namespace locum {

Result<Store> BackendSessions::store(const Session& own, std::string_view name, const StoreOptions& options) {
  if (options.connector.empty()) {
    return open_store(own, name, options);
  }
  const auto session = find_or_open(options.connector);
  return session ? open_store(*session, name, options) : session.error();
}

Result<Store> BackendSessions::store(const Session& own, std::string_view name) {
  return stores_.contains(name) ? store(own, name, stores_.options(name).value()) : own.open(name);
}

Result<Session> BackendSessions::session_of(const Session& own, std::string_view name) {
  const std::string connector = connector_of(name);
  return connector.empty() ? own : find_or_open(connector);
}

std::string BackendSessions::connector_of(std::string_view name) const {
  return stores_.contains(name) ? std::string(stores_.options(name)->connector) : std::string();
}

Result<Session> BackendSessions::find_or_open(std::string_view url) {
  const auto parsed = parse_url(url);
  if (!parsed) {
    return parsed.error();
  }
  const std::string text = to_string(*parsed);
  if (auto session = opened(text)) {
    return *std::move(session);
  }
  const MutexLock one_at_a_time(opening_);
  if (auto session = opened(text)) {
    return *std::move(session);
  }
  auto session = open_session(text, options_, metrics_);
  if (session) {
    const MutexLock lock(mutex_);
    if (is_closed_) {
      return Error(Errc::closed, "this runtime was closed while it opened a store");
    }
    sessions_.try_emplace(text, *session);
  }
  return session;
}

std::optional<Session> BackendSessions::opened(const std::string& url) {
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(url);
  return found == sessions_.end() ? std::nullopt : std::optional(found->second.session);
}

std::optional<Session> BackendSessions::find(std::uint64_t incarnation) {
  const MutexLock lock(mutex_);
  for (const auto& [url, open] : sessions_) {
    if (open.session.options().incarnation == incarnation) {
      return open.session;
    }
  }
  return std::nullopt;
}

void BackendSessions::close() noexcept {
  std::map<std::string, Open> sessions;
  {
    const MutexLock lock(mutex_);
    sessions.swap(sessions_);
    is_closed_ = true;
  }
  for (const auto& [url, open] : sessions) {
    open.session.close();
  }
}

}  // namespace locum
