#pragma once

#include <memory>

#include <locum/deadline.hpp>
#include <locum/detail/object/address.hpp>
#include <locum/ports/capability.hpp>
#include <locum/ports/now_or_task.hpp>

namespace locum {

class NameWatcher;

/// Ability of a connector whose begun tasks do not complete by themselves when a name is bound: waits for
/// names then need a thread that looks for them. Any thread may call.
class NameWaits : public Capability {
 public:
  /// Notifies the watcher once that name may have been bound, as Directory::watch() does; for a promise, once
  /// it may have ended.
  virtual void watch(const Address& address, const std::shared_ptr<NameWatcher>& watcher) = 0;
  /// Returns one look of a wait that has no thread, as a task, where a look would block its caller. It takes
  /// a second at most, then ends with `timeout`, or with another error where Source::wait() would. It fetches
  /// an object that it finds like Source::get_or_task(), until the deadline. Null: Source::wait() with a
  /// moment that has passed does not block.
  [[nodiscard]] virtual std::shared_ptr<Look> look_later(const Address& /*address*/, CountsUntil /*counts*/,
                                                         Deadline /*deadline*/) {
    return nullptr;
  }
};

}  // namespace locum
