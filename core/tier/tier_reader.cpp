#include "core/tier/tier_reader.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "core/backend/backend_keys.hpp"
#include "core/tier/batch_pieces.hpp"
#include "core/tier/stored_view.hpp"

namespace locum {

bool TierReader::may_be_in_back(const Address& address) noexcept {
  return address.name.empty() ? is_of_name(address.key) : TierParts::is_tiered(address);
}

bool TierReader::is_missing(const Address& address, const Result<ObjectView>& found) noexcept {
  return !found && may_be_in_back(address) &&
         (found.error().code() == Errc::not_found || address.name.empty());
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

// Nobody else changes the name meanwhile: what is read is what the backend has until it is in memory.
Result<ObjectView> TierReader::bring(const Address& address, const Address& there, Moment until) {
  auto read = from_back(address, there, until);
  if (!read) {
    return read;
  }
  const auto draft = copy(address, *read, until);
  const auto sealed = draft ? parts_->front->seal(*draft, {}, until) : Result<Sealed>(draft.error());
  return copied(std::move(*read), sealed, until);
}

// A draft in memory of what was read. `not_found`: it has expired.
Result<ObjectDraft> TierReader::copy(const Address& address, const ObjectView& read, Moment until) {
  constexpr std::uint32_t alignment = 64;  // what the backend's own views have
  auto meta = meta_of_copy(read, address.key.store, address.name);
  if (!meta) {
    return no_such_object();
  }
  if (meta->lifetime_ms != 0) {
    if (!parts_->expect_expiry(meta->store, meta->lifetime_ms)) {
      return Error(Errc::out_of_memory,
                   "this process has no memory to note when the object expires; free some, and try again");
    }
  }
  meta->alignment = alignment;
  auto draft = parts_->room.create(read.bytes().size(), *meta, until);
  if (draft && !read.bytes().empty()) {
    std::memcpy(draft->bytes.data(), read.bytes().data(), read.bytes().size());
  }
  return draft;
}

// In memory; or as the backend gave it, where memory has no room, or the name is still bound to an object
// that is leaving memory.
Result<ObjectView> TierReader::copied(ObjectView read, const Result<Sealed>& sealed, Moment until) {
  if (sealed) {
    auto there = parts_->front->get(Address(sealed->key), until);
    // Nobody has pinned it yet, so it may have left memory again for others. It is in the backend.
    const bool has_left = !there && says_absent(there.error()) && !has_expired(read);
    return has_left ? Result<ObjectView>(std::move(read)) : std::move(there);
  }
  return has_no_place(sealed.error()) ? std::move(read) : Result<ObjectView>(sealed.error());
}

std::vector<Result<ObjectView>> TierReader::find_in_back(std::span<const Address> addresses, Wanting wanting,
                                                         Moment until) {
  std::vector<Result<ObjectView>> found(addresses.size(), Result<ObjectView>(ObjectView()));
  std::vector<Address> there;
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    const auto one = in_back(addresses[at]);
    if (one) {
      there.push_back(*one);
      places.push_back(at);
    } else {
      found[at] = one.error();
    }
  }
  auto kept = found_together(*parts_->back, there, wanting, until);
  for (std::size_t one = 0; one < places.size(); ++one) {
    found[places[one]] = kept[one] ? stored_view(std::move(*kept[one]), addresses[places[one]].key.store)
                                   : std::move(kept[one]);
  }
  return found;
}

// As load(): a look at their facts first, then what is there, piece by piece.
void TierReader::load_batch(std::span<const Address> addresses, std::span<Result<ObjectView>> found,
                            Moment until, CallPool& pool) {
  const auto kept = find_in_back(addresses, Wanting::facts, until);
  std::vector<std::size_t> named;
  std::vector<std::size_t> alone;
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    if (!kept[at]) {
      found[at] = kept[at].error();
    } else {
      (addresses[at].name.empty() ? alone : named).push_back(at);
    }
  }
  in_pieces(
      named, most_bytes_in_piece, [&](std::size_t at) { return kept[at]->facts().size_bytes; },
      [&](std::span<const std::size_t> places) { bring_piece(addresses, places, found, alone, until); });
  pool.make_all(alone.size(),
                [&](std::size_t one) { found[alone[one]] = load(addresses[alone[one]], until); });
}

// Adds to `alone` those that another thread is busy with.
void TierReader::bring_piece(std::span<const Address> addresses, std::span<const std::size_t> places,
                             std::span<Result<ObjectView>> found, std::vector<std::size_t>& alone,
                             Moment until) {
  const auto claims = parts_->claims.take_free(picked(addresses, places), until);
  const auto claimed = claims.claimed(places, alone);
  auto here = found_together(*parts_->front, picked(addresses, claimed), Wanting::all, until);
  std::vector<std::size_t> missing;
  for (std::size_t one = 0; one < claimed.size(); ++one) {
    if (here[one] || here[one].error().code() != Errc::not_found) {
      found[claimed[one]] = std::move(here[one]);  // somebody has brought it meanwhile
    } else {
      missing.push_back(claimed[one]);
    }
  }
  auto read = find_in_back(picked(addresses, missing), Wanting::all, until);
  std::vector<Result<Sealed>> sealed(missing.size(), Result<Sealed>(Sealed()));
  std::vector<ObjectDraft> drafts;
  std::vector<std::size_t> drafted;
  for (std::size_t one = 0; one < missing.size(); ++one) {
    const auto draft =
        read[one] ? copy(addresses[missing[one]], *read[one], until) : Result<ObjectDraft>(read[one].error());
    if (draft) {
      drafts.push_back(*draft);
      drafted.push_back(one);
    } else {
      sealed[one] = draft.error();
    }
  }
  auto made = sealed_together(*parts_->front, drafts, until);
  put_back(std::move(made), drafted, std::span(sealed));
  for (std::size_t one = 0; one < missing.size(); ++one) {
    found[missing[one]] =
        read[one] ? copied(std::move(*read[one]), sealed[one], until) : std::move(read[one]);
  }
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
