#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <locum/base/mutex.hpp>
#include <locum/deadline.hpp>
#include <locum/handle.hpp>
#include <locum/session.hpp>
#include <locum/writer.hpp>

namespace locum {
struct PromiseRecord;
}

namespace locum::detail {

/// What a promise is made of, whatever its type: its key, the placeholder that says that it may still be set,
/// and memory for the record of its end, taken at once so that breaking it needs none. Any thread may call.
class Pledge {
 public:
  /// The errors of a put.
  [[nodiscard]] static Result<std::shared_ptr<Pledge>> make(const std::shared_ptr<OpenStore>& store,
                                                            std::string_view name_of_value,
                                                            Deadline deadline);

  /// Only for make().
  Pledge(std::shared_ptr<OpenStore> store, const Key& placeholder, std::string_view name_of_value);
  Pledge(const Pledge&) = delete;
  Pledge& operator=(const Pledge&) = delete;
  ~Pledge();

  [[nodiscard]] const Key& key() const noexcept { return key_; }
  /// Under which it stands.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// Under which its value is to be found, too; empty if it has none.
  [[nodiscard]] const std::string& name_of_value() const noexcept { return name_of_value_; }
  [[nodiscard]] Handle handle(std::uint64_t type_hash) const noexcept;
  /// `key_exists` if it was set, `broken_promise` if it was given up, `closed`.
  [[nodiscard]] Result<void> may_be_set() const LOCUM_EXCLUDES(mutex_);
  /// Its value is bound under name().
  void keep() noexcept LOCUM_EXCLUDES(mutex_);
  /// A value that stands under name_of_value().
  struct Placed {
    Key key;
    std::uint64_t size_bytes = 0;
  };
  /// The one that was given to keep_elsewhere() when that failed: it is the value, whatever is tried next.
  [[nodiscard]] std::optional<Placed> placed() const LOCUM_EXCLUDES(mutex_);
  /// Its value is that object; has name() say so. After an error it may be called again.
  [[nodiscard]] Result<void> keep_elsewhere(const Placed& value, Deadline deadline) LOCUM_EXCLUDES(mutex_);
  /// Breaks it, unless it was set: who waits gets `broken_promise`; or the value, if there is one by now that
  /// name() could not be had to speak of. Not in a process that was forked.
  void give_up(Deadline deadline = {}) noexcept LOCUM_EXCLUDES(mutex_);

 private:
  enum class State : std::uint8_t { unset, kept, broken };

  // What may wait, for a lock of the node's, is done without the mutex: by several threads at once, of which
  // the first to bind the name decides.
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
  Key claim_ LOCUM_GUARDED_BY(mutex_);  ///< what says that name_of_value() is promised
};

}  // namespace locum::detail
