#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "core/error.hpp"

namespace locum::call_error {

// Why calls between ranks fail.

/// That rank did not answer before the deadline.
[[nodiscard]] Error late(int rank) noexcept;
/// No rank of that node did.
[[nodiscard]] Error late_node(int node) noexcept;
/// That rank is lost.
[[nodiscard]] Error gone(int rank, const Error& cause) noexcept;
/// A rank has said nothing for so long.
[[nodiscard]] Error silent(std::chrono::milliseconds patience) noexcept;
/// A rank has announced bytes that do not come.
[[nodiscard]] Error unmoved() noexcept;
/// `asker` has too much under way at `rank`.
[[nodiscard]] Error crowded(int asker, int rank) noexcept;
/// That rank has closed the runtime.
[[nodiscard]] Error closed(int rank) noexcept;
/// A rank closed while it served what it was asked for: `peer_lost`, it may have been done.
[[nodiscard]] Error closed_meanwhile(const Error& cause) noexcept;
/// What `rank` says of a failure: by its code alone (`status`) where it had no memory for more. Where this
/// process has none `out_of_memory`, but `timeout` and `peer_lost` stay what they are: they leave open what
/// was done.
[[nodiscard]] Error told(std::uint8_t status, std::span<const std::byte> packed, int rank) noexcept;

}  // namespace locum::call_error
