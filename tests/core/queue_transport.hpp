#pragma once

#include <memory>
#include <vector>

#include "core/ports/transport.hpp"

namespace locum::tests {

/// Ranks that are threads of this process and reach each other through queues behind mutexes: the simplest
/// implementation of the Transport port, for tests with threads above it. Bulks of more than 4 KiB land,
/// smaller ones arrive with their message. No rank is ever reported as lost: messages to a rank without a
/// transport are dropped.
/// \param delay of each message, by the real clock
[[nodiscard]] std::vector<std::shared_ptr<Transport>> queue_transports(int ranks,
                                                                       Transport::Clock::duration delay = {});

}  // namespace locum::tests
