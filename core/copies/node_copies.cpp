#include "core/copies/node_copies.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include "core/object/internal_stores.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

constexpr std::string_view copy_type_name = "locum::copy";
constexpr std::uint64_t copy_type_hash = text_hash(copy_type_name);
constexpr std::string_view mark_type_name = "locum::flight";
constexpr std::uint64_t mark_type_hash = text_hash(mark_type_name);

/// Stored behind the block of a copy.
struct CopyTail {
  ObjectWire wire;
  std::int64_t good_until_ns = 0;  // on the steady clock, which all processes of a machine share
};
static_assert(sizeof(CopyTail) == 80);

Error damaged(const Key& key) {
  return memory_damaged("this node's copy of an object of another node is damaged").about(to_string(key));
}

/// Whether it is a copy that another view than this pin shows.
bool is_viewed_copy(const NodeTable& table, const Pin& pin) {
  return pin.record->type_hash == copy_type_hash && table.has_other_views(pin.id);
}

}  // namespace

NodeCopies::Room::Room(std::shared_ptr<Connector> objects, const ObjectDraft& draft) noexcept
    : objects_(std::move(objects)),
      draft_(draft),
      block_(draft.bytes.first(draft.bytes.size() - sizeof(CopyTail))) {}

NodeCopies::Room::~Room() {
  if (!sealed_) {
    objects_->discard(draft_);
  }
}

NodeCopies::NodeCopies(NodeMemory local, std::shared_ptr<Connector> objects, int own_rank, WaitBudget budget)
    : local_(std::move(local)),
      objects_(std::move(objects)),
      own_rank_(static_cast<std::uint32_t>(own_rank)),
      in_step_(budget) {}

Result<NodeCopies::Entry> NodeCopies::look(const Key& key, std::uint64_t generation, Path path,
                                           const WaitBudget& budget) {
  auto entry = objects_->get(Address(copies_store, internal_name(key)), budget);
  if (!entry) {
    return Entry{.is = entry.error().code() == Errc::not_found ? Entry::Is::none : Entry::Is::unreadable};
  }
  if (entry->type_hash() == copy_type_hash) {
    return open(std::move(*entry), key, generation, path);
  }
  const auto rank = read_words<std::uint32_t>(entry->bytes());
  if (entry->type_hash() != mark_type_hash || !rank) {
    return Entry{.is = Entry::Is::unreadable};
  }
  return Entry{.is = Entry::Is::mark, .mark = {entry->key(), *rank, entry->facts().generation}};
}

Result<NodeCopies::Entry> NodeCopies::open(ObjectView copy, const Key& key, std::uint64_t generation,
                                           Path path) {
  const std::span<const std::byte> bytes = copy.bytes();
  if (bytes.size() < sizeof(CopyTail)) {
    return damaged(key);
  }
  const auto block = bytes.first(bytes.size() - sizeof(CopyTail));
  auto [wire, good_until_ns] = *read_words<CopyTail>(bytes.last(sizeof(CopyTail)));
  if (wire.key != key) {
    return damaged(key);
  }
  if (wire.generation == 0) {
    wire.generation = generation;
  }
  const bool summed = wire.record.has_checksum() && checked_.contains(key);
  auto view =
      ReceivedBlock::view(std::make_shared<ReceivedBlock>(std::move(copy), block), wire, path, summed);
  if (!view) {
    return view.error();
  }
  if (wire.record.has_checksum() && !summed) {
    checked_.add(key);
  }
  return Entry{.is = Entry::Is::copy,
               .view = std::move(*view),
               .good_until = Clock::time_point(std::chrono::nanoseconds(good_until_ns))};
}

Result<NodeCopies::Mark> NodeCopies::mark(const Key& key, std::uint64_t in_place_of) {
  const ObjectMeta meta{.store = copies_store,
                        .type_hash = mark_type_hash,
                        .type_name = mark_type_name,
                        .name = internal_name(key),
                        .extents = {}};
  const auto draft = objects_->create(sizeof own_rank_, meta, in_step_);
  if (!draft) {
    return draft.error();
  }
  std::memcpy(draft->bytes.data(), &own_rank_, sizeof own_rank_);
  const auto sealed =
      objects_->seal(*draft, {in_place_of != 0 ? SealMode::replace : SealMode::put, in_place_of}, in_step_);
  return sealed ? Result<Mark>(Mark{sealed->key, own_rank_, sealed->generation}) : sealed.error();
}

void NodeCopies::unmark(const Key& key, const Mark& mark) {
  (void)local_.directory->unbind(copies_store, internal_name(key), mark.entry, in_step_);
}

Result<std::shared_ptr<NodeCopies::Room>> NodeCopies::try_room(const Key& key, const ObjectRecord& record,
                                                               const WaitBudget& budget) {
  const ObjectMeta meta{
      .store = copies_store,
      .alignment = static_cast<std::uint32_t>(ReceivedBlock::alignment_of(record.size_bytes)),
      .type_hash = copy_type_hash,
      .type_name = copy_type_name,
      .name = internal_name(key),
      .extents = {}};
  const auto draft = objects_->create(record.block_bytes() + sizeof(CopyTail), meta, budget);
  if (!draft) {
    return draft.error();
  }
  return std::make_shared<Room>(objects_, *draft);
}

std::shared_ptr<NodeCopies::Room> NodeCopies::room(const Key& key, const ObjectRecord& record) {
  return try_room(key, record, in_step_).value_or(nullptr);
}

// Waits for memory that others are about to return. The second try does not wait: the first one has.
NodeCopies::Made NodeCopies::make_room(const Key& key, const ObjectRecord& record, const WaitBudget& budget) {
  auto made = try_room(key, record, budget);
  if (made) {
    return {.room = *made};
  }
  if (made.error().is_transient()) {
    return {.later = true};
  }
  if (made.error().code() == Errc::out_of_memory && shed_oldest(record.block_bytes(), budget)) {
    made = try_room(key, record, WaitBudget::limited(std::chrono::milliseconds(1), WaitBudget::Work::any));
  }
  return {.room = made.value_or(nullptr)};
}

Result<Key> NodeCopies::publish(Room& room, const ObjectWire& wire, const Mark& mark,
                                Clock::time_point good_until) {
  const std::span<std::byte> block = room.block_.memory();
  const CopyTail tail{wire, std::chrono::nanoseconds(good_until.time_since_epoch()).count()};
  std::memcpy(block.data() + block.size(), &tail, sizeof tail);
  room.sealed_ = true;  // or discarded
  const auto sealed = objects_->seal(room.draft_, {SealMode::replace, mark.generation}, in_step_);
  if (sealed) {
    note_own(sealed->key);
  }
  const MutexLock lock(mutex_);
  if (sealed && dropped_.contains(wire.key.store)) {
    (void)local_.directory->unbind(copies_store, internal_name(wire.key), sealed->key, in_step_);
    return Error(Errc::closed, "this rank has dropped the store of this object; open it again")
        .about(to_string(wire.key));
  }
  if (sealed && wire.record.has_checksum()) {
    checked_.add(wire.key);
  }
  return sealed ? Result<Key>(sealed->key) : Result<Key>(sealed.error());
}

Result<ObjectView> NodeCopies::show(const Key& published, const Key& key, Path path) {
  auto entry = objects_->get(Address(published), in_step_);
  if (!entry) {
    return entry.error();
  }
  auto copy = open(std::move(*entry), key, 0, path);
  return copy ? std::move(copy->view) : Result<ObjectView>(copy.error());
}

Result<void> NodeCopies::invalidate(const Key& key) {
  const auto gone = local_.directory->unbind(copies_store, internal_name(key), Key{}, in_step_);
  return gone ? Result<void>() : Result<void>(gone.error());
}

void NodeCopies::invalidate_all_of(const std::vector<int>& creators, const WaitBudget& budget) {
  (void)remove_all(budget, [&](const Pin& pin) {
    const std::string_view name = local_.name(pin);
    const auto key = read_words<Key>(std::as_bytes(std::span(name)));
    return pin.record->type_hash == copy_type_hash && key &&
           std::ranges::find(creators, static_cast<int>(key->creator)) != creators.end();
  });
}

// Calls `each` until it returns false.
template <class Each>
void NodeCopies::for_each_own(Each each) {
  std::vector<Key> own;
  {
    const MutexLock lock(mutex_);
    own = own_;
  }
  std::set<Key> gone;
  const auto tidy = [&] {
    const MutexLock lock(mutex_);
    std::erase_if(own_, [&](const Key& entry) { return gone.contains(entry); });
  };
  for (const Key& entry : own) {
    const auto pin = local_.table->pin(entry);
    if (!pin) {
      gone.insert(entry);
      continue;
    }
    const PinnedObject object(local_.table, *pin);
    if (!local_.holds(*pin->record)) {
      continue;
    }
    const std::string_view name = local_.name(*pin);
    if (const auto key = read_words<Key>(std::as_bytes(std::span(name))); key && !each(*pin, *key)) {
      break;
    }
  }
  tidy();
}

void NodeCopies::note_own(const Key& entry) {
  {
    const MutexLock lock(mutex_);
    own_.push_back(entry);
    if (own_.size() < tidy_at_) {
      return;
    }
  }
  std::size_t left = 0;
  for_each_own([&](const Pin&, const Key&) { return ++left != 0; });
  const MutexLock lock(mutex_);
  tidy_at_ = 2 * std::max<std::size_t>(own_.size(), 32);
}

void NodeCopies::adopt() {
  const auto is_adopted = [this](const Key& entry) { return entry.creator != own_rank_; };
  const std::vector<Key> all = local_.table->keys(copies_store, Whose::own);
  {
    const MutexLock lock(mutex_);
    std::erase_if(own_, is_adopted);
    std::ranges::copy_if(all, std::back_inserter(own_), is_adopted);
  }
  // Flights of dead ranks will not end. Their joiners begin anew.
  for_each_own([&](const Pin& pin, const Key& key) {
    if (is_adopted(pin.key) && pin.record->type_hash == mark_type_hash) {
      (void)local_.directory->unbind(copies_store, internal_name(key), pin.key, in_step_);
    }
    return true;
  });
}

// Until their blocks have that many bytes; false if there were none. Not those that somebody views: that
// would free nothing now, and the next reader would fetch them again. In the order in which they came or were
// last seen to be viewed: no get writes down that it was there.
bool NodeCopies::shed_own(std::uint64_t bytes, const WaitBudget& budget) {
  std::uint64_t found = 0;
  std::set<Key> viewed;
  for_each_own([&](const Pin& pin, const Key& key) {
    if (is_viewed_copy(*local_.table, pin)) {
      viewed.insert(pin.key);
    } else if (pin.record->type_hash == copy_type_hash) {
      const auto gone = local_.directory->unbind(copies_store, internal_name(key), pin.key, budget);
      found += gone && *gone ? pin.record->block_bytes() : 0;
    }
    return found < bytes;
  });
  const MutexLock lock(mutex_);
  std::ranges::stable_partition(own_, [&](const Key& entry) { return !viewed.contains(entry); });
  return found > 0;
}

// As many as have that many bytes; none if all together have fewer: they would only be fetched again.
bool NodeCopies::shed_oldest(std::uint64_t bytes, const WaitBudget& budget) {
  std::uint64_t all = 0;
  for_each_own([&](const Pin& pin, const Key&) {
    const bool is_free = pin.record->type_hash == copy_type_hash && !is_viewed_copy(*local_.table, pin);
    all += is_free ? pin.record->block_bytes() : 0;
    return all < bytes;
  });
  return all >= bytes && shed_own(bytes, budget);
}

// Of the objects of any rank of the node; false if there were none.
template <class Is>
bool NodeCopies::remove_all(const WaitBudget& budget, Is is) {
  const auto names = local_.directory->names(copies_store, {}, budget);
  bool any = false;
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    const auto pin = local_.directory->find(copies_store, name, budget);
    if (!pin) {
      continue;
    }
    const PinnedObject object(local_.table, *pin);
    if (local_.holds(*pin->record) && is(*pin)) {
      const auto gone = local_.directory->unbind(copies_store, name, pin->key, budget);
      any = any || (gone && *gone);
    }
  }
  return any;
}

// Copies of other ranks, too, which return the memory once they learn that it is wanted.
bool NodeCopies::shed_all(const WaitBudget& budget) {
  return remove_all(budget, [this](const Pin& pin) {
    return pin.record->type_hash == copy_type_hash && !is_viewed_copy(*local_.table, pin);
  });
}

void NodeCopies::unmark_all(int rank) {
  (void)remove_all(in_step_, [&](const Pin& pin) {
    return pin.record->type_hash == mark_type_hash &&
           read_words<std::uint32_t>(local_.payload(pin)) == static_cast<std::uint32_t>(rank);
  });
}

void NodeCopies::drop(std::uint32_t store) {
  {
    const MutexLock lock(mutex_);
    dropped_.insert(store);
  }
  for_each_own([&](const Pin& pin, const Key& key) {
    if (key.store == store) {
      (void)local_.directory->unbind(copies_store, internal_name(key), pin.key);
    }
    return true;
  });
}

void NodeCopies::count(MemoryUsage& usage) {
  for_each_own([&](const Pin& pin, const Key&) {
    if (pin.record->type_hash == copy_type_hash) {
      ++usage.own_copies;
      usage.own_copy_bytes += pin.record->block_bytes();
    }
    return true;
  });
}

}  // namespace locum
