#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>

#include <locum/async/coming_state.hpp>
#include <locum/base/mutex.hpp>
#include <locum/codec.hpp>
#include <locum/detail/read.hpp>
#include <locum/future.hpp>
#include <locum/handle.hpp>
#include <locum/session.hpp>
#include <locum/view.hpp>

namespace locum {

namespace detail {

/// What the copies of one stand-in share: which object, and, once resolved, its pin and its view.
class ProxyTarget {
 public:
  ProxyTarget(std::weak_ptr<Session> session, const Handle& handle, std::optional<Error> refusal)
      : session_(std::move(session)), handle_(handle), refusal_(std::move(refusal)) {}
  ProxyTarget(const ProxyTarget&) = delete;
  ProxyTarget& operator=(const ProxyTarget&) = delete;

  [[nodiscard]] const Handle& handle() const noexcept { return handle_; }
  /// The object, pinned, and the session that it belongs to; fetched unless prefetch() has done so, or begun
  /// to. No lock is held while it is fetched.
  struct Fetched {
    std::shared_ptr<Session> session;
    ObjectView object;
  };
  [[nodiscard]] Result<Fetched> fetch(Deadline deadline);
  /// The session, or why there is nothing to ask it.
  [[nodiscard]] Result<std::shared_ptr<Session>> session() const;
  /// What fetch() waits for, or a task that brings it.
  [[nodiscard]] NowOrTask<ObjectView> get_or_task(Session& session, Deadline deadline);
  /// What fetch() returns, of what get_or_task() has brought.
  [[nodiscard]] Result<Fetched> fetched(Result<ObjectView> found);
  /// Begins to fetch the object, which stays pinned until unpin().
  void prefetch();
  /// Whether fetch() does not wait.
  [[nodiscard]] bool ready() const;
  void unpin();

 protected:
  ~ProxyTarget() = default;

 private:
  const std::weak_ptr<Session> session_;
  const Handle handle_;
  const std::optional<Error> refusal_;
  [[nodiscard]] bool is_under_way() const;

  mutable Mutex mutex_;
  ObjectView object_ LOCUM_GUARDED_BY(mutex_);
  std::shared_ptr<Fetch> coming_ LOCUM_GUARDED_BY(mutex_);
};

template <class T>
class Resolution final : public ProxyTarget {
 public:
  Resolution(std::weak_ptr<Session> session, const Handle& handle, std::optional<Error> refusal,
             Reader<T> read)
      : ProxyTarget(std::move(session), handle, std::move(refusal)), read_(read) {}

  /// The resolved view, if there is one: valid until release().
  [[nodiscard]] const View<T>* resolved() const noexcept { return current_.load(std::memory_order_acquire); }

  [[nodiscard]] std::optional<View<T>> view() const {
    const MutexLock lock(mutex_);
    return view_;
  }
  [[nodiscard]] Result<View<T>> get(Deadline deadline) {
    auto known = view();
    return known ? Result<View<T>>(*std::move(known)) : take(fetch(deadline), deadline);
  }
  /// Resolves it to what has been fetched; waits until the deadline where another thread decodes that.
  [[nodiscard]] Result<View<T>> take(Result<Fetched> fetched, Deadline deadline) {
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
      view_.emplace(*std::move(view));
      current_.store(&*view_, std::memory_order_release);
    }
    return *view_;
  }

  void release() {
    unpin();
    std::optional<View<T>> released;  // destroyed after the lock: its value's destructor is the user's code
    const MutexLock lock(mutex_);
    current_.store(nullptr, std::memory_order_release);
    released.swap(view_);
  }

 private:
  const Reader<T> read_;
  mutable Mutex mutex_;
  std::optional<View<T>> view_ LOCUM_GUARDED_BY(mutex_);
  std::atomic<const View<T>*> current_{nullptr};
};

/// The error of a stand-in that stands for nothing.
[[nodiscard]] Error empty_proxy();
/// The open session of this process whose handles have this incarnation; null if there is none.
[[nodiscard]] std::shared_ptr<Session> session_of(std::uint64_t incarnation) noexcept;

}  // namespace detail

/// A stand-in for an object: as small as a handle, and it turns into the object on first use. Sending,
/// storing, copying, comparing, hashing and printing it never resolve it. `*p` and `p->` resolve and throw
/// `locum::Error`; `get()` resolves and returns the error. Copies share one resolution, which pins the object
/// until the last copy is gone or one of them is released; references taken from it live as long. May be
/// used by all threads at once.
template <class T>
class Proxy {
 public:
  /// What `*p` is: `const T&`, or a span of the elements of a `T[]`.
  using Reference = decltype(*std::declval<const View<T>&>());

  /// Stands for nothing; every use is `invalid_argument`.
  Proxy() = default;
  /// Made by Session::proxy, Runtime::proxy and Store. `refusal`: what is wrong with the handle, if anything.
  Proxy(std::weak_ptr<Session> session, const Handle& handle, std::optional<Error> refusal = {})
      : Proxy(std::move(session), handle, std::move(refusal), &detail::read_view<T>) {}
  /// The same of an object that `read` makes a view of: by a codec.
  Proxy(std::weak_ptr<Session> session, const Handle& handle, std::optional<Error> refusal,
        detail::Reader<T> read)
      : target_(
            std::make_shared<detail::Resolution<T>>(std::move(session), handle, std::move(refusal), read)) {
    detail::DecodedCache::note_stand_in();
  }

  /// The 64 bytes to send in its place; all zero if it stands for nothing.
  [[nodiscard]] Handle handle() const noexcept { return target_ ? target_->handle() : no_handle(); }
  [[nodiscard]] Key key() const noexcept { return handle().key; }
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return handle().size_bytes; }
  [[nodiscard]] explicit operator bool() const noexcept { return target_ != nullptr; }

  /// The object. Waits for it if it must, at most until the deadline.
  [[nodiscard]] Result<View<T>> get(Deadline deadline = {}) const {
    return target_ ? target_->get(deadline) : Result<View<T>>(detail::empty_proxy());
  }
  /// The same without waiting: `timeout` if the object is not here yet; then it is on its way, as after
  /// prefetch().
  [[nodiscard]] Result<View<T>> try_get() const {
    prefetch();
    return get(Deadline::Clock::time_point::min());
  }
  /// Whether get() would not wait: the object is pinned, here, or it is known why it does not come.
  [[nodiscard]] bool ready() const { return target_ && (target_->resolved() != nullptr || target_->ready()); }
  /// Has the object brought here, if another node has it, and does not wait for that: it comes by itself
  /// while this process computes, within the runtime's timeout, and stays pinned for the first use. Any
  /// number may be asked for. Where more than `prefetch_bytes` (see RuntimeOptions) are on their way, or have
  /// come and were not used yet, it waits for its turn until others are used, released or gone, small ones
  /// before large ones within reason; its time counts from then, and a get() that waits for it has it come at
  /// once. Where 65536 wait it is left to the first use. What goes wrong is the answer to that, but that it
  /// tries again where time or memory was short; release() leaves what is on its way to itself, and what
  /// waits does not come.
  void prefetch() const {
    if (target_ && target_->resolved() == nullptr) {
      target_->prefetch();
    }
  }
  /// get(), begun: see Store::get_async(). When it has ended, the stand-in is resolved.
  [[nodiscard]] Future<T> get_async(Deadline deadline = {}) const {
    if (!target_) {
      return Future<T>(detail::empty_proxy());
    }
    if (auto view = target_->view()) {
      return Future<T>(Result<View<T>>(*std::move(view)));
    }
    const auto session = target_->session();
    if (!session) {
      return Future<T>(session.error());
    }
    return detail::begin_coming<View<T>, ObjectView>(
        (*session)->arrivals(), [&] { return target_->get_or_task(**session, deadline); },
        [target = target_](Result<ObjectView> found) {
          return target->take(target->fetched(std::move(found)), {});
        },
        detail::NotNoted());
  }
  /// In a coroutine: the Result<View<T>>, as soon as it is there.
  [[nodiscard]] typename Future<T>::Awaiting operator co_await() const {
    return get_async().operator co_await();
  }
  /// Gives up the pin that all copies share; the next use resolves again. REQUIRES: no thread still uses a
  /// reference taken by `*p` or `p->`. Views returned by get() stay valid.
  void release() const {
    if (target_) {
      target_->release();
    }
  }

  [[nodiscard]] Reference operator*() const& { return *resolved(); }
  /// Of a stand-in that ends with the expression, as of View.
  [[nodiscard]] auto operator*() && { return *View<T>(resolved()); }
  [[nodiscard]] auto operator->() const { return resolved().operator->(); }
  operator Reference() const& { return **this; }
  operator Reference() && {
    if constexpr (std::is_unbounded_array_v<T>) {
      detail::refuse_of_temporary<T>();
    }
    return *resolved();
  }

  friend bool operator==(const Proxy& a, const Proxy& b) noexcept { return a.handle() == b.handle(); }
  friend std::ostream& operator<<(std::ostream& out, const Proxy& proxy) {
    return out << "proxy<" << TypeName<T>::value << ">{" << proxy.handle() << "}";
  }

 private:
  static Handle no_handle() noexcept {
    Handle none;
    none.version = 0;
    return none;
  }

  const View<T>& resolved() const {
    if (!target_) {
      throw detail::empty_proxy();
    }
    for (;;) {
      if (const View<T>* view = target_->resolved()) {
        return *view;
      }
      (void)target_->get({}).value();
    }
  }

  std::shared_ptr<detail::Resolution<T>> target_;
};

/// Proxy::prefetch() of all stand-ins of a range.
template <std::ranges::input_range Range>
  requires requires(const std::ranges::range_value_t<Range>& stand_in) { stand_in.prefetch(); }
void prefetch(const Range& stand_ins) {
  for (const auto& stand_in : stand_ins) {
    stand_in.prefetch();
  }
}

template <class T>
Proxy<T> Session::proxy(const Handle& handle) {
  return Proxy<T>(weak_from_this(), handle, refusal(handle));
}
template <class T>
Proxy<T> Session::proxy(const Handle& handle, const Decoding<T>& by) {
  return Proxy<T>(weak_from_this(), handle, refusal(handle), by.codec.reader());
}

/// The value itself, whether given as such or by a stand-in or a view: so that one function serves all.
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

/// As part of a stored value a stand-in is its handle; it comes back unresolved, able to resolve.
template <class T>
struct Serializer<Proxy<T>> {
  template <class Archive>
  static void save(Archive& out, const Proxy<T>& proxy) {
    out(proxy.handle());
  }
  static void load(ReadArchive& in, Proxy<T>& proxy) {
    Handle handle;
    in(handle);
    if (handle == Proxy<T>().handle()) {
      proxy = {};
      return;
    }
    auto session = in.session().lock();
    if (!session || session->options().incarnation != handle.incarnation) {
      if (auto other = detail::session_of(handle.incarnation)) {
        session = std::move(other);
      }
    }
    proxy = session ? session->template proxy<T>(handle) : Proxy<T>(in.session(), handle);
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
