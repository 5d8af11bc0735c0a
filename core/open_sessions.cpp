#include "core/open_sessions.hpp"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/detail/session_list.hpp"
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

  /// A process that was forked from a rank must not lock: a thread that it does not have may hold the lock.
  std::atomic<bool> disowned{false};
  Mutex mutex;
  std::vector<Entry> all LOCUM_GUARDED_BY(mutex);

  [[nodiscard]] bool is_of_this_process() const noexcept { return !disowned.load(std::memory_order_relaxed); }
  [[nodiscard]] std::vector<std::shared_ptr<SessionState>> open() LOCUM_EXCLUDES(mutex) {
    std::vector<std::shared_ptr<SessionState>> sessions;
    if (is_of_this_process()) {
      const MutexLock lock(mutex);
      for (const Entry& each : all) {
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
  if (OpenSessions& known = sessions(); known.is_of_this_process()) {
    const MutexLock lock(known.mutex);
    known.all.push_back({session.get(), incarnation, session});
  }
}

void remove_session(const SessionState& session) noexcept {
  if (OpenSessions& known = sessions(); known.is_of_this_process()) {
    const MutexLock lock(known.mutex);
    std::erase_if(known.all, [&](const OpenSessions::Entry& each) { return each.session == &session; });
  }
}

void disown_sessions() noexcept {
  sessions().disowned.store(true, std::memory_order_relaxed);
}

std::shared_ptr<SessionState> session_of(std::uint64_t incarnation) noexcept {
  OpenSessions& known = sessions();
  if (known.is_of_this_process()) {
    const MutexLock lock(known.mutex);
    for (const OpenSessions::Entry& each : known.all) {
      if (each.incarnation == incarnation) {
        return each.weak.lock();
      }
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
    return Error(Errc::closed, runtime.empty()
                                   ? std::string("no runtime is open in this process; open one first")
                                   : "no runtime of the name '" + std::string(runtime) +
                                         "' is open in this process; RuntimeOptions::name gives it one")
        .about(name);
  }
  if (open.size() > 1) {
    return Error(
               Errc::invalid_argument,
               std::to_string(open.size()) +
                   " runtimes of this process may be meant; give each a RuntimeOptions::name of its own, and "
                   "find_store that name")
        .about(name);
  }
  const Session session(open.front());
  const auto& open_by_name = open.front()->open_by_name();
  return open_by_name ? open_by_name(session, name) : session.open(name);
}

}  // namespace locum
