#pragma once

#include <cstddef>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/async/coming_state.hpp>
#include <locum/detail/batch_addresses.hpp>
#include <locum/detail/refused_calls.hpp>
#include <locum/detail/store_steps.hpp>
#include <locum/future.hpp>
#include <locum/replace_options.hpp>
#include <locum/when.hpp>

namespace locum {

/// The calls of a Store that begin something and return; what they return is told of its end. Values, errors,
/// deadlines and threads are those of the calls that wait for it. Part of every store, and only of a store.
class BegunCalls : protected detail::StoreSteps {
 public:
  // Read, without waiting

  /// get(), begun: the object comes by itself, while this process computes, within the deadline, and stays
  /// pinned as long as the future lives. Of those that are on their way, or have come and were not got yet,
  /// the window holds `prefetch_bytes` (see RuntimeOptions), and 1024 are on their way at a time; up to 65536
  /// more wait for their turn (then `out_of_memory`), and without a deadline their time counts from that. One
  /// that somebody waits for, or that is to be followed by something, has its turn at once.
  template <class T>
  [[nodiscard]] Future<T> get_async(const Key& key, Deadline deadline = {}) {
    return begin<T>(of_this_store(key), key, Selection(), deadline);
  }
  template <class T>
  [[nodiscard]] Future<T> get_async(std::string_view name, Deadline deadline = {}) {
    return begin<T>(usable(name), {open_->number, name}, Selection(), deadline);
  }
  /// get() of a part or a hyperslab, begun: as above, and only these elements travel.
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Future<T> get_async(const Key& key, const Part& part, Deadline deadline = {}) {
    return begin<T>(of_this_store(key), key, elements<T>(part), deadline);
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Future<T> get_async(std::string_view name, const Part& part, Deadline deadline = {}) {
    return begin<T>(usable(name), {open_->number, name}, elements<T>(part), deadline);
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Future<T> get_async(const Key& key, const Hyperslab& slab, Deadline deadline = {}) {
    return begin<T>(of_this_store(key), key, elements<T>(slab), deadline);
  }
  template <class T>
    requires std::is_unbounded_array_v<T>
  [[nodiscard]] Future<T> get_async(std::string_view name, const Hyperslab& slab, Deadline deadline = {}) {
    return begin<T>(usable(name), {open_->number, name}, elements<T>(slab), deadline);
  }
  /// One for each key or name of a range, in its order. See when_any() and when_all().
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Future<T>> get_async(const Range& objects, Deadline deadline = {}) {
    return begin_each<T>(objects, [&](const auto& object) { return get_async<T>(object, deadline); });
  }
  /// By a codec, as Store::get().
  template <class T>
  [[nodiscard]] Future<T> get_async(const Key& key, const Decoding<T>& by, Deadline deadline = {}) {
    return begin<T>(of_this_store(key), key, Selection(), deadline, by.codec.reader());
  }
  template <class T>
  [[nodiscard]] Future<T> get_async(std::string_view name, const Decoding<T>& by, Deadline deadline = {}) {
    return begin<T>(usable(name), {open_->number, name}, Selection(), deadline, by.codec.reader());
  }
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Future<T>> get_async(const Range& objects, const Decoding<T>& by,
                                                 Deadline deadline = {}) {
    return begin_each<T>(objects, [&](const auto& object) { return get_async<T>(object, by, deadline); });
  }
  /// exists(), begun: the answer comes by itself, as an object that get_async() asks for.
  [[nodiscard]] Eventual<bool> exists_async(const Key& key, Deadline deadline = {});
  [[nodiscard]] Eventual<bool> exists_async(std::string_view name, Deadline deadline = {});

  // Change, without waiting for others

  /// put(), begun. The value is stored when this returns, so that the caller's may change or end: that may
  /// take as long as the copy does, and where room has to be made, as long as that does. Only the name is
  /// still to be given, by the node that it is at home on; without one it is ready. It is given within the
  /// deadline, or the eventual ends with an error. Cancelled or dropped it is done all the same. As many as
  /// with get_async() are on their way.
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Eventual<Key> put_async(const T& value, Deadline deadline = {}) {
    return Eventual<Key>(key_of(store_value({}, false, value, {}, deadline)));
  }
  template <class T>
    requires(!std::is_same_v<T, Deadline>)
  [[nodiscard]] Eventual<Key> put_async(std::string_view name, const T& value, Deadline deadline = {}) {
    return begin_put(name, value, {}, deadline);
  }
  /// Refused while compiling: see the text.
  template <detail::TextLike N, detail::TimeLike T>
  [[nodiscard]] Eventual<Key> put_async(const N& /*text*/, const T& /*time*/) {
    detail::refuse_text_and_time<T>();
    return {};
  }
  /// replace(), begun, in the same way.
  template <class T>
  [[nodiscard]] Eventual<Key> replace_async(std::string_view name, const T& value,
                                            const ReplaceOptions& options = {}, Deadline deadline = {}) {
    return begin_put(name, value, {SealMode::replace, options.expected_generation}, deadline);
  }
  /// put_bytes(), begun, in the same way.
  [[nodiscard]] Eventual<Key> put_bytes_async(std::span<const std::byte> bytes, Deadline deadline = {});
  [[nodiscard]] Eventual<Key> put_bytes_async(std::string_view name, std::span<const std::byte> bytes,
                                              Deadline deadline = {});
  /// evict(), begun; is done also if it is cancelled or dropped.
  Eventual<bool> evict_async(const Key& key, Deadline deadline = {});
  Eventual<bool> evict_async(std::string_view name, Deadline deadline = {});
  /// By a codec, as Store::put() and Store::replace().
  template <class T>
  [[nodiscard]] Eventual<Key> put_async(const T& value, const Encoding<T>& by, Deadline deadline = {}) {
    return Eventual<Key>(
        key_of(store_by({}, false, &value, by.codec.steps(), by.codec.codec(), {}, deadline)));
  }
  template <class T>
  [[nodiscard]] Eventual<Key> put_async(std::string_view name, const T& value, const Encoding<T>& by,
                                        Deadline deadline = {}) {
    return begin_put_by(name, &value, by.codec.steps(), by.codec.codec(), {}, deadline);
  }
  template <class T>
  [[nodiscard]] Eventual<Key> replace_async(std::string_view name, const T& value, const Encoding<T>& by,
                                            const ReplaceOptions& options = {}, Deadline deadline = {}) {
    return begin_put_by(name, &value, by.codec.steps(), by.codec.codec(),
                        {SealMode::replace, options.expected_generation}, deadline);
  }

 protected:
  explicit BegunCalls(std::shared_ptr<detail::OpenStore> open) noexcept : StoreSteps(std::move(open)) {}

 private:
  template <class T>
  [[nodiscard]] Future<T> begin(const Result<void>& allowed, const Address& address,
                                const Result<Selection>& selection, Deadline deadline) {
    // Of each type one function, not one that is known at run time only.
    return begin<T>(allowed, address, selection, deadline,
                    [](Session& session, ObjectView&& object, const detail::DecodedHow& how) {
                      return detail::read_view<T>(session, std::move(object), how);
                    });
  }
  template <class T, class Read>
  [[nodiscard]] Future<T> begin(const Result<void>& allowed, const Address& address,
                                const Result<Selection>& selection, Deadline deadline, Read read) {
    return begin<View<T>, ObjectView>(
        address, allowed && !selection ? selection.error() : allowed,
        [&] { return session().get_or_task(address, *selection, effective(deadline)); },
        [open = open_, read](Result<ObjectView> found, const Address& about) {
          Session& session = *open->session;
          return found ? read(session, *std::move(found), {open->options.keep_decoded})
                       : Result<View<T>>(session.missed(about, found.error()));
        });
  }
  // Begins what `call` makes, a NowOrTask<T>, if that is allowed. `make(Result<T>, Address)` makes a
  // Result<V> of its end, and keeps the store; for `note` see ComingState.
  template <class V, class T, class Call, class Make, class Note = detail::NotNoted>
  [[nodiscard]] Eventual<V> begin(const Address& address, const Result<void>& allowed, Call call, Make make,
                                  Note note = {}) {
    if (!allowed) {
      return Eventual<V>(session().explain(address, allowed.error()));
    }
    return detail::begin_coming<V, T>(
        session().arrivals(), std::move(call),
        [make = std::move(make), key = address.key, name = std::string(address.name)](Result<T> end) {
          return make(std::move(end), name.empty() ? Address(key) : Address(key.store, name));
        },
        std::move(note));
  }
  template <class T, class Range, class BeginOne>
  [[nodiscard]] static std::vector<Future<T>> begin_each(const Range& objects, BeginOne begin_one) {
    std::vector<Future<T>> futures;
    if constexpr (std::ranges::sized_range<const Range&>) {
      futures.reserve(std::ranges::size(objects));
    }
    for (const auto& object : objects) {
      futures.push_back(begin_one(object));
    }
    return futures;
  }

  [[nodiscard]] Eventual<Key> begin_seal(const ObjectDraft& draft, std::string_view name,
                                         const SealOptions& options, Deadline deadline);
  template <class T>
  [[nodiscard]] Eventual<Key> begin_put(std::string_view name, const T& value, const SealOptions& options,
                                        Deadline deadline) {
    return store_value(name, true, value, deadline,
                       [&](const ObjectDraft& draft) { return begin_seal(draft, name, options, deadline); });
  }
  [[nodiscard]] Eventual<Key> begin_put_by(std::string_view name, const void* value,
                                           const detail::WritingSteps& steps, const void* codec,
                                           const SealOptions& options, Deadline deadline);
  [[nodiscard]] Eventual<bool> begin_exists_at(const Address& address, Deadline deadline);
  [[nodiscard]] Eventual<bool> begin_evict_at(const Address& address, Deadline deadline);
};

}  // namespace locum
