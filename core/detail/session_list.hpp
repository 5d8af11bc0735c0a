#pragma once

#include <memory>

namespace locum {
class Session;
}

namespace locum::detail {

/// The sessions of this process that find_store() and proxy() look through. Any thread may call.
void add_session(const std::shared_ptr<Session>& session);
/// Called by the session's destructor.
void remove_session(const Session& session) noexcept;
/// In a process that was forked from a rank: from now on nothing is found, and nothing locks.
void disown_sessions() noexcept;

}  // namespace locum::detail
