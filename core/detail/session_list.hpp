#pragma once

#include <cstdint>
#include <memory>

#include "core/value/error.hpp"
#include "core/value/handle.hpp"

namespace locum::detail {

class SessionState;

/// Every session of this process, so that those of its parent are closed in a forked process. Called once, by
/// the session's constructor. Any thread may call.
void list_session(const std::shared_ptr<SessionState>& session);
/// The sessions of this process that find_store() and proxy() look through. Any thread may call.
void add_session(const std::shared_ptr<SessionState>& session);
/// An announced session is found by handles of this incarnation, too.
void add_session(const std::shared_ptr<SessionState>& session, std::uint64_t incarnation);
/// Returns the announced session that is found by handles of this incarnation, or null.
[[nodiscard]] std::shared_ptr<SessionState> session_of(std::uint64_t incarnation) noexcept;
/// Returns the error of a handle for which session_of() returned null.
[[nodiscard]] Error no_session_of(const Handle& handle);
/// Called by the session's destructor.
void remove_session(const SessionState& session) noexcept;
/// For the handlers of a fork: no thread changes the lists until one of the other two is called.
void hold_sessions();
/// In the parent.
void release_sessions() noexcept;
/// In the child: closes all sessions that it has inherited, and keeps them for ever, so that no destructor
/// ends there what is the parent's. Sessions that the child opens are its own.
void disown_sessions();

}  // namespace locum::detail
