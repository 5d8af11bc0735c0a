#pragma once

#include <chrono>

#include "core/value/deadline.hpp"
#include "transport/storage/servers/server_place.hpp"

namespace locum::storage {

/// The system ends a recv() that sleeps after that, whatever the deadline is.
inline constexpr std::chrono::milliseconds longest_sleep_in_recv{20};

/// A socket that is connected to that address: a recv() without MSG_DONTWAIT sleeps there, for
/// longest_sleep_in_recv at most. Waits until that moment. Negative: -errno.
[[nodiscard]] int connected_socket(const ServerPlace::Address& address, Deadline::Clock::time_point moment);
/// For poll(): rounded up, so that the moment has passed when it returns.
[[nodiscard]] int milliseconds_until(Deadline::Clock::time_point moment);

}  // namespace locum::storage
