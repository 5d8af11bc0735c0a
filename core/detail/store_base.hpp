#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/call_options.hpp>
#include <locum/codec.hpp>
#include <locum/deadline.hpp>
#include <locum/detail/object/object.hpp>
#include <locum/detail/open_store.hpp>
#include <locum/detail/read.hpp>
#include <locum/detail/representation.hpp>
#include <locum/key.hpp>
#include <locum/object_info.hpp>
#include <locum/proxy.hpp>
#include <locum/room_policy.hpp>
#include <locum/view.hpp>
#include <locum/writer.hpp>

namespace locum {
struct EncodedMemory;
class RawValue;
class RawView;
struct Selection;
}  // namespace locum

namespace locum::detail {

class PromiseState;
class RoomWait;

/// Returns the metadata of an object; `corrupt` if it was overwritten.
[[nodiscard]] Result<ObjectInfo> info_of(const Result<ObjectView>& object);

/// Deadline of a call that stores an object, and its options for the object.
struct StoredHow {
  StoredHow() = default;
  StoredHow(Deadline until) : deadline(until) {}
  /// Takes the values from the options of a call that stores.
  template <class Options>
    requires requires(const Options& options) {
      options.lifetime;
      options.tag;
    }
  explicit StoredHow(const Options& options)
      : deadline(options.deadline), lifetime(options.lifetime), tag(options.tag) {}

  /// Returns a copy with another deadline.
  [[nodiscard]] StoredHow by(Deadline until) const {
    StoredHow how = *this;
    how.deadline = until;
    return how;
  }

  Deadline deadline;
  std::chrono::milliseconds lifetime{0};  ///< 0: that of the collection or store; may be for_ever
  std::string_view tag{};                 ///< memory of the caller, which stays until the draft is made
};

/// Steps of the calls of a store: checks whether they may be made and until when; a look-up, and the view of
/// the object found; a draft that is filled with a value, and its seal. Errors carry the object that they are
/// about. Any thread may call. Part of every store (see Store), which has no other members.
class StoreBase {
 protected:
  explicit StoreBase(std::shared_ptr<OpenStore> open) noexcept : open_(std::move(open)) {}

  [[nodiscard]] SessionState& session() const noexcept { return *open_->session; }
  /// Returns the deadline; if that is the default one, the store's own.
  [[nodiscard]] Deadline effective(Deadline deadline) const;
  /// Returns effective() as a moment, which all calls of a batch share.
  [[nodiscard]] Deadline moment(Deadline deadline) const;

  /// Returns the full form of the user's name.
  [[nodiscard]] FullName full(std::string_view name) const { return {*open_, name}; }
  /// Return the name of an object that is put without one: none, or if `listed` one that no other object has;
  /// unnamed(): in full form.
  [[nodiscard]] std::string fresh_name(bool listed) const;
  [[nodiscard]] std::string unnamed(bool listed) const {
    return listed ? in_collection(open_->collection, fresh_name(true)) : std::string();
  }
  /// Returns the full form of the user's prefix: in a collection all names begin with the collection's.
  [[nodiscard]] std::string full_prefix(std::string_view prefix) const;

  [[nodiscard]] Result<void> usable(const Address& address) const;
  [[nodiscard]] Result<void> usable(std::string_view name) const;
  [[nodiscard]] Result<void> usable(const FullName& name) const { return usable(std::string_view(name)); }
  [[nodiscard]] Error refusal(const Key& key) const;
  [[nodiscard]] Error refusal(std::string_view name) const;
  [[nodiscard]] Result<void> of_this_store(const Key& key) const {
    return key.store == open_->number ? usable(Address(key)) : Result<void>(refusal(key));
  }

  // Reading

  /// The elements of an array that the options of a call select, which must exist until it returns; without
  /// a type: the whole object.
  struct Choice {
    const ArrayType* type = nullptr;
    const Part* part = nullptr;
    const Hyperslab* slab = nullptr;
  };
  [[nodiscard]] static Choice choice_of_bytes(const Part& part) noexcept;
  template <class T>
  [[nodiscard]] static Choice choice_in(const GetOptions<T>& options) noexcept {
    if constexpr (std::is_unbounded_array_v<T>) {
      if (options.part.is_given() || options.slab.is_given()) {
        return {&array_type<std::remove_extent_t<T>>, &options.part, &options.slab};
      }
    }
    return {};
  }
  /// Return the requested part of an object. `invalid_argument` for a part and a slab at once.
  [[nodiscard]] static Result<Selection> selection_of(const Choice& choice);
  [[nodiscard]] static Result<Selection> selection_of(const Part& part, const Hyperslab& slab,
                                                      const ArrayType& type);

  // Those by name take the user's name.
  [[nodiscard]] Result<ObjectView> fetch(const Key& key, Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> fetch(std::string_view name, Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> fetch_chosen(const Key& key, const Choice& choice,
                                                Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> fetch_chosen(std::string_view name, const Choice& choice,
                                                Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> fetch_some(const Key& key, const Result<Selection>& selection,
                                              Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> fetch_some(std::string_view name, const Result<Selection>& selection,
                                              Deadline deadline) const;
  /// Like fetch_some(), for a copy to `memory`, where the bytes may be received from another node (see
  /// Source::get_into()).
  [[nodiscard]] Result<ObjectView> fetch_into(const Key& key, const Choice& choice,
                                              std::span<std::byte> memory, Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> fetch_into(std::string_view name, const Choice& choice,
                                              std::span<std::byte> memory, Deadline deadline) const;
  /// Blocks until a rank has put an object under the name.
  [[nodiscard]] Result<ObjectView> await(std::string_view name, Deadline deadline) const;
  /// Fetches the metadata of an object alone.
  [[nodiscard]] Result<ObjectView> facts_of(const Key& key, Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> facts_of(std::string_view name, Deadline deadline) const;

  template <class T>
  [[nodiscard]] Result<View<T>> view_of(Result<ObjectView> object, Deadline deadline) const {
    if (!object) [[unlikely]] {
      return object.error();
    }
    if constexpr (is_decoded<T>) {
      return read_view<T>(session(), std::move(*object), decoded_how(deadline));
    } else {
      return read_view<T>(session(), std::move(*object), {});
    }
  }
  template <class T>
  [[nodiscard]] Result<View<T>> view_of(Result<ObjectView> object, Deadline deadline, Reader<T> read) const {
    return object ? read(session(), std::move(*object), decoded_how(deadline))
                  : Result<View<T>>(object.error());
  }
  /// Copies the elements of the object found to memory of the caller (see copy_elements).
  template <class T>
  [[nodiscard]] Result<std::size_t> elements_into(const StridedBytes& into, Fit fit,
                                                  const Result<ObjectView>& object) const {
    if (!object) {
      return object.error();
    }
    return copy_elements(session(), *object, array_type<T>, into, fit);
  }
  /// Returns the bytes of an object of any type.
  [[nodiscard]] Result<View<std::byte[]>> bytes_of(Result<ObjectView> object) const;
  /// An object with its type.
  [[nodiscard]] Result<RawView> raw_of(Result<ObjectView> object) const;
  [[nodiscard]] DecodedHow decoded_how(Deadline deadline) const;

  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy_to(const Result<ObjectView>& object) const {
    check_readable<T>();
    const auto handle = handle_to(object, object_identity<T>);
    return handle ? Result<Proxy<T>>(std::in_place, origin_of(session(), *handle)) : handle.error();
  }
  template <class T>
  [[nodiscard]] Result<Proxy<T>> proxy_to(const Result<ObjectView>& object, const DecoderOf<T>& by) const {
    const auto handle = handle_to(object, by.identity());
    return handle ? Result<Proxy<T>>(std::in_place, origin_of(session(), *handle), by.reader())
                  : handle.error();
  }
  [[nodiscard]] Result<Handle> handle_to(const Result<ObjectView>& object,
                                         const TypeIdentity& identity) const;

  // Storing

  /// Makes a promise, under that name if there is one; see Store::promise().
  [[nodiscard]] Result<std::shared_ptr<PromiseState>> new_promise(std::optional<std::string_view> name,
                                                                  Deadline deadline) const;

  /// Result of a put.
  struct Made {
    Key key;
    std::uint64_t generation = 0;
    std::uint64_t size_bytes = 0;
  };
  [[nodiscard]] static Result<Key> key_of(const Result<Made>& made) {
    return made ? Result<Key>(made->key) : Result<Key>(made.error());
  }

  [[nodiscard]] Result<ObjectDraft> allocate(std::uint64_t size_bytes, ObjectMeta&& meta, bool named,
                                             const StoredHow& how) const;
  /// Like allocate() above, but waits for room by `room`, unless it is null.
  [[nodiscard]] Result<ObjectDraft> allocate(std::uint64_t size_bytes, ObjectMeta&& meta, bool named,
                                             const StoredHow& how, RoomWait* room) const {
    return room == nullptr ? allocate(size_bytes, std::move(meta), named, how)
                           : allocate_in_room(size_bytes, std::move(meta), named, how, *room);
  }
  [[nodiscard]] Result<ObjectDraft> allocate_in_room(std::uint64_t size_bytes, ObjectMeta&& meta, bool named,
                                                     const StoredHow& how, RoomWait& room) const;
  /// Makes a call that stores and waits for room, `call(StoredHow, RoomWait*)`: again where the node had
  /// memory for the object but then none for its entry in the tables, which discards the object.
  [[nodiscard]] Result<Made> store_in_room(
      std::string_view name, const StoredHow& how,
      const std::function<Result<Made>(const StoredHow& in_time, RoomWait* room)>& call) const;
  [[nodiscard, gnu::cold, gnu::noinline]] Error no_draft(std::string_view name, const Error& error) const;
  [[nodiscard]] Result<Made> seal(const ObjectDraft& draft, std::string_view name, const SealOptions& options,
                                  Deadline deadline) const;
  [[nodiscard]] Result<ObjectDraft> draft_of_bytes(std::string_view name, bool named,
                                                   std::span<const std::byte> bytes, const StoredHow& how,
                                                   RoomWait* room = nullptr) const;
  /// Allocates memory for bytes with that metadata, and copies them there.
  [[nodiscard]] Result<ObjectDraft> draft_of_bytes(ObjectMeta&& meta, bool named,
                                                   std::span<const std::byte> bytes, const StoredHow& how,
                                                   RoomWait* room) const;
  [[nodiscard]] Result<Made> store_bytes(std::string_view name, bool named, std::span<const std::byte> bytes,
                                         RoomPolicy when_full, const StoredHow& how) const;
  /// Allocates memory for an array.
  [[nodiscard]] Result<OwnedDraft> create_array(std::string_view name, bool named, const ArrayType& type,
                                                const Extents& extents, RoomPolicy when_full,
                                                const StoredHow& how) const;
  [[nodiscard]] Result<OwnedDraft> create_array(std::string_view name, bool named, const ArrayType& type,
                                                const Extents& extents, const StoredHow& how,
                                                RoomWait* room) const;
  /// Allocates memory for a value that the caller encodes.
  [[nodiscard]] Result<OwnedDraft> create_encoded(std::string_view name, bool named,
                                                  const EncodedMemory& memory, RoomPolicy when_full,
                                                  const StoredHow& how) const;
  [[nodiscard]] Result<ObjectDraft> draft_by(std::string_view name, bool named, const void* value,
                                             const WritingSteps& steps, const void* codec,
                                             const StoredHow& how, RoomWait* room = nullptr) const;
  [[nodiscard]] Result<Made> store_by(std::string_view name, bool named, const void* value,
                                      const WritingSteps& steps, const void* codec,
                                      const SealOptions& options, RoomPolicy when_full,
                                      const StoredHow& how) const;

  /// Allocates memory for a value whose type is known only at run time, and copies it there.
  [[nodiscard]] Result<ObjectDraft> draft_of(std::string_view name, bool named, const RawValue& value,
                                             const StoredHow& how, RoomWait* room = nullptr) const;
  [[nodiscard]] Result<Made> store_raw(std::string_view name, bool named, const RawValue& value,
                                       const SealOptions& options, RoomPolicy when_full,
                                       const StoredHow& how) const;
  /// Stores bytes that are a value of this type already; see Store::put_encoded(). \param meta without store
  /// and name
  [[nodiscard]] Result<Made> store_encoded(std::string_view name, bool named,
                                           std::span<const std::byte> bytes, const ObjectMeta& meta,
                                           RoomPolicy when_full, const StoredHow& how) const;

  template <class T>
  [[nodiscard]] Result<Made> store_value(std::string_view name, bool named, const T& value,
                                         const SealOptions& options, const StoredHow& how,
                                         RoomWait* room = nullptr) const {
    return store_value(
        name, named, value, how,
        [&](const ObjectDraft& draft) { return seal(draft, name, options, how.deadline); }, room);
  }
  /// Like store_value(), but waits for room by that policy.
  template <class T>
  [[nodiscard]] Result<Made> store_value_in_room(std::string_view name, bool named, const T& value,
                                                 RoomPolicy when_full, const StoredHow& how) const {
    const auto store = [&](const StoredHow& in_time, RoomWait* room) {
      return store_value(name, named, value, SealOptions(), in_time, room);
    };
    return when_full.waits() ? store_in_room(name, how, std::cref(store)) : store(how, nullptr);
  }
  /// Stores the value in a draft, and returns the result of `seal` for it, or an error.
  template <class T, class Seal>
  [[nodiscard]] auto store_value(std::string_view name, bool named, const T& value, const StoredHow& how,
                                 Seal seal, RoomWait* room = nullptr) const
      -> std::invoke_result_t<Seal, const ObjectDraft&> {
    using Outcome = std::invoke_result_t<Seal, const ObjectDraft&>;
    const auto size_bytes = stored_bytes(value);
    if (!size_bytes) {
      return Outcome(size_bytes.error());
    }
    auto draft = allocate(*size_bytes, meta_of(open_->number, name, value), named, how, room);
    if (!draft) [[unlikely]] {
      return Outcome(no_draft(name, draft.error()));
    }
    if constexpr (Flat<T> || FlatRange<T> || FlatStrided<T>) {
      (void)detail::store_value(value, draft->bytes);  // a copy of bytes cannot fail
    } else {
      OwnedDraft owned(open_, *draft);
      if (auto written = detail::store_value(value, draft->bytes); !written) {
        return Outcome(explain(session(), {open_->number, name}, written.error()));
      }
      (void)owned.release();
    }
    return seal(*draft);
  }

  template <class T>
  [[nodiscard]] Result<Made> store_value_by(std::string_view name, bool named, const T& value,
                                            const EncoderOf<T>& by, const SealOptions& options,
                                            RoomPolicy when_full, const StoredHow& how) const {
    return store_by(name, named, &value, by.steps(), by.codec(), options, when_full, how);
  }

  // Replacing a value by one made from it

  /// Replaces the object found, on the condition that this generation of its name is live: `stale` if another
  /// one is. Called again with the object of that one.
  template <class Ended>
  using Replace = std::function<Ended(ObjectView object, std::uint64_t generation, Deadline until)>;
  /// Replaces the object under a name until one replacement has succeeded, or the deadline has passed.
  /// `not_found` if there is none. Rethrows an exception of `replace`.
  [[nodiscard]] Result<Key> update_by(std::string_view name, Deadline deadline,
                                      const Replace<Result<Key>>& replace) const;
  /// Checks whether an update may repeat after `error`: a generation other than `expected` is live (`live`:
  /// the object's metadata now), and there is time. Otherwise returns the error for the update.
  [[nodiscard]] Result<void> may_repeat(std::string_view name, std::uint64_t expected, const Error& error,
                                        const Result<ObjectInfo>& live, Deadline until) const;
  /// Returns `timeout` once `until` has passed.
  [[nodiscard]] Result<void> check_time(std::string_view name, Deadline until) const;

  // Looking and dropping

  /// Returns the user's names among those found, in the user's form.
  [[nodiscard]] Result<std::vector<std::string>> keys_in(Result<std::vector<std::string>> names,
                                                         const Address& prefix) const;

  [[nodiscard]] Result<bool> exists_at(const Address& address, Deadline deadline) const;
  [[nodiscard]] Result<bool> exists_by_key(const Key& key, Deadline deadline) const;
  [[nodiscard]] Result<bool> evict_at(const Address& address, Deadline deadline) const;
  [[nodiscard]] Result<bool> evict_promised(const Key& key, Deadline deadline) const;

  std::shared_ptr<OpenStore> open_;

 private:
  [[nodiscard, gnu::cold, gnu::noinline]] Result<void> set_lifetime(ObjectMeta& meta,
                                                                    std::chrono::milliseconds lifetime) const;
  [[nodiscard]] bool may_expire(std::chrono::milliseconds lifetime) const noexcept {
    return (lifetime.count() | open_->options.lifetime.count()) != 0;
  }
  [[nodiscard, gnu::cold, gnu::noinline]] Result<ObjectView> fetch_rarely(std::string_view name,
                                                                          Deadline deadline) const;
  /// Like store_in_room(), whatever the result; the policy may be not to wait.
  template <class Call>
  [[nodiscard]] auto in_room(std::string_view name, RoomPolicy when_full, const StoredHow& how,
                             Call call) const -> std::invoke_result_t<Call&, const StoredHow&, RoomWait*>;
  [[nodiscard]] Result<ObjectView> fetch_at(const Address& address, const Result<Selection>& selection,
                                            std::span<std::byte> memory, Deadline deadline) const;
};

}  // namespace locum::detail
