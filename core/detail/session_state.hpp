#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <locum/detail/base/mutex.hpp>
#include <locum/detail/restored_handles.hpp>
#include <locum/handle.hpp>
#include <locum/metrics.hpp>
#include <locum/options.hpp>
#include <locum/ports/connector.hpp>
#include <locum/report.hpp>
#include <locum/result.hpp>
#include <locum/session.hpp>

namespace locum::detail {

class DecodedCache;
struct OpenStore;
class PromiseState;
class PromiseMarks;
class LocalWaits;
class FileParts;
class Expiry;

/// A store that was restored lazily, and the folder with the files of its checkpoint.
struct LazyStore {
  std::uint32_t store = 0;
  std::string folder;
};

/// State that the stores, views and proxies of one Session share: the connector, the counters, the cache of
/// decoded values, the unset promises. Stores keep it alive; proxies do not, and return `closed` once it is
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
  /// Announces objects with that lifetime in a store. `unsupported` if the connector has no lifetimes;
  /// `system` if no thread can be started.
  [[nodiscard]] Result<void> expect_expiry(std::uint32_t store, std::chrono::milliseconds lifetime);
  /// Returns a name that, almost certainly, no other object of any process has.
  [[nodiscard]] std::string listed_name();
  /// Returns a function to call whenever this process has adopted objects of a dead one, which may expire. It
  /// keeps nothing alive; it throws an Error `system` if no thread can be started.
  [[nodiscard]] std::function<void()> when_adopted() const;
  /// Returns the lifetime of objects stored in `store` without one; 0: for ever, or the store is not open.
  [[nodiscard]] std::chrono::milliseconds lifetime_in(std::uint32_t store) LOCUM_EXCLUDES(mutex_);
  /// Makes the open stores of that number return `closed` from now on.
  void mark_dropped(std::uint32_t number);

  /// See Session::proxy().
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle);
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by);

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
  /// Records that a store was restored lazily from files in `folder`: from now on objects found by name may
  /// be records that lead to parts of files.
  void restored_lazily(std::uint32_t store, std::string folder) LOCUM_EXCLUDES(mutex_);
  /// Returns the stores and folders passed to restored_lazily().
  [[nodiscard]] std::vector<LazyStore> lazy_stores() const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool has_lazy_stores() const noexcept { return has_lazy_.load(std::memory_order_relaxed); }
  /// Whether the object found under a name, or part of it, is such a record, or may be one.
  [[nodiscard]] bool may_be_in_file(const Result<ObjectView>& found) const noexcept;
  [[nodiscard]] bool may_be_in_file(const Address& name, const Result<ObjectView>& found) const noexcept {
    return has_lazy_stores() && !name.name.empty() && may_be_in_file(found);
  }
  /// Reads the object under that name, or the selected part (null: all), into `found` now, if the error there
  /// is that only the thread that uses the object may read it.
  void read_if_left(Result<ObjectView>& found, const Address& name, const Selection* selection);

  /// Function by which find_store() opens stores instead of Session::open(): as the runtime of this session
  /// does. Set before the session is announced; null: Session::open().
  using OpenByName = std::function<Result<Store>(const Session&, std::string_view)>;
  void open_by(OpenByName open) { open_by_name_ = std::move(open); }
  [[nodiscard]] const OpenByName& open_by_name() const noexcept { return open_by_name_; }

  /// See Session::report().
  [[nodiscard]] RankReport report() const;
  /// Adds an unset promise, which is broken when this session closes. Returns false if it has closed.
  [[nodiscard]] bool enlist(const std::shared_ptr<PromiseState>& promise);
  void strike(const PromiseState& promise) noexcept;
  /// Records that an ended promise left a mark under its name: that there will be no value; or the place of
  /// its value, which has a name of its own. Neither stays for ever (see PromiseMarks).
  void left_broken(const Key& mark) noexcept;
  void left_kept(const Key& mark, const Key& value) noexcept;
  /// Removes, after evictions, a few marks of promises whose values no longer exist.
  void evicted_some(std::size_t objects = 1) noexcept;
  /// Breaks all promises that are not set, and makes none from now on. Waits for locks of the node until the
  /// deadline at most, for all promises together.
  void break_promises(Deadline deadline = {}) noexcept;
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
  [[nodiscard]] Result<ObjectView> fetch(const Address& address, Deadline deadline) {
    // A single returned variable: the view is constructed in the caller's memory.
    Result<ObjectView> found =
        closed() ? Result<ObjectView>(closed_error()) : connector_->get(address, deadline);
    if (!found) [[unlikely]] {
      found = otherwise(address, found.error(), deadline);
    } else if (may_be_in_file(address, found)) [[unlikely]] {
      found = from_file(address, Selection(), std::move(found), deadline);
    }
    return found;
  }
  /// Returns the address of the object that a key stands for: the value of a promise (`not_found`, at once,
  /// if it is not set; `broken_promise`), otherwise the key itself. `reads_files`: reads parts of files that
  /// no rank has read; else these are `not_found`.
  [[nodiscard]] Result<Address> actual(const Key& key, Deadline deadline, bool reads_files = false);
  /// Blocks until there is an object under the name, and returns it; `broken_promise` or `peer_lost` if the
  /// last promise under that name will not be kept.
  [[nodiscard]] Result<ObjectView> await(const Address& name, Deadline deadline, const Wanted& wanted);
  /// Like await(), or returns a task of it to begin; but a promise that will not be kept is `timeout`, at the
  /// deadline.
  [[nodiscard]] NowOrTask<ObjectView> await_or_task(const Address& name, Deadline deadline);
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
  [[gnu::cold, gnu::noinline]] Result<ObjectView> from_file(const Address& name, const Selection& selection,
                                                            Result<ObjectView> found, Deadline deadline);
  [[nodiscard]] Result<Address> stand_in_of(const Key& promised, const ObjectView& record, Deadline deadline);
  [[nodiscard]] NowOrTask<ObjectView> from_file_later(const Address& name, const Selection& selection,
                                                      NowOrTask<ObjectView> made);
  [[nodiscard]] Result<ObjectView> await(const Handle& handle, Deadline deadline);
  [[nodiscard]] std::optional<Error> fate_of(const Address& name, Deadline deadline);
  [[nodiscard]] Result<ObjectView> redeemed(const Key& promised, Result<ObjectView> found, Deadline deadline);
  [[nodiscard]] NowOrTask<ObjectView> promised_or_task(const Key& promised, CountsUntil counts,
                                                       Deadline deadline);
  [[nodiscard]] NowOrTask<ObjectView> stand(const Key& promised, const std::string& name, CountsUntil counts,
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
  std::atomic<bool> has_lazy_{false};
  const std::unique_ptr<DecodedCache> decoded_;
  const std::shared_ptr<LocalWaits> standing_;
  const std::unique_ptr<PromiseMarks> marks_;
  const std::unique_ptr<FileParts> files_;
  const std::shared_ptr<Expiry> expiry_;
  RestoredHandles restored_;
  OpenByName open_by_name_;
  mutable Mutex mutex_;
  std::vector<LazyStore> lazy_stores_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::weak_ptr<OpenStore>> open_stores_ LOCUM_GUARDED_BY(mutex_);
  bool makes_promises_ LOCUM_GUARDED_BY(mutex_) = true;
  std::unordered_map<const PromiseState*, std::weak_ptr<PromiseState>> promises_ LOCUM_GUARDED_BY(mutex_);
};

/// State that the Store values of one `open`, or of one collection, share.
struct OpenStore {
  std::shared_ptr<SessionState> session;
  std::uint32_t number = 0;
  std::string name;
  std::string collection;  ///< with the collections that contain it: `step42/ghosts`; empty: the store itself
  StoreOptions options;
  std::atomic<std::uint32_t> dropped{0};  ///< 1: by Session::drop()
  /// The shortest lifetime passed to expect_expiry().
  std::atomic<std::int64_t> shortest_lifetime_ms{std::numeric_limits<std::int64_t>::max()};

  void drop() noexcept { dropped.exchange(1, std::memory_order_acq_rel); }
  /// Whether the store was dropped; called after an object was published. Both sides read and write the word,
  /// so that one comes first: this learns of the drop, or the drop finds the object.
  [[nodiscard]] bool dropped_meanwhile() noexcept {
    return dropped.fetch_or(0, std::memory_order_acq_rel) != 0;
  }
};

}  // namespace locum::detail
