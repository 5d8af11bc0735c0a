#include "core/tier/write_back.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <string>

#include "core/tier/batch_pieces.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

/// Of an object of at most so many bytes there is a copy while it is put.
constexpr std::uint64_t most_bytes_of_spare = std::uint64_t{256} << 10U;

}  // namespace

UnwrittenName WriteBack::name_of(const ObjectDraft& draft) const {
  return {.record = {},
          .store = draft.meta.store,
          .store_name = parts_->stores.name_of(draft.meta.store),
          .name = std::string(draft.meta.name),
          .checksum = draft.meta.checksum};
}

Result<Sealed> WriteBack::seal(const ObjectDraft& draft, const SealOptions& options, Moment until) {
  const std::uint64_t size_bytes = draft.bytes.size();
  const bool ends_before_it_is_written = options.mode == SealMode::replace && draft.meta.lifetime_ms != 0;
  if (TierWriter::is_for_back_alone(draft) || size_bytes > background_->most_bytes() ||
      ends_before_it_is_written) {
    return writer_->seal(draft, options, until);
  }
  if (const auto admitted = background_->admit(size_bytes, until); !admitted) {
    writer_->discard(draft);
    return admitted.error();
  }
  UnwrittenName unwritten = name_of(draft);
  std::optional<NameClaims::Held> claim;
  if (const auto prepared = prepare(unwritten, options.mode, claim, until); !prepared) {
    background_->release(size_bytes);
    if (prepared.error().code() == Errc::out_of_memory) {
      return writer_->seal(draft, options, until);
    }
    writer_->discard(draft);
    return prepared.error();
  }
  const auto spare = copy_if_scarce(draft, until);
  auto sealed = publish(draft, Address(unwritten.store, unwritten.name), options, until);
  if (sealed) {
    background_->add(unwritten, size_bytes);
  } else {
    parts_->unwritten.remove(unwritten.record);
    background_->release(size_bytes);
  }
  if (!sealed && sealed.error().code() == Errc::out_of_memory) {
    claim.reset();
    last_full_.store(Deadline::Clock::now(), std::memory_order_relaxed);
    return spare ? writer_->seal(*spare, options, until) : std::move(sealed);
  }
  if (spare) {
    writer_->discard(*spare);
  }
  return sealed;
}

// The node at which the name is at home may have no room for it, which shows when the object is sealed. So of
// a small object there is a copy; of a large one only if that was so lately.
std::optional<ObjectDraft> WriteBack::copy_if_scarce(const ObjectDraft& draft, Moment until) {
  constexpr std::chrono::seconds lately{60};
  const auto last_full = last_full_.load(std::memory_order_relaxed);
  if (draft.bytes.size() > most_bytes_of_spare &&
      (last_full == Moment::min() || Deadline::Clock::now() - last_full > lately)) {
    return std::nullopt;
  }
  return copy(draft, until);
}

std::optional<ObjectDraft> WriteBack::copy(const ObjectDraft& draft, Moment until) {
  const auto made = writer_->create_in_back(draft.bytes.size(), draft.meta, until);
  if (made && !draft.bytes.empty()) {
    std::memcpy(made->bytes.data(), draft.bytes.data(), draft.bytes.size());
  }
  return made ? std::optional(*made) : std::nullopt;
}

// Memory may have room for an object, and none for its entry in the table of the node: what then fails to be
// sealed is gone. So an entry is tried before, which is free again afterwards.
Result<void> WriteBack::prepare(UnwrittenName& name, SealMode mode, std::optional<NameClaims::Held>& claim,
                                Moment until) {
  auto prepared = parts_->unwritten.add(name, parts_->room, until);
  if (!prepared) {
    return prepared;
  }
  if (mode == SealMode::put) {
    auto taken = parts_->claims.take(Address(name.store, name.name), until);
    if (taken) {
      claim.emplace(std::move(*taken));
    } else {
      prepared = taken.error();
    }
  }
  if (prepared) {
    prepared = parts_->unwritten.try_entry(until);
  }
  if (!prepared) {
    claim.reset();
    parts_->unwritten.remove(name.record);
  }
  return prepared;
}

// Who replaces a name that is in memory needs no claim: memory decides, and what it has is written in its
// order.
Result<Sealed> WriteBack::publish(const ObjectDraft& draft, const Address& name, const SealOptions& options,
                                  Moment until) {
  if (options.mode == SealMode::put) {
    return put(draft, name, until);
  }
  const auto is_in_memory = writer_->may_change(name, options, until);
  if (!is_in_memory) {
    writer_->discard(draft);
    return is_in_memory.error();
  }
  // Else the expected generation is the backend's.
  return parts_->front->seal(draft, *is_in_memory ? options : SealOptions(), until);
}

Result<Sealed> WriteBack::put(const ObjectDraft& draft, const Address& name, Moment until) {
  const auto may = writer_->may_change(name, {}, until);
  const auto is_kept = may ? reader_->is_in_back(name, until) : Result<bool>(may.error());
  if (!is_kept || *is_kept) {
    writer_->discard(draft);
    return is_kept ? name_taken() : is_kept.error();
  }
  return parts_->front->seal(draft, {}, until);
}

void WriteBack::forget(const Putting& one) noexcept {
  parts_->unwritten.remove(one.name.record);
  background_->release(one.size_bytes);
}

// In pieces that leave room for what others put meanwhile.
void WriteBack::seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                           Moment until, CallPool& pool) {
  const std::uint64_t most_bytes = std::min(background_->most_bytes() / 4, most_bytes_in_piece);
  const auto size_of = [&](std::size_t at) { return std::uint64_t{drafts[at].bytes.size()}; };
  std::vector<std::size_t> small;
  std::vector<std::size_t> alone;
  for (std::size_t at = 0; at < drafts.size(); ++at) {
    const bool is_small = size_of(at) <= std::min(most_bytes, most_bytes_of_spare);
    (is_small && !TierWriter::is_for_back_alone(drafts[at]) ? small : alone).push_back(at);
  }
  in_pieces(small, most_bytes, size_of,
            [&](std::span<const std::size_t> places) { seal_piece(drafts, places, sealed, alone, until); });
  pool.make_all(alone.size(),
                [&](std::size_t one) { sealed[alone[one]] = seal(drafts[alone[one]], {}, until); });
}

// As seal(). What the node at which its name is at home has no room for goes to the backend.
void WriteBack::seal_piece(std::span<const ObjectDraft> drafts, std::span<const std::size_t> places,
                           std::span<Result<Sealed>> sealed, std::vector<std::size_t>& alone, Moment until) {
  std::uint64_t bytes = 0;
  for (const std::size_t at : places) {
    bytes += drafts[at].bytes.size();
  }
  if (const auto admitted = background_->admit(bytes, until); !admitted) {
    for (const std::size_t at : places) {
      writer_->discard(drafts[at]);
      sealed[at] = admitted.error();
    }
    return;
  }
  std::vector<Putting> recorded = record(drafts, places, alone, until);
  std::vector<Putting> without_room;
  {
    std::vector<Address> names;
    names.reserve(recorded.size());
    for (const Putting& one : recorded) {
      names.emplace_back(one.name.store, one.name.name);
    }
    const auto claims = parts_->claims.take_free(names, until);
    std::vector<Putting> claimed;
    for (std::size_t one = 0; one < recorded.size(); ++one) {
      if (claims.has(one)) {
        claimed.push_back(std::move(recorded[one]));
      } else {
        forget(recorded[one]);
        alone.push_back(recorded[one].at);
      }
    }
    put_claimed(drafts, std::move(claimed), sealed, without_room, until);
  }
  std::vector<ObjectDraft> copies;
  copies.reserve(without_room.size());
  for (const Putting& one : without_room) {
    copies.push_back(*one.copy);
  }
  std::vector<Result<Sealed>> stored(copies.size(), Result<Sealed>(Sealed()));
  batch_writer_->seal(copies, stored, until);
  for (std::size_t one = 0; one < without_room.size(); ++one) {
    sealed[without_room[one].at] = std::move(stored[one]);
  }
}

// Those without a record are put alone, which tells what is wrong.
std::vector<WriteBack::Putting> WriteBack::record(std::span<const ObjectDraft> drafts,
                                                  std::span<const std::size_t> places,
                                                  std::vector<std::size_t>& alone, Moment until) {
  std::vector<Putting> recorded;
  recorded.reserve(places.size());
  for (const std::size_t at : places) {
    Putting one{at, name_of(drafts[at]), drafts[at].bytes.size()};
    if (parts_->unwritten.add(one.name, parts_->room, until)) {
      recorded.push_back(std::move(one));
    } else {
      background_->release(one.size_bytes);
      alone.push_back(at);
    }
  }
  return recorded;
}

// Of what has found no room there is a copy, or none: then it is gone.
void WriteBack::put_claimed(std::span<const ObjectDraft> drafts, std::vector<Putting> claimed,
                            std::span<Result<Sealed>> sealed, std::vector<Putting>& without_room,
                            Moment until) {
  std::vector<Address> names;
  names.reserve(claimed.size());
  for (const Putting& one : claimed) {
    names.emplace_back(one.name.store, one.name.name);
  }
  const auto live = found_together(*parts_->front, names, Wanting::facts, until);
  const auto kept = reader_->find_in_back(names, Wanting::facts, until);
  std::vector<Putting*> putting;
  std::vector<ObjectDraft> to_seal;
  for (std::size_t at = 0; at < claimed.size(); ++at) {
    Putting& one = claimed[at];
    auto may = TierWriter::may_put(live[at]);
    if (may && (kept[at] || !says_absent(kept[at].error()))) {
      may = kept[at] ? name_taken() : kept[at].error();
    }
    if (may) {
      one.copy = copy(drafts[one.at], until);
      putting.push_back(&one);
      to_seal.push_back(drafts[one.at]);
    } else {
      forget(one);
      writer_->discard(drafts[one.at]);
      sealed[one.at] = may.error();
    }
  }
  auto made = sealed_together(*parts_->front, to_seal, until);
  for (std::size_t at = 0; at < putting.size(); ++at) {
    Putting& one = *putting[at];
    const bool is_full = !made[at] && made[at].error().code() == Errc::out_of_memory;
    sealed[one.at] = std::move(made[at]);
    if (sealed[one.at]) {
      background_->add(one.name, one.size_bytes);
    } else {
      forget(one);
    }
    if (is_full && one.copy) {
      without_room.push_back(std::move(one));
    } else if (one.copy) {
      writer_->discard(*one.copy);
    }
  }
}

}  // namespace locum
