#pragma once

namespace locum {
class Session;
}

namespace locum::detail {

/// The sessions of this process that find_store() and proxy() look through. A session adds itself when it is
/// made, and removes itself before it ends. Any thread may call.
void add_session(Session& session);
void remove_session(Session& session) noexcept;
/// In a process that was forked from a rank: from now on nothing is found, and nothing locks.
void disown_sessions() noexcept;

}  // namespace locum::detail
