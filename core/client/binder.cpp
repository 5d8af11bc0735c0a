#include "core/client/binder.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "core/async/haste.hpp"
#include "core/client/pending_bind.hpp"
#include "core/node/reclaim.hpp"

namespace locum {

namespace {

// Whether nobody sees a name any more, or ever again, because all ranks of its home have closed.
bool went_with_its_home(const Nodes& nodes, int home, const Error& error) {
  return error.code() == Errc::closed && nodes.has_closed(home);
}

}  // namespace

/// Waits until the copies of an object that is out of sight are, too.
class Binder::Dissolving final : public Operation::Begun {
 public:
  Dissolving(CopyHolders& holders, const Key& key, Moment until) noexcept
      : holders_(holders), key_(key), until_(until) {}

  [[nodiscard]] Result<void> await_resume() { return outcome_.await_resume(); }

 private:
  [[nodiscard]] bool begin(Operation& operation) noexcept override {
    holders_.dissolve(key_, until_, [this](const Result<void>& outcome) { outcome_.tell(outcome); });
    return outcome_.is_told(operation);
  }

  CopyHolders& holders_;
  const Key key_;
  const Moment until_;
  Told<Result<void>> outcome_;
};

/// Waits until an object of another node is out of sight, whose name has gone.
class Binder::Retiring final : public Operation::Begun {
 public:
  Retiring(RemoteEvictions& remote_evictions, const Key& key, Moment until)
      : remote_evictions_(remote_evictions), kept_(std::make_shared<Kept>()), key_(key), until_(until) {}

  [[nodiscard]] Result<void> await_resume() noexcept { return kept_->outcome.await_resume(); }

 private:
  /// What goes on without who waits, once that has been told.
  struct Kept final : RemoteEviction {
    void ended(const Result<void>& told) noexcept override { outcome.tell(told); }
    Told<Result<void>> outcome;
  };

  [[nodiscard]] bool begin(Operation& operation) noexcept override {
    remote_evictions_.retire(kept_, key_, until_);
    return kept_->outcome.is_told(operation);
  }

  RemoteEvictions& remote_evictions_;
  const std::shared_ptr<Kept> kept_;
  const Key key_;
  const Moment until_;
};

Binder::Binder(NodeMemory memory, const Links& links)
    : memory_(std::move(memory)),
      client_(links.client().get()),
      copy_holders_(links.copies().holders),
      bind_recovery_(links.bind_recovery()),
      remote_evictions_(links.remote_evictions()),
      inline_bytes_(links.inline_bytes()),
      nodes_(client_->nodes()) {}

bool Binder::binds_alone(const ObjectMeta& object, const SealOptions& options) const noexcept {
  return object.name.empty() || (options.mode == SealMode::put &&
                                 home_of(object.store, name_hash(object.store, object.name)) == nodes_.own());
}

bool Binder::evicts_alone(const Address& address) const {
  const int node = nodes_.of_creator(address.key.creator);
  return address.name.empty() && (node < 0 || node == nodes_.own()) && memory_.table->unnamed(address.key);
}

// What may wait for a lock of another process. A thread in haste gives up soon: then nothing has been done,
// and it is tried again a little later, as long as there is time.
template <class Try>
Task<std::invoke_result_t<Try>> Binder::until_unlocked(Moment until, Try attempt) const {
  for (BackOff back_off = binding::back_off;;) {
    co_await Operation::ToThread();
    const bool in_haste = Haste::is_on();
    auto done = attempt();
    const bool locked = in_haste && !done && done.error().code() == Errc::timeout;
    const auto awake = client_->now() + back_off.pause();
    if (!locked || awake >= until) {
      co_return std::move(done);
    }
    co_await client_->paused(back_off.next());
    if (client_->now() < awake) {  // the exchange has closed: nobody waits for locks any more
      co_return std::move(done);
    }
  }
}

Task<Result<Sealed>> Binder::seal(Key key, SealOptions options, Moment until) {
  bool open = false;  // whether it may be bound all the same, now or later
  const auto generation = co_await bind(key, options, until, open);
  if (!generation && !open) {
    (void)memory_.table->tombstone(key);
  }
  (void)reclaim(*memory_.table, *memory_.arena, Effort::amortised);  // also of what was replaced
  if (!generation) {
    co_return generation.error();
  }
  co_return Sealed{key, *generation};
}

Task<Result<Sealed>> Binder::seal_in_turn(std::shared_ptr<Binder> binder, std::shared_ptr<Window> window,
                                          Key key, SealOptions options, Moment until) {
  const auto way = co_await window->enter(0);
  if (!way) {
    (void)binder->memory_.table->tombstone(key);
    co_return way.error();
  }
  const auto latest = until == Moment::max() ? binder->client_->moment({}) : until;
  co_return co_await binder->seal(key, options, latest);
}

// Who answers at the home waits for no memory, as a local put would do: it has room made, and is asked again.
Task<Result<std::uint64_t>> Binder::bind(Key key, SealOptions options, Moment until, bool& open) {
  const auto pin = memory_.table->pin(key);
  if (!pin) {
    co_return pin.error();
  }
  const int home = home_of(pin->record->store, pin->record->name_hash);
  if (home == nodes_.own()) {
    const PinnedObject object(memory_.table, *pin);
    co_return co_await bind_here(object.pin(), options, until);
  }
  const auto pending_bind = memory_.keep<PendingBind>(*pin);
  if (nodes_.is_lost(home)) {
    (void)memory_.table->tombstone(key);  // it has been sent nowhere
  }
  const auto block = memory_.block(*pin);
  const bool has_value = block.size() <= inline_bytes_;
  const BindWords asked{.object = wire_of(*pin, 0),
                        .expected_generation = options.expected_generation,
                        .replaces = options.mode == SealMode::replace ? 1U : 0U,
                        .has_value = has_value ? 1U : 0U};
  const Bulk bulk{has_value ? block : bytes_of_text(memory_.name(*pin)), pending_bind};
  memory_.table->set_generation(key, generation_asked_for);
  const auto last = std::min(until, client_->now() + binding::longest_wait_for_room);
  for (BackOff back_off = binding::back_off;;) {
    const auto answer = co_await client_->asked(home, Kind::bind, words(asked), bulk, until);
    if (!answer) {
      open = binding::says_nothing(nodes_, home, answer.error());
      if (open) {
        pending_bind->settle_later(bind_recovery_);
      }
      co_return answer.error();
    }
    const auto generation = read_words<std::uint64_t>(answer->body);
    if (!generation) {
      co_return senseless_answer(home);
    }
    if (*generation != bind_later) {
      memory_.table->set_generation(key, *generation);
      co_return *generation;
    }
    if (client_->now() + back_off.pause() >= last) {
      co_return binding::found_no_room(home);
    }
    co_await client_->paused(back_off.next());
  }
}

Task<Result<std::uint64_t>> Binder::bind_here(const Pin& pin, SealOptions options, Moment until) {
  const auto attempt = [&] {
    return bind_exactly(
        *memory_.directory, pin.record->store, memory_.name(pin), options, until,
        [&](const SealOptions& exact) { return memory_.directory->bind(pin.key, exact, until); },
        [&](const Pin& old) { return referent(old); });
  };
  const auto bound = co_await until_unlocked(until, attempt);
  if (!bound) {
    co_return bound.error();
  }
  // Who cannot be reached has the old one still, and nobody finds it by its name.
  if (bound->replaced) {
    (void)co_await Retiring(*remote_evictions_, *bound->replaced, until);
  }
  if (bound->outdated) {
    (void)co_await dissolve(*bound->outdated, until);
  }
  co_return bound->generation;
}

std::optional<Key> Binder::referent(const Pin& old) const {
  const PinnedObject object(memory_.table, old);
  const auto reference = memory_.reference(old);
  return reference ? std::optional(reference->object.key) : std::nullopt;
}

Task<Result<void>> Binder::dissolve(Key key, Moment until) {
  if (!copy_holders_->has(key)) {
    co_return Result<void>();
  }
  co_return co_await Dissolving(*copy_holders_, key, until);
}

Task<Result<bool>> Binder::evict(Lookup wanted) {
  if (wanted.by_name()) {
    auto gone = co_await unbind(wanted.key.store, wanted.name, Key{}, wanted.until);
    (void)reclaim(*memory_.table, *memory_.arena, Effort::amortised);
    co_return std::move(gone);
  }
  const int owner = nodes_.of_creator(wanted.key.creator);
  if (owner >= 0 && owner != nodes_.own()) {
    co_return co_await evict_there(wanted.key, wanted.until);
  }
  auto gone = co_await evict_here(wanted.key, wanted.until);
  (void)reclaim(*memory_.table, *memory_.arena, Effort::amortised);
  // Also where the home of its name could not be asked.
  const auto alone = co_await dissolve(wanted.key, wanted.until);
  co_return alone || !gone ? std::move(gone) : Result<bool>(alone.error());
}

// A named object goes through the directory that binds its name, which decides between an eviction and a
// replacement.
Task<Result<bool>> Binder::evict_here(Key key, Moment until) {
  if (memory_.table->unnamed(key)) {
    co_return memory_.table->tombstone(key);
  }
  const auto pin = memory_.table->pin(key);
  if (!pin) {
    co_return pin.error().code() == Errc::corrupt ? Result<bool>(pin.error().about(to_string(key)))
                                                  : Result<bool>(false);
  }
  const PinnedObject object(memory_.table, *pin);  // also where the home of its name cannot be asked
  const ObjectRecord& record = *pin->record;
  if (record.name_bytes == 0 || !memory_.holds(record)) {
    co_return memory_.table->tombstone(key);
  }
  co_return co_await unbind(record.store, memory_.name(*pin), key, until);
}

Task<Result<bool>> Binder::evict_there(Key key, Moment until) {
  const int node = nodes_.of_creator(key.creator);
  const auto answer = co_await client_->asked(node, Kind::evict, words(KeyWords{key}), {}, until);
  if (!answer) {
    co_return answer.error().about(to_string(key));
  }
  const auto evicted = read_words<std::uint8_t>(answer->body);
  co_return evicted ? Result<bool>(*evicted != 0)
                    : Result<bool>(senseless_answer(node).about(to_string(key)));
}

// Takes name and object out of sight: whichever is live (`only` invalid), or only if it is still that object.
// False if it was not there. A function that chooses: see the trap of decision 24.
Task<Result<bool>> Binder::unbind(std::uint32_t store, std::string_view name, const Key& only, Moment until) {
  const int home = home_of(store, name_hash(store, name));
  if (home == nodes_.own()) {
    return unbind_here(store, name, only, until);
  }
  return unbind_there(home, store, name, only, until);
}

Task<Result<bool>> Binder::unbind_there(int home, std::uint32_t store, std::string_view name, Key only,
                                        Moment until) {
  const UnbindWords asked{.only = only, .store = store};
  const auto answer =
      co_await client_->asked(home, Kind::unbind, words(asked), {bytes_of_text(name), nullptr}, until);
  if (!answer) {
    const bool gone = only.valid() && nodes_.is_lost(home) &&
                      memory_.table->tombstone(only);  // its name is lost for good, and nobody else frees it
    co_return only.valid() && went_with_its_home(nodes_, home, answer.error()) ? Result<bool>(gone)
                                                                               : Result<bool>(answer.error());
  }
  const auto there = read_words<std::uint8_t>(answer->body);
  if (!there) {
    co_return senseless_answer(home);
  }
  if (only.valid()) {
    (void)memory_.table->tombstone(only);  // replaced before, if the home says no, and here only by mischance
  }
  co_return *there != 0;
}

Task<Result<bool>> Binder::unbind_here(std::uint32_t store, std::string_view name, Key only, Moment until) {
  Directory& directory = *memory_.directory;
  if (only.valid()) {
    const auto attempt = [&] { return directory.unbind(store, name, only, until); };
    co_return co_await until_unlocked(until, attempt);
  }
  constexpr int most_rounds = 64;  // each of which somebody else won
  for (int round = 0; round < most_rounds; ++round) {
    Key entry;
    std::optional<Key> key;
    const auto attempt = [&]() -> Result<bool> {
      const auto found = directory.find(store, name, until);
      if (!found) {
        return found.error();
      }
      entry = found->key;
      key = referent(*found);
      return directory.unbind(store, name, entry, until);
    };
    auto gone = co_await until_unlocked(until, attempt);
    if (!gone) {
      co_return gone.error().code() == Errc::not_found ? Result<bool>(false) : std::move(gone);
    }
    if (*gone) {
      if (key) {
        const auto retired = co_await Retiring(*remote_evictions_, *key, until);
        co_return retired ? Result<bool>(true) : Result<bool>(retired.error());
      }
      const auto alone = co_await dissolve(entry, until);
      co_return alone ? Result<bool>(true) : Result<bool>(alone.error());
    }
  }
  co_return Error(Errc::timeout, "this name is replaced faster than it can be evicted").about(name);
}

}  // namespace locum
