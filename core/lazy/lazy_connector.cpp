#include "core/lazy/lazy_connector.hpp"

#include <cstddef>
#include <utility>

#include "core/detail/session_state.hpp"
#include "core/lazy/file_parts.hpp"
#include "core/lazy/file_records.hpp"
#include "core/object/selection.hpp"

namespace locum::detail {

LazyConnector::LazyConnector(SessionState& session) : session_(session), inner_(session.connector()) {}

Result<ObjectView> LazyConnector::get(const Address& address, WaitBudget budget) {
  return read(address, Selection(), inner_.get(address, budget), budget.deadline());
}

NowOrTask<ObjectView> LazyConnector::get_or_task(const Address& address, const Selection& selection,
                                                 CountsUntil counts, Deadline deadline) {
  auto made = inner_.get_or_task(address, selection, counts, deadline);
  if (address.name.empty()) {
    return made;
  }
  if (counts == CountsUntil::never) {
    return {read(address, selection, std::move(made.found), deadline)};
  }
  return session_.files().after(session_, address, selection, std::move(made));
}

Result<ObjectView> LazyConnector::get_into(const Address& address, const Selection& selection,
                                           std::span<std::byte> memory, Deadline deadline) {
  return read(address, selection, inner_.get_into(address, selection, memory, deadline), deadline);
}

Result<ObjectView> LazyConnector::wait(const Address& address, Deadline deadline, const Wanted& wanted) {
  return read(address, Selection(), inner_.wait(address, deadline, wanted), deadline);
}

void LazyConnector::find_batch(std::span<const Address> addresses, Wanting wanting,
                               std::span<Result<ObjectView>> found, Deadline deadline) {
  inner_.find_batch(addresses, wanting, found, deadline);
  for (std::size_t at = 0; at < found.size(); ++at) {
    found[at] = read(addresses[at], Selection(), std::move(found[at]), deadline);
  }
}

// A record does not have the part that was asked for; then its facts show that it is one.
Result<ObjectView> LazyConnector::read(const Address& name, const Selection& selection,
                                       Result<ObjectView> found, Deadline deadline) {
  if (name.name.empty() || !may_be_in_file(found)) [[likely]] {
    return found;
  }
  if (!found) {
    const auto facts = inner_.get_some(name, Facts(), deadline);
    if (!facts || !may_be_in_file(facts)) {
      return found;
    }
  }
  found = ObjectView();
  return selected(session_.files().load(session_, name, deadline), selection);
}

}  // namespace locum::detail
