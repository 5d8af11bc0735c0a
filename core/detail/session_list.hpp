#pragma once

#include <cstdint>
#include <memory>

namespace locum::detail {

class SessionState;

/// The sessions of this process that find_store() and proxy() look through. Any thread may call.
void add_session(const std::shared_ptr<SessionState>& session);
/// An announced session is found by handles of this incarnation, too.
void add_session(const std::shared_ptr<SessionState>& session, std::uint64_t incarnation);
/// Called by the session's destructor.
void remove_session(const SessionState& session) noexcept;
/// In a process that was forked from a rank: from now on nothing is found, and nothing locks.
void disown_sessions() noexcept;

}  // namespace locum::detail
