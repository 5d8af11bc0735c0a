#include "core/client/distributed.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/async/coming_operation.hpp"
#include "core/client/node_batches.hpp"
#include "core/client/remote_reader.hpp"
#include "core/client/remote_writer.hpp"
#include "core/node/expired.hpp"
#include "core/node/promised.hpp"
#include "core/node/publish.hpp"
#include "core/node/reference.hpp"
#include "core/object/internal_stores.hpp"
#include "core/ports/expiring.hpp"
#include "core/ports/memory_monitor.hpp"
#include "core/ports/name_homes.hpp"
#include "core/ports/node_contents.hpp"
#include "core/ports/store_accounts.hpp"
#include "core/ports/store_numbers.hpp"
#include "core/ports/wait_in_turns.hpp"

namespace locum {

namespace {

Error too_many_wait() {
  return Error(Errc::out_of_memory,
               "too many asynchronous gets are queued; take those that have arrived, or cancel some");
}

/// Each call first does what this node can do alone, through the connector of its own memory. The rest is a
/// task of the RemoteReader, which reads, or of the RemoteWriter, which changes: run() by a waiting thread,
/// or returned for the caller to begin; it then enters a window.
class Distributed final : public Connector,
                          public Expiring,
                          public NodeContents,
                          public NameHomes,
                          public StoreNumbers {
 public:
  Distributed(NodeMemory memory, std::shared_ptr<Links> links)
      : memory_(std::move(memory)),
        links_(std::move(links)),
        client_(links_->client()),
        copies_(links_->copies()),
        local_(links_->objects()),
        reader_(std::make_shared<RemoteReader>(memory_, local_, *links_)),
        writer_(std::make_shared<RemoteWriter>(memory_, *links_)),
        batches_(*this, reader_, writer_) {
    links_->keep(reader_);
    links_->keep(writer_);
  }

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    return local_->create(size_bytes, meta, budget);
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override;
  void discard(const ObjectDraft& draft) noexcept override { local_->discard(draft); }
  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store, std::string_view prefix,
                                                   CountsUntil counts, Deadline deadline) override;
  MemoryUsage usage() const override {
    MemoryUsage usage = local_->usage();
    copies_.here->count(usage);
    return usage;
  }

  void sweep() noexcept override { evict_expired(*this, *memory_.table, *memory_.arena); }

  std::vector<Key> keys_of_node(std::uint32_t store) override;
  std::string name_of(const Key& promised) const override;
  std::string name_near(std::uint32_t rank, std::uint32_t store, std::string stem) const override;
  std::uint64_t store_number(std::string_view name, std::uint64_t generation) const override;

  Result<ObjectView> get(const Address& address, WaitBudget budget) override;
  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection, CountsUntil counts,
                                    Deadline deadline) override;
  Result<ObjectView> get_into(const Address& address, const Selection& selection, std::span<std::byte> memory,
                              Deadline deadline) override;
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override;
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override;
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override;
  Result<std::uint64_t> drop(std::uint32_t store) override;

  Capability* find_capability(const std::type_info& type) noexcept override {
    const bool is_of_node = type == typeid(MemoryMonitor) || type == typeid(StoreAccounts);
    return is_of_node ? local_->find_capability(type)
                      : one_of<Batches, Expiring, NodeContents, NameHomes, StoreNumbers>(
                            type, &batches_, this, this, this, this);
  }

 private:
  /// Seals a draft whose bind needs no other node.
  [[nodiscard]] Result<Sealed> seal_alone(const ObjectDraft& draft, const SealOptions& options,
                                          WaitBudget budget);
  [[nodiscard]] NowOrTask<Sealed> do_seal(const ObjectDraft& draft, const SealOptions& options,
                                          CountsUntil counts, WaitBudget budget);
  [[nodiscard, gnu::cold, gnu::noinline]] Result<std::uint64_t> take_over(const Key& key,
                                                                          const SealOptions& options,
                                                                          WaitBudget budget);
  [[nodiscard]] Result<Sealed> replace_here(const ObjectDraft& draft, const SealOptions& options,
                                            WaitBudget budget);
  [[nodiscard]] Result<void> finish_here(const std::optional<Key>& elsewhere,
                                         const std::optional<Key>& outdated, const WaitBudget& budget);
  /// Evicts by a name that is at home here.
  [[nodiscard]] Result<bool> evict_here(const Address& address, const WaitBudget& budget);
  [[nodiscard]] Result<bool> drop_one(const Key& key);
  [[nodiscard]] WaitBudget budget_of(CountsUntil counts, const WaitBudget& budget) const noexcept {
    return counts == CountsUntil::never ? budget : client_->budget_to_begin().until(budget.deadline());
  }
  [[nodiscard]] Deadline::Clock::time_point latest(Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> fetch(const Address& address, bool has_no_copy, const Selection& selection,
                                         Deadline deadline);
  void note_time(const Result<ObjectView>& found, const Selection& selection,
                 Deadline::Clock::duration took) const noexcept;
  [[nodiscard]] Result<ObjectView> wait_here(const Address& address, Deadline::Clock::time_point until,
                                             const Wanted& wanted);
  template <class T>
  [[nodiscard]] std::shared_ptr<Coming<T>> task(const std::shared_ptr<Window>& window, Unwanted unwanted,
                                                Task<Result<T>> first) const;
  template <class T, class Begin>
  [[nodiscard]] NowOrTask<T> in_its_turn(CountsUntil counts, Deadline deadline, Unwanted unwanted,
                                         Begin begin) const;
  template <class T>
  [[nodiscard]] T run(Deadline::Clock::time_point until, Task<T> first,
                      const Wanted& still_wanted = {}) const;

  const NodeMemory memory_;
  const std::shared_ptr<Links> links_;
  const std::shared_ptr<const NodeClient> client_;
  const Copies copies_;
  const std::shared_ptr<Connector> local_;  ///< this node's own objects, and the names at home here
  const std::shared_ptr<RemoteReader> reader_;
  const std::shared_ptr<RemoteWriter> writer_;
  NodeBatches batches_;
};

namespace {

/// The first of the names that `name_with` makes of 0, 1, 2 … with its home on that node. In practice there
/// always is one.
template <class NameWith>
std::string first_at_home(const Nodes& nodes, int node, std::uint32_t store, NameWith name_with) {
  const auto most = 64 * static_cast<std::uint32_t>(nodes.count());
  for (std::uint32_t nonce = 0;; ++nonce) {
    std::string name = name_with(nonce);
    if (nodes.home(store, name_hash(store, name)) == node || nonce == most) {
      return name;
    }
  }
}

}  // namespace

std::string Distributed::name_of(const Key& promised) const {
  const Nodes& nodes = client_->nodes();
  return first_at_home(nodes, nodes.of_creator(promised.creator), promised.store,
                       [&](std::uint32_t nonce) { return promised_name(promised, nonce); });
}

std::string Distributed::name_near(std::uint32_t rank, std::uint32_t store, std::string stem) const {
  const Nodes& nodes = client_->nodes();
  const std::size_t length = stem.size();
  return first_at_home(nodes, nodes.of_creator(rank), store, [&](std::uint32_t nonce) {
    stem.resize(length);
    return nonce == 0 ? stem : stem.append("~").append(std::to_string(nonce));
  });
}

// Each home counts the names of stores at home there: the numbers of home h among n are h + 1, h + 1 + n, h +
// 1 + 2 n and so on.
std::uint64_t Distributed::store_number(std::string_view name, std::uint64_t generation) const {
  if (generation == 0 || generation > last_store) {
    return generation;
  }
  const Nodes& nodes = client_->nodes();
  const auto home = static_cast<std::uint64_t>(nodes.home(registry, name_hash(registry, name)));
  return (generation - 1) * static_cast<std::uint64_t>(nodes.count()) + home + 1;
}

Result<ObjectView> Distributed::get(const Address& address, WaitBudget budget) {
  auto [found, has_no_copy] = reader_->at_hand(address, budget);
  return found && !*found ? fetch(address, has_no_copy, {}, budget.deadline()) : std::move(found);
}

// Searches on a waiting thread for an object that is not at hand.
Result<ObjectView> Distributed::fetch(const Address& address, bool has_no_copy, const Selection& selection,
                                      Deadline deadline) {
  const auto began = client_->now();
  const auto until = client_->moment(deadline, began);
  auto found = run(until, reader_->find(Lookup(address, until, selection, false, has_no_copy)));
  const auto took = client_->now() - began;
  client_->times()->block(took);
  note_time(found, selection, took);
  return found;
}

// Facts alone are no object that came.
void Distributed::note_time(const Result<ObjectView>& found, const Selection& selection,
                            Deadline::Clock::duration took) const noexcept {
  if (found && *found && !std::holds_alternative<Facts>(selection)) {
    client_->times()->took(found->path(), took);
  }
}

// May return more than the selection: all of an object on this node; and one that the home of a name sends
// because it is small, or that has a checksum.
NowOrTask<ObjectView> Distributed::get_or_task(const Address& address, const Selection& selection,
                                               CountsUntil counts, Deadline deadline) {
  if (memory_.spill && std::holds_alternative<Facts>(selection) && reader_->begins_here(address)) {
    // Without bringing the object back, if it is on disk.
    const Address asked = address.name.empty() ? Address(address.key) : address;
    auto facts = local_->get_or_task(asked, selection, counts, deadline).found;
    if (facts && facts->type_hash() != reference_type_hash) {
      return {std::move(facts)};
    }
  }
  auto [found, has_no_copy] = reader_->at_hand(address, budget_of(counts, deadline));
  const bool waits = counts == CountsUntil::never;
  const bool is_hint = counts_for_use(counts);
  const bool awaits = waits_for_promise(counts);
  const bool unset_here = awaits && !found && found.error().code() == Errc::not_found;
  const bool lacks_time = !waits && !is_hint && !found && found.error().code() == Errc::timeout;
  if (found ? static_cast<bool>(*found) : !unset_here && !lacks_time) {
    return {selected(std::move(found), selection)};
  }
  if (waits) {
    return {selected(fetch(address, has_no_copy, selection, deadline), selection)};
  }
  const auto& window = links_->window(counts);
  if (window->has_long_queue() || (awaits && reader_->awaits_many())) {
    return {is_hint ? Result<ObjectView>(ObjectView()) : too_many_wait()};
  }
  const auto until = latest(deadline);
  return {
      ObjectView(),
      make_coming<ObjectView>(
          client_, window,
          awaits ? RemoteReader::find_awaited(reader_, Lookup(address, until, selection, true), counts)
                 : RemoteReader::find_ahead(reader_, Lookup(address, until, selection, false, has_no_copy),
                                            counts),
          Unwanted::ends, [selection](Ahead ahead) { return selected(std::move(ahead.found), selection); })};
}

// The search ends with an error once its deadline has passed, and all transfers into the memory with it.
Result<ObjectView> Distributed::get_into(const Address& address, const Selection& selection,
                                         std::span<std::byte> memory, Deadline deadline) {
  auto [found, has_no_copy] = reader_->at_hand(address, deadline);
  if (!found || *found) {
    return selected(std::move(found), selection);
  }
  const auto began = client_->now();
  const auto until = client_->moment(deadline, began);
  Lookup wanted(address, until, selection, false, has_no_copy);
  wanted.memory = memory;
  const auto operation = client_->operation(reader_->find(std::move(wanted)));
  const bool in_time = client_->run(*operation, until);
  for (bool ended = in_time; !ended;) {
    ended = operation->wait(client_->now() + look_interval);
  }
  const auto took = client_->now() - began;
  client_->times()->block(took);
  found = operation->take();
  note_time(found, selection, took);
  const bool was_late = !in_time && !found && found.error().code() == Errc::timeout;
  return was_late ? client_->nobody_answered() : selected(std::move(found), selection);
}

// Without a deadline, the time counts from its start.
Deadline::Clock::time_point Distributed::latest(Deadline deadline) const {
  return deadline.is_default() ? Deadline::Clock::time_point::max() : client_->moment(deadline);
}

template <class T>
std::shared_ptr<Coming<T>> Distributed::task(const std::shared_ptr<Window>& window, Unwanted unwanted,
                                             Task<Result<T>> first) const {
  return make_coming<T>(client_, window, std::move(first), unwanted, [](Result<T> ended) { return ended; });
}

// What `begin`, a function of the moment at which it gives up, makes a task of.
template <class T, class Begin>
NowOrTask<T> Distributed::in_its_turn(CountsUntil counts, Deadline deadline, Unwanted unwanted,
                                      Begin begin) const {
  if (counts == CountsUntil::never) {
    const auto until = client_->moment(deadline);
    return {run(until, begin(until))};
  }
  const auto& window = links_->window(counts);
  if (window->has_long_queue()) {
    return {too_many_wait()};
  }
  return {T(), task(window, unwanted, in_turn<T>(window, client_.get(), latest(deadline), std::move(begin)))};
}

NowOrTask<bool> Distributed::exists_or_task(const Address& address, CountsUntil counts, WaitBudget budget) {
  if (reader_->begins_here(address)) {
    auto found = reader_->exists_here(address, budget_of(counts, budget));
    if (counts == CountsUntil::never || found || found.error().code() != Errc::timeout) {
      return {std::move(found)};
    }
  }
  return in_its_turn<bool>(
      counts, budget.deadline(), Unwanted::ends,
      [reader = reader_, wanted = Lookup(address, {})](Deadline::Clock::time_point until) mutable {
        wanted.until = until;
        return reader->exists(std::move(wanted));
      });
}

template <class T>
T Distributed::run(Deadline::Clock::time_point until, Task<T> first, const Wanted& still_wanted) const {
  const auto operation = client_->operation(std::move(first));
  if (!client_->run(*operation, until, still_wanted)) {
    return client_->nobody_answered();
  }
  return operation->take();
}

// Where no helper serves the other nodes, the waiting thread does, every millisecond: they may bring the
// name.
Result<ObjectView> Distributed::wait_here(const Address& address, Deadline::Clock::time_point until,
                                          const Wanted& wanted) {
  constexpr std::chrono::milliseconds between_polls{1};
  if (!links_->progress().drives_only_in_calls()) {
    return local_->wait(address, until, wanted);
  }
  const auto turn = [&](Deadline::Clock::time_point next_poll) {
    auto entry = local_->wait(address, next_poll, {});
    if (!entry) {
      (void)links_->poll();
    }
    return entry;
  };
  return wait_in_turns(until, BackOff(between_polls, between_polls), wanted, turn,
                       [&] { return client_->now(); });
}

// This thread waits for a name at home here. Its object may be gone before it has been read: then it waits
// for the next one.
Result<ObjectView> Distributed::wait(const Address& address, Deadline deadline, const Wanted& wanted) {
  if (address.name.empty()) {
    return get(address, deadline);
  }
  const auto until = client_->moment(deadline);
  if (!reader_->begins_here(address)) {
    return run(until, reader_->find(Lookup(address, until, {}, true)), wanted);
  }
  for (;;) {
    auto entry = wait_here(address, until, wanted);
    auto found = entry ? reader_->at_hand(std::move(*entry)) : std::move(entry);
    if (!found || *found) {
      return found;
    }
    found = run(until, reader_->find(Lookup(address, until)), wanted);
    if (found || found.error().code() != Errc::not_found) {
      return found;
    }
    if (client_->now() >= until) {
      const bool is_promise = promise_named(address.key.store, address.name).has_value();
      return is_promise ? std::move(found) : Result<ObjectView>(name_not_put().about(address.name));
    }
  }
}

// A promise is set by a thread that waits for the seal. Whoever waits for a name that is bound here gets it
// from the thread that binds it: another one would have to wake first.
NowOrTask<Sealed> Distributed::seal_or_task(const ObjectDraft& draft, const SealOptions& options,
                                            CountsUntil counts, WaitBudget budget) {
  const auto promised = promise_named(draft.meta.store, draft.meta.name);
  if (!promised) {
    const bool is_alone = writer_->binds_alone(draft.meta, options);
    const Address address(draft.meta.store, draft.meta.name);
    if (counts != CountsUntil::never || (!is_alone && !writer_->is_at_home(address))) {
      return do_seal(draft, options, counts, budget);
    }
    SealOptions telling = options;
    telling.caller_tells = true;
    auto sealed = is_alone ? seal_alone(draft, telling, budget) : replace_here(draft, telling, budget);
    const bool is_asked_for = draft.meta.at_home && is_alone;  // what replaces a record is looked up
    if (!draft.meta.name.empty()) {
      is_asked_for ? links_->look_for_bound_soon_asked_for() : links_->look_for_bound();
    }
    return {std::move(sealed)};
  }
  SealOptions telling = options;
  telling.caller_tells = writer_->binds_alone(draft.meta, options);  // otherwise it may be bound later
  auto sealed = do_seal(draft, telling, CountsUntil::never, budget).found;
  links_->look_for_awaited(*promised, name_hash(draft.meta.store, draft.meta.name));
  return {std::move(sealed)};
}

Result<Sealed> Distributed::seal_alone(const ObjectDraft& draft, const SealOptions& options,
                                       WaitBudget budget) {
  return seal_here(*memory_.table, *memory_.arena, *memory_.directory, draft, options, budget,
                   [&](const Key& key) { return take_over(key, options, budget); });
}

// By this thread, which drives only if other nodes have to be told.
Result<Sealed> Distributed::replace_here(const ObjectDraft& draft, const SealOptions& options,
                                         WaitBudget budget) {
  const auto key = publish(*memory_.table, *memory_.arena, draft);
  if (!key) {
    return key.error();
  }
  const auto bound = writer_->here().bind(
      draft.meta.store, draft.meta.name, options, budget,
      [&](const SealOptions& exact) { return memory_.directory->bind(*key, exact, budget); });
  if (!bound) {
    (void)memory_.table->tombstone(*key);
  } else {
    // An unreachable node still has the old object, which nobody finds by its name.
    (void)finish_here(bound->replaced, bound->outdated, budget);
  }
  (void)reclaim(*memory_.table, *memory_.arena, Effort::amortised);
  return bound ? Result<Sealed>(Sealed{*key, bound->generation}) : bound.error();
}

// What is still to be done when a name at home here has lost its object.
Result<void> Distributed::finish_here(const std::optional<Key>& elsewhere, const std::optional<Key>& outdated,
                                      const WaitBudget& budget) {
  if (!elsewhere && (!outdated || !copies_.holders->has(*outdated, budget))) {
    return {};
  }
  const auto until = client_->moment(budget.deadline());
  return run(until, writer_->here().finish(elsewhere, outdated, until));
}

NowOrTask<Sealed> Distributed::do_seal(const ObjectDraft& draft, const SealOptions& options,
                                       CountsUntil counts, WaitBudget budget) {
  const bool waits = counts == CountsUntil::never;
  if (waits ? writer_->binds_alone(draft.meta, options) : draft.meta.name.empty()) {
    return {seal_alone(draft, options, budget)};
  }
  if (!waits && links_->window(counts)->has_long_queue()) {
    discard(draft);
    return {too_many_wait()};
  }
  SealOptions how = options;
  how.at_home = draft.meta.at_home;
  how.is_awaited = waits;
  const auto key = publish(*memory_.table, *memory_.arena, draft);
  if (!key) {
    return {key.error()};
  }
  if (waits) {
    const auto until = client_->moment(budget.deadline());
    return {run(until, writer_->seal(*key, how, until))};
  }
  const auto& window = links_->window(counts);
  return {Sealed(), task(window, Unwanted::goes_on,
                         RemoteWriter::seal_in_turn(writer_, window, *key, how, latest(budget.deadline())))};
}

// The expired object, and copies of it, may be on other nodes.
Result<std::uint64_t> Distributed::take_over(const Key& key, const SealOptions& options, WaitBudget budget) {
  const auto until = client_->moment(budget.deadline());
  const auto sealed = run(until, writer_->seal(key, options, until));
  return sealed ? Result<std::uint64_t>(sealed->generation) : Result<std::uint64_t>(sealed.error());
}

NowOrTask<bool> Distributed::evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) {
  if (counts == CountsUntil::never && writer_->evicts_alone(address)) {
    // Needs no other node, except those with copies.
    const Key& key = address.key;
    const auto until = client_->moment(budget.deadline());
    auto gone = local_->evict(Address(key), budget);
    const auto alone = copies_.holders->has(key, budget) ? run(until, copies_.holders->dissolve(key, until))
                                                         : Result<void>();
    return {alone || !gone ? std::move(gone) : Result<bool>(alone.error())};
  }
  if (counts == CountsUntil::never && writer_->is_at_home(address)) {
    return {evict_here(address, budget)};
  }
  return in_its_turn<bool>(
      counts, budget.deadline(), Unwanted::goes_on,
      [writer = writer_, wanted = Lookup(address, {})](Deadline::Clock::time_point until) mutable {
        wanted.until = until;
        return writer->evict(std::move(wanted));
      });
}

// By this thread, which drives only if other nodes have to be told.
Result<bool> Distributed::evict_here(const Address& address, const WaitBudget& budget) {
  const auto unbound = writer_->here().unbind(address.key.store, address.name, Key{}, budget);
  if (!unbound) {
    return unbound.error();
  }
  const auto gone = finish_here(unbound->elsewhere, unbound->outdated, budget);
  (void)reclaim(*memory_.table, *memory_.arena, Effort::amortised);
  return gone ? Result<bool>(unbound->was_there) : Result<bool>(gone.error());
}

NowOrTask<std::vector<std::string>> Distributed::list_or_task(std::uint32_t store, std::string_view prefix,
                                                              CountsUntil counts, Deadline deadline) {
  return in_its_turn<std::vector<std::string>>(
      counts, deadline, Unwanted::ends,
      [reader = reader_, store, prefix = std::string(prefix)](Deadline::Clock::time_point until) {
        return reader->names(store, prefix, until);
      });
}

Result<bool> Distributed::drop_one(const Key& key) {
  if (memory_.table->unnamed(key)) {
    return local_->evict(Address(key), {});
  }
  const auto until = client_->moment({});
  return run(until, writer_->here().unpublish(key, until));
}

// Without references to objects of other nodes, which these list themselves.
std::vector<Key> Distributed::keys_of_node(std::uint32_t store) {
  std::vector<Key> keys = memory_.table->keys(store, Whose::node);
  std::erase_if(keys, [this](const Key& key) {
    const auto pin = memory_.pin_object(key);
    if (pin) {
      memory_.table->release(pin->id);
    }
    return !pin && pin.error().code() == Errc::not_found;
  });
  return keys;
}

// Drops references to objects of other nodes, and copies, too, without messages to other nodes, which drop
// the store themselves.
Result<std::uint64_t> Distributed::drop(std::uint32_t store) {
  Result<std::uint64_t> dropped = 0;
  copies_.here->drop(store);
  for (const Key& key : memory_.table->keys(store, Whose::own)) {
    const auto pin = memory_.table->pin(key);
    if (!pin) {
      continue;
    }
    const PinnedObject object(memory_.table, *pin);
    const bool refers = pin->record->type_hash == reference_type_hash && memory_.holds(*pin->record);
    const auto gone = refers ? memory_.directory->unbind(store, memory_.name(*pin), key) : drop_one(key);
    if (!gone && dropped) {
      dropped = gone.error();  // the other objects are evicted nevertheless
    } else if (gone && *gone && dropped && !refers) {
      ++*dropped;
    }
  }
  copies_.holders->forget_gone(store);
  return dropped;
}

}  // namespace

std::shared_ptr<Connector> open_distributed(NodeMemory memory, std::shared_ptr<Links> links) {
  return std::make_shared<Distributed>(std::move(memory), std::move(links));
}

}  // namespace locum
