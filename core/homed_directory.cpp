#include "core/homed_directory.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "core/name_list.hpp"
#include "core/unless_out_of_memory.hpp"

namespace locum {

namespace {

using namespace std::chrono_literals;

// As long as a local put waits for memory that others give back.
constexpr auto longest_wait_for_room = 5s;
// Between two questions whether there is room now: it takes milliseconds to make, or somebody is stopped.
constexpr auto first_pause = 1ms;
constexpr auto longest_pause = 50ms;

Error senseless(int node) {
  return Error(Errc::corrupt, "node " + std::to_string(node) + " answered what makes no sense");
}

Error found_no_room(int home) {
  return Error(Errc::out_of_memory,
               "node " + std::to_string(home) +
                   ", at which this name is at home, has no room for what stands for it: what others could "
                   "give back did not come in time, or did not suffice. Evict what nobody needs, let go of "
                   "views of what was evicted, or give the runtime more memory_bytes");
}

Error not_at_home(std::string_view name) {
  return Error(Errc::unsupported, "this name is at home on another node, where it has to be looked up")
      .about(name);
}

// Whether nobody sees a name any more, or ever again, because all ranks of its home have closed.
bool went_with_its_home(const Nodes& nodes, int home, const Error& error) {
  return error.code() == Errc::closed && nodes.has_closed(home);
}

// Whether an error leaves it open what the home has done: `closed`, too, if that is this rank itself, and the
// home goes on.
bool says_nothing(const Nodes& nodes, int home, const Error& error) {
  return error.code() == Errc::timeout || error.code() == Errc::peer_lost ||
         (error.code() == Errc::closed && !nodes.has_closed(home));
}

/// An object whose bind is under way: kept until the home has all of it that it wants to read.
class BeingBound {
 public:
  BeingBound(const std::shared_ptr<NodeTable>& table, const Pin& pin) noexcept : object_(table, pin) {}
  BeingBound(const BeingBound&) = delete;
  BeingBound& operator=(const BeingBound&) = delete;
  // Maybe by who drives, when it hears that the bulk has been read: it must not be the one that ends what
  // drives.
  ~BeingBound() {
    if (const auto settlement = settlement_.lock()) {
      settlement->settle_soon(object_.pin().key);
    }
  }

  /// Nobody knows what became of the bind, and who asks now may overtake it: the home hears questions while
  /// the bulk of a bind is on its way. It is found out when the home has read that, or is lost.
  void settle_later(std::weak_ptr<Settlement> settlement) noexcept { settlement_ = std::move(settlement); }

 private:
  const PinnedObject object_;
  std::weak_ptr<Settlement> settlement_;  // which keeps the exchange, which may keep this
};

}  // namespace

HomedDirectory::HomedDirectory(NodeMemory local, std::shared_ptr<const NodeClient> client,
                               std::shared_ptr<CopySets> copy_sets, std::shared_ptr<Settlement> settlement,
                               std::uint64_t inline_bytes)
    : local_(std::move(local)),
      client_(std::move(client)),
      copy_sets_(std::move(copy_sets)),
      settlement_(std::move(settlement)),
      inline_bytes_(inline_bytes) {}

Result<std::uint64_t> HomedDirectory::bind(const Key& key, const SealOptions& options, Deadline deadline) {
  const auto pin = local_.table->pin(key);
  if (!pin) {
    return pin.error();
  }
  const int home = client_->nodes().home(pin->record->store, pin->record->name_hash);
  if (home == client_->nodes().own()) {
    const PinnedObject object(local_.table, *pin);
    return bind_here(*pin, options, deadline);
  }
  const auto being_bound = local_.keep<BeingBound>(*pin);
  if (client_->nodes().is_lost(home)) {
    (void)local_.table->tombstone(key);  // it has been sent nowhere
  }
  const auto block = local_.block(*pin);
  const bool has_value = block.size() <= inline_bytes_;
  const BindWords asked{.object = wire_of(*pin, 0),
                        .expected_generation = options.expected_generation,
                        .replaces = options.mode == SealMode::replace ? 1U : 0U,
                        .has_value = has_value ? 1U : 0U};
  local_.table->set_generation(key, generation_asked_for);
  const auto answer =
      ask_to_bind(home, asked, {has_value ? block : bytes_of_text(local_.name(*pin)), being_bound}, deadline);
  if (!answer) {
    if (says_nothing(client_->nodes(), home, answer.error())) {
      being_bound->settle_later(settlement_);
    }
    return answer.error();
  }
  const auto generation = read_words<std::uint64_t>(answer->body);
  if (!generation) {
    return senseless(home);
  }
  if (*generation == bind_later) {
    return found_no_room(home);
  }
  local_.table->set_generation(key, *generation);
  return *generation;
}

// Where there was no memory to ask, it has not been asked. Who answers at the home waits for no memory, as a
// local put would do: it has room made, and this thread asks again.
Result<NodeAnswer> HomedDirectory::ask_to_bind(int home, const BindWords& asked, const Bulk& bulk,
                                               Deadline deadline) const {
  const auto last = std::min(client_->moment(deadline), client_->now() + longest_wait_for_room);
  auto pause = std::chrono::nanoseconds(first_pause);
  try {
    for (;;) {
      auto answer = client_->ask(home, Kind::bind, words(asked), bulk, deadline);
      const bool later = answer && read_words<std::uint64_t>(answer->body) == bind_later;
      if (!later || client_->now() + pause >= last) {
        return answer;
      }
      client_->pause(pause);
      pause = std::min<std::chrono::nanoseconds>(2 * pause, longest_pause);
    }
  } catch (const std::bad_alloc&) {
    return no_memory_left();
  }
}

bool HomedDirectory::may_be_bound(const Key& key, const Error& error) {
  const auto pin = local_.table->pin(key);
  if (!pin) {
    return false;
  }
  const PinnedObject object(local_.table, *pin);
  const int home = client_->nodes().home(pin->record->store, pin->record->name_hash);
  return home != client_->nodes().own() && says_nothing(client_->nodes(), home, error);
}

Result<std::uint64_t> HomedDirectory::bind_here(const Pin& pin, const SealOptions& options,
                                                Deadline deadline) {
  const auto bound = bind_exactly(
      *local_.directory, pin.record->store, local_.name(pin), options, deadline,
      [&](const SealOptions& exact) { return local_.directory->bind(pin.key, exact, deadline); },
      [&](const Pin& old) { return referent(old); });
  if (!bound) {
    return bound.error();
  }
  unless_out_of_memory([&] {
    if (bound->replaced) {
      (void)retire(*bound->replaced,
                   deadline);  // who cannot be reached has it still, and nobody finds it by its name
    } else if (bound->outdated) {
      (void)copy_sets_->dissolve(*bound->outdated, *client_, deadline);  // as above
    }
  });
  return bound->generation;
}

std::optional<Key> HomedDirectory::referent(const Pin& old) const {
  const PinnedObject object(local_.table, old);
  const auto reference = local_.reference(old);
  return reference ? std::optional(reference->object.key) : std::nullopt;
}

// Takes an object of another node out of sight, whose name is gone already. A node that has closed shows it
// to nobody any more.
Result<bool> HomedDirectory::retire(const Key& key, Deadline deadline) {
  const int owner = client_->nodes().of_creator(key.creator);
  if (owner < 0) {
    return no_such_maker(key);
  }
  const auto answer = client_->ask(owner, Kind::retire, words(KeyWords{key}), {}, deadline);
  const bool went = !answer && answer.error().code() == Errc::closed && client_->nodes().has_closed(owner);
  return answer || went ? Result<bool>(true) : Result<bool>(answer.error());
}

Result<Pin> HomedDirectory::find(std::uint32_t store, std::string_view name, Deadline deadline) {
  return client_->nodes().home(store, name_hash(store, name)) == client_->nodes().own()
             ? local_.directory->find(store, name, deadline)
             : Result<Pin>(not_at_home(name));
}

Result<bool> HomedDirectory::unbind(std::uint32_t store, std::string_view name, const Key& only,
                                    Deadline deadline) {
  const int home = client_->nodes().home(store, name_hash(store, name));
  if (home == client_->nodes().own()) {
    return unbind_here(store, name, only, deadline);
  }
  const UnbindWords asked{.only = only, .store = store};
  const auto answer =
      client_->ask(home, Kind::unbind, words(asked), {bytes_of_text(name), nullptr}, deadline);
  if (!answer) {
    const bool gone = only.valid() && client_->nodes().is_lost(home) &&
                      local_.table->tombstone(only);  // its name is lost for good, and nobody else frees it
    return only.valid() && went_with_its_home(client_->nodes(), home, answer.error())
               ? Result<bool>(gone)
               : Result<bool>(answer.error());
  }
  const auto there = read_words<std::uint8_t>(answer->body);
  if (!there) {
    return senseless(home);
  }
  if (only.valid()) {
    (void)local_.table->tombstone(only);  // replaced before, if the home says no, and here only by mischance
  }
  return *there != 0;
}

Result<bool> HomedDirectory::unbind_here(std::uint32_t store, std::string_view name, const Key& only,
                                         Deadline deadline) {
  if (only.valid()) {
    return local_.directory->unbind(store, name, only, deadline);
  }
  constexpr int most_rounds = 64;  // each of which somebody else won
  for (int round = 0; round < most_rounds; ++round) {
    const auto found = local_.directory->find(store, name, deadline);
    if (!found) {
      return found.error().code() == Errc::not_found ? Result<bool>(false) : Result<bool>(found.error());
    }
    const Key entry = found->key;
    const auto key = referent(*found);
    auto gone = local_.directory->unbind(store, name, entry, deadline);
    if (!gone) {
      return gone;
    }
    if (*gone) {
      if (key) {
        return retire(*key, deadline);
      }
      const auto alone = copy_sets_->dissolve(entry, *client_, deadline);
      return alone ? Result<bool>(true) : Result<bool>(alone.error());
    }
  }
  return Error(Errc::timeout, "this name is replaced faster than it can be evicted").about(name);
}

Result<std::uint64_t> HomedDirectory::generation(std::uint64_t hash) {
  // No handle is of a store's own name, whose home is another one.
  const int home = client_->nodes().home(1, hash);
  if (home == client_->nodes().own()) {
    return local_.directory->generation(hash);
  }
  const auto answer = client_->ask(home, Kind::generation, words(hash), {}, {});
  if (!answer) {
    return answer.error();
  }
  const auto live = read_words<std::uint64_t>(answer->body);
  return live ? Result<std::uint64_t>(*live) : senseless(home);
}

Result<std::vector<std::string>> HomedDirectory::names(std::uint32_t store, std::string_view prefix,
                                                       Deadline deadline) {
  auto all = local_.directory->names(store, prefix, deadline);
  for (int node = 0; all && node < client_->nodes().count(); ++node) {
    if (node == client_->nodes().own()) {
      continue;
    }
    const auto answer = client_->ask(node, Kind::list, words(NameWords{.store = store}),
                                     {bytes_of_text(prefix), nullptr}, deadline);
    if (!answer) {
      return answer.error();
    }
    const auto known = static_cast<std::ptrdiff_t>(all->size());
    if (answer->block) {
      if (auto right = unpack_names(answer->block->memory(), *all); !right) {
        return right.error();
      }
    }
    const auto belongs = [&](const std::string& name) {
      return name.starts_with(prefix) && client_->nodes().home(store, name_hash(store, name)) == node;
    };
    if (!std::all_of(all->begin() + known, all->end(), belongs)) {
      return senseless(node);
    }
  }
  return all;
}

Result<Pin> HomedDirectory::wait(std::uint32_t store, std::string_view name,
                                 Deadline::Clock::time_point moment) {
  return client_->nodes().home(store, name_hash(store, name)) == client_->nodes().own()
             ? local_.directory->wait(store, name, moment)
             : Result<Pin>(not_at_home(name));
}

void HomedDirectory::watch(std::uint64_t hash, std::shared_ptr<NameWatcher> watcher) {
  local_.directory->watch(hash, std::move(watcher));
}

}  // namespace locum
