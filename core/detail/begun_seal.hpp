#pragma once

#include <memory>
#include <string_view>

#include "core/async_result.hpp"
#include "core/detail/session_state.hpp"
#include "core/object/object.hpp"
#include "core/ports/connector.hpp"
#include "core/value/path.hpp"

namespace locum::detail {

/// Asynchronous seal of a draft of the store: its name is bound within the deadline, even if nobody holds the
/// result any more. Counts it as written by that path. If the store was dropped meanwhile, nothing is left
/// of it. Neither waits nor throws; takes over the draft. Any thread.
[[nodiscard]] AsyncResult<Key> begin_seal(const std::shared_ptr<OpenStore>& open, const ObjectDraft& draft,
                                          std::string_view name, const SealOptions& options,
                                          Deadline deadline, Path written_by);

}  // namespace locum::detail
