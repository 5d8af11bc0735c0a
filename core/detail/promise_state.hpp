#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/mutex.hpp"
#include "core/detail/open_store.hpp"
#include "core/value/deadline.hpp"
#include "core/value/handle.hpp"
#include "core/writer.hpp"

namespace locum {
struct PromiseRecord;
}

namespace locum::detail {

/// The state of a promise, independent of its type: its key, the placeholder that marks it as unset, and
/// memory for the record of its end, allocated in advance so that breaking it needs none. Any thread may
/// call.
class PromiseState {
 public:
  /// Makes the state of an unset promise. Fails with the errors of a put.
  [[nodiscard]] static Result<std::shared_ptr<PromiseState>> make(const std::shared_ptr<OpenStore>& store,
                                                                  std::string_view name_of_value,
                                                                  Deadline deadline);

  /// Used by make() only.
  PromiseState(std::shared_ptr<OpenStore> store, const Key& placeholder, std::string_view name_of_value);
  PromiseState(const PromiseState&) = delete;
  PromiseState& operator=(const PromiseState&) = delete;
  ~PromiseState();

  [[nodiscard]] const Key& key() const noexcept { return key_; }
  /// Returns the name under which the promise is bound.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Returns the name under which its value is to be bound as well; empty if none.
  [[nodiscard]] const std::string& name_of_value() const noexcept { return name_of_value_; }
  [[nodiscard]] Handle handle(std::uint64_t type_hash) const noexcept;
  /// Checks that the promise may be set: `key_exists` if it was set, `broken_promise` if it was broken,
  /// `closed`.
  [[nodiscard]] Result<void> may_be_set() const LOCUM_EXCLUDES(mutex_);
  /// Records that the value is bound under name().
  void keep() noexcept LOCUM_EXCLUDES(mutex_);
  /// A value that is bound under name_of_value().
  struct Placed {
    Key key;
    std::uint64_t size_bytes = 0;
  };
  /// Returns the value passed to a failed keep_elsewhere(): it is the promise's value, whatever is tried
  /// next.
  [[nodiscard]] std::optional<Placed> placed() const LOCUM_EXCLUDES(mutex_);
  /// Makes that object the promise's value; binds a record of it under name(). After an error it may be
  /// called again.
  [[nodiscard]] Result<void> keep_elsewhere(const Placed& value, Deadline deadline) LOCUM_EXCLUDES(mutex_);
  /// Breaks the promise, unless it was set: waiters get `broken_promise`; or the value, if placed() holds one
  /// that could not be bound under name(). `reason`: an object whose bytes are a text that tells why, or no
  /// valid key. No effect in a forked process.
  void give_up(Deadline deadline = {}, const Key& reason = {}) noexcept LOCUM_EXCLUDES(mutex_);

 private:
  enum class State : std::uint8_t { unset, kept, broken };

  // Steps that may wait for a node lock run without the mutex: in several threads at once; the first to bind
  // the name decides.
  [[nodiscard]] Result<void> prepare(Deadline deadline) LOCUM_EXCLUDES(mutex_);
  void claim(Deadline deadline) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Key claimed() const noexcept LOCUM_EXCLUDES(mutex_);
  void drop_claim(Deadline deadline) noexcept LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<Key> end(const PromiseRecord& record, Deadline deadline) LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] PromiseRecord record_of(const Placed& value) const noexcept;
  [[nodiscard]] bool leave(State state) noexcept LOCUM_EXCLUDES(mutex_);
  void finish(Deadline deadline) noexcept LOCUM_EXCLUDES(mutex_);

  const std::shared_ptr<OpenStore> store_;
  const Key key_;
  const std::string name_;
  const std::string name_of_value_;
  mutable Mutex mutex_;
  State state_ LOCUM_GUARDED_BY(mutex_) = State::unset;
  std::optional<OwnedDraft> end_ LOCUM_GUARDED_BY(mutex_);
  std::optional<Placed> placed_ LOCUM_GUARDED_BY(mutex_);
  Key claim_ LOCUM_GUARDED_BY(mutex_);  ///< the record that name_of_value() is promised
};

}  // namespace locum::detail
