#pragma once

#include <memory>

#include "core/metrics.hpp"
#include "core/open.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Opens a session over the memory of this process. Option `bytes`: at most so many; 0: any.
[[nodiscard]] Result<Session> open_memory_session(const Url& url, const BackendSessionOptions& options,
                                                  std::shared_ptr<Metrics> metrics);

}  // namespace locum::storage
