#pragma once

namespace locum {
class Session;
}

namespace locum::detail {

/// The sessions of this process that find_store() and proxy() look through. A session adds itself when it is
/// made, and removes itself before it ends. Any thread may call.
void add_session(Session& session);
void remove_session(Session& session) noexcept;

}  // namespace locum::detail
