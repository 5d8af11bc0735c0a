#include "core/tier/write_back.hpp"

#include <chrono>
#include <cstring>
#include <string>
#include <utility>

namespace locum {

Result<Sealed> WriteBack::seal(const ObjectDraft& draft, const SealOptions& options, Moment until) {
  const std::uint64_t size_bytes = draft.bytes.size();
  if (TierWriter::is_for_back_alone(draft) || size_bytes > background_->most_bytes()) {
    return writer_->seal(draft, options, until);
  }
  if (const auto admitted = background_->admit(size_bytes, until); !admitted) {
    writer_->discard(draft);
    return admitted.error();
  }
  UnwrittenName unwritten{.record = {},
                          .store = draft.meta.store,
                          .store_name = parts_->stores.name_of(draft.meta.store),
                          .name = std::string(draft.meta.name),
                          .checksum = draft.meta.checksum};
  std::optional<NameClaims::Held> claim;
  if (const auto prepared = prepare(unwritten, options.mode, claim, until); !prepared) {
    background_->release(size_bytes);
    if (prepared.error().code() == Errc::out_of_memory) {
      return writer_->seal(draft, options, until);
    }
    writer_->discard(draft);
    return prepared.error();
  }
  const auto copy = copy_if_scarce(draft, until);
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
    return copy ? writer_->seal(*copy, options, until) : std::move(sealed);
  }
  if (copy) {
    writer_->discard(*copy);
  }
  return sealed;
}

// The node at which the name is at home may have no room for it, which shows when the object is sealed. So of
// a small object there is a copy; of a large one only if that was so lately.
std::optional<ObjectDraft> WriteBack::copy_if_scarce(const ObjectDraft& draft, Moment until) {
  constexpr std::uint64_t small_bytes = std::uint64_t{256} << 10U;
  constexpr std::chrono::seconds lately{60};
  const auto last_full = last_full_.load(std::memory_order_relaxed);
  if (draft.bytes.size() > small_bytes &&
      (last_full == Moment::min() || Deadline::Clock::now() - last_full > lately)) {
    return std::nullopt;
  }
  const auto copy = writer_->create_in_back(draft.bytes.size(), draft.meta, until);
  if (copy && !draft.bytes.empty()) {
    std::memcpy(copy->bytes.data(), draft.bytes.data(), draft.bytes.size());
  }
  return copy ? std::optional(*copy) : std::nullopt;
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
  if (auto may = writer_->may_change(name, options, until); !may) {
    writer_->discard(draft);
    return may.error();
  }
  const auto is_in_memory =
      options.expected_generation == 0 ? Result<bool>(true) : parts_->front->exists(name, until);
  if (!is_in_memory) {
    writer_->discard(draft);
    return is_in_memory.error();
  }
  // Else the expected generation is the backend's.
  return parts_->front->seal(draft, *is_in_memory ? options : SealOptions(), until);
}

Result<Sealed> WriteBack::put(const ObjectDraft& draft, const Address& name, Moment until) {
  auto may = writer_->may_change(name, {}, until);
  if (may) {
    const auto is_kept = reader_->is_in_back(name, until);
    may = !is_kept   ? Result<void>(is_kept.error())
          : *is_kept ? Result<void>(name_is_taken())
                     : Result<void>();
  }
  if (!may) {
    writer_->discard(draft);
    return may.error();
  }
  return parts_->front->seal(draft, {}, until);
}

}  // namespace locum
