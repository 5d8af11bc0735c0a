#include "core/client/remote_writer.hpp"

#include <algorithm>
#include <utility>

#include "core/client/pending_bind.hpp"
#include "core/node/reclaim.hpp"

namespace locum {

RemoteWriter::RemoteWriter(NodeMemory memory, const Links& links)
    : memory_(std::move(memory)),
      client_(links.client().get()),
      copy_holders_(links.copies().holders),
      bind_recovery_(links.bind_recovery()),
      inline_bytes_(links.inline_bytes()),
      nodes_(client_->nodes()),
      here_(memory_, *client_, copy_holders_, ChangedBy::caller) {}

bool RemoteWriter::binds_alone(const ObjectMeta& object, const SealOptions& options) const noexcept {
  return object.name.empty() || (options.mode == SealMode::put &&
                                 home_of(object.store, name_hash(object.store, object.name)) == nodes_.own());
}

bool RemoteWriter::evicts_alone(const Address& address) const {
  const int node = nodes_.of_creator(address.key.creator);
  return address.name.empty() && (node < 0 || node == nodes_.own()) && memory_.table->unnamed(address.key);
}

Task<Result<Sealed>> RemoteWriter::seal(Key key, SealOptions options, Moment until) {
  bool kept = false;  // whether it is bound, or may be, now or later
  auto sealed = co_await bind(key, options, until, kept);
  if (!kept) {
    (void)memory_.table->tombstone(key);
  }
  (void)reclaim(*memory_.table, *memory_.arena, Effort::amortised);  // includes a replaced object
  co_return std::move(sealed);
}

Task<Result<Sealed>> RemoteWriter::seal_in_turn(std::shared_ptr<RemoteWriter> writer,
                                                std::shared_ptr<Window> window, Key key, SealOptions options,
                                                Moment until) {
  const auto way = co_await window->enter(0);
  if (!way) {
    (void)writer->memory_.table->tombstone(key);
    co_return way.error();
  }
  const auto latest = until == Moment::max() ? writer->client_->moment({}) : until;
  co_return co_await writer->seal(key, options, latest);
}

// The home's server waits for no memory, unlike a local put: it requests room, and is asked again.
Task<Result<Sealed>> RemoteWriter::bind(Key key, SealOptions options, Moment until, bool& kept) {
  const auto pin = memory_.table->pin(key);
  if (!pin) {
    co_return pin.error();
  }
  const int home = home_of(pin->record->store, pin->record->name_hash);
  if (home == nodes_.own()) {
    const PinnedObject object(memory_.table, *pin);
    const auto bound = co_await bind_here(object.pin(), options, until);
    kept = bound.has_value();
    co_return bound ? Result<Sealed>(Sealed{key, *bound}) : Result<Sealed>(bound.error());
  }
  const auto pending_bind = memory_.keep<PendingBind>(*pin);
  if (nodes_.is_lost(home)) {
    (void)memory_.table->tombstone(key);  // it was sent nowhere
  }
  const auto block = memory_.block(*pin);
  const bool has_value = block.size() <= inline_bytes_;
  const bool is_given = has_value && options.at_home;
  const Urgency urgency = is_given && !options.is_awaited ? Urgency::none : Urgency::now;
  const BindWords asked{.object = wire_of(*pin, 0),
                        .expected_generation = options.expected_generation,
                        .replaces = options.mode == SealMode::replace ? 1U : 0U,
                        .value = is_given    ? BindWords::given
                                 : has_value ? BindWords::sent
                                             : BindWords::none,
                        .lifetime_ms = lifetime_left_ms(block.data(), *pin->record)};
  const Bulk bulk{has_value ? block : bytes_of_text(memory_.name(*pin)), pending_bind};
  memory_.table->set_generation(key, generation_asked_for);
  const auto last = std::min(until, client_->now() + binding::longest_wait_for_room);
  for (BackOff back_off = binding::back_off;;) {
    const auto reply = co_await client_->request(home, Kind::bind, words(asked), bulk, until, urgency);
    if (!reply) {
      kept = !is_given && binding::says_nothing(nodes_, home, reply.error());
      if (kept) {
        pending_bind->settle_later(bind_recovery_);
      }
      co_return reply.error();
    }
    const auto generation = read_words<std::uint64_t>(reply->body);
    if (!generation) {
      co_return call_error::invalid_reply(home);
    }
    if (*generation != bind_later && is_given) {
      const auto given = read_words<GivenWords>(reply->body);
      co_return given ? Result<Sealed>(Sealed{given->key, *generation})
                      : Result<Sealed>(call_error::invalid_reply(home));
    }
    if (*generation != bind_later) {
      memory_.table->set_generation(key, *generation);
      kept = true;
      co_return Sealed{key, *generation};
    }
    if (client_->now() + back_off.pause() >= last) {
      co_return binding::found_no_room(home);
    }
    co_await client_->paused(back_off.next());
  }
}

Task<Result<std::uint64_t>> RemoteWriter::bind_here(const Pin& pin, SealOptions options, Moment until) {
  const auto attempt = [&](const WaitBudget& budget) {
    return here_.bind(pin.record->store, memory_.name(pin), options, budget, [&](const SealOptions& exact) {
      return memory_.directory->bind(pin.key, exact, budget);
    });
  };
  const auto bound = co_await here_.until_unlocked(until, attempt);
  if (!bound) {
    co_return bound.error();
  }
  // An unreachable node still has the old object, which nobody finds by its name.
  (void)co_await here_.finish(bound->replaced, bound->outdated, until);
  co_return bound->generation;
}

// Functions instead of conditional expressions: see decision 24.
Task<Result<bool>> RemoteWriter::evict(Lookup wanted) {
  if (wanted.by_name()) {
    return evict_named(std::move(wanted));
  }
  const int owner = nodes_.of_creator(wanted.key.creator);
  return owner < 0 || owner == nodes_.own() ? here_.evict(wanted.key, wanted.until)
                                            : evict_there(wanted.key, wanted.until);
}

Task<Result<bool>> RemoteWriter::evict_named(Lookup wanted) {
  auto gone = co_await unbind(wanted);
  (void)reclaim(*memory_.table, *memory_.arena, Effort::amortised);
  co_return std::move(gone);
}

Task<Result<bool>> RemoteWriter::unbind(const Lookup& wanted) {
  const std::uint32_t store = wanted.key.store;
  const int home = home_of(store, name_hash(store, wanted.name));
  return home == nodes_.own() ? unbind_here(wanted)
                              : here_.unbind_at(home, store, wanted.name, Key{}, wanted.until);
}

Task<Result<bool>> RemoteWriter::unbind_here(const Lookup& wanted) {
  const auto attempt = [&](const WaitBudget& budget) {
    return here_.unbind(wanted.key.store, wanted.name, Key{}, budget);
  };
  const auto unbound = co_await here_.until_unlocked(wanted.until, attempt);
  if (!unbound) {
    co_return unbound.error();
  }
  const auto gone = co_await here_.finish(unbound->elsewhere, unbound->outdated, wanted.until);
  co_return gone ? Result<bool>(unbound->was_there) : Result<bool>(gone.error());
}

Task<Result<bool>> RemoteWriter::evict_there(Key key, Moment until) {
  const int node = nodes_.of_creator(key.creator);
  const auto reply = co_await client_->request(node, Kind::evict, words(KeyWords{key}), {}, until);
  if (!reply) {
    co_return reply.error().about(to_string(key));
  }
  const auto evicted = read_words<std::uint8_t>(reply->body);
  co_return evicted ? Result<bool>(*evicted != 0)
                    : Result<bool>(call_error::invalid_reply(node).about(to_string(key)));
}

}  // namespace locum
