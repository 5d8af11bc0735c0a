#include "core/raw_store.hpp"

#include <memory>

#include "core/detail/promise_state.hpp"
#include "core/detail/session_state.hpp"

namespace locum {

namespace {

SealOptions replacing(const RawReplaceOptions& options) {
  return {SealMode::replace, options.expected_generation};
}

detail::RuntimeArrayType type_of(const RawArray& array) {
  return detail::RuntimeArrayType(array.element(), array.extents().size() == 0);
}

}  // namespace

RawStore::RawStore(const Store& store) : BatchSteps(store.open_) {}

RawStore Store::raw() const {
  return RawStore(*this);
}

Result<Key> RawStore::put(const RawValue& value, const StoringOptions& options) const {
  const std::string name = unnamed(options.listed);
  return key_of(store_raw(name, !name.empty(), value, {}, options.when_full, detail::StoredHow(options)));
}

Result<Key> RawStore::put(std::string_view name, const RawValue& value, const StoringOptions& options) const {
  return key_of(store_raw(full(name), true, value, {}, options.when_full, detail::StoredHow(options)));
}

Result<Key> RawStore::replace(std::string_view name, const RawValue& value,
                              const RawReplaceOptions& options) const {
  return key_of(
      store_raw(full(name), true, value, replacing(options), options.when_full, detail::StoredHow(options)));
}

Result<Key> RawStore::update(std::string_view name, const Change& change, const CallOptions& options) const {
  return update_by(name, options.deadline,
                   [&](ObjectView object, std::uint64_t generation, Deadline until) -> Result<Key> {
                     const auto changed = change(detail::raw_view(session(), std::move(object)));
                     return changed ? replace(name, *changed,
                                              {.expected_generation = generation, .deadline = until})
                                    : changed.error();
                   });
}

AsyncResult<Key> RawStore::update_async(std::string_view name, Change change,
                                        const CallOptions& options) const {
  return begin_update_by(name, options.deadline,
                         [store = *this, name = std::string(name), change = std::move(change)](
                             ObjectView object, std::uint64_t generation, Deadline until) {
                           const auto changed = change(detail::raw_view(store.session(), std::move(object)));
                           return changed ? store.replace_async(
                                                name, *changed,
                                                {.expected_generation = generation, .deadline = until})
                                          : AsyncResult<Key>(changed.error());
                         });
}

Result<Writer<std::byte>> RawStore::writer(std::string_view name, bool named, const ElementType& element,
                                           const Extents& extents, const StoringOptions& options) const {
  if (!element) {
    return session().explain({open_->number, name}, no_element_type());
  }
  auto draft = create_array(name, named, detail::RuntimeArrayType(element, extents.size() == 0), extents,
                            options.when_full, detail::StoredHow(options));
  return draft ? Result<Writer<std::byte>>(std::in_place, std::move(*draft), extents, std::string(name))
               : Result<Writer<std::byte>>(draft.error());
}

Result<Writer<std::byte>> RawStore::create(const ElementType& element, const Extents& extents,
                                           const StoringOptions& options) const {
  const std::string name = unnamed(options.listed);
  return writer(name, !name.empty(), element, extents, options);
}

Result<Writer<std::byte>> RawStore::create(std::string_view name, const ElementType& element,
                                           const Extents& extents, const StoringOptions& options) const {
  return writer(full(name), true, element, extents, options);
}

Result<Writer<std::byte>> RawStore::writer(std::string_view name, bool named, const EncodedMemory& memory,
                                           const StoringOptions& options) const {
  auto draft = create_encoded(name, named, memory, options.when_full, detail::StoredHow(options));
  return draft ? Result<Writer<std::byte>>(std::in_place, std::move(*draft), Extents(memory.size_bytes),
                                           std::string(name))
               : Result<Writer<std::byte>>(draft.error());
}

Result<Writer<std::byte>> RawStore::create(const EncodedMemory& memory, const StoringOptions& options) const {
  const std::string name = unnamed(options.listed);
  return writer(name, !name.empty(), memory, options);
}

Result<Writer<std::byte>> RawStore::create(std::string_view name, const EncodedMemory& memory,
                                           const StoringOptions& options) const {
  return writer(full(name), true, memory, options);
}

Result<RawPromise> RawStore::promise(const CallOptions& options) const {
  auto promise = new_promise(std::nullopt, options.deadline);
  return promise ? Result<RawPromise>(std::in_place, open_, std::move(*promise)) : promise.error();
}

Result<RawPromise> RawStore::promise(std::string_view name, const CallOptions& options) const {
  auto promise = new_promise(name, options.deadline);
  return promise ? Result<RawPromise>(std::in_place, open_, std::move(*promise)) : promise.error();
}

AsyncResult<Key> RawStore::begin_store(std::string_view name, const RawValue& value, const SealOptions& how,
                                       RoomPolicy when_full, const detail::StoredHow& stored) const {
  if (const auto allowed = never_waits(name, when_full); !allowed) {
    return AsyncResult<Key>(allowed.error());
  }
  const auto draft = draft_of(name, true, value, stored);
  return draft ? begin_seal(*draft, name, how, stored.deadline) : AsyncResult<Key>(draft.error());
}

AsyncResult<Key> RawStore::put_async(const RawValue& value, const StoringOptions& options) const {
  if (options.listed) {
    return begin_store(unnamed(true), value, {}, options.when_full, detail::StoredHow(options));
  }
  const auto allowed = never_waits({}, options.when_full);
  return AsyncResult<Key>(allowed ? put(value, options) : allowed.error());
}

AsyncResult<Key> RawStore::put_async(std::string_view name, const RawValue& value,
                                     const StoringOptions& options) const {
  return begin_store(full(name), value, {}, options.when_full, detail::StoredHow(options));
}

AsyncResult<Key> RawStore::replace_async(std::string_view name, const RawValue& value,
                                         const RawReplaceOptions& options) const {
  return begin_store(full(name), value, replacing(options), options.when_full, detail::StoredHow(options));
}

AsyncResult<RawView> RawStore::wait_async(std::string_view name, const CallOptions& options) const {
  return begin_raw_wait(name, options.deadline);
}

std::vector<Result<Key>> RawStore::put_batch(std::span<const NamedValue> objects,
                                             const StoringOptions& options) const {
  return put_named(objects, detail::StoredHow(options), options.when_full);
}

std::vector<Result<Key>> RawStore::put_batch(std::span<const RawValue> values,
                                             const StoringOptions& options) const {
  return put_unnamed(values, options.listed, detail::StoredHow(options), options.when_full);
}

std::vector<Result<RawView>> RawStore::raws_of(std::vector<Result<ObjectView>> found) const {
  std::vector<Result<RawView>> views;
  views.reserve(found.size());
  for (auto& object : found) {
    views.push_back(raw_of(std::move(object)));
  }
  return views;
}

Result<Selection> RawStore::selection_of(const RawArray& into, const Hyperslab& slab) {
  return into.is_valid() ? StoreBase::selection_of({}, slab, type_of(into))
                         : Result<Selection>(invalid(into));
}

Result<std::size_t> RawStore::read_into(const RawArray& into, const Result<ObjectView>& object) const {
  return object ? detail::copy_elements(session(), *object, type_of(into), into.memory(),
                                        detail::Fit::same_extents)
                : Result<std::size_t>(object.error());
}

AsyncResult<std::size_t> RawStore::begin_read_into(const Result<void>& allowed, const Address& address,
                                                   const RawArray& into, const RawOptions& options) const {
  const auto type =
      std::make_shared<const detail::RuntimeArrayType>(into.element(), into.extents().size() == 0);
  return begin_read(allowed, address, selection_of(into, options.slab),
                    {std::shared_ptr<const detail::ArrayType>(type, &type->type()), into.memory(),
                     detail::Fit::same_extents},
                    options.deadline);
}

Result<RawProxy> RawStore::stand_in(const Result<ObjectView>& object) const {
  if (!object) {
    return object.error();
  }
  return RawProxy(detail::origin_of(session(), session().handle_of(object->facts(), open_->options)));
}

}  // namespace locum
