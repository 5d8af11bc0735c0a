#include "mpi/runtime_sessions.hpp"

#include <utility>

#include "core/open.hpp"
#include "core/url.hpp"

namespace locum {

Result<Session> BackendSessions::find_or_open(std::string_view url, const BackendSessionOptions& options) {
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
  auto session = open_session(text, options);
  if (session) {
    const MutexLock lock(mutex_);
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
  }
  for (const auto& [url, open] : sessions) {
    open.session.close();
  }
}

}  // namespace locum
