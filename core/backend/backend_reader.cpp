#include "core/backend/backend_reader.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "core/backend/backend_keys.hpp"
#include "core/backend/stored_object.hpp"
#include "core/base/wall_clock.hpp"
#include "core/node/promised.hpp"
#include "core/object/internal_stores.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

// What readers and codecs may expect: at least 16, and that of the elements, which divides their size.
std::uintptr_t needed_alignment(const StoredFacts& facts) noexcept {
  constexpr std::uint32_t least = 16;
  constexpr std::uint32_t most = 64;
  const std::uint32_t bytes = facts.tail.element_bytes;
  return std::clamp(bytes & (~bytes + 1), least, most);
}

}  // namespace

Result<BackendReader::Loaded> BackendReader::loaded(LoadedRecord record) {
  Result<Loaded> loaded(std::in_place);
  if (record_end_bytes(record.bytes) != 0) {
    const auto facts = read_record(record.bytes, record.size_bytes);
    if (!facts) {
      return facts.error();
    }
    if (facts->words.expires_ns != 0 && facts->words.expires_ns <= nanoseconds_since_1970()) {
      return no_such_object();
    }
    loaded->facts = *facts;
  }
  loaded->record = std::move(record);
  return loaded;
}

Result<BackendReader::Loaded> BackendReader::load(const RecordKey& key, std::uint64_t last_bytes,
                                                  Deadline deadline) {
  if (auto time = still_time(deadline); !time) {
    return time.error();
  }
  if (last_bytes == 0) {
    last_bytes = usual_end_bytes;
  }
  auto found = backend_->load(key, last_bytes, deadline);
  if (found && found->bytes.size() < found->size_bytes) {
    if (const std::uint64_t end = record_end_bytes(found->bytes); end > found->bytes.size()) {
      found = backend_->load(key, end, deadline);
    }
  }
  if (!found) {
    return found.error().code() == Errc::not_found ? no_such_object() : found.error();
  }
  const std::uint64_t revision = found->revision;
  auto whole = loaded(std::move(*found));
  if (!whole && whole.error().code() == Errc::not_found) {
    (void)backend_->remove(key, revision, deadline);  // its room comes back
  }
  return whole;
}

Result<ObjectView> BackendReader::view_of(Loaded&& loaded, const Key& key, std::string_view name) {
  if (!loaded.facts) {
    const auto object = std::make_shared<StoredObject>(std::move(loaded.record), key, name);
    return object->view(object);
  }
  StoredFacts& facts = *loaded.facts;
  if (reinterpret_cast<std::uintptr_t>(facts.payload.data()) % needed_alignment(facts) != 0) {
    const auto memory = record_memory(loaded.record.bytes.size());
    if (!memory) {
      return no_memory_left();
    }
    std::memcpy(memory.get(), loaded.record.bytes.data(), loaded.record.bytes.size());
    loaded.record.bytes = {memory.get(), loaded.record.bytes.size()};
    loaded.record.owner = memory;
    auto moved = read_record(loaded.record.bytes, loaded.record.size_bytes);
    if (!moved) {
      return moved.error();
    }
    facts = *moved;
  }
  if (!facts.payload.empty()) {
    if (auto right = check_payload(facts); !right) {
      return right.error();
    }
  }
  const auto object = std::make_shared<StoredObject>(std::move(loaded.record), facts, key);
  return object->view(object);
}

// A name that is a hash in the backend may be that of another object.
Result<ObjectView> BackendReader::found_by_name(Result<Loaded>&& found, std::uint32_t store,
                                                std::string_view name) {
  if (!found) {
    return found.error();
  }
  if (found->facts && found->facts->tail.name != name) {
    return no_such_object();
  }
  const bool has_hash = found->facts && found->facts->words.key.store == store;
  const std::uint64_t hash = has_hash ? found->facts->words.name_hash : name_hash(store, name);
  const Key key = key_of_name(store, hash, found->record.revision);
  know(key, name);
  return view_of(std::move(*found), key, name);
}

// The library's own names have none, nor have those of stores: that such an object is not there says
// something.
bool BackendReader::has_default(const Address& address, const Result<ObjectView>& found) const noexcept {
  return !found && found.error().code() == Errc::not_found && !default_name_.empty() &&
         address.key.store != registry && !address.name.empty() && address.name != default_name_ &&
         !is_reserved(address.name);
}

Result<ObjectView> BackendReader::find(const Address& address, std::uint64_t last_bytes, Deadline deadline,
                                       Absent absent) {
  const Key& key = address.key;
  const auto space = spaces_.space_of(key.store, deadline);
  if (!space) {
    return space.error();
  }
  if (!address.name.empty()) {
    std::string room;
    const RecordKey record{*space, names_.of_name(address.name, room)};
    auto found = found_by_name(load(record, last_bytes, deadline), key.store, address.name);
    return absent == Absent::has_default && has_default(address, found)
               ? find({key.store, default_name_}, last_bytes, deadline)
               : std::move(found);
  }
  std::string name;
  std::string room;
  const auto record = record_of(key, *space, name, room, deadline);
  return record ? found_by_key(load({*space, *record}, last_bytes, deadline), address, name)
                : Result<ObjectView>(record.error());
}

// `name`: of the object, if it has one.
Result<ObjectView> BackendReader::found_by_key(Result<Loaded>&& found, const Address& address,
                                               const std::string& name) {
  const Key& key = address.key;
  if (!found) {
    return found.error();
  }
  if (name.empty()) {
    return found->facts && found->facts->words.key == key
               ? view_of(std::move(*found), key, {})
               : Error(Errc::corrupt, "the record under this key holds another object; store it again");
  }
  auto view = found_by_name(std::move(found), key.store, name);
  if (view && view->key() != key) {
    return address.name_hash != 0 ? object_replaced() : no_such_object();
  }
  return view;
}

// Sets `name` if it is that of a named object. The result refers to it, or to `room`.
Result<std::string_view> BackendReader::record_of(const Key& key, std::string_view space, std::string& name,
                                                  std::string& room, Deadline deadline) {
  if (!is_of_name(key)) {
    if (is_promised(key) || !key.valid()) {
      return no_such_object();
    }
    room = RecordNames::of_key(key);
    return std::string_view(room);
  }
  name = known_.find(key);
  if (name.empty()) {
    auto found = name_of_hash(key, space, deadline);
    if (!found) {
      return found.error();
    }
    name = std::move(*found);
  }
  return names_.of_name(name, room);
}

// Another process made the key: the name is looked for among all, or in the record that leads to it.
Result<std::string> BackendReader::name_of_hash(const Key& key, std::string_view space, Deadline deadline) {
  if (!backend_->traits().lists) {
    const NumberedName alias_name = RecordNames::of_alias(key.serial);
    const auto alias = backend_->load({space, alias_name}, whole_record, deadline);
    if (!alias) {
      return alias.error().code() == Errc::not_found ? no_such_object() : alias.error();
    }
    std::string name(reinterpret_cast<const char*>(alias->bytes.data()), alias->bytes.size());
    return leads_to(key, name) ? Result<std::string>(std::move(name)) : no_such_object();
  }
  const auto names = names_in(key.store, {}, deadline);
  if (!names) {
    return names.error();
  }
  for (const std::string& name : *names) {
    know(key_of_name(key.store, name_hash(key.store, name), 0), name);
  }
  const auto found =
      std::ranges::find_if(*names, [&](const std::string& name) { return leads_to(key, name); });
  return found == names->end() ? Result<std::string>(no_such_object()) : *found;
}

Result<std::vector<std::string>> BackendReader::names_in(std::uint32_t store, std::string_view prefix,
                                                         Deadline deadline) {
  const auto space = spaces_.space_of(store, deadline);
  if (!space) {
    return space.error().code() == Errc::not_found ? Result<std::vector<std::string>>(std::in_place)
                                                   : space.error();
  }
  auto records = backend_->list(*space, names_.of_prefix(prefix), deadline);
  if (records && !prefix.empty()) {
    // Those whose names are hashes there begin with something else.
    auto hashed = backend_->list(*space, "@h", deadline);
    if (!hashed) {
      return hashed.error();
    }
    std::ranges::move(*hashed, std::back_inserter(*records));
  }
  if (!records) {
    return records.error();
  }
  std::vector<std::string> names;
  for (const std::string& record : *records) {
    if (auto name = RecordNames::name_in(record)) {
      names.push_back(std::move(*name));
    } else if (RecordNames::is_hashed(record)) {
      const auto found = load({*space, record}, 0, deadline);
      if (found && found->facts) {
        names.emplace_back(found->facts->tail.name);
      } else if (!found && !is_of_no_use(found.error())) {
        return found.error();  // without its name the list would not be whole
      }
    }
  }
  std::erase_if(names, [&](const std::string& name) { return !name.starts_with(prefix); });
  std::ranges::sort(names);
  const auto repeated = std::ranges::unique(names);
  names.erase(repeated.begin(), repeated.end());
  return names;
}

bool BackendReader::is_there(const RecordKey& key, Deadline deadline) {
  const auto found = load(key, 0, deadline);
  return found || found.error().code() != Errc::not_found;
}

void BackendReader::look_at_all(std::uint32_t store, Deadline deadline) {
  const auto space = spaces_.space_of(store, deadline);
  const auto records =
      space ? backend_->list(*space, {}, deadline) : Result<std::vector<std::string>>(space.error());
  if (!records) {
    return;
  }
  for (const std::string& record : *records) {
    (void)load({*space, record}, 0, deadline);
  }
}

// The default of a store is asked for once, with those of the others.
void BackendReader::find_batch(std::span<const Address> addresses, Wanting wanting,
                               std::span<Result<ObjectView>> found, Deadline deadline, CallPool& pool) {
  find_each(addresses, wanting, found, deadline, pool);
  std::vector<std::size_t> absent;
  std::vector<Address> defaults;
  const auto of_store = [&](std::size_t at) {
    return std::ranges::find_if(defaults,
                                [&](const Address& one) { return one.key.store == addresses[at].key.store; });
  };
  for (std::size_t at = 0; at < addresses.size() && wanting == Wanting::all; ++at) {
    if (has_default(addresses[at], found[at])) {
      absent.push_back(at);
      if (of_store(at) == defaults.end()) {
        defaults.emplace_back(addresses[at].key.store, default_name_);
      }
    }
  }
  if (absent.empty()) {
    return;
  }
  std::vector<Result<ObjectView>> shown(defaults.size(), Result<ObjectView>(ObjectView()));
  find_each(defaults, wanting, shown, deadline, pool);
  for (const std::size_t at : absent) {
    found[at] = shown[static_cast<std::size_t>(of_store(at) - defaults.begin())];
  }
}

void BackendReader::find_each(std::span<const Address> addresses, Wanting wanting,
                              std::span<Result<ObjectView>> found, Deadline deadline, CallPool& pool) {
  const std::uint64_t last_bytes = wanting == Wanting::facts ? 0 : whole_record;
  RecordBatches* const together = backend_->batches();
  if (together == nullptr) {
    pool.make_all(addresses.size(),
                  [&](std::size_t at) { found[at] = find(addresses[at], last_bytes, deadline); });
    return;
  }
  std::vector<std::string> rooms(addresses.size());  // of the names of records
  std::vector<std::string> names(addresses.size());  // of the objects, where they are not in the addresses
  BatchSpaces spaces(spaces_, deadline);
  std::vector<RecordKey> keys;
  std::vector<std::size_t> asked;
  keys.reserve(addresses.size());
  asked.reserve(addresses.size());
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    const Address& address = addresses[at];
    const auto& space = spaces.space_of(address.key.store);
    const auto record = !space ? space
                        : address.name.empty()
                            ? record_of(address.key, *space, names[at], rooms[at], deadline)
                            : Result<std::string_view>(names_.of_name(address.name, rooms[at]));
    if (!record) {
      found[at] = record.error();
      continue;
    }
    keys.push_back({*space, *record});
    asked.push_back(at);
  }
  std::vector<Result<LoadedRecord>> read(keys.size(), Result<LoadedRecord>(no_such_object()));
  together->load(keys, wanting == Wanting::facts ? usual_end_bytes : whole_record, read, deadline);
  for (std::size_t one = 0; one < asked.size(); ++one) {
    const Address& address = addresses[asked[one]];
    Result<ObjectView>& into = found[asked[one]];
    if (!read[one]) {
      into = read[one].error().code() == Errc::not_found ? no_such_object() : read[one].error();
    } else if (read[one]->bytes.size() < read[one]->size_bytes &&
               record_end_bytes(read[one]->bytes) > read[one]->bytes.size()) {
      into = find(address, last_bytes, deadline);  // its name is a long one
    } else if (address.name.empty()) {
      into = found_by_key(loaded(std::move(*read[one])), address, names[asked[one]]);
    } else {
      into = found_by_name(loaded(std::move(*read[one])), address.key.store, address.name);
    }
  }
}

}  // namespace locum
