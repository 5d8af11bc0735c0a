#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/detail/open_store.hpp"
#include "core/detail/restored_handles.hpp"
#include "core/ports/connector.hpp"
#include "core/report.hpp"
#include "core/session.hpp"
#include "core/value/handle.hpp"
#include "core/value/metrics.hpp"
#include "core/value/options.hpp"
#include "core/value/result.hpp"

namespace locum::detail {

class DecodedCache;
class Promises;
class FileParts;
class Expiry;

/// State that the stores, views and proxies of one Session share: the connector, the counters, the cache of
/// decoded values, the promises. Stores keep it alive; proxies do not, and return `closed` once it is
/// destroyed. Held by `std::shared_ptr` only; any thread may call.
class SessionState : public std::enable_shared_from_this<SessionState> {
 public:
  /// See Session.
  SessionState(std::shared_ptr<Connector> connector, std::shared_ptr<Metrics> metrics, SessionOptions options,
               std::shared_ptr<CompletionCounter> completions);
  SessionState(const SessionState&) = delete;
  SessionState& operator=(const SessionState&) = delete;
  ~SessionState();

  /// Adds an open store, which mark_dropped() then finds.
  void add(const std::shared_ptr<OpenStore>& store);
  /// Returns a name that, almost certainly, no other object of any process has.
  [[nodiscard]] std::string listed_name();
  /// Returns a function to call whenever this process has adopted objects of a dead one, which may expire. It
  /// keeps nothing alive; it throws an Error `system` if no thread can be started.
  [[nodiscard]] std::function<void()> when_adopted() const;
  /// Returns the lifetime of objects stored in `store` without one; 0: for ever, or the store is not open.
  [[nodiscard]] std::chrono::milliseconds lifetime_in(std::uint32_t store) LOCUM_EXCLUDES(mutex_);
  /// Makes the open stores of that number return `closed` from now on.
  void mark_dropped(std::uint32_t number);

  /// Redirects handles of a store of another runtime to the objects restored into a store of this one.
  void restored(std::uint64_t incarnation, std::uint32_t former_store, std::uint32_t store,
                std::uint32_t ranks);
  /// Returns the stores that restored() named for this store.
  [[nodiscard]] std::vector<FormerStore> origins(std::uint32_t store) const {
    return restored_.origins(store);
  }
  /// Returns the handle, or that of this runtime for the same object (see RestoredHandles).
  [[nodiscard]] Handle own(const Handle& handle) const {
    return handle.incarnation == options_.incarnation || !handle.verify()
               ? handle
               : restored_.here(handle, options_.incarnation).value_or(handle);
  }

  /// Returns the objects that are parts of files.
  [[nodiscard]] FileParts& files() noexcept { return *files_; }
  /// Returns the connector by which objects are read: connector(), or one around it (read_by()).
  [[nodiscard]] Connector& reader() const noexcept { return *reader_.load(std::memory_order_acquire); }
  /// Makes a connector around connector() the one by which objects are read from now on. Called once.
  void read_by(std::shared_ptr<Connector> around);
  /// Returns the promises of this session.
  [[nodiscard]] Promises& promises() noexcept { return *promises_; }
  /// Returns the sweeps for expired objects.
  [[nodiscard]] Expiry& expiry() noexcept { return *expiry_; }

  /// Function by which find_store() opens stores instead of Session::open(): as the runtime of this session
  /// does. Set before the session is announced; null: Session::open().
  using OpenByName = std::function<Result<Store>(const Session&, std::string_view)>;
  void open_by(OpenByName open) { open_by_name_ = std::move(open); }
  [[nodiscard]] const OpenByName& open_by_name() const noexcept { return open_by_name_; }

  /// See Session::report().
  [[nodiscard]] RankReport report() const;
  /// See Session::close().
  void close() noexcept;
  /// Marks the session closed in a process forked from this rank, where threads that it lacks may hold locks.
  /// Objects destroyed there take no lock, and leave everything to the rank.
  void disown() noexcept {
    disowned_.store(true, std::memory_order_relaxed);
    closed_.store(true, std::memory_order_relaxed);
  }
  /// Whether this process was forked from the rank.
  [[nodiscard]] bool is_disowned() const noexcept { return disowned_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  [[nodiscard]] const SessionOptions& options() const noexcept { return options_; }
  [[nodiscard]] Connector& connector() noexcept { return *connector_; }
  [[nodiscard]] Metrics& metrics() noexcept { return *metrics_; }
  /// Return the paths of values that are put, and of memory that is written in place.
  [[nodiscard]] Path copied_by() const noexcept { return copied_by_; }
  [[nodiscard]] Path written_by() const noexcept { return written_by_; }
  [[nodiscard]] const std::shared_ptr<CompletionCounter>& completions() const noexcept {
    return completions_;
  }
  [[nodiscard]] DecodedCache& decoded() noexcept { return *decoded_; }
  /// Drops the decoded value of an object that no longer exists.
  void forget_decoded(const Address& address) noexcept;

  /// Frees the memory of a draft that will not be sealed, unless it is another process's.
  void discard(const ObjectDraft& draft) noexcept {
    if (!disowned_.load(std::memory_order_relaxed)) {
      connector_->discard(draft);
    }
  }
  /// Returns the object, pinned. Counts misses; errors carry key and rank.
  [[nodiscard, gnu::always_inline]] Result<ObjectView> fetch(const Address& address, Deadline deadline) {
    // A single returned variable: the view is constructed in the caller's memory.
    Result<ObjectView> found =
        closed() ? Result<ObjectView>(closed_error()) : reader().get(address, deadline);
    if (!found) [[unlikely]] {
      found = otherwise(address, found.error(), deadline);
    }
    return found;
  }
  /// Returns part of the object, like fetch(): see Source::get_some().
  [[nodiscard]] Result<ObjectView> fetch_some(const Address& address, const Selection& selection,
                                              Deadline deadline);
  /// Like fetch_some(), into memory of the caller if another node sends the object: see Source::get_into().
  [[nodiscard]] Result<ObjectView> fetch_into(const Address& address, const Selection& selection,
                                              std::span<std::byte> memory, Deadline deadline);
  /// Fetches each object (see Batches). Without `reads_files` records may be found in place of objects that
  /// were not read yet.
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline, bool reads_files = true);
  /// Returns the object that a handle identifies. REQUIRES: no refusal().
  [[nodiscard]] Result<ObjectView> fetch(const Handle& handle, Deadline deadline);
  /// Like fetch(), or returns a task of it to begin (see Source::get_or_task()). REQUIRES: no refusal().
  [[nodiscard]] NowOrTask<ObjectView> get_or_task(const Handle& handle, CountsUntil counts,
                                                  Deadline deadline = {});
  /// Like fetch_some(), or returns a task of it, for a future. Misses are not counted, and errors carry no
  /// key.
  [[nodiscard]] NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection,
                                                  Deadline deadline);
  /// Returns the object of a begun fetch, once it has arrived.
  [[nodiscard]] Result<ObjectView> fetch(const Handle& handle, Fetch& coming, Deadline deadline);
  /// Returns the outcome of a fetch by handle; counts a miss, errors carry key and rank. If the value of a
  /// promise is elsewhere, fetches it from there until the deadline.
  [[nodiscard]] Result<ObjectView> as_said(const Handle& handle, Result<ObjectView> found, Deadline deadline);
  /// Returns why a handle cannot be used here: damaged, or of another runtime. None if it can.
  [[nodiscard]] std::optional<Error> refusal(const Handle& handle) const;
  /// Returns the handle of an object of this runtime, in a store with these options.
  [[nodiscard]] Handle handle_of(const ObjectFacts& facts, const StoreOptions& options) const noexcept;
  /// Returns the error of calls after close().
  [[nodiscard]] Error closed_error() const;
  /// Returns `error` with the key and the rank that it is about, if there is memory for these.
  [[nodiscard]] Error explain(const Address& address, const Error& error) const noexcept;
  /// Returns `error` with the name of the object, or its key if it has none, and the rank.
  [[nodiscard]] Error explain(const ObjectView& object, const Error& error) const;
  /// Returns explain() for an object that was not found, and counts a miss.
  [[nodiscard]] Error missed(const Address& address, const Error& error) noexcept;
  /// Returns an error that names the requested and the stored type, the codecs, and by which to read the
  /// object.
  [[nodiscard]] Error type_mismatch(std::string_view asked, const ObjectView& object) const;
  /// Returns the error that an object's size does not fit its own type.
  [[nodiscard]] Error wrong_size(std::string_view type, const ObjectView& object) const;

 private:
  [[gnu::cold, gnu::noinline]] Result<ObjectView> otherwise(const Address& address, const Error& error,
                                                            Deadline deadline);

  const std::shared_ptr<Connector> connector_;
  const std::shared_ptr<Metrics> metrics_;
  const Path copied_by_;
  const Path written_by_;
  const std::string name_;  ///< of the runtime
  const SessionOptions options_;
  const std::uint64_t own_names_;  ///< begins those of listed_name()
  std::atomic<std::uint64_t> listed_names_{0};
  const std::shared_ptr<CompletionCounter> completions_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> disowned_{false};
  const std::unique_ptr<DecodedCache> decoded_;
  std::shared_ptr<Connector> around_;  ///< what read_by() was given
  std::atomic<Connector*> reader_;
  const std::unique_ptr<Promises> promises_;
  const std::unique_ptr<FileParts> files_;
  const std::shared_ptr<Expiry> expiry_;
  RestoredHandles restored_;
  OpenByName open_by_name_;
  mutable Mutex mutex_;
  std::vector<std::weak_ptr<OpenStore>> open_stores_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::detail
