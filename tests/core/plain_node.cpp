#include "tests/core/plain_node.hpp"

#include <condition_variable>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/base/mutex.hpp"
#include "tests/core/plain_arena.hpp"

namespace locum::tests {

struct PlainObject {
  Key key;
  ObjectRecord record;
  std::uint64_t generation = 0;
  bool live = true;
  std::map<std::uint32_t, std::uint64_t> views{};  // of each process with a view
};

namespace {

// As reported by pins.
std::uint64_t generation_of(const PlainObject& object) {
  return object.generation == generation_asked_for ? 0 : object.generation;
}

Error of_the_dead() {
  return Error(Errc::closed, "this process is dead");
}

}  // namespace

// Shared by the processes of the node.
struct PlainNode::State {
  Mutex mutex;
  std::condition_variable bound;
  std::map<std::uint64_t, PlainObject> objects LOCUM_GUARDED_BY(mutex);  // by serial; none is reused
  std::map<std::pair<std::uint32_t, std::string>, std::uint64_t> names LOCUM_GUARDED_BY(mutex);  // → serial
  std::map<std::uint64_t, std::uint64_t> hashes LOCUM_GUARDED_BY(mutex);  // of names → serial
  // For processes with many objects: serials of objects that are not live, and their number, by creator.
  std::set<std::uint64_t> ended LOCUM_GUARDED_BY(mutex);
  std::map<std::uint32_t, std::uint64_t> live_of LOCUM_GUARDED_BY(mutex);
  std::uint64_t watches LOCUM_GUARDED_BY(mutex) = 0;
  bool refuses_watches LOCUM_GUARDED_BY(mutex) = false;
  std::map<std::uint32_t, std::pair<std::shared_ptr<NameWatcher>, std::set<std::uint64_t>>> watchers
      LOCUM_GUARDED_BY(mutex);  // rank → watcher, and the hashes
  std::uint64_t last_serial LOCUM_GUARDED_BY(mutex) = 0;
  std::uint64_t last_generation LOCUM_GUARDED_BY(mutex) = 0;
  std::set<std::uint32_t> dead LOCUM_GUARDED_BY(mutex);                  // ranks
  std::map<std::uint32_t, std::uint32_t> heirs LOCUM_GUARDED_BY(mutex);  // of the adopted ranks
  std::shared_ptr<PlainMemory> memory;
  std::uint32_t first_rank = 0;

  std::optional<Error> directory_error LOCUM_GUARDED_BY(mutex);  // why every call of the directory fails

  [[nodiscard]] bool is_dead(std::uint32_t rank) const LOCUM_REQUIRES(mutex) { return dead.contains(rank); }
  // Why calls of that process fail, if they do.
  [[nodiscard]] std::optional<Error> directory_error_of(std::uint32_t rank) const LOCUM_REQUIRES(mutex) {
    return is_dead(rank) ? of_the_dead() : directory_error;
  }
  // The owner of the objects that this rank made.
  std::uint32_t owner(std::uint32_t creator) LOCUM_REQUIRES(mutex) {
    const auto heir = heirs.find(creator);
    return heir == heirs.end() ? creator : owner(heir->second);
  }
  void end(PlainObject& object) LOCUM_REQUIRES(mutex) {
    object.live = false;
    --live_of[object.key.creator];
    ended.insert(object.key.serial);
  }
  // Null unless there is such a live object.
  PlainObject* live(const Key& key) LOCUM_REQUIRES(mutex) {
    const auto found = objects.find(key.serial);
    return found != objects.end() && found->second.live && found->second.key == key ? &found->second
                                                                                    : nullptr;
  }
  PlainObject* named(std::uint32_t store, std::string_view name) LOCUM_REQUIRES(mutex) {
    const auto found = names.find({store, std::string(name)});
    if (found == names.end()) {
      return nullptr;
    }
    const auto object = objects.find(found->second);
    return object != objects.end() && object->second.live ? &object->second : nullptr;
  }
};

namespace {

using PlainState = PlainNode::State;

class PlainTable final : public NodeTable, public std::enable_shared_from_this<PlainTable> {
 public:
  PlainTable(std::shared_ptr<PlainState> node, std::uint32_t rank) : node_(std::move(node)), rank_(rank) {}

  Result<Key> publish(const ObjectRecord& record) override {
    const MutexLock lock(node_->mutex);
    if (node_->is_dead(rank_)) {
      return of_the_dead();
    }
    const Key key{record.store, rank_, ++node_->last_serial};
    node_->objects[key.serial] = {key, record};
    ++node_->live_of[rank_];
    return key;
  }
  Result<Pin> pin(const Key& key) override {
    const MutexLock lock(node_->mutex);
    if (node_->is_dead(rank_)) {
      return of_the_dead();
    }
    PlainObject* const object = node_->live(key);
    return object != nullptr ? Result<Pin>(view_of(*object)) : no_such_object();
  }
  [[nodiscard]] std::uint32_t rank() const noexcept { return rank_; }
  // REQUIRES: the node's mutex is held.
  Pin view_of(PlainObject& object) {
    ++object.views[rank_];
    if (++views_ == 1) {
      self_ = shared_from_this();
    }
    return {object.key.serial, object.key, &object.record, generation_of(object)};
  }
  bool unnamed(const Key& key) const noexcept override {
    const MutexLock lock(node_->mutex);
    const PlainObject* const object = node_->live(key);
    return object != nullptr && object->record.name_bytes == 0;
  }
  ObjectFacts describe(std::uint64_t pin_id) const override {
    const MutexLock lock(node_->mutex);
    const PlainObject& object = node_->objects.at(pin_id);
    return facts_of({pin_id, object.key, &object.record, generation_of(object)},
                    node_->memory->at(object.record.offset));
  }
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t pin_id) const noexcept override {
    const MutexLock lock(node_->mutex);
    const ObjectRecord& record = node_->objects.at(pin_id).record;
    return expiry_of(node_->memory->at(record.offset), record);
  }
  [[nodiscard]] bool has_other_views(std::uint64_t pin_id) const noexcept override {
    const MutexLock lock(node_->mutex);
    const auto& views = node_->objects.at(pin_id).views;
    return views.size() != 1 || views.begin()->second != 1;
  }
  void retain(std::uint64_t pin_id) noexcept override {
    const MutexLock lock(node_->mutex);
    if (!node_->is_dead(rank_)) {
      ++node_->objects.at(pin_id).views[rank_];
    }
    ++views_;
  }
  void release(std::uint64_t pin_id) noexcept override {
    std::shared_ptr<PlainTable> last;  // destroyed after the lock
    const MutexLock lock(node_->mutex);
    if (!node_->is_dead(rank_)) {
      PlainObject& object = node_->objects.at(pin_id);
      if (--object.views.at(rank_) == 0) {
        object.views.erase(rank_);
      }
    }
    if (--views_ == 0) {
      last.swap(self_);
    }
  }
  void set_generation(const Key& key, std::uint64_t generation) noexcept override {
    const MutexLock lock(node_->mutex);
    if (PlainObject* const object = node_->live(key); object != nullptr && !node_->is_dead(rank_)) {
      object->generation = generation;
    }
  }
  bool tombstone(const Key& key) noexcept override {
    const MutexLock lock(node_->mutex);
    PlainObject* const object = node_->live(key);
    if (object == nullptr || node_->is_dead(rank_)) {
      return false;
    }
    node_->end(*object);
    return true;
  }
  Owned collect(const FreeBlock& free, Effort /*effort*/) noexcept override {
    std::vector<ObjectRecord> dead;
    const Owned owned = collect_into(dead);
    for (const ObjectRecord& record : dead) {
      free(record);
    }
    return owned;
  }
  Owned collect_into(std::vector<ObjectRecord>& out) {
    const MutexLock lock(node_->mutex);
    Owned owned;
    if (node_->is_dead(rank_)) {
      return owned;
    }
    for (const auto& [creator, count] : node_->live_of) {
      owned.live += node_->owner(creator) == rank_ ? count : 0;
    }
    for (auto each = node_->ended.begin(); each != node_->ended.end();) {
      const auto found = node_->objects.find(*each);
      const PlainObject& object = found->second;
      if (node_->owner(object.key.creator) != rank_) {
        ++each;
      } else if (!object.views.empty()) {
        ++owned.pinned.objects;
        owned.pinned.bytes += object.record.block_bytes();
        ++each;
      } else {
        out.push_back(object.record);
        node_->objects.erase(found);
        each = node_->ended.erase(each);
      }
    }
    return owned;
  }
  std::vector<Key> keys(std::uint32_t store, Whose whose) override {
    const MutexLock lock(node_->mutex);
    std::vector<Key> keys;
    for (const auto& [serial, object] : node_->objects) {
      if (object.live && object.key.store == store &&
          (whose == Whose::node || node_->owner(object.key.creator) == rank_)) {
        keys.push_back(object.key);
      }
    }
    return keys;
  }
  std::vector<Key> own_keys(Having what) override {
    const MutexLock lock(node_->mutex);
    std::vector<Key> keys;
    for (const auto& [serial, object] : node_->objects) {
      const bool has_it = what == Having::lifetime
                              ? object.record.has_expiry()
                              : object.generation == generation_asked_for && object.key.creator != rank_;
      if (object.live && has_it && node_->owner(object.key.creator) == rank_) {
        keys.push_back(object.key);
      }
    }
    return keys;
  }

 private:
  const std::shared_ptr<PlainState> node_;
  const std::uint32_t rank_;
  std::uint64_t views_ = 0;           // through this table
  std::shared_ptr<PlainTable> self_;  // while there are any
};

class PlainDirectory final : public Directory {
 public:
  PlainDirectory(std::shared_ptr<PlainState> node, std::shared_ptr<PlainTable> table,
                 std::shared_ptr<Arena> arena)
      : node_(std::move(node)), table_(std::move(table)), arena_(std::move(arena)) {}

  Result<std::uint64_t> bind(const Key& key, const SealOptions& options, WaitBudget /*budget*/) override {
    const MutexLock lock(node_->mutex);
    if (const auto directory_error = node_->directory_error_of(table_->rank())) {
      return *directory_error;
    }
    PlainObject* const object = node_->live(key);
    if (object == nullptr) {
      return no_such_object();
    }
    const std::string name(read_name(arena_->data(object->record.offset), object->record));
    PlainObject* const before = node_->named(key.store, name);
    if (before != nullptr && options.mode == SealMode::put) {
      return Error(Errc::key_exists, "this name is live").about(name);
    }
    const std::uint64_t expected = options.expected_generation;
    if (expected != 0 && (before == nullptr || before->generation != expected)) {
      return Error(before == nullptr ? Errc::not_found : Errc::stale, "not that generation").about(name);
    }
    if (before != nullptr) {
      node_->end(*before);
    }
    object->generation = ++node_->last_generation;
    node_->names[{key.store, name}] = key.serial;
    node_->hashes[object->record.name_hash] = key.serial;
    node_->bound.notify_all();
    if (before == nullptr) {
      tell(object->record.name_hash, options.caller_tells);
    }
    return object->generation;
  }
  Result<Pin> find(std::uint32_t store, std::string_view name, WaitBudget /*budget*/) override {
    const MutexLock lock(node_->mutex);
    if (const auto directory_error = node_->directory_error_of(table_->rank())) {
      return *directory_error;
    }
    PlainObject* const object = node_->named(store, name);
    return object != nullptr ? Result<Pin>(table_->view_of(*object)) : no_such_object();
  }
  Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                      WaitBudget /*budget*/) override {
    const MutexLock lock(node_->mutex);
    if (const auto directory_error = node_->directory_error_of(table_->rank())) {
      return *directory_error;
    }
    PlainObject* const object = node_->named(store, name);
    if (object == nullptr || (only.valid() && object->key != only)) {
      return false;
    }
    node_->end(*object);
    node_->names.erase({store, std::string(name)});
    return true;
  }
  Result<std::uint64_t> generation(std::uint64_t hash, WaitBudget /*budget*/) override {
    const MutexLock lock(node_->mutex);
    if (node_->directory_error) {
      return *node_->directory_error;
    }
    const auto serial = node_->hashes.find(hash);
    const auto object =
        serial == node_->hashes.end() ? node_->objects.end() : node_->objects.find(serial->second);
    return object != node_->objects.end() && object->second.live ? object->second.generation : 0;
  }
  Result<std::vector<std::string>> names(std::uint32_t store, std::string_view prefix,
                                         WaitBudget /*budget*/) override {
    const MutexLock lock(node_->mutex);
    if (node_->directory_error) {
      return *node_->directory_error;
    }
    std::vector<std::string> all;
    for (const auto& [place, serial] : node_->names) {
      if (place.first == store && place.second.starts_with(prefix) &&
          node_->named(place.first, place.second) != nullptr) {
        all.push_back(place.second);
      }
    }
    return all;
  }
  Result<Pin> wait(std::uint32_t store, std::string_view name, Deadline::Clock::time_point moment) override {
    MutexLock lock(node_->mutex);
    for (bool late = false;;) {
      if (PlainObject* const object = node_->named(store, name)) {
        return table_->view_of(*object);
      }
      if (late) {
        return name_not_put().about(name);
      }
      late = !lock.wait_until(node_->bound, moment);
    }
  }

  bool watch(std::uint64_t hash, std::shared_ptr<NameWatcher> watcher) override {
    const MutexLock lock(node_->mutex);
    ++node_->watches;
    if (node_->refuses_watches) {
      return false;
    }
    auto& [who, hashes] = node_->watchers[table_->rank()];
    who = std::move(watcher);
    hashes.insert(hash);
    return true;
  }

 private:
  void tell(std::uint64_t hash, bool caller_tells) LOCUM_REQUIRES(node_->mutex) {
    for (auto& [rank, watcher] : node_->watchers) {
      auto& [who, hashes] = watcher;
      if (hashes.contains(hash)) {
        hashes.clear();
        caller_tells&& rank == table_->rank() ? who->bound_by_who_tells() : who->bound();
      }
    }
  }

  const std::shared_ptr<PlainState> node_;
  const std::shared_ptr<PlainTable> table_;
  const std::shared_ptr<Arena> arena_;
};

}  // namespace

PlainNode::PlainNode(std::uint32_t processes, std::uint64_t memory_bytes, std::uint32_t first_rank)
    : state_(std::make_shared<State>()) {
  state_->memory = std::make_shared<PlainMemory>(memory_bytes, processes);
  state_->first_rank = first_rank;
  for (std::uint32_t own = 0; own < processes; ++own) {
    const auto arena = plain_arena(state_->memory, own);
    const auto table = std::make_shared<PlainTable>(state_, first_rank + own);
    processes_.push_back({arena, table, std::make_shared<PlainDirectory>(state_, table, arena)});
  }
}

void PlainNode::die(std::uint32_t rank) {
  const MutexLock lock(state_->mutex);
  state_->dead.insert(rank);
  state_->memory->die(rank - state_->first_rank);
}

void PlainNode::fail_directory(const std::optional<Error>& error) {
  const MutexLock lock(state_->mutex);
  state_->directory_error = error;
}

void PlainNode::adopt(std::uint32_t dead, std::uint32_t heir) {
  const MutexLock lock(state_->mutex);
  std::set<std::uint64_t> kept;
  for (auto& [serial, object] : state_->objects) {
    object.views.erase(dead);
    if (object.live && object.key.creator == dead && object.record.name_bytes != 0 &&
        object.generation == 0) {
      state_->end(object);  // no process knows that it was to be bound
    }
    kept.insert(object.record.offset);
  }
  state_->memory->adopt(dead - state_->first_rank, heir - state_->first_rank, kept);
  state_->heirs[dead] = heir;
}

std::vector<int> PlainNode::lost() const {
  const MutexLock lock(state_->mutex);
  std::vector<int> ranks;
  for (const auto& [dead, heir] : state_->heirs) {
    ranks.push_back(static_cast<int>(dead));
  }
  return ranks;
}

void PlainNode::refuse_watches() {
  const MutexLock lock(state_->mutex);
  state_->refuses_watches = true;
}

std::uint64_t PlainNode::watches() const {
  const MutexLock lock(state_->mutex);
  return state_->watches;
}

PlainNode::Levels PlainNode::levels() const {
  const MutexLock lock(state_->mutex);
  Levels levels{.used_bytes = state_->memory->used_bytes()};
  for (const auto& [serial, object] : state_->objects) {
    ++levels.objects;
    levels.pinned += object.views.empty() ? 0 : 1;
  }
  for (const auto& [place, serial] : state_->names) {
    levels.names += state_->named(place.first, place.second) != nullptr ? 1 : 0;
  }
  return levels;
}

std::vector<NodeProcess> plain_node(std::uint32_t processes, std::uint64_t memory_bytes,
                                    std::uint32_t first_rank) {
  return PlainNode(processes, memory_bytes, first_rank).processes();
}

}  // namespace locum::tests
