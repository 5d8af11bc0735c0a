#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <type_traits>
#include <utility>

#include <locum/async_result.hpp>
#include <locum/codec.hpp>
#include <locum/detail/base/mutex.hpp>
#include <locum/detail/begun_fetch.hpp>
#include <locum/detail/open_store.hpp>
#include <locum/detail/range.hpp>
#include <locum/detail/read.hpp>
#include <locum/handle.hpp>
#include <locum/session.hpp>
#include <locum/view.hpp>

namespace locum {

namespace detail {

/// State shared by the copies of one stand-in: its handle, and once it is resolved, the pin and the view.
class ProxyTarget {
 public:
  explicit ProxyTarget(StandInOrigin origin)
      : session_(std::move(origin.session)), handle_(origin.handle), refusal_(std::move(origin.refusal)) {}
  ProxyTarget(const ProxyTarget&) = delete;
  ProxyTarget& operator=(const ProxyTarget&) = delete;

  [[nodiscard]] const Handle& handle() const noexcept { return handle_; }
  /// The pinned object and its session. fetch() fetches unless prefetch() has begun to, and holds no lock
  /// while it does.
  struct Fetched {
    std::shared_ptr<SessionState> session;
    ObjectView object;
  };
  [[nodiscard]] Result<Fetched> fetch(Deadline deadline);
  /// Returns the session, or the error of the stand-in.
  [[nodiscard]] Result<std::shared_ptr<SessionState>> session() const;
  /// Begins an asynchronous fetch() of the object alone, which ends `state`.
  void begin(BegunFetch& fetch, const std::shared_ptr<SharedState>& state, SessionState& session,
             Deadline deadline);
  /// Converts the result of begin() to that of fetch().
  [[nodiscard]] Result<Fetched> fetched(Result<ObjectView> found);
  /// Begins to fetch the object, which stays pinned until unpin().
  void prefetch();
  /// Returns whether fetch() would not block.
  [[nodiscard]] bool ready() const;
  /// Returns whether what prefetch() began has not ended.
  [[nodiscard]] bool is_coming() const;
  void unpin();

 protected:
  ~ProxyTarget() = default;

 private:
  const std::weak_ptr<SessionState> session_;
  const Handle handle_;
  const std::optional<Error> refusal_;
  [[nodiscard]] bool is_under_way() const;

  mutable Mutex mutex_;
  ObjectView object_ LOCUM_GUARDED_BY(mutex_);
  std::shared_ptr<Coming<ObjectView>> coming_ LOCUM_GUARDED_BY(mutex_);
};

/// State shared by the copies of one stand-in whose object is seen as a `V`: a View<T>, or a RawView.
template <class V>
class Resolution final : public ProxyTarget {
 public:
  /// Makes a view of the pinned object.
  using Read = Result<V> (*)(SessionState& session, ObjectView&& object, const DecodedHow& how);

  Resolution(StandInOrigin origin, Read read) : ProxyTarget(std::move(origin)), read_(read) {}

  /// Returns the resolved view or null; valid until release().
  [[nodiscard]] const V* resolved() const noexcept { return current_.load(std::memory_order_acquire); }

  [[nodiscard]] std::optional<V> view() const {
    const MutexLock lock(mutex_);
    return view_;
  }
  [[nodiscard]] Result<V> get(Deadline deadline) {
    auto known = view();
    return known ? Result<V>(std::move(*known)) : take(fetch(deadline), deadline);
  }
  /// Resolves the stand-in to the fetched object; waits until the deadline if another thread decodes it.
  [[nodiscard]] Result<V> take(Result<Fetched> fetched, Deadline deadline) {
    if (!fetched) {
      return fetched.error();
    }
    auto view = read_(*fetched->session, std::move(fetched->object),
                      {.kept = handle().keeps_decoded(), .deadline = deadline});
    if (!view) {
      return view.error();
    }
    unpin();  // the view holds a pin of its own where it needs one
    const MutexLock lock(mutex_);
    if (!view_) {
      view_.emplace(std::move(*view));
      current_.store(&*view_, std::memory_order_release);
    }
    return *view_;
  }

  void release() {
    unpin();
    std::optional<V> released;  // destroyed after the lock: its value's destructor is the user's code
    const MutexLock lock(mutex_);
    current_.store(nullptr, std::memory_order_release);
    released.swap(view_);
  }

 private:
  const Read read_;
  mutable Mutex mutex_;
  std::optional<V> view_ LOCUM_GUARDED_BY(mutex_);
  std::atomic<const V*> current_{nullptr};
};

/// Notes that this thread has made a proxy: see DecodedCache::note_stand_in().
void note_proxy() noexcept;
/// Returns the error of an empty stand-in.
[[nodiscard]] Error empty_proxy();

}  // namespace detail

/// The calls of a stand-in that its type does not change: of a Proxy, which returns views `View<T>`, and of a
/// RawProxy, which returns views RawView.
template <class V>
class StandIn {
 public:
  /// Returns the 64 bytes to send in place of the stand-in; all zero if it is empty.
  [[nodiscard]] Handle handle() const noexcept { return target_ ? target_->handle() : no_handle(); }
  [[nodiscard]] Key key() const noexcept { return handle().key; }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return handle().size_bytes; }
  [[nodiscard]] explicit operator bool() const noexcept { return target_ != nullptr; }

  /// Returns the object. If necessary, blocks until it has arrived or the deadline passes.
  [[nodiscard]] Result<V> get(Deadline deadline = {}) const {
    return target_ ? target_->get(deadline) : Result<V>(detail::empty_proxy());
  }
  /// Like get(), but never blocks: `timeout` if the object has not arrived yet; its transfer has then begun,
  /// as by prefetch().
  [[nodiscard]] Result<V> try_get() const {
    prefetch();
    return get(Deadline::Clock::time_point::min());
  }
  /// Returns whether get() would not block: the object is pinned on this node, or has failed to arrive.
  [[nodiscard]] bool ready() const { return target_ && (target_->resolved() != nullptr || target_->ready()); }
  /// \cond library
  [[nodiscard]] bool is_coming() const { return target_ && target_->is_coming(); }
  /// \endcond
  /// Begins to transfer the object if it is on another node, and returns. The transfer continues while this
  /// process computes, within the runtime's timeout; the object then stays pinned until its first use. Any
  /// number may be begun. Objects in transfer, and those that arrived and were not used yet, take at most
  /// `prefetch_bytes` (see RuntimeOptions); the others are queued, small ones before large ones within
  /// limits, and their time starts when they leave the queue. A get() that waits for a queued object takes it
  /// out of the queue. If 65536 are queued, this call has no effect. An error is returned by the first use,
  /// which tries again after a lack of time or memory. release() abandons a transfer and removes the object
  /// from the queue.
  void prefetch() const {
    if (target_ && target_->resolved() == nullptr) {
      target_->prefetch();
    }
  }
  /// Starts an asynchronous get(): see Store::get_async(). On completion the stand-in is resolved.
  [[nodiscard]] AsyncResult<V> get_async(Deadline deadline = {}) const {
    if (!target_) {
      return AsyncResult<V>(detail::empty_proxy());
    }
    if (auto view = target_->view()) {
      return AsyncResult<V>(Result<V>(std::move(*view)));
    }
    const auto session = target_->session();
    if (!session) {
      return AsyncResult<V>(session.error());
    }
    return detail::made_of_object<V>(
        detail::completions_of(**session),
        [&](detail::BegunFetch& fetch, const auto& state) {
          target_->begin(fetch, state, **session, deadline);
        },
        [target = target_](Result<ObjectView> found) {
          return target->take(target->fetched(std::move(found)), {});
        });
  }
  /// Gives a coroutine the result of get() as soon as it has arrived.
  [[nodiscard]] typename AsyncResult<V>::Awaiting operator co_await() const {
    return get_async().operator co_await();
  }
  /// Releases the pin that all copies share; the next use resolves the stand-in again. REQUIRES: no thread
  /// still uses a reference from `*p` or `p->`. Views returned by get() stay valid.
  void release() const {
    if (target_) {
      target_->release();
    }
  }

  friend bool operator==(const StandIn& a, const StandIn& b) noexcept { return a.handle() == b.handle(); }

 protected:
  StandIn() = default;
  StandIn(detail::StandInOrigin origin, typename detail::Resolution<V>::Read read)
      : target_(std::make_shared<detail::Resolution<V>>(std::move(origin), read)) {
    detail::note_proxy();
  }
  ~StandIn() = default;
  StandIn(const StandIn&) = default;
  StandIn(StandIn&&) noexcept = default;
  StandIn& operator=(const StandIn&) = default;
  StandIn& operator=(StandIn&&) noexcept = default;

  /// Returns the view of get(); throws its error.
  [[nodiscard]] const V& resolved() const {
    if (!target_) {
      throw detail::empty_proxy();
    }
    for (;;) {
      if (const V* view = target_->resolved()) {
        return *view;
      }
      (void)target_->get({}).value();
    }
  }

 private:
  static Handle no_handle() noexcept {
    Handle none;
    none.version = 0;
    return none;
  }

  std::shared_ptr<detail::Resolution<V>> target_;
};

/// A stand-in for an object, which turns into the object on first use. Copying, sending its handle, storing,
/// comparing, hashing and printing never resolve it. `*p` and `p->` resolve it and throw `locum::Error`;
/// `get()` resolves it and returns the error. Copies share one resolution, which pins the object until the
/// last copy is destroyed or one of them is released; references from it are valid until then. All threads
/// may use one stand-in at the same time.
template <class T>
class Proxy : public StandIn<View<T>> {
 public:
  /// The type of `*p`: `const T&`, or a span of the elements of a `T[]`.
  using Reference = decltype(*std::declval<const View<T>&>());

  /// Makes an empty stand-in; every use is `invalid_argument`.
  Proxy() = default;
  /// Made by Session::proxy, Runtime::proxy and Store; with a codec, `read` makes the view.
  explicit Proxy(detail::StandInOrigin origin, detail::Reader<T> read = &detail::read_view<T>)
      : StandIn<View<T>>(std::move(origin), read) {}

  [[nodiscard]] Reference operator*() const& { return *this->resolved(); }
  /// Overload for a temporary stand-in: returns a copy, as for View.
  [[nodiscard]] auto operator*() && { return *View<T>(this->resolved()); }
  [[nodiscard]] auto operator->() const { return this->resolved().operator->(); }
  operator Reference() const& { return **this; }
  operator Reference() && {
    if constexpr (std::is_unbounded_array_v<T>) {
      detail::refuse_of_temporary<T>();
    }
    return *this->resolved();
  }

  friend std::ostream& operator<<(std::ostream& out, const Proxy& proxy) {
    return out << "proxy<" << TypeName<T>::value << ">{" << proxy.handle() << "}";
  }
};

/// Calls Proxy::prefetch() of each stand-in of a range.
template <detail::InputRange Range>
  requires requires(const detail::RangeValue<Range>& stand_in) { stand_in.prefetch(); }
void prefetch(const Range& stand_ins) {
  for (const auto& stand_in : stand_ins) {
    stand_in.prefetch();
  }
}

template <class T>
Proxy<T> Session::proxy(const Handle& handle) const {
  return Proxy<T>(detail::origin_of(*state_, handle));
}
template <class T>
Proxy<T> Session::proxy(const Handle& handle, const Decoding<T>& by) const {
  return Proxy<T>(detail::origin_of(*state_, handle), by.codec.reader());
}

/// Returns a stand-in for the object of a handle, in the runtime of this process that made the handle.
/// Transfers nothing; an error of the handle is the result of the first use.
template <class T>
[[nodiscard]] Proxy<T> proxy(const Handle& handle) {
  return Proxy<T>(detail::origin_of(handle));
}
/// Overload for an object that was written with a codec: `proxy<Mesh>(handle, {.codec = my_codec})`.
template <class T>
[[nodiscard]] Proxy<T> proxy(const Handle& handle, const Decoding<T>& by) {
  return Proxy<T>(detail::origin_of(handle), by.codec.reader());
}

/// Returns the value itself, for a value, stand-in or view. Write locum::ref: there is std::ref.
template <class T>
[[nodiscard]] const T& ref(const T& value) noexcept {
  return value;
}
template <class T>
[[nodiscard]] typename Proxy<T>::Reference ref(const Proxy<T>& proxy) {
  return *proxy;
}
template <class T>
[[nodiscard]] decltype(auto) ref(const View<T>& view) noexcept {
  return *view;
}

/// A stand-in inside a stored value is stored as its handle, and read back unresolved.
template <class T>
struct Serializer<Proxy<T>> {
  template <class Archive>
  static void save(Archive& out, const Proxy<T>& proxy) {
    out(proxy.handle());
  }
  static void load(ReadArchive& in, Proxy<T>& proxy) {
    Handle handle;
    in(handle);
    proxy = handle == Proxy<T>().handle() ? Proxy<T>() : Proxy<T>(detail::origin_of(in.session(), handle));
  }
};

namespace detail {
struct ProxyName {
  static constexpr std::string_view proxy = "proxy";
};
}  // namespace detail

template <class T>
struct TypeName<Proxy<T>> : detail::ComposedName<detail::ProxyName::proxy, T> {};

}  // namespace locum

template <class T>
struct std::hash<locum::Proxy<T>> {
  std::size_t operator()(const locum::Proxy<T>& proxy) const noexcept {
    return std::hash<locum::Handle>{}(proxy.handle());
  }
};
