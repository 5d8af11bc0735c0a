#include "mpi/runtime/sessions.hpp"

#include <algorithm>

#include "core/detail/session_state.hpp"
#include "core/url.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/wrappers/backend_statistics.hpp"

namespace locum {

namespace {

/// With two blanks before each line.
std::string indented(std::string_view lines) {
  std::string text;
  for (std::size_t end = 0; (end = lines.find('\n')) != std::string_view::npos;
       lines.remove_prefix(end + 1)) {
    text.append("  ").append(lines.substr(0, end + 1));
  }
  return text;
}

}  // namespace

Result<Store> BackendSessions::store(const Session& own, std::string_view name, const StoreOptions& options) {
  StoreOptions others = options;
  others.needs = {};
  if (options.needs != BackendNeeds() && others == StoreOptions() && stores_.contains(name)) {
    StoreOptions in_table = stores_.options(name).value();
    in_table.needs = options.needs;
    return open(own, name, in_table);
  }
  return open(own, name, options);
}

Result<Store> BackendSessions::store(const Session& own, std::string_view name) {
  return stores_.contains(name) ? open(own, name, stores_.options(name).value()) : own.open(name);
}

Result<Store> BackendSessions::open(const Session& own, std::string_view name, const StoreOptions& options) {
  if (options.connector.empty()) {
    return open_store(own, name, options);
  }
  const auto found = find_or_open(own, options.connector, options.needs);
  if (!found) {
    return found.error();
  }
  return found->tier ? found->tier->store(name, options) : open_store(found->session, name, options);
}

Result<Session> BackendSessions::session_of(const Session& own, std::string_view name) {
  const std::string connector = connector_of(name);
  if (connector.empty()) {
    return own;
  }
  const auto found = find_or_open(own, connector, {});
  return found ? Result<Session>(found->session) : found.error();
}

std::string BackendSessions::connector_of(std::string_view name) const {
  return stores_.contains(name) ? std::string(stores_.options(name)->connector) : std::string();
}

Result<BackendSessions::Found> BackendSessions::find_or_open(const Session& own, std::string_view url,
                                                             const BackendNeeds& needs) {
  auto parsed = parse_url(url);
  if (!parsed) {
    return parsed.error();
  }
  const std::string text = to_string(*parsed);
  if (auto found = opened(text)) {
    return *std::move(found);
  }
  const MutexLock one_at_a_time(opening_);
  if (auto found = opened(text)) {
    return *std::move(found);
  }
  BackendSessionOptions session_options = options_;
  session_options.needs = needs;
  std::optional<RuntimeTier> tier;
  if (RuntimeTier::is_meant(*parsed)) {
    auto made = RuntimeTier::open(own, std::move(*parsed), session_options, job_);
    if (!made) {
      return made.error();
    }
    tier = std::move(*made);
  }
  const auto session =
      tier ? Result<Session>(tier->session()) : open_session(text, session_options, metrics_);
  if (!session) {
    return session.error();
  }
  const MutexLock lock(mutex_);
  if (is_closed_) {
    return Error(Errc::closed, "this runtime was closed while it opened a store");
  }
  if (tier) {
    sessions_.try_emplace(text, *tier);
  } else {
    sessions_.try_emplace(text, *session);
  }
  return Found{*session, std::move(tier)};
}

std::optional<BackendSessions::Found> BackendSessions::opened(const std::string& url) {
  const MutexLock lock(mutex_);
  const auto found = sessions_.find(url);
  return found == sessions_.end() ? std::nullopt
                                  : std::optional(Found{found->second.session, found->second.tier});
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

std::map<std::string, RuntimeTier> BackendSessions::tiers() {
  std::map<std::string, RuntimeTier> all;
  const MutexLock lock(mutex_);
  for (const auto& [url, open] : sessions_) {
    if (open.tier) {
      all.emplace(url, *open.tier);
    }
  }
  return all;
}

Result<void> BackendSessions::flush(Deadline deadline) {
  const Deadline until = deadline.moment(options_.timeout);
  Result<void> all;
  for (const auto& [url, tier] : tiers()) {
    auto flushed = tier.flush(until);
    if (!flushed && all) {
      all = flushed.error().about(url);
    }
  }
  return all;
}

std::string BackendSessions::describe() {
  std::string lines;
  for (const auto& [url, tier] : tiers()) {
    if (const std::string line = tier.describe(); !line.empty()) {
      lines.append("locum: ").append(url).append(": ").append(line).append("\n");
    }
  }
  for (const auto& [name, statistics] : storage::all_statistics()) {
    lines.append("locum: statistics ").append(name).append("\n").append(indented(to_text(*statistics)));
  }
  return lines;
}

void BackendSessions::close() noexcept {
  std::map<std::string, Open> sessions;
  {
    const MutexLock lock(mutex_);
    sessions.swap(sessions_);
    is_closed_ = true;
  }
  for (const auto& [url, open] : sessions) {
    if (open.tier) {
      open.tier->close();
    } else {
      open.session.close();
    }
  }
}

}  // namespace locum
