#include "core/detail/room_wait.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/base/blocking_wait.hpp"
#include "core/detail/session_state.hpp"
#include "core/ports/memory_monitor.hpp"

namespace locum::detail {

namespace {

// The longest wait of one try for one process: that of a lock of the directory, if copies are dropped.
constexpr std::chrono::milliseconds longest_wait{100};
// How often the own views are counted while the call waits.
constexpr std::chrono::milliseconds look_at_views{200};
constexpr std::size_t most_named = 5;

std::string to_string(const ViewedObject& object) {
  return (object.name.empty() ? locum::to_string(object.key) : '"' + object.name + '"') + " (" +
         std::to_string(object.bytes) + " bytes, views: " + std::to_string(object.views) + ')';
}

std::string named(const ViewedMemory& viewed) {
  std::string text;
  for (const ViewedObject& object : viewed.largest) {
    text += (text.empty() ? "" : ", ") + to_string(object);
  }
  return viewed.objects > viewed.largest.size() ? text + " …" : text;
}

}  // namespace

RoomWait::RoomWait(SessionState& session, Deadline deadline)
    : session_(session),
      monitor_(session.connector().capability<MemoryMonitor>()),
      until_(session.completions()->moment(deadline)) {}

void RoomWait::begin_try() noexcept {
  armed_ = monitor_->arm();
  had_memory_ = false;
}

Result<void> RoomWait::check() const {
  if (monitor_ == nullptr) {
    return Error(Errc::unsupported,
                 "this connector does not report when memory becomes free, so that no call can wait for it; "
                 "let the call fail where there is no room");
  }
  return {};
}

WaitBudget RoomWait::budget() const noexcept {
  return WaitBudget::limited(longest_wait, WaitBudget::Work::any).until(until_);
}

Result<void> RoomWait::wait(const Error& refused, std::uint64_t size_bytes) {
  size_bytes_ = size_bytes;
  const auto now = session_.completions()->now();
  if (now >= next_look_) {
    next_look_ = now + look_at_views;
    if (auto error = hopeless(refused)) {
      return std::move(*error);
    }
  }
  if (now >= until_) {
    return Error(Errc::timeout,
                 "no memory became free before the deadline; " + refused.text() +
                     ", or give the call more time",
                 refused.detail())
        .about(refused.key());
  }
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
  const BlockingWait blocking;
  // Who makes room may need messages that no other thread drives.
  CompletionCounter& completions = *session_.completions();
  completions.await(completions.count(), now);
  monitor_->sleep(armed_, Clock::now() + std::min<Clock::duration>(sleep_.next(), left));
  return {};
}

// Views of other processes may end, and whatever nobody views may be evicted; but the views of this process
// end by what its own threads do, and this one waits.
std::optional<Error> RoomWait::hopeless(const Error& refused) const {
  const ViewedMemory viewed = monitor_->viewed(most_named);
  if (viewed.leaves(size_bytes_)) {
    return std::nullopt;
  }
  if (viewed.objects == 0) {
    return refused;  // more than the node has
  }
  return Error(Errc::out_of_memory,
               "no room for " + std::to_string(size_bytes_) +
                   " bytes, and other ranks cannot make any: views of this process keep " +
                   std::to_string(viewed.bytes) + " of the " + std::to_string(viewed.most_bytes) +
                   " bytes that the node has for objects. Release views of these objects, evicted or not, or "
                   "give the runtime more memory_bytes: " +
                   named(viewed))
      .about(refused.key());
}

}  // namespace locum::detail
