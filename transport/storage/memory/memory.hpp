#pragma once

#include <memory>

#include "core/url.hpp"
#include "core/value/metrics.hpp"
#include "transport/storage/open.hpp"

namespace locum::storage {

/// Opens a session over the memory of this process. Option `bytes`: at most so many; 0: any.
[[nodiscard]] Result<Session> open_memory_session(const Url& url, const BackendSessionOptions& options,
                                                  std::shared_ptr<Metrics> metrics);

}  // namespace locum::storage
