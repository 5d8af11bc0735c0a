#pragma once

#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/async_result.hpp>
#include <locum/detail/begun_fetch.hpp>
#include <locum/detail/range.hpp>
#include <locum/detail/store_base.hpp>
#include <locum/object_info.hpp>

namespace locum::detail {

/// Steps of a store's asynchronous calls. Part of every store.
class AsyncSteps : protected StoreBase {
 protected:
  using StoreBase::StoreBase;

  /// Return the address that an id gives, and whether the object may be read there.
  [[nodiscard]] Address address_of(const Key& key) const noexcept {
    Address address(key);
    address.most_along = open_->most_along;
    return address;
  }
  [[nodiscard]] FullName address_of(std::string_view name) const { return full(name); }
  [[nodiscard]] Result<void> may_read(const Key& key) const { return of_this_store(key); }
  [[nodiscard]] Result<void> may_read(std::string_view name) const { return usable(full(name)); }

  template <class T>
  [[nodiscard]] Future<T> begin(const Result<void>& allowed, const Address& address, const Choice& choice,
                                Deadline deadline) const {
    // A function of its own for each type, instead of a pointer that is known at run time only.
    return begin<T>(allowed, address, choice, deadline,
                    [](SessionState& session, ObjectView&& object, const DecodedHow& how) {
                      return read_view<T>(session, std::move(object), how);
                    });
  }
  template <class T, class Read>
  [[nodiscard]] Future<T> begin(const Result<void>& allowed, const Address& address, const Choice& choice,
                                Deadline deadline, Read read) const {
    return begin_of_object<View<T>>(
        address, may_choose(allowed, choice),
        [&](BegunFetch& fetch, const auto& state) { begin_get(fetch, state, address, choice, deadline); },
        viewed<T>(read));
  }
  /// Begins a get of an object and of its type.
  [[nodiscard]] AsyncResult<RawView> begin_raw(const Result<void>& allowed, const Address& address,
                                               Deadline deadline) const;
  /// Begins a wait for a name, whatever the type of its object.
  [[nodiscard]] AsyncResult<RawView> begin_raw_wait(std::string_view name, Deadline deadline) const;
  /// Memory of the caller to which elements of that type are copied.
  struct Target {
    std::shared_ptr<const ArrayType> type;
    StridedBytes memory;
    Fit fit = Fit::same_extents;
  };
  template <class T>
  [[nodiscard]] static Target target_of(const StridedBytes& memory, Fit fit) {
    return {std::shared_ptr<const ArrayType>(std::shared_ptr<void>(), &array_type<T>), memory, fit};
  }
  /// Begins a read: the elements are copied by whoever first takes the result.
  [[nodiscard]] AsyncResult<std::size_t> begin_read(const Result<void>& allowed, const Address& address,
                                                    const Result<Selection>& selection, Target into,
                                                    Deadline deadline) const;
  // Not an overload: where users' units choose between them, a Selection is no complete type.
  [[nodiscard]] AsyncResult<std::size_t> begin_chosen_read(const Result<void>& allowed,
                                                           const Address& address, const Choice& choice,
                                                           Target into, Deadline deadline) const;
  /// Begins a search for an object, of which a stand-in is made.
  template <class T>
  [[nodiscard]] AsyncResult<Proxy<T>> begin_proxy(const Result<void>& allowed, const Address& address,
                                                  const ReadOptions<T>& options) const {
    return begin_of_object<Proxy<T>>(
        address, allowed,
        [&](BegunFetch& fetch, const auto& state) { begin_facts(fetch, state, address, options.deadline); },
        [steps = *this, by = options.codec](Result<ObjectView> found, const Address& about) {
          return steps.proxy_to<T>(arrived(steps.session(), std::move(found), about), by);
        });
  }
  /// Makes a blocking call soon, on the runtime's thread for continuations; another one takes its place while
  /// it waits. Made even if the result is cancelled or dropped.
  template <class Call>
  [[nodiscard]] AsyncResult<std::invoke_result_t<Call&>> soon(Call call) const {
    using V = std::invoke_result_t<Call&>;
    auto state = std::make_shared<SettledState<V>>(completions_of(session()));
    state->schedule(continuation(nullptr, [state, call = std::move(call)]() mutable noexcept {
      try {
        state->settle(Result<V>(call()));
      } catch (...) {
        state->fail(std::current_exception());
      }
    }));
    return AsyncResult<V>(std::move(state));
  }
  /// Begins a get of an object whose type is not known.
  [[nodiscard]] AsyncResult<ObjectView> begin_object(const Result<void>& allowed, const Address& address,
                                                     const Result<Selection>& selection,
                                                     Deadline deadline) const;
  template <class T>
  [[nodiscard]] Future<T> begin_wait(std::string_view name, const ReadOptions<T>& options) const {
    const FullName whole = full(name);
    const Address address = whole;
    return begin_of_object<View<T>>(
        address, usable(whole),
        [&](BegunFetch& fetch, const auto& state) { begin_await(fetch, state, address, options.deadline); },
        viewed<T>(options.codec.reader()));
  }
  // Begins the fetch that `begin(BegunFetch&, state)` begins, if that is allowed. `make(Result<ObjectView>,
  // Address)` makes a Result<V> of the object, and keeps the store.
  template <class V, class Begin, class Make>
  [[nodiscard]] AsyncResult<V> begin_of_object(const Address& address, const Result<void>& allowed,
                                               const Begin& begin, Make make) const {
    if (!allowed) {
      return AsyncResult<V>(explain(session(), address, allowed.error()));
    }
    return made_of_object<V>(completions_of(session()), begin,
                             [make = std::move(make), key = address.key,
                              name = std::string(address.name)](Result<ObjectView> end) {
                               return make(std::move(end),
                                           name.empty() ? Address(key) : Address(key.store, name));
                             });
  }
  template <class T, class Range, class BeginOne>
  [[nodiscard]] static std::vector<Future<T>> begin_each(const Range& objects, BeginOne begin_one) {
    std::vector<Future<T>> futures;
    if constexpr (SizedRange<const Range&>) {
      futures.reserve(std::ranges::size(objects));
    }
    for (const auto& object : objects) {
      futures.push_back(begin_one(object));
    }
    return futures;
  }

  /// Checks the policy of a call that stores before it returns: such a call cannot wait for room.
  [[nodiscard]] Result<void> never_waits(std::string_view name, RoomPolicy when_full) const;
  [[nodiscard]] AsyncResult<Key> begin_seal(const ObjectDraft& draft, std::string_view name,
                                            const SealOptions& options, Deadline deadline) const;
  template <class T>
  [[nodiscard]] Later<Key, T> begin_put(std::string_view name, const T& value, const SealOptions& options,
                                        const StoredHow& how) const {
    return store_value(name, true, value, how,
                       [&](const auto& draft) { return begin_seal(draft, name, options, how.deadline); });
  }
  template <class T>
  [[nodiscard]] Later<Key, T> begin_put(std::string_view name, const T& value, const EncoderOf<T>& by,
                                        const SealOptions& options, const StoredHow& how) const {
    return begin_put_by(name, &value, by.steps(), by.codec(), options, how);
  }
  [[nodiscard]] AsyncResult<Key> begin_put_by(std::string_view name, const void* value,
                                              const WritingSteps& steps, const void* codec,
                                              const SealOptions& options, const StoredHow& how) const;
  [[nodiscard]] AsyncResult<Key> begin_put_bytes(std::string_view name, std::span<const std::byte> bytes,
                                                 const StoredHow& how) const;
  [[nodiscard]] AsyncResult<std::vector<std::string>> begin_keys(std::string_view prefix,
                                                                 Deadline deadline) const;
  [[nodiscard]] AsyncResult<ObjectInfo> begin_info(const Key& key, Deadline deadline) const;
  [[nodiscard]] AsyncResult<ObjectInfo> begin_info(std::string_view name, Deadline deadline) const;
  [[nodiscard]] AsyncResult<bool> begin_exists(const Key& key, Deadline deadline) const;
  [[nodiscard]] AsyncResult<bool> begin_exists(std::string_view name, Deadline deadline) const;
  [[nodiscard]] AsyncResult<bool> begin_evict(const Key& key, Deadline deadline) const;
  [[nodiscard]] AsyncResult<bool> begin_evict(std::string_view name, Deadline deadline) const;
  /// Starts an asynchronous update_by(); it goes on where nobody holds the result any more.
  [[nodiscard]] AsyncResult<Key> begin_update_by(std::string_view name, Deadline deadline,
                                                 Replace<AsyncResult<Key>> replace) const;

 private:
  [[nodiscard]] static AsyncResult<Key> updating(AsyncSteps steps, std::string name, Deadline until,
                                                 Replace<AsyncResult<Key>> replace);
  /// Returns a function that makes a view of the object found.
  template <class T, class Read>
  [[nodiscard]] auto viewed(Read read) const {
    return [open = open_, read](Result<ObjectView> found, const Address& about) {
      auto object = arrived(*open->session, std::move(found), about);
      return object ? read(*open->session, std::move(*object), {open->options.keep_decoded})
                    : Result<View<T>>(object.error());
    };
  }
  /// Returns `allowed`, or the error of the choice.
  [[nodiscard]] static Result<void> may_choose(const Result<void>& allowed, const Choice& choice);
  /// Begin to fetch the selected part of the object; its metadata; the object of a name, once there is one.
  void begin_get(BegunFetch& fetch, const std::shared_ptr<SharedState>& state, const Address& address,
                 const Choice& choice, Deadline deadline) const;
  void begin_get(BegunFetch& fetch, const std::shared_ptr<SharedState>& state, const Address& address,
                 const Selection& selection, Deadline deadline) const;
  void begin_facts(BegunFetch& fetch, const std::shared_ptr<SharedState>& state, const Address& address,
                   Deadline deadline) const;
  void begin_await(BegunFetch& fetch, const std::shared_ptr<SharedState>& state, const Address& name,
                   Deadline deadline) const;
  /// Returns the outcome of a request by that address.
  [[nodiscard]] static Result<ObjectView> arrived(SessionState& session, Result<ObjectView> found,
                                                  const Address& about);
  [[nodiscard]] AsyncResult<ObjectInfo> begin_info_at(const Result<void>& allowed, const Address& address,
                                                      Deadline deadline) const;
  [[nodiscard]] AsyncResult<bool> begin_exists_at(const Address& address, Deadline deadline) const;
  [[nodiscard]] AsyncResult<bool> begin_evict_at(const Address& address, Deadline deadline) const;
};

}  // namespace locum::detail
