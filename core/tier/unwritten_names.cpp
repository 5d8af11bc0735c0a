#include "core/tier/unwritten_names.hpp"

#include <cstring>
#include <optional>

#include "core/base/hash.hpp"
#include "core/tier/memory_room.hpp"

namespace locum {

namespace {

constexpr std::string_view unwritten_type = "locum.unwritten";

/// The beginning of a record. Behind it are the names of the store and of the object.
struct RecordHead {
  std::uint32_t store = 0;
  std::uint32_t store_name_bytes = 0;
  std::uint64_t checksum = 0;
};

ObjectMeta meta_of_record(std::uint32_t store) {
  return {.store = store,
          .type_hash = text_hash(unwritten_type),
          .type_name = unwritten_type,
          .name = {},
          .extents = {}};
}

std::optional<UnwrittenName> read_unwritten(const ObjectView& object) {
  RecordHead head;
  const auto bytes = object.bytes();
  if (object.type_hash() != text_hash(unwritten_type) || bytes.size() < sizeof head) {
    return std::nullopt;
  }
  std::memcpy(&head, bytes.data(), sizeof head);
  const auto* const names = reinterpret_cast<const char*>(bytes.data()) + sizeof head;
  const std::size_t names_bytes = bytes.size() - sizeof head;
  if (head.store_name_bytes > names_bytes) {
    return std::nullopt;
  }
  return UnwrittenName{
      .record = object.key(),
      .store = head.store,
      .store_name = std::string(names, head.store_name_bytes),
      .name = std::string(names + head.store_name_bytes, names_bytes - head.store_name_bytes),
      .checksum = head.checksum != 0};
}

}  // namespace

Result<void> UnwrittenNames::add(UnwrittenName& name, MemoryRoom& room,
                                 Deadline::Clock::time_point until) const {
  const RecordHead head{.store = name.store,
                        .store_name_bytes = static_cast<std::uint32_t>(name.store_name.size()),
                        .checksum = name.checksum ? 1U : 0U};
  const auto draft =
      room.create(sizeof head + name.store_name.size() + name.name.size(), meta_of_record(store_), until);
  if (!draft) {
    return draft.error();
  }
  std::byte* at = draft->bytes.data();
  std::memcpy(at, &head, sizeof head);
  std::memcpy(at + sizeof head, name.store_name.data(), name.store_name.size());
  std::memcpy(at + sizeof head + name.store_name.size(), name.name.data(), name.name.size());
  const auto sealed = front_->seal(*draft, {}, until);
  if (!sealed) {
    return sealed.error();
  }
  name.record = sealed->key;
  return {};
}

Result<void> UnwrittenNames::try_entry(Deadline::Clock::time_point until) const {
  const auto draft = front_->create(0, meta_of_record(store_), until);
  if (!draft) {
    return draft.error();
  }
  const auto sealed = front_->seal(*draft, {}, until);
  if (!sealed) {
    return sealed.error();
  }
  const auto gone = front_->evict(Address(sealed->key), until);
  return gone ? Result<void>() : gone.error();
}

bool UnwrittenNames::is_there(const Key& record) const {
  const auto found = front_->exists(Address(record), {});
  return !found || *found;
}

std::vector<UnwrittenName> UnwrittenNames::of_node() const {
  std::vector<UnwrittenName> all;
  for (const Key& key : front_->keys_of_node(store_)) {
    if (const auto object = front_->get(Address(key), {})) {
      if (auto name = read_unwritten(*object)) {
        all.push_back(std::move(*name));
      }
    }
  }
  return all;
}

}  // namespace locum
