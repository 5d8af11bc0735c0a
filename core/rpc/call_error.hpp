#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/value/error.hpp"

namespace locum::call_error {

// Errors of calls between ranks.

/// When ranks serve requests of others.
enum class Serves : std::uint8_t {
  always,
  only_in_calls,  ///< while the thread that opened the runtime waits in the library
};

/// That rank did not reply before the deadline.
[[nodiscard]] Error late(int rank, Serves serves) noexcept;
/// The owner of an object, or the home of its name, did not reply before the deadline.
[[nodiscard]] Error late_owner(Serves serves) noexcept;
/// That rank is lost.
[[nodiscard]] Error gone(int rank, const Error& cause) noexcept;
/// A rank was silent for that long.
[[nodiscard]] Error silent(std::chrono::milliseconds patience) noexcept;
/// Bytes that a rank announced do not arrive.
[[nodiscard]] Error unmoved() noexcept;
/// `reply_to` has too many open requests at `rank`.
[[nodiscard]] Error crowded(int reply_to, int rank) noexcept;
/// That rank has closed the runtime.
[[nodiscard]] Error closed(int rank) noexcept;
/// A rank closed while it served a request: `peer_lost`, the request may have been carried out.
[[nodiscard]] Error closed_meanwhile(const Error& cause) noexcept;
/// Return `corrupt`: a reply has no valid form, or holds an object of another name than requested.
[[nodiscard]] Error invalid_reply(int node);
[[nodiscard]] Error invalid_reply_of_owner();
[[nodiscard]] Error other_name();
/// Returns `peer_lost`: other ranks of its node report that a rank died.
[[nodiscard]] Error death_reported();
/// Return what transports do: `invalid_argument` of a message or a key of `rank`, `out_of_memory` of a rank
/// whose messages are not received.
[[nodiscard]] Error wrong_message(std::size_t max_header_bytes);
[[nodiscard]] Error wrong_key(int rank);
[[nodiscard]] Error not_received(int rank);
/// The error that `rank` sent: only its code (`status`) if that rank had no memory for more. If this process
/// has no memory: `out_of_memory`, except that `timeout` and `peer_lost` are kept: they leave open whether
/// the request was carried out.
[[nodiscard]] Error told(std::uint8_t status, std::span<const std::byte> packed, int rank) noexcept;

}  // namespace locum::call_error
