#include "core/backend/stored_object.hpp"

#include <utility>

#include "core/base/hash.hpp"
#include "core/object/current_type_name.hpp"
#include "core/value/type_name.hpp"

namespace locum {

StoredObject::StoredObject(LoadedRecord record, const StoredFacts& facts, const Key& key) noexcept
    : CountedBoard(Path::storage),
      record_(std::move(record)),
      payload_(facts.payload),
      expires_ns_(facts.words.expires_ns) {
  const std::string_view type = current_type_name(facts.tail.type_name);
  facts_ = {.key = key,
            .size_bytes = facts.words.size_bytes,
            .generation = facts.words.name_bytes == 0 ? 0 : record_.revision,
            .type_hash = type.data() == facts.tail.type_name.data() ? facts.words.type_hash : text_hash(type),
            .element_bytes = facts.tail.element_bytes,
            .layout = facts.words.layout,
            .extents = facts.tail.extents,
            .type_name = type,
            .name = facts.tail.name};
}

StoredObject::StoredObject(LoadedRecord record, const Key& key, std::string_view name)
    : CountedBoard(Path::storage), record_(std::move(record)), name_(name), payload_(record_.bytes) {
  constexpr const TypeIdentity& identity = type_identity<std::byte[]>;
  facts_ = {.key = key,
            .size_bytes = record_.size_bytes,
            .generation = record_.revision,
            .type_hash = identity.hash,
            .element_bytes = 1,
            .layout = Layout::bytes,
            .extents = {},
            .type_name = identity.name,
            .name = name_};
}

ObjectFacts StoredObject::describe(std::uint64_t /*pin*/) const {
  return facts_;
}

std::uint64_t StoredObject::expires_ns(std::uint64_t /*pin*/) const noexcept {
  return expires_ns_;
}

ObjectView StoredObject::view(const std::shared_ptr<StoredObject>& self) noexcept {
  begin_view(self);
  return {*this, 0, facts_.key, payload_, facts_.type_hash};
}

}  // namespace locum
