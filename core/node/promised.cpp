#include "core/node/promised.hpp"

#include <algorithm>
#include <cstring>

#include "core/ports/connector.hpp"
#include "core/ports/name_homes.hpp"
#include "core/value/errors.hpp"
#include "core/value/type_name.hpp"

namespace locum {

namespace {

constexpr std::string_view own_prefix{"\0promise", 8};

/// The part behind the prefix.
struct PromiseWords {
  std::uint64_t serial = 0;
  std::uint32_t creator = 0;
  std::uint32_t nonce = 0;
};

Error maker_lost(const Key& promised) {
  return Error(Errc::peer_lost, "rank " + std::to_string(promised.creator) +
                                    ", which made this promise, died before setting it");
}

bool is_unset(NodeTable& table, const Key& promised) {
  const auto pin = table.pin(placeholder_of(promised));
  if (!pin) {
    return false;
  }
  const bool is_placeholder = is_promise_record(pin->record->type_hash);
  table.release(pin->id);
  return is_placeholder;
}

bool contains(const LostNodePeers& lost, std::uint32_t rank) {
  const std::vector<int> ranks = lost ? lost() : std::vector<int>();
  return std::ranges::find(ranks, static_cast<int>(rank)) != ranks.end();
}

}  // namespace

bool is_promise_record(std::uint64_t type_hash) noexcept {
  return type_hash == type_identity<PromiseRecord>.hash;
}

std::optional<PromiseRecord> read_promise_record(const ObjectView& object) noexcept {
  PromiseRecord record;
  if (!is_promise_record(object.type_hash()) || object.bytes().size() != sizeof record) {
    return std::nullopt;
  }
  std::memcpy(&record, object.bytes().data(), sizeof record);
  return record;
}

std::optional<Address> kept_elsewhere(const ObjectView& object) noexcept {
  const auto record = read_promise_record(object);
  const bool is_kept = record && record->state == PromiseRecord::State::kept && record->value.valid() &&
                       !is_promised(record->value) && record->value.store == object.key().store;
  return is_kept ? std::optional(Address(record->value, record->name_hash, record->size_bytes))
                 : std::nullopt;
}

std::optional<Key> in_file(const ObjectView& object) noexcept {
  PromiseRecord record;
  if (!is_promise_record(object.type_hash()) || object.bytes().size() <= sizeof record) {
    return std::nullopt;
  }
  std::memcpy(&record, object.bytes().data(), sizeof record);
  return record.state == PromiseRecord::State::in_file ? std::optional(record.value) : std::nullopt;
}

std::optional<Key> same_as(const ObjectView& object) noexcept {
  const auto record = read_promise_record(object);
  const bool is_other = record && record->state == PromiseRecord::State::same_as &&
                        is_promised(record->value) && record->value.store == object.key().store;
  return is_other ? std::optional(record->value) : std::nullopt;
}

std::string Connector::name_of(const Key& promised) const {
  const NameHomes* const homes = capability<NameHomes>();
  return homes != nullptr ? homes->name_of(promised) : promised_name(promised);
}

std::string promised_name(const Key& promised, std::uint32_t nonce) {
  const PromiseWords words{.serial = promised.serial, .creator = promised.creator, .nonce = nonce};
  std::string name(own_prefix);
  name.append(reinterpret_cast<const char*>(&words), sizeof words);
  return name;
}

std::string claimed_name(std::uint32_t store, std::string_view name) {
  const std::uint64_t hash = name_hash(store, name);
  std::string claimed(own_prefix);
  claimed.append(reinterpret_cast<const char*>(&hash), sizeof hash);
  return claimed;
}

[[gnu::hot]] bool is_reserved(std::string_view name) noexcept {
  const bool has_length = name.size() == own_prefix.size() + sizeof(PromiseWords) ||
                          name.size() == own_prefix.size() + sizeof(std::uint64_t);
  return has_length && name.starts_with(own_prefix);
}

std::optional<Key> promise_named(std::uint32_t store, std::string_view name) noexcept {
  PromiseWords words;
  if (!is_reserved(name) || name.size() != own_prefix.size() + sizeof words) {
    return std::nullopt;
  }
  std::memcpy(&words, name.data() + own_prefix.size(), sizeof words);
  const Key key{store, words.creator, words.serial};
  return is_promised(key) ? std::optional(key) : std::nullopt;
}

bool is_for_its_maker(std::uint32_t store, std::string_view name) noexcept {
  const auto promised = promise_named(store, name);
  return promised && (promised->serial & restored_bit) == 0;
}

// set() binds the name before it removes the placeholder. If its rank died meanwhile, acquiring its lock has
// completed the change; whether the name is bound is known after that.
Result<Pin> find_promised(NodeTable& table, Directory& directory, const Key& promised, std::string_view name,
                          const LostNodePeers& lost, WaitBudget budget) {
  auto found = directory.find(promised.store, name, budget);
  if (found || found.error().code() != Errc::not_found) {
    return found;
  }
  const bool unset = is_unset(table, promised);
  if (unset) {
    if (!contains(lost, promised.creator)) {
      return promise_not_set();
    }
    if (const auto whole = directory.unbind(promised.store, name, promised, budget);
        !whole) {  // not that of an object
      return whole.error();
    }
  }
  found = directory.find(promised.store, name, budget);
  if (found || found.error().code() != Errc::not_found) {
    return found;
  }
  return unset ? maker_lost(promised) : no_such_object();
}

}  // namespace locum
