#include "mpi/runtime_sessions.hpp"

#include <utility>

#include "core/open.hpp"
#include "core/url.hpp"

namespace locum {

// Under the lock, which a backend that does not answer holds until its deadline: two threads that open one
// URL get one session.
Result<Session> BackendSessions::find_or_open(std::string_view url, const BackendSessionOptions& options) {
  const auto parsed = parse_url(url);
  if (!parsed) {
    return parsed.error();
  }
  const std::string text = to_string(*parsed);
  const MutexLock lock(mutex_);
  if (const auto found = sessions_.find(text); found != sessions_.end()) {
    return found->second.session;
  }
  auto session = open_session(text, options);
  if (session) {
    sessions_.try_emplace(text, *session);
  }
  return session;
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
