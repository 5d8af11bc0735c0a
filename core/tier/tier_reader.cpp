#include "core/tier/tier_reader.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/backend/backend_keys.hpp"
#include "core/tier/stored_view.hpp"

namespace locum {

bool TierReader::may_be_in_back(const Address& address) noexcept {
  return address.name.empty() ? is_of_name(address.key) : TierParts::is_tiered(address);
}

Result<Address> TierReader::in_back(const Address& address) {
  const auto store = parts_->stores.in_back(address.key.store);
  if (!store) {
    return store.error();
  }
  Address there = address;
  there.key.store = *store;
  return there;
}

Result<ObjectView> TierReader::from_back(const Address& address, const Address& there, Moment until) {
  auto found = parts_->back->get(there, until);
  return found ? stored_view(std::move(*found), address.key.store) : std::move(found);
}

Result<ObjectView> TierReader::facts(const Address& address, Moment until) {
  const auto there = in_back(address);
  if (!there) {
    return there.error();
  }
  auto found = parts_->back->get_some(*there, Facts(), until);
  return found ? stored_view(std::move(*found), address.key.store) : std::move(found);
}

Result<bool> TierReader::is_in_back(const Address& address, Moment until) {
  const auto there = in_back(address);
  return there                                     ? parts_->back->exists(*there, until)
         : there.error().code() == Errc::not_found ? Result<bool>(false)
                                                   : there.error();
}

// A look at its facts first: a name that is nowhere costs no claim.
Result<ObjectView> TierReader::load(const Address& address, Moment until) {
  const auto there = in_back(address);
  if (!there) {
    return there.error();
  }
  if (address.name.empty()) {
    return from_back(address, *there, until);  // whoever got this key had no room for the object
  }
  if (const auto is_there = parts_->back->exists(*there, until); !is_there || !*is_there) {
    return is_there ? no_such_object() : is_there.error();
  }
  const auto claim = parts_->claims.take(address, until);
  if (!claim) {
    return claim.error().code() == Errc::out_of_memory ? from_back(address, *there, until)
                                                       : Result<ObjectView>(claim.error());
  }
  auto found = parts_->front->get(address, until);  // somebody may have brought it meanwhile
  return found || found.error().code() != Errc::not_found ? std::move(found) : bring(address, *there, until);
}

// Nobody else changes the name meanwhile: what is read is what the backend has until it is in memory. What
// another program has stored with a lifetime stays where it ends: nothing in the memory of a tier does.
Result<ObjectView> TierReader::bring(const Address& address, const Address& there, Moment until) {
  constexpr std::uint32_t alignment = 64;  // what the backend's own views have
  Connector& front = *parts_->front;
  auto read = parts_->back->get(there, until);
  if (!read) {
    return read;
  }
  if (read->expires_ns() != 0) {
    return stored_view(std::move(*read), address.key.store);
  }
  ObjectMeta meta = meta_of_copy(read->facts(), address.key.store, address.name);
  meta.alignment = alignment;
  const auto draft = parts_->room.create(read->bytes().size(), meta, until);
  if (!draft) {
    return draft.error().code() == Errc::out_of_memory ? stored_view(std::move(*read), address.key.store)
                                                       : Result<ObjectView>(draft.error());
  }
  if (!read->bytes().empty()) {
    std::memcpy(draft->bytes.data(), read->bytes().data(), read->bytes().size());
  }
  const auto sealed = front.seal(*draft, {}, until);
  if (sealed) {
    return front.get(Address(sealed->key), until);
  }
  // The name may still be bound to an object that is leaving memory.
  const bool has_no_place =
      sealed.error().code() == Errc::out_of_memory || sealed.error().code() == Errc::key_exists;
  return has_no_place ? stored_view(std::move(*read), address.key.store) : Result<ObjectView>(sealed.error());
}

Result<std::vector<std::string>> TierReader::names(std::uint32_t store, std::string_view prefix,
                                                   Moment until) {
  auto names = parts_->front->list(store, prefix, until);
  const auto there = parts_->stores.in_back(store);
  if (!names || !there) {
    return names && there.error().code() != Errc::not_found ? there.error() : std::move(names);
  }
  auto kept = parts_->back->list(*there, prefix, until);
  if (!kept) {
    return kept.error();
  }
  std::vector<std::string> both;
  both.reserve(std::max(names->size(), kept->size()));
  std::ranges::set_union(*names, *kept, std::back_inserter(both));
  return both;
}

}  // namespace locum
