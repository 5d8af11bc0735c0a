#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "core/object/object.hpp"
#include "core/ports/object_spill.hpp"
#include "core/ports/wait_budget.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Drops copies of other nodes' objects, as many as have that many bytes, if there are so many; returns
/// whether it has dropped any. Any thread.
using DropCopies = std::function<bool(std::uint64_t bytes, const WaitBudget& budget)>;

/// Returns `refused`, the error of a put without memory, where no rank moved an object to disk for it.
[[nodiscard]] inline Error nothing_leaves(const Error& refused) {
  Error error(Errc::out_of_memory,
              refused.text() +
                  ". No rank of the node could move an object to disk; raise spill_bytes if a report shows "
                  "that the disk is used up",
              refused.detail());
  return refused.is_transient() ? error.as_transient() : error;
}

/// Repeats `create`, which was `refused` for lack of memory, while something leaves the memory of the node
/// for it: first copies of other nodes' objects, which can be fetched again, then objects that go to disk.
/// REQUIRES: the budget of the object's store has room.
/// \param drop_copies empty: there are none
/// \param spill null: the node has no disk
template <class Create>
[[nodiscard]] Result<ObjectDraft> create_by_displacing(const DropCopies& drop_copies, ObjectSpill* spill,
                                                       Result<ObjectDraft> refused, std::uint64_t size_bytes,
                                                       WaitBudget budget, Deadline::Clock::time_point until,
                                                       Create create) {
  constexpr int most_rounds = 16;  // others may have been faster
  auto draft = std::move(refused);
  const auto lacks_memory = [&draft] { return !draft && draft.error().code() == Errc::out_of_memory; };
  while (drop_copies && lacks_memory() && drop_copies(size_bytes, budget)) {
    draft = create();
  }
  for (int round = 0; spill != nullptr && lacks_memory() && round < most_rounds &&
                      (round == 0 || Deadline::Clock::now() < until);
       ++round) {
    const auto room = spill->make_room(size_bytes, budget);
    if (!room) {
      return Error(Errc::out_of_memory,
                   draft.error().text() + ". Objects could not leave memory: " + room.error().text(),
                   room.error().detail());
    }
    if (*room == 0 && budget.is_limited()) {
      return draft.error().as_transient();
    }
    draft = create();  // also without room: what became free may have been counted for another's request
    if (*room == 0) {
      return lacks_memory() ? nothing_leaves(draft.error()) : draft;
    }
  }
  return draft;
}

}  // namespace locum
