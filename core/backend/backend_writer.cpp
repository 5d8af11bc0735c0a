#include "core/backend/backend_writer.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/base/wall_clock.hpp"
#include "core/node/promised.hpp"
#include "core/node/publish.hpp"
#include "core/object/object_tail.hpp"
#include "core/value/errors.hpp"

namespace locum {

Result<ObjectDraft> BackendWriter::create(std::uint64_t size_bytes, const ObjectMeta& of) {
  ObjectMeta meta = of;
  meta.lifetime_ms = 0;
  const BackendTraits& traits = backend_->traits();
  if (auto placed = require_alignment_of_records(meta); !placed) {
    return placed.error().about(meta.name);
  }
  const ObjectRecord object = record_of(meta, 0, size_bytes);
  const std::uint64_t end = record_end_bytes(object);
  if (size_bytes > traits.largest_record || traits.largest_record - size_bytes < end) {
    return Error(Errc::value_too_large,
                 "the object takes " + std::to_string(size_bytes) + " bytes and " + std::to_string(end) +
                     " for its metadata; " + std::string(traits.scheme) + ": holds " +
                     std::to_string(traits.largest_record) + " at most; store it in parts, or elsewhere")
        .about(meta.name);
  }
  auto memory = record_memory(size_bytes + end + meta.tag.size());
  if (!memory) {
    return Error(Errc::out_of_memory, "this process has no " + std::to_string(size_bytes) +
                                          " bytes for the object; free some, and try again")
        .about(meta.name);
  }
  write_tail(memory.get(), object, {meta.element_bytes, meta.extents, meta.type_name, meta.name});
  const ObjectTail tail = read_tail(memory.get(), object);
  meta.type_name = tail.type_name;
  meta.name = tail.name;
  meta.tag = {};
  std::byte* const bytes = memory.get();
  std::ranges::copy(std::as_bytes(std::span(of.tag)), bytes + size_bytes + end);
  const MutexLock lock(mutex_);
  const std::uint32_t place = drafts_.reserve();
  drafts_.put({std::move(memory), object, of.lifetime_ms, of.tag.size()});
  draft_bytes_ += size_bytes + end;
  return ObjectDraft{{bytes, size_bytes}, place, meta};
}

std::optional<BackendWriter::Draft> BackendWriter::take_draft(std::uint64_t place) noexcept {
  const auto number = static_cast<std::uint32_t>(place);
  const MutexLock lock(mutex_);
  const Draft* const there = drafts_.find(number);
  if (there == nullptr) {
    return std::nullopt;
  }
  draft_bytes_ -= there->record_bytes();
  return drafts_.take(number);
}

void BackendWriter::expect_expiry(std::uint32_t store) {
  const MutexLock lock(mutex_);
  expiring_.insert(store);
}

std::uint64_t BackendWriter::draft_bytes() const {
  const MutexLock lock(mutex_);
  return draft_bytes_;
}

Result<void> BackendWriter::prepare(std::uint64_t place, const SealOptions& options, BatchSpaces& spaces,
                                    std::uint64_t generation, Sealing& sealing, NewRecord& record) {
  auto draft = take_draft(place);
  if (!draft) {
    return draft_ended();
  }
  const ObjectRecord& object = draft->object;
  const auto& space = spaces.space_of(object.store);
  if (!space) {
    return space.error();
  }
  const std::span<std::byte> bytes(draft->memory.get(), draft->record_bytes());
  const ObjectTail tail = read_tail(bytes.data(), object);
  if (!is_whole(tail, object)) {
    return end_overwritten("the type or the name of this object");
  }
  sealing.space = *space;
  sealing.name = tail.name;
  record.revision = generation;
  if (sealing.name.empty()) {
    sealing.sealed.key = keys_.next(object.store);
    sealing.numbered = RecordNames::of_key(sealing.sealed.key);
    sealing.record_name = sealing.numbered;
  } else {
    sealing.sealed = {key_of_name(object.store, object.name_hash, generation), generation};
    sealing.record_name = names_.of_name(sealing.name, sealing.room);
    if (!backend_->traits().lists) {
      sealing.numbered = RecordNames::of_alias(sealing.sealed.key.serial);
    }
    record.expect = options.mode == SealMode::put      ? Expect::absent
                    : options.expected_generation == 0 ? Expect::anything
                                                       : Expect::revision;
    record.expected_revision = options.expected_generation;
  }
  record.lifetime = std::chrono::milliseconds(draft->lifetime_ms);
  record.tag = {reinterpret_cast<const char*>(bytes.data() + bytes.size()), draft->tag_bytes};
  write_record_words(bytes, object, sealing.sealed.key, sealing.sealed.generation,
                     draft->lifetime_ms == 0 ? 0 : moment_after(draft->lifetime_ms));
  record.bytes = bytes;
  record.owner = std::move(draft->memory);
  return {};
}

Result<Sealed> BackendWriter::finish(const Sealing& sealing, const NewRecord& record,
                                     const Result<void>& stored) {
  if (!stored) {
    switch (stored.error().code()) {
      case Errc::key_exists:
        return name_taken();
      case Errc::not_found:
        return name_not_bound();
      case Errc::stale:
        return other_generation(record.expected_revision);
      default:
        return stored.error();
    }
  }
  if (!sealing.name.empty()) {
    reader_.know(sealing.sealed.key, sealing.name);
  }
  return sealing.sealed;
}

// The one that leads to the name first: whoever has the key of the object finds its name.
Result<void> BackendWriter::store(const Sealing& sealing, const NewRecord& record, Deadline deadline) {
  const RecordKey key{sealing.space, sealing.record_name};
  if (!sealing.has_alias()) {
    return backend_->store(key, record, deadline);
  }
  const std::array<RecordKey, 2> keys{RecordKey{sealing.space, sealing.numbered}, key};
  const std::array<NewRecord, 2> records{alias_of(sealing, record), record};
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

NewRecord BackendWriter::alias_of(const Sealing& sealing, const NewRecord& record) {
  NewRecord alias;
  alias.bytes = std::as_bytes(std::span(sealing.name));
  alias.revision = record.revision;
  alias.lifetime = record.lifetime;
  alias.tag = record.tag;  // so it is where its object is
  return alias;
}

// The object that has the name lives on, maybe longer than the one that did not get it.
void BackendWriter::keep_alias(const Sealing& sealing, const NewRecord& record, Deadline deadline) {
  NewRecord alias = alias_of(sealing, record);
  alias.lifetime = {};
  (void)backend_->store({sealing.space, sealing.numbered}, alias, deadline);
}

// If what has the name had expired.
Result<void> BackendWriter::once_more(const Sealing& sealing, const NewRecord& record, Result<void> stored,
                                      Deadline deadline) {
  const RecordKey key{sealing.space, sealing.record_name};
  if (stored || stored.error().code() != Errc::key_exists) {
    return stored;
  }
  if (!reader_.is_there(key, deadline)) {
    stored = backend_->store(key, record, deadline);
  }
  if (!stored && record.lifetime.count() > 0 && sealing.has_alias()) {
    keep_alias(sealing, record, deadline);
  }
  return stored;
}

Result<Sealed> BackendWriter::seal(std::uint64_t place, const SealOptions& options, Deadline deadline) {
  if (auto time = still_time(deadline); !time) {
    discard(place);
    return time.error();
  }
  BatchSpaces spaces(spaces_, deadline);
  Sealing sealing;
  NewRecord record;
  if (auto prepared = prepare(place, options, spaces, generations_.next(1), sealing, record); !prepared) {
    return prepared.error();
  }
  auto sealed =
      finish(sealing, record, once_more(sealing, record, store(sealing, record, deadline), deadline));
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
  if (auto time = still_time(deadline); !time) {
    for (std::size_t at = 0; at < drafts.size(); ++at) {
      discard(drafts[at].place);
      sealed[at] = time.error();
    }
    return;
  }
  BatchSpaces spaces(spaces_, deadline);
  const std::uint64_t generation = generations_.next(drafts.size());
  std::vector<Sealing> prepared(drafts.size());
  std::vector<RecordKey> keys;
  std::vector<NewRecord> records;
  std::vector<std::size_t> asked;
  const std::size_t most = drafts.size() * (backend_->traits().lists ? 1 : 2);
  keys.reserve(most);
  records.reserve(most);
  asked.reserve(most);
  for (std::size_t at = 0; at < drafts.size(); ++at) {
    Sealing& one = prepared[at];
    NewRecord record;
    if (auto is_prepared = prepare(drafts[at].place, {}, spaces, generation + at, one, record);
        !is_prepared) {
      sealed[at] = is_prepared.error();
      continue;
    }
    if (one.has_alias()) {
      keys.push_back({one.space, one.numbered});
      records.push_back(alias_of(one, record));
      asked.push_back(drafts.size());
    }
    keys.push_back({one.space, one.record_name});
    records.push_back(std::move(record));
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
    const Sealing& sealing = prepared[asked[one]];
    sealed[asked[one]] =
        finish(sealing, records[one], once_more(sealing, records[one], std::move(stored[one]), deadline));
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
    std::string room;
    const std::string_view record = names_.of_name(address.name, room);
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
  BatchSpaces spaces(spaces_, deadline);
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    const Address& address = addresses[at];
    if (together == nullptr || address.name.empty()) {
      alone.push_back(at);
      continue;
    }
    const auto& space = spaces.space_of(address.key.store);
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
