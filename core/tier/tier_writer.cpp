#include "core/tier/tier_writer.hpp"

#include <algorithm>
#include <cstring>

#include "core/backend/backend_keys.hpp"
#include "core/backend/record_format.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

/// Set in the place of a draft that is made for the backend alone. No draft of the memory in front has it:
/// places there are offsets, or count from 1.
constexpr std::uint64_t in_back_bit = std::uint64_t{1} << 63U;

ObjectDraft without_bit(ObjectDraft draft) noexcept {
  draft.place &= ~in_back_bit;
  return draft;
}

Error read_only() {
  return Error(Errc::unsupported,
               "this store only reads the backend, by nodes.write=none; open it with nodes.write=through to "
               "change its records");
}

}  // namespace

bool TierWriter::is_for_back_alone(const ObjectDraft& draft) noexcept {
  return (draft.place & in_back_bit) != 0;
}

Result<ObjectDraft> TierWriter::create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) {
  const bool is_tiered = TierParts::is_tiered(meta.store, meta.name);
  if (is_tiered && parts_->options.writes == TierWrites::none) {
    return read_only().about(meta.name);
  }
  if (auto placed = is_tiered ? require_alignment_of_records(meta) : Result<void>(); !placed) {
    return placed.error().about(meta.name);
  }
  if (is_tiered && !meta.tag.empty()) {
    return create_in_back(size_bytes, meta, budget.deadline());  // memory would forget the tag
  }
  auto draft = parts_->room.create(size_bytes, meta, budget);
  return draft || draft.error().code() != Errc::out_of_memory || !is_tiered
             ? std::move(draft)
             : create_in_back(size_bytes, meta, budget.deadline());
}

// With the number that the store has there.
Result<ObjectDraft> TierWriter::made_in_back(std::uint64_t size_bytes, const ObjectMeta& meta,
                                             Deadline deadline) {
  const auto store = parts_->stores.in_back(meta.store);
  if (!store) {
    return store.error();
  }
  ObjectMeta there = meta;
  there.store = *store;
  return parts_->back->create(size_bytes, there, deadline);
}

Result<ObjectDraft> TierWriter::create_in_back(std::uint64_t size_bytes, const ObjectMeta& meta,
                                               Deadline deadline) {
  auto made = made_in_back(size_bytes, meta, deadline);
  if (made) {
    made->place |= in_back_bit;
    made->meta.store = meta.store;
  }
  return made;
}

Result<ObjectDraft> TierWriter::draft_in_back(const ObjectDraft& draft, Moment until) {
  return is_for_back_alone(draft) ? Result<ObjectDraft>(without_bit(draft))
                                  : copy_in_back(draft.bytes, draft.meta, until);
}

Result<ObjectDraft> TierWriter::copy_in_back(std::span<const std::byte> bytes, const ObjectMeta& meta,
                                             Moment until) {
  auto copy = made_in_back(bytes.size(), meta, until);
  if (copy && !bytes.empty()) {
    std::memcpy(copy->bytes.data(), bytes.data(), bytes.size());
  }
  return copy;
}

void TierWriter::discard(const ObjectDraft& draft) noexcept {
  if (is_for_back_alone(draft)) {
    parts_->back->discard(without_bit(draft));
  } else {
    parts_->front->discard(draft);
  }
}

Result<void> TierWriter::may_put(const Result<ObjectView>& live) {
  if (live) {
    return has_expired(*live) ? Result<void>() : name_taken();
  }
  return says_absent(live.error()) ? Result<void>() : live.error();
}

// What memory has, or the backend if memory has nothing, decides whether the name may be changed.
Result<bool> TierWriter::may_change(const Address& name, const SealOptions& options, Moment until) {
  const bool is_put = options.mode == SealMode::put;
  if (!is_put && options.expected_generation == 0) {
    return true;
  }
  auto live = parts_->front->get_some(name, Facts(), until);
  if (is_put) {
    const auto may = may_put(live);
    return may ? Result<bool>(live.has_value()) : may.error();
  }
  const bool is_in_memory = live.has_value();
  if (!live && says_absent(live.error())) {
    live = reader_->facts(name, until);
  }
  if (!live) {
    return live.error().code() == Errc::not_found ? name_not_bound() : live.error();
  }
  return live->facts().generation == options.expected_generation
             ? Result<bool>(is_in_memory)
             : other_generation(options.expected_generation);
}

Result<Sealed> TierWriter::store_copy(std::span<const std::byte> bytes, const ObjectMeta& meta,
                                      const SealOptions& options, Moment until) {
  const auto copy = copy_in_back(bytes, meta, until);
  return copy ? parts_->back->seal(*copy, options, until) : Result<Sealed>(copy.error());
}

// Over the revision that is there, so that what a dead rank has begun to store changes nothing later. Another
// job may be faster.
Result<Sealed> TierWriter::store_over(std::span<const std::byte> bytes, const ObjectMeta& meta,
                                      Moment until) {
  constexpr int most_rounds = 16;
  for (int round = 1;; ++round) {
    const auto live = reader_->facts(Address(meta.store, meta.name), until);
    if (!live && !says_absent(live.error())) {
      return live.error();
    }
    auto stored = store_copy(
        bytes, meta, live ? SealOptions{SealMode::replace, live->facts().generation} : SealOptions(), until);
    const bool was_changed =
        !stored && (says_absent(stored.error()) || stored.error().code() == Errc::key_exists);
    if (!was_changed || round == most_rounds) {
      return stored;
    }
  }
}

Result<Sealed> TierWriter::store(const ObjectDraft& draft, SealMode mode, Moment until) {
  if (is_for_back_alone(draft)) {
    return parts_->back->seal(without_bit(draft), {.mode = mode}, until);
  }
  return mode == SealMode::put ? store_copy(draft.bytes, draft.meta, {}, until)
                               : store_over(draft.bytes, draft.meta, until);
}

// With a claim, so that the name is not evicted meanwhile. Where ranks write for a dead one, the first does
// it.
Result<void> TierWriter::write(const UnwrittenName& name, Moment until) {
  const Address address(name.store, name.name);
  parts_->stores.know(name.store, name.store_name);
  const auto claim = parts_->claims.take(address, until);
  if (!claim) {
    return claim.error();
  }
  if (!parts_->unwritten.is_there(name.record)) {
    return {};
  }
  const auto live = parts_->front->get(address, until);
  const auto meta = meta_to_write(name, live);
  if (!meta || !*meta) {
    return meta ? Result<void>() : meta.error();
  }
  const auto stored = store_over(live->bytes(), **meta, until);
  return stored ? Result<void>() : stored.error();
}

Result<std::optional<ObjectMeta>> TierWriter::meta_to_write(const UnwrittenName& name,
                                                            const Result<ObjectView>& live) {
  if (!live) {
    return says_absent(live.error()) ? Result<std::optional<ObjectMeta>>(std::nullopt) : live.error();
  }
  auto meta = meta_of_copy(*live, name.store, name.name);
  if (meta) {
    meta->checksum = name.checksum;
  }
  return meta;
}

Result<Sealed> TierWriter::seal(const ObjectDraft& draft, const SealOptions& options, Moment until) {
  const std::string text(draft.meta.name);  // that of the draft ends with it
  const Address name(draft.meta.store, text);
  const auto claim = parts_->claims.take(name, until);
  // Without memory for a claim a new name goes to the backend alone, which then decides.
  const bool has_none =
      !claim && claim.error().code() == Errc::out_of_memory && options.mode == SealMode::put;
  const auto may = claim || has_none ? may_change(name, options, until) : Result<bool>(claim.error());
  if (!may) {
    discard(draft);
    return may.error();
  }
  auto stored = store(draft, options.mode, until);
  if (stored) {
    stored->key.store = draft.meta.store;  // leads to the backend
  }
  if (stored && !has_none) {
    return publish(draft, name, *may ? options : SealOptions{.mode = options.mode}, *stored, until);
  }
  if (!is_for_back_alone(draft)) {
    parts_->front->discard(draft);
  }
  return stored;
}

// The backend has it. In memory there is what is new, or nothing; but what somebody has written back there
// meanwhile, which needs no claim, stays where another was expected, and is written to the backend after
// this.
Result<Sealed> TierWriter::publish(const ObjectDraft& draft, const Address& name, const SealOptions& options,
                                   const Sealed& stored, Moment until) {
  Result<Sealed> sealed(stored);
  if (!is_for_back_alone(draft)) {
    sealed = parts_->front->seal(draft, options, until);
    if (sealed || says_absent(sealed.error())) {
      const bool has_left = !sealed && sealed.error().code() == Errc::not_found;
      return has_left ? Result<Sealed>(stored) : std::move(sealed);
    }
    sealed = in_either(std::move(sealed), stored);
  }
  if (options.mode == SealMode::replace) {
    const auto gone = parts_->front->evict(name, until);
    if (!gone) {
      return gone.error();
    }
  }
  return sealed;
}

Result<Sealed> TierWriter::in_either(Result<Sealed> in_memory, const Sealed& in_back) {
  return in_memory || !has_no_place(in_memory.error()) ? std::move(in_memory) : Result<Sealed>(in_back);
}

Result<bool> TierWriter::evict(const Address& address, Moment until) {
  const bool is_named = TierParts::is_tiered(address);
  if (is_named) {
    return parts_->options.writes == TierWrites::none ? read_only() : evict_name(address, until);
  }
  return address.name.empty() && address.key.store != registry ? evict_key(address, until)
                                                               : parts_->front->evict(address, until);
}

// The backend first: if that fails, all is as it was.
Result<bool> TierWriter::evict_name(const Address& name, Moment until) {
  const auto claim = parts_->claims.take(name, until);
  if (!claim && claim.error().code() != Errc::out_of_memory) {
    return claim.error();  // without memory for a claim it is evicted nevertheless: that makes room
  }
  const auto there = reader_->in_back(name);
  auto kept = there ? parts_->back->evict(*there, until) : Result<bool>(false);
  if (!kept) {
    return kept;
  }
  auto gone = parts_->front->evict(name, until);
  return gone ? Result<bool>(*gone || *kept) : std::move(gone);
}

// A named object is evicted by its name, as long as that has this object.
Result<bool> TierWriter::evict_key(const Address& address, Moment until) {
  const bool leads_to_back = is_of_name(address.key);
  const auto found =
      leads_to_back ? reader_->facts(address, until) : parts_->front->get_some(address, Facts(), until);
  if (!found) {
    return says_absent(found.error()) ? Result<bool>(false) : found.error();
  }
  const ObjectFacts facts = found->facts();
  const std::string name(facts.name);
  const Address by_name(address.key.store, name);
  if (!TierParts::is_tiered(by_name)) {
    return parts_->front->evict(address, until);
  }
  if (parts_->options.writes == TierWrites::none) {
    return read_only();
  }
  const auto claim = parts_->claims.take(by_name, until);
  if (!claim && claim.error().code() != Errc::out_of_memory) {
    return claim.error();
  }
  const auto there = reader_->in_back(leads_to_back ? address : by_name);
  if (!leads_to_back) {
    const auto live = parts_->front->get_some(by_name, Facts(), until);
    if (!live || live->key() != address.key) {
      return live || says_absent(live.error()) ? Result<bool>(false) : live.error();
    }
  }
  auto kept = there ? parts_->back->evict(*there, until) : Result<bool>(false);
  if (!kept || (leads_to_back && !*kept)) {
    return kept;
  }
  auto gone = parts_->front->evict(leads_to_back ? by_name : address, until);
  return gone ? Result<bool>(*gone || *kept) : std::move(gone);
}

// Those of memory, and those that are in the backend alone.
Result<std::uint64_t> TierWriter::drop(std::uint32_t store) {
  const auto there = parts_->stores.in_back(store);
  if (parts_->options.writes == TierWrites::none || !there) {
    return there || there.error().code() == Errc::not_found ? parts_->front->drop(store)
                                                            : Result<std::uint64_t>(there.error());
  }
  const Moment until = parts_->until({});
  const auto kept = parts_->back->list(*there, {}, until);
  const auto names = kept ? parts_->front->list(store, {}, until) : kept;
  if (!names) {
    return names.error();
  }
  const auto in_memory = static_cast<std::uint64_t>(std::ranges::count_if(
      *kept, [&](const std::string& name) { return std::ranges::binary_search(*names, name); }));
  const auto gone = parts_->options.drop_in_back ? parts_->options.drop_in_back(parts_->stores.name_of(store))
                                                 : parts_->back->drop(*there);
  auto dropped = parts_->front->drop(store);
  parts_->stores.forget(store);
  return !gone     ? gone
         : dropped ? Result<std::uint64_t>(*dropped + kept->size() - in_memory)
                   : std::move(dropped);
}

}  // namespace locum
