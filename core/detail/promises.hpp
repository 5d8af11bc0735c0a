#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/base/mutex.hpp"
#include "core/detail/promise_marks.hpp"
#include "core/object/address.hpp"
#include "core/ports/connector.hpp"
#include "core/value/deadline.hpp"
#include "core/value/handle.hpp"
#include "core/value/key.hpp"
#include "core/value/result.hpp"

namespace locum {
struct PromiseRecord;
}

namespace locum::detail {

class LocalWaits;
class PromiseState;
class SessionState;

/// The promises of a session: those that this process made and has not set, which break when the session
/// closes; and the outcome of those of any process, which an object's key, handle or name leads to. Any
/// thread may call.
class Promises {
 public:
  /// \param session the owner
  Promises(SessionState& session, std::shared_ptr<Connector> connector);
  Promises(const Promises&) = delete;
  Promises& operator=(const Promises&) = delete;
  ~Promises();

  // Promises made here

  /// Adds an unset promise. Returns false if break_all() was called.
  [[nodiscard]] bool enlist(const std::shared_ptr<PromiseState>& promise) LOCUM_EXCLUDES(mutex_);
  void strike(const PromiseState& promise) noexcept LOCUM_EXCLUDES(mutex_);
  /// Records that an ended promise left a mark under its name: that there will be no value; or the place of
  /// its value, which has a name of its own. Neither stays for ever (see PromiseMarks).
  void left_broken(const Key& mark) noexcept LOCUM_EXCLUDES(mutex_);
  void left_kept(const Key& mark, const Key& value) noexcept;
  /// Removes, after evictions, a few marks of promises whose values no longer exist; collect_marks(): all.
  void evicted_some(std::size_t objects = 1) noexcept;
  void collect_marks() noexcept;
  /// Breaks all promises that are not set, and makes none from now on. Waits for locks of the node until the
  /// deadline at most, for all promises together.
  void break_all(Deadline deadline = {}) noexcept LOCUM_EXCLUDES(mutex_);
  /// Ends all waits, present and future, with that error.
  void end_waits(const Error& error) noexcept;

  // Values of promises

  /// Returns the address of the object that a key stands for: the value of a promise (`not_found`, at once,
  /// if it is not set; `broken_promise`), otherwise the key itself. `reads_files`: reads parts of files that
  /// no rank has read; else the record that stands for one, `not_found` where there is none.
  [[nodiscard]] Result<Address> actual(const Key& key, Deadline deadline, bool reads_files = false);
  /// Returns the outcome of a get by a key that failed: the value, if the key is that of a promise. Counts a
  /// miss otherwise.
  [[nodiscard]] Result<ObjectView> otherwise(const Address& address, const Error& error, Deadline deadline);
  /// Returns the value of a promise, given the object under its name: that itself, the object whose place it
  /// records, or that it is broken.
  [[nodiscard]] Result<ObjectView> redeemed(const Key& promised, Result<ObjectView> found, Deadline deadline);
  /// Blocks until the promise of the handle has ended, and returns its value.
  [[nodiscard]] Result<ObjectView> await(const Handle& handle, Deadline deadline);
  /// Blocks until there is an object under the name, and returns it; `broken_promise` or `peer_lost` if the
  /// last promise under that name will not be kept.
  [[nodiscard]] Result<ObjectView> await(const Address& name, Deadline deadline, const Wanted& wanted);
  /// Like await(), or returns a task of it to begin; but a promise that will not be kept is `timeout`, at the
  /// deadline.
  [[nodiscard]] NowOrTask<ObjectView> await_or_task(const Address& name, Deadline deadline);
  /// Returns the value of a promise, or a task of it to begin, which waits until it is set.
  [[nodiscard]] NowOrTask<ObjectView> get_or_task(const Key& promised, CountsUntil counts, Deadline deadline);

 private:
  /// Returns the error of a promise that was broken, with the reason if its record leads to one.
  [[nodiscard]] Error broken_by(const PromiseRecord& record, std::uint32_t store, Deadline deadline);
  [[nodiscard]] Result<Address> stand_in_of(const Key& promised, const ObjectView& record, Deadline deadline);
  [[nodiscard]] std::optional<Error> fate_of(const Address& name, Deadline deadline);
  [[nodiscard]] NowOrTask<ObjectView> stand(const Key& promised, const std::string& name, CountsUntil counts,
                                            Deadline deadline);

  SessionState& session_;
  const std::shared_ptr<Connector> connector_;
  const std::shared_ptr<LocalWaits> standing_;
  PromiseMarks marks_;
  Mutex mutex_;
  bool makes_promises_ LOCUM_GUARDED_BY(mutex_) = true;
  std::unordered_map<const PromiseState*, std::weak_ptr<PromiseState>> promises_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
