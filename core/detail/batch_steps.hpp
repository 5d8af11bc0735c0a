#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/detail/async_steps.hpp>
#include <locum/detail/object/object.hpp>
#include <locum/detail/open_store.hpp>
#include <locum/detail/range.hpp>
#include <locum/flat.hpp>
#include <locum/key.hpp>

namespace locum {
enum class Wanting : std::uint8_t;
}

namespace locum::detail {

/// Returns the alignment that a value of type T needs to be read in place.
template <class T>
[[nodiscard]] constexpr std::size_t alignment_in_place() noexcept {
  if constexpr (std::is_unbounded_array_v<T>) {
    return alignof(std::remove_extent_t<T>);
  } else if constexpr (Flat<T>) {
    return alignof(T);
  } else {
    return 1;
  }
}

/// Whether a type may be a range of keys, names or values: a single text is not.
template <class Range>
concept AddressRange = InputRange<Range> && !std::convertible_to<const Range&, std::string_view>;

/// Returns copies of the keys or names of a range.
template <InputRange Range>
[[nodiscard]] auto owned_ids(const Range& objects) {
  using Object = RangeReference<const Range&>;
  std::vector<std::conditional_t<std::convertible_to<Object, const Key&>, Key, std::string>> ids;
  for (auto&& id : objects) {
    ids.emplace_back(id);
  }
  return ids;
}

/// The keys or names of a range, as addresses of one store. Copies names that the range creates on iteration,
/// and those in a collection; refers to others.
class BatchAddresses {
 public:
  template <InputRange Range>
  BatchAddresses(const OpenStore& store, const Range& objects) {
    using Object = RangeReference<const Range&>;
    by_name_ = !std::convertible_to<Object, const Key&>;
    if constexpr (SizedRange<const Range&>) {
      reserve(std::ranges::size(objects));
    }
    if constexpr (std::convertible_to<Object, const Key&>) {
      for (const Key& key : objects) {
        add(key);
      }
    } else {
      if constexpr (std::is_lvalue_reference_v<Object> || std::is_pointer_v<Object> ||
                    std::same_as<std::remove_cv_t<Object>, std::string_view>) {
        if (store.collection.empty()) {
          for (const std::string_view name : objects) {
            add(store, name);
          }
          return;
        }
      }
      for (auto&& name : objects) {
        keep(store, name);
      }
      add_kept(store);
    }
  }
  BatchAddresses(const BatchAddresses&) = delete;
  BatchAddresses& operator=(const BatchAddresses&) = delete;
  ~BatchAddresses() = default;

  [[nodiscard]] const std::vector<Address>& all() const noexcept { return all_; }
  [[nodiscard]] bool by_name() const noexcept { return by_name_; }

 private:
  void reserve(std::size_t count);
  void add(const Key& key);
  void add(const OpenStore& store, std::string_view name);
  void keep(const OpenStore& store, std::string_view name);
  void add_kept(const OpenStore& store);

  bool by_name_ = false;
  std::vector<std::string> kept_;
  std::vector<Address> all_;
};

/// Drafts of one store to be sealed together. The destructor discards those not released. One thread.
class OwnedDrafts {
 public:
  explicit OwnedDrafts(std::shared_ptr<OpenStore> store) noexcept : store_(std::move(store)) {}
  OwnedDrafts(const OwnedDrafts&) = delete;
  OwnedDrafts& operator=(const OwnedDrafts&) = delete;
  ~OwnedDrafts();

  void reserve(std::size_t count);
  /// Adds a draft; if it throws std::bad_alloc, the draft is discarded.
  void add(const ObjectDraft& draft);
  [[nodiscard]] const std::vector<ObjectDraft>& all() const noexcept { return drafts_; }
  /// Returns the drafts, which the caller then has to seal.
  [[nodiscard]] std::vector<ObjectDraft> release() noexcept;

 private:
  const std::shared_ptr<OpenStore> store_;
  std::vector<ObjectDraft> drafts_;
};

/// Values of a batch that are stored and not sealed yet: their keys, or errors, and their names.
struct DraftedBatch {
  explicit DraftedBatch(std::shared_ptr<OpenStore> store) noexcept : drafts(std::move(store)) {}

  std::vector<Result<Key>> keys;
  std::vector<std::string> names;
  OwnedDrafts drafts;
};

/// Element that a batch puts under a name: a pair of a name and a value, such as a map has.
template <class T>
concept NamedValue = requires(const T& pair) {
  { pair.first } -> std::convertible_to<std::string_view>;
  pair.second;
};
template <class Range>
using InRange = std::remove_cvref_t<RangeReference<const Range&>>;
template <class Range>
concept NamedValues = ForwardRange<const Range&> && NamedValue<InRange<Range>>;
/// The values of a range of pairs of a name and a value.
template <class Range>
using ValueInRange = std::remove_cvref_t<decltype(std::declval<const InRange<Range>&>().second)>;

/// The values that a batch puts: those of pairs, or the elements themselves.
template <class Range>
struct PutInRangeOf {
  using Type = InRange<Range>;
};
template <NamedValues Range>
struct PutInRangeOf<Range> {
  using Type = ValueInRange<Range>;
};
template <class Range>
using PutInRange = typename PutInRangeOf<Range>::Type;

/// Steps of a store's batch calls. Part of every store.
class BatchSteps : protected AsyncSteps {
 protected:
  using AsyncSteps::AsyncSteps;

  // Makes and fills a draft, to be sealed with others; returns an empty key, or an error.
  template <class T>
  [[nodiscard]] Result<Key> draft_in_batch(std::string_view name, bool named, const T& value,
                                           const StoredHow& how, OwnedDrafts& drafts) const {
    return store_value(name, named, value, how, [&](const ObjectDraft& made) {
      drafts.add(made);
      return Result<Key>(Key{});
    });
  }
  template <class T>
  [[nodiscard]] Result<Key> draft_in_batch(std::string_view name, bool named, const T& value,
                                           const StoredHow& how, OwnedDrafts& drafts,
                                           const EncoderOf<T>& by) const {
    const auto made = draft_by(name, named, &value, by.steps(), by.codec(), how);
    if (!made) {
      return made.error();
    }
    drafts.add(*made);
    return Key{};
  }

  [[nodiscard]] Result<Key> draft_in_batch(std::string_view name, bool named, const RawValue& value,
                                           const StoredHow& how, OwnedDrafts& drafts) const;

  /// Puts one object alone, as soon as there is room.
  [[nodiscard]] Result<Key> put_in_room(std::string_view name, bool named, const RawValue& value,
                                        RoomPolicy when_full, const StoredHow& how) const {
    return key_of(store_raw(name, named, value, {}, when_full, how));
  }
  template <class T>
  [[nodiscard]] Result<Key> put_in_room(std::string_view name, bool named, const T& value,
                                        RoomPolicy when_full, const StoredHow& how) const {
    return key_of(store_value_in_room(name, named, value, when_full, how));
  }
  template <class T>
  [[nodiscard]] Result<Key> put_in_room(std::string_view name, bool named, const T& value,
                                        RoomPolicy when_full, const StoredHow& how,
                                        const EncoderOf<T>& by) const {
    return key_of(store_value_by(name, named, value, by, {}, when_full, how));
  }

  /// \param by nothing, or an EncoderOf the values
  template <class Range, class... By>
  [[nodiscard]] std::vector<Result<Key>> put_named(const Range& objects, const StoredHow& given,
                                                   RoomPolicy when_full, const By&... by) const {
    const StoredHow how = given.by(moment(given.deadline));
    std::vector<Result<Key>> keys;
    // Iterates the range once: an exception of a second pass would replace the keys.
    constexpr bool names_stay = std::is_lvalue_reference_v<RangeReference<const Range&>>;
    std::vector<std::conditional_t<names_stay, std::string_view, std::string>> names;
    OwnedDrafts drafts(open_);
    if constexpr (SizedRange<const Range&>) {
      const std::size_t count = std::ranges::size(objects);
      keys.reserve(count);
      names.reserve(count);
      drafts.reserve(count);
    }
    std::size_t sealed = 0;
    const auto name_of = [&](std::size_t at) -> std::string_view { return names[at]; };
    for (const auto& [name, value] : objects) {
      names.emplace_back(name);
      keys.push_back(draft_in_batch(full(names.back()), true, value, how, drafts, by...));
      if (when_full.waits() && lacks_room(keys.back())) {
        seal_drafts(drafts, keys, sealed, how.deadline, std::cref(name_of));
        keys.back() = put_in_room(full(names.back()), true, value, when_full, how, by...);
      }
    }
    seal_drafts(drafts, keys, sealed, how.deadline, std::cref(name_of));
    return keys;
  }
  template <class Range, class... By>
  [[nodiscard]] std::vector<Result<Key>> put_unnamed(const Range& values, bool listed, const StoredHow& given,
                                                     RoomPolicy when_full, const By&... by) const {
    const StoredHow how = given.by(moment(given.deadline));
    std::vector<Result<Key>> keys;
    OwnedDrafts drafts(open_);
    std::size_t sealed = 0;
    std::vector<std::string> names;  // in the collection; only if they are listed
    const auto name_of = [&](std::size_t at) {
      return listed ? std::string_view(names[at]) : std::string_view();
    };
    for (const auto& value : values) {
      if (listed) {
        names.push_back(fresh_name(true));
      }
      const FullName name = full(name_of(keys.size()));
      keys.push_back(draft_in_batch(name, listed, value, how, drafts, by...));
      if (when_full.waits() && lacks_room(keys.back())) {
        seal_drafts(drafts, keys, sealed, how.deadline, std::cref(name_of));
        keys.back() = put_in_room(name, listed, value, when_full, how, by...);
      }
    }
    seal_drafts(drafts, keys, sealed, how.deadline, std::cref(name_of));
    return keys;
  }

  /// Stores values as put_named() and put_unnamed() do, and seals them soon.
  template <class Range, class... By>
  [[nodiscard]] Later<std::vector<Result<Key>>, Range> begin_put_batch(const Range& objects, bool listed,
                                                                       const StoredHow& given,
                                                                       RoomPolicy when_full,
                                                                       const By&... by) const {
    if (const auto allowed = never_waits({}, when_full); !allowed) {
      return Later<std::vector<Result<Key>>, Range>(allowed.error());
    }
    const StoredHow how = given.by(moment(given.deadline));
    const auto batch = std::make_shared<DraftedBatch>(open_);
    for (const auto& each : objects) {
      if constexpr (NamedValues<Range>) {
        batch->names.emplace_back(each.first);
        batch->keys.push_back(
            draft_in_batch(full(batch->names.back()), true, each.second, how, batch->drafts, by...));
      } else {
        batch->names.push_back(fresh_name(listed));
        batch->keys.push_back(
            draft_in_batch(full(batch->names.back()), listed, each, how, batch->drafts, by...));
      }
    }
    return soon([steps = *this, batch, until = how.deadline] { return steps.sealed(*batch, until); });
  }

  template <class T>
  [[nodiscard]] std::vector<Result<View<T>>> views_of(std::vector<Result<ObjectView>> found, Deadline until,
                                                      Reader<T> read) const {
    std::vector<Result<View<T>>> views;
    views.reserve(found.size());
    for (auto& object : found) {
      views.push_back(view_of<T>(std::move(object), until, read));
    }
    return views;
  }
  /// Returns whether objects of which these elements are requested, and which need that alignment, can be
  /// transferred together.
  [[nodiscard]] static bool come_together(const Choice& choice, std::size_t alignment) noexcept;
  [[nodiscard]] std::vector<Result<ObjectView>> find_batch(const BatchAddresses& asked,
                                                           Deadline deadline) const;
  /// Finds the metadata alone.
  [[nodiscard]] std::vector<Result<ObjectView>> find_facts(const BatchAddresses& asked,
                                                           Deadline deadline) const;
  [[nodiscard]] std::vector<Result<bool>> exist_all(const BatchAddresses& asked, Deadline deadline) const;
  [[nodiscard]] std::vector<Result<bool>> evict_all(const BatchAddresses& asked, Deadline deadline) const;

 private:
  [[nodiscard]] std::vector<Result<ObjectView>> find_batch(const BatchAddresses& asked, Wanting wanting,
                                                           Deadline deadline, bool reads_files) const;
  [[nodiscard]] static bool lacks_room(const Result<Key>& key) {
    return !key && key.error().code() == Errc::out_of_memory;
  }
  /// Seals the drafts of a batch so far: those of the keys from `sealed` on that are no errors.
  /// \param name_of the name of a key
  void seal_drafts(OwnedDrafts& drafts, std::vector<Result<Key>>& keys, std::size_t& sealed, Deadline until,
                   const std::function<std::string_view(std::size_t)>& name_of) const;
  /// Seals the drafts of a batch, and returns its keys.
  [[nodiscard]] std::vector<Result<Key>> sealed(DraftedBatch& batch, Deadline until) const;
  [[nodiscard]] Result<Key> key_in_batch(std::string_view name, const Result<Sealed>& sealed,
                                         std::uint64_t size_bytes) const noexcept;
};

}  // namespace locum::detail
