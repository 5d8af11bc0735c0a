#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <locum/async/completion_counter.hpp>
#include <locum/base/mutex.hpp>
#include <locum/detail/decoded_cache.hpp>
#include <locum/handle.hpp>
#include <locum/metrics.hpp>
#include <locum/options.hpp>
#include <locum/ports/connector.hpp>
#include <locum/report.hpp>
#include <locum/result.hpp>

namespace locum {

class Store;
template <class T>
class Proxy;
template <class T>
struct Decoding;
namespace detail {
struct OpenStore;
class PromiseState;
class PromiseMarks;
class LocalWaits;
}  // namespace detail

/// What a store is opened with. The first opener, on whichever rank, fixes it. A later one that names options
/// must name the same, else it gets the error `options_differ`; one that names none takes those in force.
struct StoreOptions {
  /// What calls on this store wait for, at most, that were given no deadline of their own. 0: the runtime's.
  std::chrono::milliseconds timeout{0};
  /// Whether decoded values are kept for the next reader, within RuntimeOptions::decoded_cache_bytes. Values
  /// that have stand-ins inside are not kept, whatever this says: once resolved, these pin their objects.
  bool keep_decoded = true;
  /// Whether each object carries a checksum of its bytes, taken when it is sealed and checked when a process
  /// first uses the object: `corrupt` if something wrote over it meanwhile. Costs a pass over the bytes each
  /// time; uses that follow cost nothing.
  bool checksum = false;

  friend bool operator==(const StoreOptions&, const StoreOptions&) = default;
};

/// Who a session is: one rank of one runtime.
struct SessionOptions {
  std::uint64_t incarnation = 0;  ///< the runtime's own number; what its handles carry. 0: a random one
  int rank = 0;                   ///< of this process in the runtime
  int node = 0;                   ///< of this process; a hint in its handles
  RuntimeOptions options{};
};

/// What all stores, views and stand-ins of one rank share: the connector, the counters, the cache of decoded
/// values. A runtime owns one; a program without MPI makes its own over `open_local()`. Stores keep it alive;
/// stand-ins do not, and say `closed` once it is gone. Held by `std::shared_ptr` only; any thread may call.
class Session : public std::enable_shared_from_this<Session> {
 public:
  /// REQUIRES: neither pointer is null.
  /// \param completions where its threads wait for what ends; none: where nothing moves messages but a helper
  Session(std::shared_ptr<Connector> connector, std::shared_ptr<Metrics> metrics, SessionOptions options = {},
          std::shared_ptr<CompletionCounter> completions = {});
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();
  /// From now on find_store() and proxy() find it. Called once.
  void announce();

  /// The store of that name, with the options in force; made, with options by default, if there is none. Not
  /// collective. On one node it sends nothing; over several it asks the node at which this name is at home,
  /// and waits for it. `invalid_argument` for a bad name, `unsupported` when all numbers of stores are used
  /// up, or the store was opened with options that this version does not know, and the errors of get and put.
  [[nodiscard]] Result<Store> open(std::string_view name);
  /// The same with these options; `options_differ` if others are in force.
  [[nodiscard]] Result<Store> open(std::string_view name, const StoreOptions& options);
  /// The number of an open store: `Key::store` of its objects. `not_found` if nobody opened it.
  [[nodiscard]] Result<std::uint32_t> number_of(std::string_view name);
  /// Evicts what this process made or adopted in the store, and the store itself; returns how many objects.
  /// The Store values of this process reply `closed` from then on. Where several ranks drop together, all
  /// must know the number before the first of them drops.
  [[nodiscard]] Result<std::uint64_t> drop(std::string_view name, std::uint32_t number);
  /// The same for a process alone.
  [[nodiscard]] Result<std::uint64_t> drop(std::string_view name);

  /// A stand-in for the object that a handle, maybe from another rank, identifies. Nothing moves. What is
  /// wrong with the handle is the reply to the first use.
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle);
  /// The same of an object that was written by a codec: `proxy<Mesh>(handle, {.codec = my_codec})`.
  template <class T>
  [[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by);

  /// This rank's memory, objects and traffic so far.
  [[nodiscard]] RankReport report() const;
  /// An unset promise, which is broken when this closes. False: it has closed.
  [[nodiscard]] bool enlist(const std::shared_ptr<detail::PromiseState>& promise);
  void strike(const detail::PromiseState& promise) noexcept;
  /// A promise has left something under its name when it ended: that there will be no value; or where its
  /// value is, which stands under a name of its own. Neither stays for ever (see PromiseMarks).
  void left_broken(const Key& mark) noexcept;
  void left_kept(const Key& mark, const Key& value) noexcept;
  /// After objects were evicted: those of promises whose values are gone go with them, a few at a time.
  void evicted_some(std::size_t objects = 1) noexcept;
  /// Breaks all promises that are not set, and makes none from now on. Waits until the deadline at most, for
  /// locks of the node's, all of them together.
  void break_promises(Deadline deadline = {}) noexcept;
  /// From now on every call replies `closed`. Views stay valid. May be called more than once.
  void close() noexcept;
  /// The same for a process that was forked from this rank, where locks may be held by threads that it does
  /// not have: nothing but the marks. What ends there ends without a lock, and leaves all to the rank.
  void disown() noexcept {
    disowned_.store(true, std::memory_order_relaxed);
    closed_.store(true, std::memory_order_relaxed);
    connector_->disown();
    disown_waits();
  }
  [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  [[nodiscard]] const SessionOptions& options() const noexcept { return options_; }
  [[nodiscard]] Connector& connector() noexcept { return *connector_; }
  [[nodiscard]] Metrics& metrics() noexcept { return *metrics_; }
  [[nodiscard]] const std::shared_ptr<CompletionCounter>& completions() const noexcept {
    return completions_;
  }
  [[nodiscard]] detail::DecodedCache& decoded() noexcept { return decoded_; }
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
    }
    return found;
  }
  /// Where the object is that a key stands for: that of a promise for its value, once it is set. Else
  /// `not_found`, now; `broken_promise`. Any other key for itself.
  [[nodiscard]] Result<Address> actual(const Key& key, Deadline deadline);
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
  /// fetch() or fetch_some() of each (see Batches).
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline);
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
  /// The same of an object that was not found, which counts.
  [[nodiscard]] Error missed(const Address& address, const Error& error) noexcept;
  /// Names both types, the one asked for and the one that is there, and the codecs; says by which to read it.
  [[nodiscard]] Error type_mismatch(std::string_view asked, const ObjectView& object) const;
  /// Says that an object's size does not fit its own type.
  [[nodiscard]] Error wrong_size(std::string_view type, const ObjectView& object) const;

 private:
  [[gnu::cold, gnu::noinline]] Result<ObjectView> otherwise(const Address& address, const Error& error,
                                                            Deadline deadline);
  void disown_waits() noexcept;
  [[nodiscard]] Result<ObjectView> await(const Handle& handle, Deadline deadline);
  [[nodiscard]] std::optional<Error> fate_of(const Address& name, Deadline deadline);
  [[nodiscard]] Result<ObjectView> redeemed(const Key& promised, Result<ObjectView> found, Deadline deadline);
  [[nodiscard]] NowOrTask<ObjectView> promised_or_task(const Key& promised, CountsUntil counts,
                                                       Deadline deadline);
  [[nodiscard]] NowOrTask<ObjectView> stand(const Key& promised, std::string name, Deadline deadline);
  [[nodiscard]] Result<Store> open_with(std::string_view name, const StoreOptions* wanted);
  [[nodiscard]] Result<ObjectView> find_or_register(std::string_view name, const StoreOptions& options);
  [[nodiscard]] Result<std::uint32_t> number_from(std::string_view name,
                                                  const ObjectView& registration) const;

  const std::shared_ptr<Connector> connector_;
  const std::shared_ptr<Metrics> metrics_;
  const std::string name_;  ///< of the runtime
  const SessionOptions options_;
  const std::shared_ptr<CompletionCounter> completions_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> disowned_{false};
  detail::DecodedCache decoded_;
  const std::shared_ptr<detail::LocalWaits> standing_;
  const std::unique_ptr<detail::PromiseMarks> marks_;
  Mutex mutex_;
  std::vector<std::weak_ptr<detail::OpenStore>> open_stores_ LOCUM_GUARDED_BY(mutex_);
  bool makes_promises_ LOCUM_GUARDED_BY(mutex_) = true;
  std::unordered_map<const detail::PromiseState*, std::weak_ptr<detail::PromiseState>> promises_
      LOCUM_GUARDED_BY(mutex_);
};

namespace detail {

/// What the Store values of one `open` share.
struct OpenStore {
  std::shared_ptr<Session> session;
  std::uint32_t number = 0;
  std::string name;
  StoreOptions options;
  std::atomic<std::uint32_t> dropped{0};  ///< 1: by Session::drop

  void drop() noexcept { dropped.exchange(1, std::memory_order_acq_rel); }
  /// ReplyAwaiter by who has just published an object. Both sides read and write the word, so that one comes
  /// first: this learns of the drop, or the drop finds the object.
  [[nodiscard]] bool dropped_meanwhile() noexcept {
    return dropped.fetch_or(0, std::memory_order_acq_rel) != 0;
  }
};

}  // namespace detail

}  // namespace locum
