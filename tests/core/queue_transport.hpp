#pragma once

#include <memory>
#include <vector>

#include "core/ports/transport.hpp"

namespace locum::tests {

/// Ranks that are threads of this process and reach each other through queues behind mutexes: the port
/// Transport at its plainest, for trying what threads do above it. Bulks of more than 4 KiB land, smaller
/// ones come with their message. Nobody is ever lost: what is sent to a rank whose transport is gone is
/// dropped.
/// \param delay how long each message is on its way, by the real clock
[[nodiscard]] std::vector<std::shared_ptr<Transport>> queue_transports(int ranks,
                                                                       Transport::Clock::duration delay = {});

}  // namespace locum::tests
