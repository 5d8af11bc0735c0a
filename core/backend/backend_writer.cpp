#include "core/backend/backend_writer.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/backend/record_format.hpp"
#include "core/base/wall_clock.hpp"
#include "core/node/promised.hpp"

namespace locum {

Result<ObjectDraft> BackendWriter::create(std::uint64_t size_bytes, const ObjectMeta& of) {
  ObjectMeta meta = of;
  meta.lifetime_ms = 0;
  const BackendTraits& traits = backend_->traits();
  if (auto placed = require_alignment_of_records(meta); !placed) {
    return placed.error().about(meta.name);
  }
  const std::uint64_t end = record_end_bytes(meta);
  if (size_bytes > traits.largest_record || traits.largest_record - size_bytes < end) {
    return Error(Errc::value_too_large,
                 "the object takes " + std::to_string(size_bytes) + " bytes and " + std::to_string(end) +
                     " for what it is; " + std::string(traits.scheme) + ": holds " +
                     std::to_string(traits.largest_record) + " at most: store it in parts, or elsewhere")
        .about(meta.name);
  }
  auto memory = record_memory(size_bytes + end);
  if (!memory) {
    return Error(Errc::out_of_memory, "this process has no " + std::to_string(size_bytes) +
                                          " bytes for the object; free some, and try again")
        .about(meta.name);
  }
  std::string type_name(meta.type_name);
  std::string name(meta.name);
  std::string tag(meta.tag);
  const MutexLock lock(mutex_);
  const std::uint64_t place = ++last_place_;
  Draft& draft = drafts_[place];  // nothing throws behind this: nobody could discard it
  draft.memory = std::move(memory);
  draft.record_bytes = size_bytes + end;
  draft.lifetime_ms = of.lifetime_ms;
  draft.type_name = std::move(type_name);
  draft.name = std::move(name);
  draft.tag = std::move(tag);
  draft.meta = meta;
  draft.meta.type_name = draft.type_name;
  draft.meta.name = draft.name;
  draft.meta.tag = draft.tag;
  return ObjectDraft{{draft.memory.get(), size_bytes}, place, draft.meta};
}

BackendWriter::Drafts::node_type BackendWriter::take_draft(std::uint64_t place) noexcept {
  const MutexLock lock(mutex_);
  return drafts_.extract(place);
}

void BackendWriter::expect_expiry(std::uint32_t store) {
  const MutexLock lock(mutex_);
  expiring_.insert(store);
}

std::uint64_t BackendWriter::draft_bytes() const {
  std::uint64_t bytes = 0;
  const MutexLock lock(mutex_);
  for (const auto& [place, draft] : drafts_) {
    bytes += draft.record_bytes;
  }
  return bytes;
}

Result<BackendWriter::Sealing> BackendWriter::prepare(std::uint64_t place, const SealOptions& options,
                                                      Deadline deadline) {
  auto taken = take_draft(place);
  if (taken.empty()) {
    return Error(Errc::invalid_argument, "this draft is already sealed or discarded; create another one");
  }
  if (auto time = still_time(deadline); !time) {
    return time.error();
  }
  const Draft& draft = taken.mapped();
  const std::uint32_t store = draft.meta.store;
  const auto space = spaces_.space_of(store, deadline);
  if (!space) {
    return space.error();
  }
  Result<Sealing> made(std::in_place);
  Sealing& sealing = *made;
  sealing.space = *space;
  const std::uint64_t generation = generations_.next();
  NewRecord& record = sealing.record;
  record.revision = generation;
  if (draft.name.empty()) {
    sealing.sealed.key = keys_.next(store);
    sealing.record_name = RecordNames::of_key(sealing.sealed.key);
  } else {
    sealing.sealed = {key_of_name(store, draft.name, generation), generation};
    sealing.record_name = names_.of_name(draft.name);
    if (!backend_->traits().lists) {
      sealing.alias_name = RecordNames::of_alias(sealing.sealed.key.serial);
    }
    record.expect = options.mode == SealMode::put      ? Expect::absent
                    : options.expected_generation == 0 ? Expect::anything
                                                       : Expect::revision;
    record.expected_revision = options.expected_generation;
  }
  record.lifetime = std::chrono::milliseconds(draft.lifetime_ms);
  record.tag = draft.tag;
  const std::span<std::byte> bytes(draft.memory.get(), draft.record_bytes);
  write_record_end(bytes, draft.meta, sealing.sealed.key, sealing.sealed.generation,
                   draft.lifetime_ms == 0 ? 0 : moment_after(draft.lifetime_ms));
  record.owner = draft.memory;
  record.bytes = bytes;
  sealing.draft = std::move(taken);
  return made;
}

Result<Sealed> BackendWriter::finish(const Sealing& sealing, const Result<void>& stored) {
  if (!stored) {
    switch (stored.error().code()) {
      case Errc::key_exists:
        return Error(Errc::key_exists, "the name is taken; use replace() to change it, or evict it first");
      case Errc::not_found:
        return Error(Errc::not_found, "the name to be replaced is not bound; put it");
      case Errc::stale:
        return Error(Errc::stale, "another generation is current, not the expected " +
                                      std::to_string(sealing.record.expected_revision) +
                                      "; get the name again");
      default:
        return stored.error();
    }
  }
  if (!sealing.name().empty()) {
    reader_.know(sealing.sealed.key, sealing.name());
  }
  return sealing.sealed;
}

// The one that leads to the name first: whoever has the key of the object finds its name.
Result<void> BackendWriter::store(const Sealing& sealing, Deadline deadline) {
  const RecordKey key{sealing.space, sealing.record_name};
  if (sealing.alias_name.empty()) {
    return backend_->store(key, sealing.record, deadline);
  }
  const std::array<RecordKey, 2> keys{RecordKey{sealing.space, sealing.alias_name}, key};
  const std::array<NewRecord, 2> records{alias_of(sealing, sealing.record.lifetime), sealing.record};
  std::array<Result<void>, 2> stored;
  if (RecordBatches* const together = backend_->batches()) {
    together->store(keys, records, stored, deadline);
  } else {
    stored[0] = backend_->store(keys[0], records[0], deadline);
    stored[1] = stored[0] ? backend_->store(keys[1], records[1], deadline) : stored[0];
  }
  return stored[0] ? std::move(stored[1]) : std::move(stored[0]);
}

// Who waits for a name looks again.
void BackendWriter::tell_of(std::span<const Result<Sealed>> sealed) {
  if (std::ranges::any_of(sealed, [](const auto& one) { return one && one->generation != 0; })) {
    bound_.tell();
  }
}

NewRecord BackendWriter::alias_of(const Sealing& sealing, std::chrono::milliseconds lifetime) {
  NewRecord alias;
  alias.bytes = std::as_bytes(std::span(sealing.name()));
  alias.revision = sealing.record.revision;
  alias.lifetime = lifetime;
  alias.tag = sealing.record.tag;  // so it is where its object is
  return alias;
}

// The object that has the name lives on, maybe longer than the one that did not get it.
void BackendWriter::keep_alias(const Sealing& sealing, Deadline deadline) {
  (void)backend_->store({sealing.space, sealing.alias_name}, alias_of(sealing, std::chrono::milliseconds(0)),
                        deadline);
}

// If what has the name had expired.
Result<void> BackendWriter::once_more(const Sealing& sealing, Result<void> stored, Deadline deadline) {
  const RecordKey key{sealing.space, sealing.record_name};
  if (stored || stored.error().code() != Errc::key_exists) {
    return stored;
  }
  if (!reader_.is_there(key, deadline)) {
    stored = backend_->store(key, sealing.record, deadline);
  }
  if (!stored && sealing.record.lifetime.count() > 0 && !sealing.alias_name.empty()) {
    keep_alias(sealing, deadline);
  }
  return stored;
}

Result<Sealed> BackendWriter::seal(std::uint64_t place, const SealOptions& options, Deadline deadline) {
  const auto sealing = prepare(place, options, deadline);
  if (!sealing) {
    return sealing.error();
  }
  auto sealed = finish(*sealing, once_more(*sealing, store(*sealing, deadline), deadline));
  tell_of({&sealed, 1});
  return sealed;
}

void BackendWriter::seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                               Deadline deadline, CallPool& pool) {
  RecordBatches* const together = backend_->batches();
  if (together == nullptr) {
    pool.make_all(drafts.size(), [&](std::size_t at) { sealed[at] = seal(drafts[at].place, {}, deadline); });
    return;
  }
  std::vector<Result<Sealing>> prepared;
  std::vector<RecordKey> keys;
  std::vector<NewRecord> records;
  std::vector<std::size_t> asked;
  prepared.reserve(drafts.size());
  keys.reserve(drafts.size());
  records.reserve(drafts.size());
  asked.reserve(drafts.size());
  for (std::size_t at = 0; at < drafts.size(); ++at) {
    prepared.push_back(prepare(drafts[at].place, {}, deadline));
    const Result<Sealing>& one = prepared.back();
    if (!one) {
      sealed[at] = one.error();
      continue;
    }
    if (!one->alias_name.empty()) {
      keys.push_back({one->space, one->alias_name});
      records.push_back(alias_of(*one, one->record.lifetime));
      asked.push_back(drafts.size());
    }
    keys.push_back({one->space, one->record_name});
    records.push_back(one->record);
    asked.push_back(at);
  }
  std::vector<Result<void>> stored(keys.size());
  together->store(keys, records, stored, deadline);
  for (std::size_t one = 0; one < asked.size(); ++one) {
    if (asked[one] == drafts.size()) {
      if (!stored[one]) {
        stored[one + 1] = stored[one];  // the object that nobody would find by its key
      }
      continue;
    }
    const Sealing& sealing = *prepared[asked[one]];
    sealed[asked[one]] = finish(sealing, once_more(sealing, std::move(stored[one]), deadline));
  }
  tell_of(sealed);
}

// Whether a record has to be looked at, to say that it is of that name, and has not expired.
bool BackendWriter::may_be_another(std::uint32_t store, std::string_view record) const {
  if (RecordNames::is_hashed(record) || backend_->traits().expires) {
    return true;
  }
  const MutexLock lock(mutex_);
  return expiring_.contains(store);
}

Result<bool> BackendWriter::evict(const Address& address, Deadline deadline) {
  if (auto time = still_time(deadline); !time) {
    return time.error();
  }
  const auto space = spaces_.space_of(address.key.store, deadline);
  if (!space) {
    return space.error().code() == Errc::not_found ? Result<bool>(false) : space.error();
  }
  Result<bool> removed(false);
  if (!address.name.empty()) {
    const std::string record = names_.of_name(address.name);
    if (may_be_another(address.key.store, record)) {
      const auto found = reader_.find(address, 0, deadline);
      if (!found) {
        return found.error().code() == Errc::not_found ? Result<bool>(false) : found.error();
      }
    }
    removed = backend_->remove({*space, record}, 0, deadline);
  } else if (!is_of_name(address.key)) {
    if (!address.key.valid() || is_promised(address.key)) {
      return false;
    }
    removed = backend_->remove({*space, RecordNames::of_key(address.key)}, 0, deadline);
  } else {
    const auto found = reader_.find(Address(address.key), 0, deadline);
    if (!found) {
      return found.error().code() == Errc::not_found ? Result<bool>(false) : found.error();
    }
    const ObjectFacts facts = found->facts();
    removed = backend_->remove({*space, names_.of_name(facts.name)}, facts.generation, deadline);
  }
  bound_.tell();  // a promise may have ended
  return removed;
}

void BackendWriter::evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                                Deadline deadline, CallPool& pool) {
  struct Named {
    std::size_t at = 0;
    std::string_view space;
    std::string record;
  };
  RecordBatches* const together = backend_->batches();
  std::vector<std::size_t> alone;
  std::vector<Named> named;
  std::vector<std::size_t> to_look_at;
  std::vector<Address> wanted;
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    const Address& address = addresses[at];
    if (together == nullptr || address.name.empty()) {
      alone.push_back(at);
      continue;
    }
    const auto space = spaces_.space_of(address.key.store, deadline);
    evicted[at] = space || space.error().code() == Errc::not_found ? Result<bool>(false) : space.error();
    if (!space) {
      continue;
    }
    named.push_back({at, *space, names_.of_name(address.name)});
    if (may_be_another(address.key.store, named.back().record)) {
      to_look_at.push_back(at);
      wanted.push_back(address);
    }
  }
  std::vector<Result<ObjectView>> found(wanted.size(), Result<ObjectView>(ObjectView()));
  if (!wanted.empty()) {
    reader_.find_batch(wanted, Wanting::facts, found, deadline, pool);
  }
  std::vector<bool> is_gone(addresses.size());
  for (std::size_t one = 0; one < found.size(); ++one) {
    const std::size_t at = to_look_at[one];
    is_gone[at] = !found[one];
    if (!found[one] && found[one].error().code() != Errc::not_found) {
      evicted[at] = found[one].error();
    }
  }
  std::erase_if(named, [&](const Named& one) { return is_gone[one.at]; });
  std::vector<RecordKey> keys;
  keys.reserve(named.size());
  for (const Named& one : named) {
    keys.push_back({one.space, one.record});
  }
  if (!keys.empty()) {
    std::vector<Result<bool>> removed(keys.size(), Result<bool>(false));
    together->remove(keys, removed, deadline);
    for (std::size_t one = 0; one < keys.size(); ++one) {
      evicted[named[one].at] = std::move(removed[one]);
    }
    bound_.tell();  // promises may have ended
  }
  pool.make_all(alone.size(),
                [&](std::size_t one) { evicted[alone[one]] = evict(addresses[alone[one]], deadline); });
}

}  // namespace locum
