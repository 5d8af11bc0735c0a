#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include <locum/detail/object/address.hpp>
#include <locum/detail/object/object.hpp>
#include <locum/error.hpp>
#include <locum/handle.hpp>
#include <locum/path.hpp>

namespace locum {
class CompletionCounter;
}

// Calls of a session that public templates make, without its class.
namespace locum::detail {

class SessionState;

/// Return the errors of that object: see the members of SessionState.
[[nodiscard]] Error explain(const SessionState& session, const Address& address, const Error& error);
[[nodiscard]] Error type_mismatch(const SessionState& session, std::string_view asked,
                                  const ObjectView& object);
[[nodiscard]] Error wrong_size(const SessionState& session, std::string_view type, const ObjectView& object);

/// Counts bytes that were read by that path.
void count_read(SessionState& session, Path path, std::uint64_t bytes) noexcept;
/// Frees the memory of a draft that will not be sealed.
void discard(SessionState& session, const ObjectDraft& draft) noexcept;
[[nodiscard]] const std::shared_ptr<CompletionCounter>& completions_of(const SessionState& session) noexcept;
[[nodiscard]] std::weak_ptr<SessionState> weak(SessionState& session) noexcept;

/// The origin of a stand-in: its session, its handle there, and why the handle cannot be used.
struct StandInOrigin {
  std::weak_ptr<SessionState> session;
  Handle handle;
  std::optional<Error> refusal = {};
};
/// Returns the origin of a stand-in for the object of a handle: in that session; in the session of this
/// process that made the handle; or in the latter if there is one, otherwise in the given one, which may have
/// ended.
[[nodiscard]] StandInOrigin origin_of(SessionState& session, const Handle& handle);
[[nodiscard]] StandInOrigin origin_of(const Handle& handle);
[[nodiscard]] StandInOrigin origin_of(const std::weak_ptr<SessionState>& session, const Handle& handle);

}  // namespace locum::detail
