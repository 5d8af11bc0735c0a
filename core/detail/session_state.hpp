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

/// What the stores, views and proxies of one Session share: the connector, the counters, the cache of decoded
/// values, the unset promises. Stores keep it alive; proxies do not, and return `closed` once it is gone.
/// Held by `std::shared_ptr` only; any thread may call.
class SessionState : public std::enable_shared_from_this<SessionState> {
 public:
  /// See Session.
  SessionState(std::shared_ptr<Connector> connector, std::shared_ptr<Metrics> metrics, SessionOptions options,
               std::shared_ptr<CompletionCounter> completions);
  SessionState(const SessionState&) = delete;
  SessionState& operator=(const SessionState&) = delete;
  ~SessionState();

  /// A store was opened: mark_dropped() finds it.
  void add(const std::shared_ptr<OpenStore>& store);
  /// That store has objects that live that long, from now on. `unsupported` if the connector has no
  /// lifetimes; `system` if no thread can be started.
  [[nodiscard]] Result<void> expect_expiry(std::uint32_t store, std::chrono::milliseconds lifetime);
  /// A name that no other object of any process has, as good as certainly.
  [[nodiscard]] std::string listed_name();
  /// To be called whenever this process has adopted what a dead one owned, which may expire. Keeps nothing
  /// alive; throws an Error `system` if no thread can be started.
  [[nodiscard]] std::function<void()> when_adopted() const;
  /// How long the objects of a store live that are stored without a lifetime; 0: for ever, or it is not open.
  [[nodiscard]] std::chrono::milliseconds lifetime_in(std::uint32_t store) LOCUM_EXCLUDES(mutex_);
  /// The open stores of that number return `closed` from now on.
  void mark_dropped(std::uint32_t number);

  /// See Session::proxy().
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle);
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by);

  /// From now on handles of a store of another runtime are those of what was restored into a store of this
  /// one.
  void restored(std::uint64_t incarnation, std::uint32_t former_store, std::uint32_t store,
                std::uint32_t ranks);
  /// Of which that was said of this store.
  [[nodiscard]] std::vector<FormerStore> origins(std::uint32_t store) const {
    return restored_.origins(store);
  }
  /// The handle itself, or the one of this runtime for what it identified (see RestoredHandles).
  [[nodiscard]] Handle own(const Handle& handle) const {
    return handle.incarnation == options_.incarnation || !handle.verify()
               ? handle
               : restored_.here(handle, options_.incarnation).value_or(handle);
  }

  /// The objects that are parts of files.
  [[nodiscard]] FileParts& files() noexcept { return *files_; }
  /// A store was restored lazily, from files in that folder: from now on what is found under a name may be a
  /// record that leads to part of a file.
  void restored_lazily(std::uint32_t store, std::string folder) LOCUM_EXCLUDES(mutex_);
  /// The folders of which that was said, and the stores.
  [[nodiscard]] std::vector<LazyStore> lazy_stores() const LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] bool has_lazy_stores() const noexcept { return has_lazy_.load(std::memory_order_relaxed); }
  /// Whether what a look for a name, or for part of what is under it, has found is such a record, or may be.
  [[nodiscard]] bool may_be_in_file(const Result<ObjectView>& found) const noexcept;
  [[nodiscard]] bool may_be_in_file(const Address& name, const Result<ObjectView>& found) const noexcept {
    return has_lazy_stores() && !name.name.empty() && may_be_in_file(found);
  }
  /// Where the error of `found` says that only the thread that uses the object may read it: reads it now.
  /// Then it is the object under that name, or that part of it. Null: all of it.
  void read_if_left(Result<ObjectView>& found, const Address& name, const Selection* selection);

  /// By which find_store() opens stores in the place of Session::open(): as the runtime of this session does.
  /// Set before the session is announced; null: Session::open().
  using OpenByName = std::function<Result<Store>(const Session&, std::string_view)>;
  void open_by(OpenByName open) { open_by_name_ = std::move(open); }
  [[nodiscard]] const OpenByName& open_by_name() const noexcept { return open_by_name_; }

  /// See Session::report().
  [[nodiscard]] RankReport report() const;
  /// An unset promise, which is broken when this closes. False: it has closed.
  [[nodiscard]] bool enlist(const std::shared_ptr<PromiseState>& promise);
  void strike(const PromiseState& promise) noexcept;
  /// A promise has left something under its name when it ended: that there will be no value; or where its
  /// value is, which stands under a name of its own. Neither stays for ever (see PromiseMarks).
  void left_broken(const Key& mark) noexcept;
  void left_kept(const Key& mark, const Key& value) noexcept;
  /// After objects were evicted: those of promises whose values are gone go with them, a few at a time.
  void evicted_some(std::size_t objects = 1) noexcept;
  /// Breaks all promises that are not set, and makes none from now on. Waits until the deadline at most, for
  /// locks of the node's, all of them together.
  void break_promises(Deadline deadline = {}) noexcept;
  /// See Session::close().
  void close() noexcept;
  /// The same for a process that was forked from this rank, where locks may be held by threads that it does
  /// not have: nothing but the marks. What ends there ends without a lock, and leaves all to the rank.
  void disown() noexcept {
    disowned_.store(true, std::memory_order_relaxed);
    closed_.store(true, std::memory_order_relaxed);
    connector_->disown();
    disown_waits();
  }
  /// Whether this process was forked from the rank.
  [[nodiscard]] bool is_disowned() const noexcept { return disowned_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  [[nodiscard]] const SessionOptions& options() const noexcept { return options_; }
  [[nodiscard]] Connector& connector() noexcept { return *connector_; }
  [[nodiscard]] Metrics& metrics() noexcept { return *metrics_; }
  /// How values that are put, and memory that is written in place, reach the store.
  [[nodiscard]] Path copied_by() const noexcept { return copied_by_; }
  [[nodiscard]] Path written_by() const noexcept { return written_by_; }
  [[nodiscard]] const std::shared_ptr<CompletionCounter>& completions() const noexcept {
    return completions_;
  }
  [[nodiscard]] DecodedCache& decoded() noexcept { return *decoded_; }
  /// Lets go of what was decoded of an object that is not there any more.
  void forget_decoded(const Address& address) noexcept;

  /// A draft that nobody will seal: its memory goes back, unless it is another process's.
  void discard(const ObjectDraft& draft) noexcept {
    if (!disowned_.load(std::memory_order_relaxed)) {
      connector_->discard(draft);
    }
  }
  /// The object, pinned. Counts misses; errors carry key and rank.
  [[nodiscard]] Result<ObjectView> fetch(const Address& address, Deadline deadline) {
    // One variable, returned: the view is made where the caller wants it.
    Result<ObjectView> found =
        closed() ? Result<ObjectView>(closed_error()) : connector_->get(address, deadline);
    if (!found) [[unlikely]] {
      found = otherwise(address, found.error(), deadline);
    } else if (may_be_in_file(address, found)) [[unlikely]] {
      found = from_file(address, Selection(), std::move(found), deadline);
    }
    return found;
  }
  /// Where the object is that a key stands for: that of a promise for its value, once it is set. Else
  /// `not_found`, now; `broken_promise`. Any other key for itself. `reads_files`: part of a file is read if
  /// nobody has; else it is `not_found` then.
  [[nodiscard]] Result<Address> actual(const Key& key, Deadline deadline, bool reads_files = false);
  /// The object under a name, as soon as somebody puts it; `broken_promise` or `peer_lost` if it was promised
  /// under that name, by the last who did, and there will be none.
  [[nodiscard]] Result<ObjectView> await(const Address& name, Deadline deadline, const Wanted& wanted);
  /// The same, or a task of it that may be begun; but where it was promised under that name and will not
  /// come, that is `timeout`, at the deadline.
  [[nodiscard]] NowOrTask<ObjectView> await_or_task(const Address& name, Deadline deadline);
  /// The same of some of it: see Source::get_some().
  [[nodiscard]] Result<ObjectView> fetch_some(const Address& address, const Selection& selection,
                                              Deadline deadline);
  /// fetch_some() into memory of the caller, if another node sends it: see Source::get_into().
  [[nodiscard]] Result<ObjectView> fetch_into(const Address& address, const Selection& selection,
                                              std::span<std::byte> memory, Deadline deadline);
  /// fetch() or fetch_some() of each (see Batches). `reads_files`: else a record may be found in place of an
  /// object that was not read yet.
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline, bool reads_files = true);
  /// The object that a handle identifies. REQUIRES: no refusal.
  [[nodiscard]] Result<ObjectView> fetch(const Handle& handle, Deadline deadline);
  /// fetch(), or a task of it that may be begun (see Source::get_or_task()). REQUIRES: no refusal.
  [[nodiscard]] NowOrTask<ObjectView> get_or_task(const Handle& handle, CountsUntil counts,
                                                  Deadline deadline = {});
  /// The same of fetch_some(), for a future. Misses are not counted, and errors carry no key.
  [[nodiscard]] NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection,
                                                  Deadline deadline);
  /// fetch() of what was begun, once it has come.
  [[nodiscard]] Result<ObjectView> fetch(const Handle& handle, Fetch& coming, Deadline deadline);
  /// What has come of an object that a handle identifies; counts a miss, errors carry key and rank. Where the
  /// value of a promise is elsewhere, it is fetched from there until the deadline.
  [[nodiscard]] Result<ObjectView> as_said(const Handle& handle, Result<ObjectView> found, Deadline deadline);
  /// Why a handle cannot be used here: damaged, or of another runtime. None if it can.
  [[nodiscard]] std::optional<Error> refusal(const Handle& handle) const;
  /// The handle of an object of this runtime, in a store with these options.
  [[nodiscard]] Handle handle_of(const ObjectFacts& facts, const StoreOptions& options) const noexcept;
  /// The error of calls after close().
  [[nodiscard]] Error closed_error() const;
  /// `error`, with the key and the rank that it is about, where there is memory for these.
  [[nodiscard]] Error explain(const Address& address, const Error& error) const noexcept;
  /// The same of an object, by its name if it has one.
  [[nodiscard]] Error explain(const ObjectView& object, const Error& error) const;
  /// The same of an object that was not found, which counts.
  [[nodiscard]] Error missed(const Address& address, const Error& error) noexcept;
  /// Names both types, the one asked for and the one that is there, and the codecs; says by which to read it.
  [[nodiscard]] Error type_mismatch(std::string_view asked, const ObjectView& object) const;
  /// Says that an object's size does not fit its own type.
  [[nodiscard]] Error wrong_size(std::string_view type, const ObjectView& object) const;

 private:
  [[gnu::cold, gnu::noinline]] Result<ObjectView> otherwise(const Address& address, const Error& error,
                                                            Deadline deadline);
  [[gnu::cold, gnu::noinline]] Result<ObjectView> from_file(const Address& name, const Selection& selection,
                                                            Result<ObjectView> found, Deadline deadline);
  [[nodiscard]] Result<Address> stand_in_of(const Key& promised, const ObjectView& record, Deadline deadline);
  [[nodiscard]] NowOrTask<ObjectView> from_file_later(const Address& name, const Selection& selection,
                                                      NowOrTask<ObjectView> made);
  void disown_waits() noexcept;
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

/// What the Store values of one `open`, or of one collection, share.
struct OpenStore {
  std::shared_ptr<SessionState> session;
  std::uint32_t number = 0;
  std::string name;
  std::string collection;  ///< with those that it is in: `step42/ghosts`; empty: the store itself
  StoreOptions options;
  std::atomic<std::uint32_t> dropped{0};  ///< 1: by Session::drop()
  /// The shortest lifetime of which the session was told.
  std::atomic<std::int64_t> shortest_lifetime_ms{std::numeric_limits<std::int64_t>::max()};

  void drop() noexcept { dropped.exchange(1, std::memory_order_acq_rel); }
  /// Called after an object was published. Both sides read and write the word, so that one comes first: this
  /// learns of the drop, or the drop finds the object.
  [[nodiscard]] bool dropped_meanwhile() noexcept {
    return dropped.fetch_or(0, std::memory_order_acq_rel) != 0;
  }
};

}  // namespace locum::detail
