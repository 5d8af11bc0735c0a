#include "core/detail/open_store.hpp"

#include <utility>

#include "core/detail/session_list.hpp"
#include "core/detail/session_state.hpp"

namespace locum::detail {

Error explain(const SessionState& session, const Address& address, const Error& error) {
  return session.explain(address, error);
}

Error type_mismatch(const SessionState& session, std::string_view asked, const ObjectView& object) {
  return session.type_mismatch(asked, object);
}

Error wrong_size(const SessionState& session, std::string_view type, const ObjectView& object) {
  return session.wrong_size(type, object);
}

void count_read(SessionState& session, Path path, std::uint64_t bytes) noexcept {
  session.metrics().count_read(path, bytes);
}

void discard(SessionState& session, const ObjectDraft& draft) noexcept {
  session.discard(draft);
}

const std::shared_ptr<CompletionCounter>& completions_of(const SessionState& session) noexcept {
  return session.completions();
}

std::weak_ptr<SessionState> weak(SessionState& session) noexcept {
  return session.weak_from_this();
}

StandInOrigin origin_of(SessionState& session, const Handle& handle) {
  const Handle own = session.own(handle);
  return {session.weak_from_this(), own, session.refusal(own)};
}

StandInOrigin origin_of(const Handle& handle) {
  const auto session = session_of(handle.incarnation);
  return session ? origin_of(*session, handle) : StandInOrigin{{}, handle, no_session_of(handle)};
}

StandInOrigin origin_of(const std::weak_ptr<SessionState>& session, const Handle& handle) {
  auto open = session.lock();
  if (!open || open->options().incarnation != handle.incarnation) {
    if (auto other = session_of(handle.incarnation)) {
      open = std::move(other);
    }
  }
  return open ? origin_of(*open, handle) : StandInOrigin{session, handle};
}

}  // namespace locum::detail
