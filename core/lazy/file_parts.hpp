#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/completion_counter.hpp"
#include "core/base/mutex.hpp"
#include "core/object/address.hpp"
#include "core/object/selection.hpp"
#include "core/ports/file_reader.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/value/deadline.hpp"
#include "core/value/handle.hpp"

namespace locum::detail {

class SessionState;
class StepFiles;

/// A store that was restored lazily, and the folder with the files of its checkpoint.
struct LazyStore {
  std::uint32_t store = 0;
  std::string folder;
};

/// Objects that are parts of files, and are read when somebody first uses them. Until then a record of the
/// part stands under the name of a promise without a maker (see promised.hpp), whose key follows from the
/// part: all ranks that name the same part have the same key. Who uses it first enters the record as its
/// reader, by a promise that the others wait for, reads the file into the memory of its node, and puts the
/// object in place of the record. If a reader dies, or fails, the next one reads. Any thread.
///
/// A part with a name of its own, of a store that was restored lazily, has another record under that, which
/// leads to the promise: the reader puts the object in place of it, and keeps the promise with the object.
class FileParts {
 public:
  FileParts();
  FileParts(const FileParts&) = delete;
  FileParts& operator=(const FileParts&) = delete;
  /// As close(); but not in a process forked from the owner, which does not have the thread.
  ~FileParts();

  /// By whom files are read and written, in a runtime of that many ranks; without, parts are `unsupported`.
  /// Called before any thread uses this.
  void use(std::shared_ptr<FileReader> reader, std::shared_ptr<StepFiles> steps, std::uint32_t ranks);
  /// Null where there are none.
  [[nodiscard]] StepFiles* steps() const noexcept;
  /// The handle of a part, which has a record or an object from now on. `store`: its number. The same part
  /// for another `use` is another object, so that who evicts it takes it from nobody else.
  [[nodiscard]] Result<Handle> add(SessionState& session, std::uint32_t store, const FilePart& part,
                                   Deadline deadline, std::string_view use = {}) const;
  /// The object under the name of such a promise, or under one that leads to it; reads it if nobody has.
  /// Where that can be, a thread of its own reads: then `timeout` means that it is still reading.
  [[nodiscard]] Result<ObjectView> load(SessionState& session, const Address& name, Deadline deadline);
  /// Returns a task of load() on the thread for files, to begin. Where only the thread that uses the object
  /// may read the file, it ends with an error that is_left_to_caller().
  [[nodiscard]] std::shared_ptr<Fetch> reading(SessionState& session, const Address& name) const;
  /// Returns a task of load() for the selected part, to begin. Where only the thread that uses the object may
  /// read the file, the one that takes the result does.
  [[nodiscard]] std::shared_ptr<Fetch> load_later(SessionState& session, const Address& name,
                                                  const Selection& selection);
  /// Returns a get by name that has been made, followed by load_later() if it finds a record of a part.
  [[nodiscard]] NowOrTask<ObjectView> after(SessionState& session, const Address& name,
                                            const Selection& selection, NowOrTask<ObjectView> made);
  /// Records that a store was restored lazily from files in `folder`: from now on objects found by name may
  /// be records of parts, which the session reads by a LazyConnector.
  void restored_lazily(SessionState& session, std::uint32_t store, std::string folder);
  /// Returns the stores and folders passed to restored_lazily().
  [[nodiscard]] std::vector<LazyStore> lazy_stores() const;
  [[nodiscard]] bool has_lazy_stores() const noexcept { return has_lazy_.load(std::memory_order_relaxed); }
  /// Ends all that is being read, or will be, with that error. May be called repeatedly. A thread that hangs
  /// in a call of the file system for longer than `patience` is left behind, with a line on stderr.
  void close(const Error& error, std::chrono::milliseconds patience = std::chrono::seconds(10)) noexcept;

 private:
  class Reading;
  class ThreadReader;
  struct State;

  static void work(State& state) noexcept;
  /// False: the thread does not return from reading a file, and is left behind.
  [[nodiscard]] bool await_end(Deadline::Clock::time_point until) noexcept;

  const std::shared_ptr<State> state_;  ///< shared with the thread
  std::atomic<bool> has_lazy_{false};
  mutable Mutex mutex_;
  std::vector<LazyStore> lazy_stores_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
