#pragma once

#include <memory>
#include <string_view>

#include "core/async/eventual.hpp"
#include "core/object/object.hpp"
#include "core/path.hpp"
#include "core/ports/connector.hpp"
#include "core/session.hpp"

namespace locum::detail {

/// Seals a draft of the store, begun: its name is given within the deadline, also where nobody has the
/// eventual any more. Counts it as written by that path. Where the store was dropped meanwhile, nothing is
/// left of it. Neither waits nor throws; the draft is not the caller's any more. Any thread.
[[nodiscard]] Eventual<Key> begin_seal(const std::shared_ptr<OpenStore>& open, const ObjectDraft& draft,
                                       std::string_view name, const SealOptions& options, Deadline deadline,
                                       Path written_by);

}  // namespace locum::detail
