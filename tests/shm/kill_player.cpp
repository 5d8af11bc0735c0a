#include "tests/shm/kill_player.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "core/ports/directory.hpp"

namespace locum::tests {
namespace {

constexpr std::size_t most_held = 6;
constexpr std::size_t most_drafts = 2;
constexpr std::uint64_t smallest_bytes = 16;
constexpr std::uint64_t no_generation = 1'000'000;  // no name ever gets that

// Content that identifies the object: value, size, and words derived from both.
void fill(std::span<std::byte> bytes, std::uint64_t value) {
  const std::uint64_t size = bytes.size();
  for (std::uint64_t at = 0; at < size; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = at == 0 ? value : at == 8 ? size : (value * size + at) * 0x9E3779B97F4A7C15U;
    std::memcpy(bytes.data() + at, &word, std::min<std::uint64_t>(sizeof word, size - at));
  }
}

// The value of an object if all of its bytes are as written; 0 if not.
std::uint64_t value_of(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  if (bytes.size() < smallest_bytes) {
    return 0;
  }
  std::memcpy(&value, bytes.data(), sizeof value);
  std::vector<std::byte> expected(bytes.size());
  fill(expected, value);
  return std::ranges::equal(bytes, expected) ? value : 0;
}

ObjectMeta meta_of(std::string_view name) {
  constexpr std::string_view type = "kill test";
  return {Scene::store, 1, 16, text_hash(type), type, name, Layout::bytes, {}};
}

}  // namespace

KillPlayer::KillPlayer(const Scene& scene, Board& board, std::uint32_t own)
    : scene_(scene),
      board_(board),
      own_(own),
      journal_(board.journals[own]),
      random_(scene.seed * most_ranks + own) {}

void KillPlayer::disconnect() {
  held_.clear();
  connector_.reset();
  spill_.reset();
}

void KillPlayer::step() {
  if (scene_.greedy && draw(10) == 0) {
    return ask_for_much();
  }
  if (scene_.spills && draw(4) == 0) {
    move_some_to_disk();
  }
  const auto name = static_cast<std::uint32_t>(draw(scene_.names.size()));
  const std::optional<Event> object = some_object();
  switch (draw(20)) {
    case 0:
    case 1:
      return put(unnamed, false, any_size());
    case 2:
    case 3:
    case 4:
      return put(name, false, any_size());
    case 5:
    case 6:
      return put(name, true, any_size());
    case 7:
      return create(draw(2) == 0 ? unnamed : name, any_size());
    case 8:
    case 9:
      return seal_or_discard();
    case 10:
    case 11:
      return get(name);
    case 12:
    case 13:
      return object ? get_key(*object, true) : get(name);
    case 14:
      return evict(name);
    case 15:
    case 16:
      return object ? evict_key(*object) : evict(name);
    case 17:
      return draw(3) == 0 ? drop() : look_at_all();
    case 18:
      return wait(name);
    default:
      return draw(3) == 0 ? static_cast<void>(usage()) : release();
  }
}

// Own objects, and those of others.
void KillPlayer::move_some_to_disk() {
  const auto moved = spill_->make_room(std::uint64_t{1} << (16 + draw(6)), std::chrono::milliseconds(200));
  if (!moved) {
    complain(std::string("moving objects to disk: ") + moved.error().what());
  }
}

std::uint64_t KillPlayer::any_size() {
  if (scene_.spills && draw(2) == 0) {
    return 65'536 + draw(150'000);
  }
  switch (draw(8)) {
    case 0:
      return 100'000 + draw(200'000);  // more than a step
    case 1:
      return 4'096 + draw(12'000);
    default:
      return smallest_bytes + draw(300);
  }
}

std::uint64_t KillPlayer::fresh_value() {
  return (std::uint64_t{own_} + 1) * 10'000 + ++made_;
}

Result<ObjectDraft> KillPlayer::draft(std::uint32_t name, std::uint64_t size_bytes, std::uint64_t value) {
  auto made = connector_->create(size_bytes, meta_of(scene_.name(name)), {});
  if (made) {
    fill(made->bytes, value);
  }
  return made;
}

void KillPlayer::put(std::uint32_t name, bool replace, std::uint64_t size_bytes) {
  Event& event = begin(replace ? Act::replace : Act::put, name);
  event.value = fresh_value();
  if (replace && draw(2) == 0) {
    const auto known = known_generations_.find(name);
    event.expected = known == known_generations_.end() ? no_generation : known->second;
  }
  const auto made = draft(name, std::max(size_bytes, smallest_bytes), event.value);
  if (!made) {
    return reply(event, made, {});
  }
  const auto sealed =
      connector_->seal(*made, {replace ? SealMode::replace : SealMode::put, event.expected}, {});
  note_sealed(event, sealed);
  reply(event, sealed,
        replace ? std::initializer_list<Errc>{Errc::stale, Errc::not_found}
                : std::initializer_list<Errc>{Errc::key_exists});
}

void KillPlayer::create(std::uint32_t name, std::uint64_t size_bytes) {
  if (drafts_.size() >= most_drafts) {
    return seal_or_discard();
  }
  Event& event = begin(Act::create, name);
  event.value = fresh_value();
  const auto made = draft(name, size_bytes, event.value);
  if (made) {
    drafts_.push_back({*made, name, event.value});
  }
  reply(event, made, {});
}

// Two ranks can have that much at once, a third one only when they have returned it.
void KillPlayer::ask_for_much() {
  Event& event = begin(Act::create, unnamed);
  const auto made = connector_->create(scene_.options.memory_bytes / 5 * 2, meta_of({}), {});
  reply(event, made, {Errc::out_of_memory});
  if (made) {
    Event& gone = begin(Act::discard, unnamed);
    connector_->discard(*made);
    end(gone);
  }
}

void KillPlayer::seal_or_discard() {
  if (drafts_.empty()) {
    return create(unnamed, any_size());
  }
  const Draft draft = drafts_.front();
  drafts_.erase(drafts_.begin());
  if (draw(4) == 0) {
    Event& event = begin(Act::discard, draft.name);
    connector_->discard(draft.draft);
    return end(event);
  }
  Event& event = begin(Act::seal, draft.name);
  event.value = draft.value;
  const auto sealed = connector_->seal(draft.draft, {}, {});
  note_sealed(event, sealed);
  reply(event, sealed, {Errc::key_exists});
}

void KillPlayer::note_sealed(Event& event, const Result<Sealed>& sealed) {
  if (sealed) {
    event.key = sealed->key;
    event.generation = sealed->generation;
    known_generations_[event.name] = sealed->generation;
  }
}

// Checks that a view shows a complete object, and the right one.
void KillPlayer::note_found(Event& event, const Result<ObjectView>& view, bool keep) {
  if (!view) {
    return;
  }
  const std::uint64_t meant = event.value;
  event.key = view->key();
  event.value = value_of(view->bytes());
  event.generation = view->facts().generation;
  if (event.value == 0) {
    complain("a view of " + to_string(view->key()) + " shows bytes that no rank wrote");
  } else if (meant != 0 && meant != event.value) {
    complain("the key of value " + std::to_string(meant) + " shows value " + std::to_string(event.value));
  }
  if (event.name != unnamed) {
    known_generations_[event.name] = event.generation;
  }
  if (keep && held_.size() < most_held) {
    held_.push_back({*view, event.value});
  }
}

void KillPlayer::get(std::uint32_t name) {
  Event& event = begin(Act::get, name);
  const auto view = connector_->get({Scene::store, scene_.name(name)}, {});
  note_found(event, view, true);
  reply(event, view, {Errc::not_found});
}

void KillPlayer::wait(std::uint32_t name) {
  Event& event = begin(Act::wait, name);
  const auto view = connector_->wait({Scene::store, scene_.name(name)}, std::chrono::milliseconds(2));
  note_found(event, view, false);
  reply(event, view, {Errc::timeout});
}

// An object that some rank has reported: its key may be gone, but never names another object.
std::optional<Event> KillPlayer::some_object() {
  const Journal& teller = board_.journals[draw(scene_.ranks)];
  const std::uint32_t count = teller.count.load(std::memory_order_acquire);
  for (int tries = 0; tries < 4 && count > 1; ++tries) {
    const Event& told = teller.events[draw(count - 1)];  // the last one is still being written
    const bool made = told.act == Act::put || told.act == Act::seal || told.act == Act::replace;
    if (made && told.key.valid() && (told.name == unnamed || told.name < scene_.names.size())) {
      return told;
    }
  }
  return std::nullopt;
}

void KillPlayer::get_key(const Event& told, bool keep) {
  Event& event = begin(Act::get_key, told.name);
  event.key = told.key;
  event.value = told.value;
  const bool with_hash = told.name != unnamed && draw(2) == 0;
  const std::uint64_t hash = with_hash ? name_hash(Scene::store, scene_.name(told.name)) : 0;
  const auto view = connector_->get(Address(told.key, hash), {});
  note_found(event, view, keep);
  reply(event, view,
        with_hash ? std::initializer_list<Errc>{Errc::not_found, Errc::stale}
                  : std::initializer_list<Errc>{Errc::not_found});
}

std::optional<Event> KillPlayer::told_of(const Key& key) {
  const auto view = connector_->get(key, {});
  if (!view) {
    return std::nullopt;
  }
  Event told;
  told.key = key;
  told.value = value_of(view->bytes());
  told.name = scene_.number_of(view->facts().name);
  return told;
}

void KillPlayer::evict(std::uint32_t name) {
  Event& event = begin(Act::evict, name);
  const auto evicted = connector_->evict({Scene::store, scene_.name(name)}, {});
  event.yes = evicted.value_or(false);
  reply(event, evicted, {});
}

void KillPlayer::evict_key(const Event& told) {
  Event& event = begin(Act::evict_key, told.name);
  event.key = told.key;
  event.value = told.value;
  const auto evicted = connector_->evict(told.key, {});
  event.yes = evicted.value_or(false);
  reply(event, evicted, {});
}

void KillPlayer::drop() {
  Event& event = begin(Act::drop);
  reply(event, connector_->drop(Scene::store), {});
}

void KillPlayer::list() {
  Event& event = begin(Act::list);
  const auto listed = connector_->list(Scene::store, {}, {});
  if (listed) {
    for (std::uint32_t name = 0; name < scene_.names.size(); ++name) {
      const auto times = std::ranges::count(*listed, scene_.names[name]);
      event.names |= std::uint64_t{times != 0} << name;
    }
  }
  reply(event, listed, {});
}

// Reads in every way, to check that all agree.
void KillPlayer::look_at_all() {
  list();
  for (std::uint32_t name = 0; name < scene_.names.size(); ++name) {
    get(name);
  }
}

MemoryUsage KillPlayer::usage() {
  Event& event = begin(Act::usage);
  const MemoryUsage now = connector_->usage();
  end(event);
  return now;
}

void KillPlayer::release() {
  if (held_.empty()) {
    return;
  }
  const auto at = held_.begin() + static_cast<std::ptrdiff_t>(draw(held_.size()));
  if (value_of(at->view.bytes()) != at->value) {
    complain("a held view of value " + std::to_string(at->value) + " has changed");
  }
  Event& event = begin(Act::release);
  held_.erase(at);
  end(event);
}

void KillPlayer::let_go() {
  while (!held_.empty()) {
    release();
  }
  for (const Draft& draft : drafts_) {
    connector_->discard(draft.draft);
  }
  drafts_.clear();
}

std::vector<Key> KillPlayer::held() {
  std::vector<Key> keys;
  for (const Held& held : held_) {
    if (value_of(held.view.bytes()) != held.value) {
      complain("a held view of value " + std::to_string(held.value) + " has changed");
    }
    if (held.view.path() == Path::shm_view) {  // others are in private memory, and pin nothing
      keys.push_back(held.view.key());
    }
  }
  std::ranges::sort(keys);
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

Event& KillPlayer::begin(Act act, std::uint32_t name) {
  const std::uint32_t count = journal_.count.load(std::memory_order_relaxed);
  if (count == most_events) {
    throw Error(Errc::out_of_memory, "the journal of a rank of the kill test is full");
  }
  Event& event = journal_.events[count];
  event = Event{};
  event.act = act;
  event.name = name;
  event.begin_ns = now_ns();
  journal_.count.store(count + 1, std::memory_order_release);
  set_act(act);
  return event;
}

// A thread of the library may let the process die here: `done` is the last store.
void KillPlayer::end(Event& event) {
  set_act(Act::idle);
  event.end_ns = now_ns();
  std::atomic_ref(event.done).store(true, std::memory_order_release);
}

template <class T>
void KillPlayer::reply(Event& event, const Result<T>& result, std::initializer_list<Errc> allowed) {
  if (!result) {
    event.code = result.error().code();
    const bool full = scene_.greedy &&
                      event.code == Errc::out_of_memory;  // another rank has nearly all memory at the moment
    if (!full && std::ranges::find(allowed, event.code) == allowed.end()) {
      complain(std::string(name_of(event.act)) + ": " + result.error().what() + " " +
               result.error().detail());
    }
  }
  end(event);
}

void KillPlayer::complain(const std::string& text) {
  if (journal_.complaints.fetch_add(1) == 0) {
    const std::size_t length = std::min(text.size(), journal_.complaint.size() - 1);
    std::memcpy(journal_.complaint.data(), text.data(), length);
    journal_.complaint[length] = '\0';
  }
}

}  // namespace locum::tests
