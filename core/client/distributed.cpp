#include "core/client/distributed.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/async/begun_operation.hpp"
#include "core/client/binder.hpp"
#include "core/client/finder.hpp"
#include "core/client/node_batches.hpp"
#include "core/node/cluster.hpp"
#include "core/node/promised.hpp"
#include "core/node/publish.hpp"
#include "core/object/internal_stores.hpp"
#include "core/server/name_alarm.hpp"

namespace locum {

namespace {

Error too_many_wait() {
  return Error(Errc::out_of_memory,
               "too many objects wait to be let on their way; take what has come of those that were asked "
               "for, or cancel some");
}

class Distributed final : public Connector {
 public:
  Distributed(NodeMemory memory, std::shared_ptr<Links> links)
      : memory_(std::move(memory)),
        links_(std::move(links)),
        client_(links_->client()),
        copies_(links_->copies()),
        local_(links_->objects()),
        finder_(std::make_shared<Finder>(memory_, local_, *links_)),
        binder_(std::make_shared<Binder>(memory_, *links_)),
        batches_(*this, finder_, binder_) {
    links_->keep(finder_);
    links_->keep(binder_);
  }

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    auto draft = local_->create(size_bytes, meta, budget);
    return draft || draft.error().code() != Errc::out_of_memory
               ? std::move(draft)
               : copies_.here->create(*local_, size_bytes, meta, budget);
  }
  Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, WaitBudget budget) override {
    const auto promised = promise_named(draft.meta.store, draft.meta.name);
    if (!promised) {
      return do_seal(draft, options, budget);
    }
    auto sealed = [&] {
      const NameAlarm::Quiet quiet(links_->alarm());
      return do_seal(draft, options, budget);
    }();
    links_->look_for_awaited(*promised, name_hash(draft.meta.store, draft.meta.name));
    return sealed;
  }
  BegunWith<Sealed> begin_seal(const ObjectDraft& draft, const SealOptions& options,
                               Deadline deadline) override;
  void discard(const ObjectDraft& draft) noexcept override { local_->discard(draft); }
  Result<std::vector<std::string>> list(std::uint32_t store, std::string_view prefix,
                                        Deadline deadline) override;
  MemoryUsage usage() const override {
    MemoryUsage usage = local_->usage();
    copies_.here->count(usage);
    return usage;
  }

  std::string name_of(const Key& promised) const override;
  std::uint64_t store_number(std::string_view name, std::uint64_t generation) const override;
  void disown() noexcept override { links_->windows().disown(); }

  Result<ObjectView> get(const Address& address, WaitBudget budget) override { return find(address, budget); }
  using Connector::begin;
  Begun begin(const Address& address, const Selection& selection, CountsUntil counts_until,
              Deadline deadline) override;
  Result<ObjectView> get_some(const Address& address, const Selection& selection,
                              Deadline deadline) override {
    return selected(find(address, deadline, selection), selection);
  }
  void find_batch(std::span<const Address> addresses, Wanting wanting, std::span<Result<ObjectView>> found,
                  Deadline deadline) override {
    batches_.find_batch(addresses, wanting, found, deadline);
  }
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed,
                  Deadline deadline) override {
    batches_.seal_batch(drafts, sealed, deadline);
  }
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted,
                   Deadline deadline) override {
    batches_.evict_batch(addresses, evicted, deadline);
  }
  Result<bool> exists(const Address& address, WaitBudget budget) override;
  BegunWith<bool> begin_exists(const Address& address, Deadline deadline) override;
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override;
  Result<bool> evict(const Address& address, WaitBudget budget) override;
  BegunWith<bool> begin_evict(const Address& address, Deadline deadline) override;
  Result<std::uint64_t> drop(std::uint32_t store) override;

 private:
  [[nodiscard]] Result<Sealed> do_seal(const ObjectDraft& draft, const SealOptions& options,
                                       WaitBudget budget);
  [[nodiscard]] Result<bool> drop_one(const Key& key);
  [[nodiscard]] Result<ObjectView> find(const Address& address, const WaitBudget& budget,
                                        const Selection& selection = {});
  [[nodiscard]] Deadline::Clock::time_point latest(Deadline deadline) const;
  template <class T, class MakeTask>
  [[nodiscard]] BegunWith<T> begin_task(Unwanted unwanted, MakeTask make_task);
  template <class T, class Begin>
  [[nodiscard]] BegunWith<T> begin_in_turn(Deadline deadline, Unwanted unwanted, Begin begin);
  template <class T>
  [[nodiscard]] T run(Deadline::Clock::time_point until, Task<T> first, const Wanted& still_wanted = {});

  const NodeMemory memory_;
  const std::shared_ptr<Links> links_;
  const std::shared_ptr<const NodeClient> client_;
  const Copies copies_;
  const std::shared_ptr<Connector> local_;  ///< this node's own objects, and the names that are at home here
  const std::shared_ptr<Finder> finder_;
  const std::shared_ptr<Binder> binder_;
  NodeBatches batches_;
};

// The first of its names that is at home on its maker's node. There is none only by mischance.
std::string Distributed::name_of(const Key& promised) const {
  const Nodes& nodes = client_->nodes();
  const int owner = nodes.of_creator(promised.creator);
  const auto most = 64 * static_cast<std::uint32_t>(nodes.count());
  for (std::uint32_t nonce = 0;; ++nonce) {
    std::string name = promised_name(promised, nonce);
    if (nodes.home(promised.store, name_hash(promised.store, name)) == owner || nonce == most) {
      return name;
    }
  }
}

// Each home counts the names of stores that are at home there: the numbers of home h among n are h + 1,
// h + 1 + n, h + 1 + 2 n and so on.
std::uint64_t Distributed::store_number(std::string_view name, std::uint64_t generation) const {
  if (generation == 0 || generation > last_store) {
    return generation;
  }
  const Nodes& nodes = client_->nodes();
  const auto home = static_cast<std::uint64_t>(nodes.home(registry, name_hash(registry, name)));
  return (generation - 1) * static_cast<std::uint64_t>(nodes.count()) + home + 1;
}

// At least what is selected of it. All of what is here; so is what the home of a name answers with, because
// it is small, and what has a checksum.
Result<ObjectView> Distributed::find(const Address& address, const WaitBudget& budget,
                                     const Selection& selection) {
  auto found = finder_->at_hand(address, budget);
  if (!found || *found) {
    return found;
  }
  const auto began = client_->now();
  const auto until = client_->moment(budget.deadline(), began);
  found = run(until, finder_->find(Lookup(address, until, selection)));
  client_->times()->block(client_->now() - began);
  return found;
}

Begun Distributed::begin(const Address& address, const Selection& selection, CountsUntil counts_until,
                         Deadline deadline) {
  auto found = finder_->at_hand(address, client_->budget_to_begin().until(deadline));
  const bool is_hint = counts_for_use(counts_until);
  const bool awaits = waits_for_promise(counts_until);
  const bool unset_here = awaits && !found && found.error().code() == Errc::not_found;
  const bool asks_on = unset_here || (found ? !*found : !is_hint && found.error().code() == Errc::timeout);
  if (!asks_on) {
    return {selected(std::move(found), selection)};
  }
  const auto& window = links_->window(counts_until);
  if (window->has_long_queue() || (awaits && finder_->awaits_many())) {
    return {is_hint ? Result<ObjectView>(ObjectView()) : too_many_wait()};
  }
  const auto until = latest(deadline);
  return {
      ObjectView(),
      begin_operation<ObjectView>(
          client_, window,
          awaits ? Finder::find_promised(finder_, Lookup(address, until, selection, true), counts_until)
                 : Finder::find_ahead(finder_, Lookup(address, until, selection), counts_until),
          Unwanted::ends, [selection](Ahead ahead) { return selected(std::move(ahead.found), selection); })};
}

// Where none was given, the time counts from when it is let on its way.
Deadline::Clock::time_point Distributed::latest(Deadline deadline) const {
  return deadline.is_default() ? Deadline::Clock::time_point::max() : client_->moment(deadline);
}

// Nothing, where many wait. `make_task(window)`: of one that enters it.
template <class T, class MakeTask>
BegunWith<T> Distributed::begin_task(Unwanted unwanted, MakeTask make_task) {
  const auto& window = links_->window(CountsUntil::it_is_got);
  if (window->has_long_queue()) {
    return {too_many_wait()};
  }
  return {T(), begin_operation<T>(
                   client_, window, make_task(window), unwanted, [](Result<T> ended) { return ended; },
                   client_->budget_to_begin())};
}

template <class T, class Begin>
BegunWith<T> Distributed::begin_in_turn(Deadline deadline, Unwanted unwanted, Begin begin) {
  return begin_task<T>(unwanted, [&](const std::shared_ptr<Window>& window) {
    return in_turn<T>(window, client_.get(), latest(deadline), std::move(begin));
  });
}

BegunWith<bool> Distributed::begin_exists(const Address& address, Deadline deadline) {
  if (finder_->begins_here(address)) {
    auto found = finder_->exists_here(address, client_->budget_to_begin().until(deadline));
    if (found || found.error().code() != Errc::timeout) {
      return {std::move(found)};
    }
  }
  return begin_in_turn<bool>(
      deadline, Unwanted::ends,
      [finder = finder_, wanted = Lookup(address, {})](Deadline::Clock::time_point until) mutable {
        wanted.until = until;
        return finder->exists(std::move(wanted));
      });
}

template <class T>
T Distributed::run(Deadline::Clock::time_point until, Task<T> first, const Wanted& still_wanted) {
  const auto operation = client_->operation(std::move(first));
  if (!client_->run(*operation, until, still_wanted)) {
    return nobody_answered();
  }
  return operation->take();
}

Result<bool> Distributed::exists(const Address& address, WaitBudget budget) {
  if (finder_->begins_here(address)) {
    return finder_->exists_here(address, budget);
  }
  const auto until = client_->moment(budget.deadline());
  return run(until, finder_->exists(Lookup(address, until)));
}

// A name at home here is waited for by this thread. What it stands for may be gone before it has been read:
// then the next one is waited for.
Result<ObjectView> Distributed::wait(const Address& address, Deadline deadline, const Wanted& wanted) {
  if (address.name.empty()) {
    return find(address, deadline);
  }
  const auto until = client_->moment(deadline);
  if (!finder_->begins_here(address)) {
    return run(until, finder_->find(Lookup(address, until, {}, true)), wanted);
  }
  for (;;) {
    auto entry = local_->wait(address, until, wanted);
    auto found = entry ? finder_->at_hand(*std::move(entry)) : std::move(entry);
    if (!found || *found) {
      return found;
    }
    found = run(until, finder_->find(Lookup(address, until)));
    if (found || found.error().code() != Errc::not_found || client_->now() >= until) {
      return found;
    }
  }
}

Result<Sealed> Distributed::do_seal(const ObjectDraft& draft, const SealOptions& options, WaitBudget budget) {
  if (binder_->binds_alone(draft.meta, options)) {
    return local_->seal(draft, options, budget);
  }
  const auto key = publish(*memory_.table, *memory_.arena, draft);
  if (!key) {
    return key.error();
  }
  const auto until = client_->moment(budget.deadline());
  return run(until, binder_->seal(*key, options, until));
}

BegunWith<Sealed> Distributed::begin_seal(const ObjectDraft& draft, const SealOptions& options,
                                          Deadline deadline) {
  if (draft.meta.name.empty()) {
    return {seal(draft, options, deadline)};
  }
  const auto key = publish(*memory_.table, *memory_.arena, draft);
  if (!key) {
    return {key.error()};
  }
  auto begun = begin_task<Sealed>(Unwanted::goes_on, [&](const std::shared_ptr<Window>& window) {
    return Binder::seal_in_turn(binder_, window, *key, options, latest(deadline));
  });
  if (!begun.coming) {
    (void)memory_.table->tombstone(*key);
  }
  return begun;
}

Result<bool> Distributed::evict(const Address& address, WaitBudget budget) {
  const auto until = client_->moment(budget.deadline());
  const Key& key = address.key;
  if (binder_->evicts_alone(address)) {
    // Nobody has to be asked; and to be told only who has a copy.
    auto gone = local_->evict(Address(key), budget);
    const auto alone = copies_.holders->has(key, budget) ? run(until, copies_.holders->dissolve(key, until))
                                                         : Result<void>();
    return alone || !gone ? std::move(gone) : Result<bool>(alone.error());
  }
  return run(until, binder_->evict(Lookup(address, until)));
}

BegunWith<bool> Distributed::begin_evict(const Address& address, Deadline deadline) {
  return begin_in_turn<bool>(
      deadline, Unwanted::goes_on,
      [binder = binder_, wanted = Lookup(address, {})](Deadline::Clock::time_point until) mutable {
        wanted.until = until;
        return binder->evict(std::move(wanted));
      });
}

Result<std::vector<std::string>> Distributed::list(std::uint32_t store, std::string_view prefix,
                                                   Deadline deadline) {
  const auto until = client_->moment(deadline);
  auto names = run(until, finder_->names(store, std::string(prefix), until));
  if (names) {
    std::sort(names->begin(), names->end());
  }
  return names;
}

Result<bool> Distributed::drop_one(const Key& key) {
  if (memory_.table->unnamed(key)) {
    return local_->evict(Address(key), {});
  }
  const auto until = client_->moment({});
  return run(until, binder_->here().unpublish(key, until));
}

// What stands here for objects of other nodes goes too, and so do copies, without a word to other nodes, who
// drop the store themselves.
Result<std::uint64_t> Distributed::drop(std::uint32_t store) {
  Result<std::uint64_t> dropped = 0;
  copies_.here->drop(store);
  for (const Key& key : memory_.table->owned(store)) {
    const auto pin = memory_.table->pin(key);
    if (!pin) {
      continue;
    }
    const PinnedObject object(memory_.table, *pin);
    const bool refers = pin->record->type_hash == reference_type_hash && memory_.holds(*pin->record);
    const auto gone = refers ? memory_.directory->unbind(store, memory_.name(*pin), key) : drop_one(key);
    if (!gone && dropped) {
      dropped = gone.error();  // what else there is goes all the same
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
