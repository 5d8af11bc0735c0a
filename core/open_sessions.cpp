#include "core/open_sessions.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/detail/session_list.hpp"
#include "core/detail/session_state.hpp"
#include "core/store.hpp"

namespace locum {

namespace detail {

namespace {

/// The sessions of this process. Never destroyed: a session may end later than all static objects.
struct OpenSessions {
  struct Entry {
    const SessionState* session = nullptr;
    std::uint64_t incarnation = 0;
    std::weak_ptr<SessionState> weak;
  };

  Mutex mutex;
  std::vector<Entry> announced LOCUM_GUARDED_BY(mutex);
  std::vector<std::weak_ptr<SessionState>> all LOCUM_GUARDED_BY(mutex);
  std::vector<std::shared_ptr<SessionState>> inherited;  ///< from the process that this one was forked from
  std::optional<MutexLock> held_by_fork;

  [[nodiscard]] std::vector<std::shared_ptr<SessionState>> open() LOCUM_EXCLUDES(mutex) {
    std::vector<std::shared_ptr<SessionState>> sessions;
    {
      const MutexLock lock(mutex);
      for (const Entry& each : announced) {
        auto session = each.weak.lock();
        if (std::ranges::find(sessions, session) == sessions.end()) {
          sessions.push_back(std::move(session));
        }
      }
    }
    // Without the lock: the destructor of a session takes it.
    std::erase_if(sessions, [](const auto& session) { return !session || session->closed(); });
    return sessions;
  }
};

OpenSessions& sessions() {
  static auto* const made = new OpenSessions;
  return *made;
}

}  // namespace

void add_session(const std::shared_ptr<SessionState>& session) {
  add_session(session, session->options().incarnation);
}

void add_session(const std::shared_ptr<SessionState>& session, std::uint64_t incarnation) {
  OpenSessions& known = sessions();
  const MutexLock lock(known.mutex);
  known.announced.push_back({session.get(), incarnation, session});
}

void list_session(const std::shared_ptr<SessionState>& session) {
  OpenSessions& known = sessions();
  const MutexLock lock(known.mutex);
  known.all.emplace_back(session);
}

void remove_session(const SessionState& session) noexcept {
  OpenSessions& known = sessions();
  const MutexLock lock(known.mutex);
  std::erase_if(known.announced, [&](const OpenSessions::Entry& each) { return each.session == &session; });
  std::erase_if(known.all, [](const auto& each) { return each.expired(); });
}

void hold_sessions() {
  OpenSessions& known = sessions();
  known.held_by_fork.emplace(known.mutex);
}

void release_sessions() noexcept {
  sessions().held_by_fork.reset();
}

LOCUM_ALONE void disown_sessions() {
  OpenSessions& known = sessions();
  for (const std::weak_ptr<SessionState>& each : known.all) {
    // What a thread of the parent was about to release stays here, as if that thread still had it.
    if (auto session = each.lock()) {
      session->disown();
      known.inherited.push_back(std::move(session));
    }
  }
  known.all.clear();
  known.announced.clear();
  known.held_by_fork.reset();
}

std::shared_ptr<SessionState> session_of(std::uint64_t incarnation) noexcept {
  OpenSessions& known = sessions();
  const MutexLock lock(known.mutex);
  for (const OpenSessions::Entry& each : known.announced) {
    if (each.incarnation == incarnation) {
      return each.weak.lock();
    }
  }
  return {};
}

Error no_session_of(const Handle& handle) {
  if (const auto whole = handle.verify(); !whole) {
    return whole.error();
  }
  return Error(Errc::closed,
               "no runtime that is open in this process made this handle; use it while the runtime is open "
               "that "
               "holds its object")
      .about(to_string(handle.key));
}

}  // namespace detail

Result<Store> find_store(std::string_view name, std::string_view runtime) {
  auto open = detail::sessions().open();
  std::erase_if(open, [runtime](const std::shared_ptr<detail::SessionState>& session) {
    return !runtime.empty() && session->options().options.name != runtime;
  });
  if (open.empty()) {
    return Error(Errc::closed,
                 runtime.empty()
                     ? std::string("no runtime is open in this process; open one first")
                     : "no runtime of the name '" + std::string(runtime) +
                           "' is open in this process; the option `name` of a runtime gives it one")
        .about(name);
  }
  if (open.size() > 1) {
    return Error(
               Errc::invalid_argument,
               std::to_string(open.size()) +
                   " runtimes of this process may be meant; give each a name of its own (the option `name`), "
                   "and ask for the store by that name, too")
        .about(name);
  }
  const Session session(open.front());
  const auto& open_by_name = open.front()->open_by_name();
  return open_by_name ? open_by_name(session, name) : session.open(name);
}

}  // namespace locum
