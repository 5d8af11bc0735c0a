#pragma once

#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/detail/batch_addresses.hpp>
#include <locum/detail/begun_calls.hpp>
#include <locum/detail/owned_drafts.hpp>
#include <locum/ports/batches.hpp>

namespace locum {

namespace detail {

/// What a batch puts under names: pairs of a name and a value, such as a map has.
template <class T>
concept NamedValue = requires(const T& pair) {
  { pair.first } -> std::convertible_to<std::string_view>;
  pair.second;
};
template <class Range>
concept NamedValues = std::ranges::forward_range<const Range&> &&
                      NamedValue<std::remove_cvref_t<std::ranges::range_reference_t<const Range&>>>;

}  // namespace detail

/// The calls of a Store that are for many objects at a time, so that nodes say what they have to say of these
/// in few messages. Part of every store, and only of a store.
class BatchCalls : public BegunCalls {
 public:
  /// put() of each pair of a name and a value of a range, in its order: a result for each, and one that fails
  /// does not fail the others. All values are stored in this node's memory first; then the names that are at
  /// home on other nodes are bound together, by one message to each home and each 256 of them, or 256 KiB of
  /// names and small values. Of a name that the range has more than once one is bound, and the others are
  /// `key_exists`. Where memory of this process runs out, or a rank dies or is silent, each says of itself
  /// what put() would. The deadline, or the timeout where none is given, is one for all of them. Throws
  /// std::bad_alloc where there is no memory for the results themselves, and what the range or the serialiser
  /// of a value throws: nothing has been put then.
  template <class Range>
    requires detail::NamedValues<Range>
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& objects, Deadline deadline = {}) {
    const Deadline until = moment(deadline);
    std::vector<Result<Key>> keys;
    // The range is asked once: what it throws later would be in place of the keys.
    constexpr bool names_stay = std::is_lvalue_reference_v<std::ranges::range_reference_t<const Range&>>;
    std::vector<std::conditional_t<names_stay, std::string_view, std::string>> names;
    detail::OwnedDrafts drafts(open_);
    for (const auto& [name, value] : objects) {
      names.emplace_back(name);
      keys.push_back(draft_in_batch(names.back(), true, value, until, drafts));
    }
    const std::vector<Result<Made>> made = seal_batch(drafts, until);
    auto each = made.begin();
    for (std::size_t at = 0; at < keys.size(); ++at) {
      if (keys[at]) {
        keys[at] = key_in_batch(names[at], *each);
        ++each;
      }
    }
    return keys;
  }
  /// put() of each value of a range, without a name and without a message. Throws std::bad_alloc where there
  /// is no memory for the results themselves, and what the range or the serialiser of a value throws: nothing
  /// has been put then, or it has been evicted again.
  template <detail::AddressRange Range>
    requires(!detail::NamedValues<Range>)
  [[nodiscard]] std::vector<Result<Key>> put_batch(const Range& values, Deadline deadline = {}) {
    const Deadline until = moment(deadline);
    std::vector<Result<Key>> keys;
    if constexpr (std::ranges::forward_range<const Range&> || std::ranges::sized_range<const Range&>) {
      keys.reserve(static_cast<std::size_t>(std::ranges::distance(values)));
      const PutSoFar put(*this, keys);
      for (const auto& value : values) {
        keys.push_back(key_of(store_value({}, false, value, {}, until)));
      }
    } else {  // how many there are shows when all have been seen
      detail::OwnedDrafts drafts(open_);
      for (const auto& value : values) {
        keys.push_back(draft_in_batch({}, false, value, until, drafts));
      }
      const std::vector<Result<Made>> made = seal_batch(drafts, until);
      auto each = made.begin();
      for (Result<Key>& key : keys) {
        if (key) {
          key = key_in_batch({}, *each);
          ++each;
        }
      }
    }
    return keys;
  }

  /// get() of each key or name of a range, in its order: a result for each, and one that fails does not fail
  /// the others. Small objects (up to `inline_bytes`) of other nodes come in one message for each node and
  /// each 256 of them, by name from the home of the name; large ones one by one, 128 side by side. Small ones
  /// that came together are kept in memory until the last view of any of them is gone. Keys of promises come
  /// behind all others, one after the other, as long as there is time. The deadline, or the timeout where
  /// none is given, is one for all. Throws std::bad_alloc where there is no memory for the results
  /// themselves.
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& objects, Deadline deadline = {}) {
    return get_each<T>(objects, deadline);
  }
  /// By a codec, as Store::get().
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<View<T>>> get_batch(const Range& objects, const Decoding<T>& by,
                                                       Deadline deadline = {}) {
    return get_each<T>(objects, deadline, by);
  }

  /// proxy() of each key or name of a range, in the same way: of other nodes only what objects say of
  /// themselves comes; but for the key of a promise its whole value.
  template <class T, detail::AddressRange Range>
  [[nodiscard]] std::vector<Result<Proxy<T>>> proxy_batch(const Range& objects, Deadline deadline = {}) {
    const detail::BatchAddresses addresses(open_->number, objects);
    std::vector<Result<Proxy<T>>> results;
    results.reserve(addresses.all().size());
    for (const auto& object : find_batch(addresses, Wanting::facts, deadline)) {
      results.push_back(proxy_to<T>(object));
    }
    return results;
  }

  /// evict() of each key or name of a range, in its order: a result for each, which may be left unread, and
  /// one that fails does not fail the others. The node of an object, or the home of its name, is told in one
  /// message of 256 of them; whom these have to tell on, and what is of this node, is told of one by one,
  /// side by side. Keys of promises come behind all others, one after the other, as long as there is
  /// time. The deadline, or the timeout where none is given, is one for all. Throws std::bad_alloc where
  /// there is no memory for the results themselves: nothing has been evicted then.
  template <detail::AddressRange Range>
  std::vector<Result<bool>> evict_batch(const Range& objects, Deadline deadline = {}) {
    return evict_all(detail::BatchAddresses(open_->number, objects), deadline);
  }

 protected:
  explicit BatchCalls(std::shared_ptr<detail::OpenStore> open) noexcept : BegunCalls(std::move(open)) {}

 private:
  /// Where an exception leaves a batch, nobody gets its keys: what was put of it is evicted again.
  class PutSoFar {
   public:
    PutSoFar(BatchCalls& calls, const std::vector<Result<Key>>& keys) noexcept : calls_(calls), keys_(keys) {}
    PutSoFar(const PutSoFar&) = delete;
    PutSoFar& operator=(const PutSoFar&) = delete;
    ~PutSoFar() {
      if (std::uncaught_exceptions() > exceptions_) {
        calls_.take_back(keys_);
      }
    }

   private:
    BatchCalls& calls_;
    const std::vector<Result<Key>>& keys_;
    const int exceptions_ = std::uncaught_exceptions();
  };

  /// \param by nothing, or a Decoding<T>
  template <class T, class Range, class... By>
  [[nodiscard]] std::vector<Result<View<T>>> get_each(const Range& objects, Deadline deadline,
                                                      const By&... by) {
    std::vector<Result<View<T>>> results;
    if constexpr (detail::alignment_in_place<T>() > batch_alignment) {
      const Deadline until = moment(deadline);
      for (const auto& future : get_async<T>(objects, by..., until)) {
        results.push_back(future.get(until));
      }
    } else {
      const detail::BatchAddresses addresses(open_->number, objects);
      const Deadline until = moment(deadline);
      auto found = find_batch(addresses, Wanting::all, until);
      results.reserve(found.size());
      for (auto& object : found) {
        results.push_back(view_of<T>(std::move(object), until, by.codec.reader()...));
      }
    }
    return results;
  }

  // Memory that is filled, to be sealed with others; a key of none, or an error.
  template <class T>
  [[nodiscard]] Result<Key> draft_in_batch(std::string_view name, bool named, const T& value,
                                           Deadline deadline, detail::OwnedDrafts& drafts) {
    return store_value(name, named, value, deadline, [&](const ObjectDraft& made) {
      drafts.add(made);
      return Result<Key>(Key{});
    });
  }
  [[nodiscard]] std::vector<Result<ObjectView>> find_batch(const detail::BatchAddresses& asked,
                                                           Wanting wanting, Deadline deadline);
  [[nodiscard]] std::vector<Result<Made>> seal_batch(detail::OwnedDrafts& drafts, Deadline deadline);
  void take_back(const std::vector<Result<Key>>& keys) noexcept;
  [[nodiscard]] Result<Key> key_in_batch(std::string_view name, const Result<Made>& made) noexcept;
  [[nodiscard]] std::vector<Result<bool>> evict_all(const detail::BatchAddresses& asked, Deadline deadline);
};

}  // namespace locum
