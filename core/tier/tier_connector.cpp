#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/backend/call_pool.hpp"
#include "core/backend/pooled_call.hpp"
#include "core/backend/read_ahead.hpp"
#include "core/ports/expiring.hpp"
#include "core/ports/name_waits.hpp"
#include "core/ports/store_numbers.hpp"
#include "core/ports/wait_in_turns.hpp"
#include "core/tier/tier.hpp"
#include "core/tier/tier_batch_writer.hpp"
#include "core/tier/tier_batches.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/tier/tier_reader.hpp"
#include "core/tier/tier_wait.hpp"
#include "core/tier/tier_writer.hpp"
#include "core/tier/write_back.hpp"
#include "core/tier/write_back_queue.hpp"

namespace locum {

namespace {

using Clock = Deadline::Clock;

/// A wait looks at the backend at first after this, then ever less often: what this job puts wakes it anyway.
constexpr std::chrono::milliseconds until_first_look{10};
constexpr std::chrono::milliseconds longest_between_looks{1000};
/// A wait that has no time looks at the backend once, and that look has this much; as a look of a wait
/// without a thread.
constexpr std::chrono::seconds one_look{1};

/// See open_tier(). What has to wait for the backend without its caller is done by threads (CallPool).
class TierConnector final : public Tier,
                            public Expiring,
                            public NameWaits,
                            public StoreNumbers,
                            public std::enable_shared_from_this<TierConnector> {
 public:
  TierConnector(std::shared_ptr<Connector> front, std::shared_ptr<Connector> back, TierOptions options)
      : parts_(std::make_shared<TierParts>(std::move(front), std::move(back), std::move(options))),
        reader_(std::make_shared<TierReader>(parts_)),
        writer_(std::make_shared<TierWriter>(parts_, reader_)),
        pool_(std::make_shared<CallPool>(parts_->options.most_threads)),
        until_used_(std::make_shared<ReadAhead>(parts_->options.prefetch_bytes, parts_->options.most_threads,
                                                ReadAhead::no_ends)),
        until_got_(std::make_shared<ReadAhead>(parts_->options.prefetch_bytes, parts_->options.most_threads,
                                               ReadAhead::no_ends)),
        until_seen_(std::make_shared<ReadAhead>(parts_->options.prefetch_bytes, parts_->options.most_threads,
                                                ReadAhead::no_ends)) {
    const auto batch_writer = std::make_shared<TierBatchWriter>(parts_, reader_, writer_, pool_);
    if (const TierOptions& given = parts_->options; given.writes == TierWrites::back) {
      background_ = std::make_shared<WriteBackQueue>(
          parts_->unwritten,
          [batch_writer](std::span<const UnwrittenName> names, const WriteBackQueue::Written& written,
                         Clock::time_point until) { batch_writer->write(names, written, until); },
          given.lost_node_peers, given.unwritten_bytes, given.timeout);
      write_back_ = std::make_shared<WriteBack>(parts_, reader_, writer_, batch_writer, background_);
    }
    batches_.emplace(parts_, reader_, batch_writer, write_back_, pool_);
  }

  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    if (address.key.store == registry) [[unlikely]] {
      return front().get(Registered(*parts_, address).address(), budget);
    }
    Result<ObjectView> found = front().get(address, budget);
    if (!found) [[unlikely]] {
      found = otherwise(address, std::move(found), budget.deadline());
    }
    return found;
  }
  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection, CountsUntil counts,
                                    Deadline deadline) override;
  Result<ObjectView> get_into(const Address& address, const Selection& selection, std::span<std::byte> memory,
                              Deadline deadline) override {
    auto found = front().get_into(address, selection, memory, deadline);
    return found ? std::move(found) : some_otherwise(address, selection, std::move(found), deadline);
  }
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    if (!TierReader::may_be_in_back(address)) {
      return front().exists_or_task(Registered(*parts_, address).address(), counts, budget);
    }
    return now_or_task<bool>(address, counts, budget.deadline(),
                             [](TierConnector& self, const Address& at, Clock::time_point until) {
                               auto found = self.front().exists(at, until);
                               return !found || *found ? std::move(found)
                                                       : self.reader_->is_in_back(at, until);
                             });
  }
  NowOrTask<std::vector<std::string>> list_or_task(std::uint32_t store, std::string_view prefix,
                                                   CountsUntil counts, Deadline deadline) override {
    if (store == registry) {
      return front().list_or_task(store, prefix, counts, deadline);
    }
    return now_or_task<std::vector<std::string>>(
        Address(store, prefix), counts, deadline,
        [](TierConnector& self, const Address& at, Clock::time_point until) {
          return self.reader_->names(at.key.store, at.name, until);
        });
  }
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override;
  std::shared_ptr<Look> look_later(const Address& address, CountsUntil counts, Deadline deadline) override {
    return TierReader::may_be_in_back(address) ? look_for(address, counts, deadline, true)
                                               : front().look_later(address, counts, deadline);
  }
  void watch(const Address& address, const std::shared_ptr<NameWatcher>& watcher) override {
    front().watch(address, watcher);
  }

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    if (meta.store != registry) {
      return writer_->create(size_bytes, meta, budget);
    }
    const std::string name = registered(meta.name);
    ObjectMeta in_front = meta;
    in_front.name = name;
    return front().create(size_bytes, in_front, budget);
  }
  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    if (!TierParts::is_tiered(draft.meta.store, draft.meta.name)) {
      return front().seal_or_task(draft, options, counts, budget);
    }
    if (counts == CountsUntil::never) {
      return {seal_named(draft, options, parts_->until(budget.deadline()))};
    }
    return task<Sealed>(nullptr, 0,
                        [self = shared_from_this(), draft, options, deadline = budget.deadline()] {
                          return self->seal_named(draft, options, self->parts_->until(deadline));
                        });
  }
  void discard(const ObjectDraft& draft) noexcept override { writer_->discard(draft); }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    if (address.key.store == registry) {
      return front().evict_or_task(Registered(*parts_, address).address(), counts, budget);
    }
    return now_or_task<bool>(address, counts, budget.deadline(),
                             [](TierConnector& self, const Address& at, Clock::time_point until) {
                               return self.writer_->evict(at, until);
                             });
  }
  Result<std::uint64_t> drop(std::uint32_t store) override {
    if (background_) {
      background_->forget(store);
    }
    return writer_->drop(store);
  }

  Result<void> flush(Deadline deadline) override {
    return background_ ? background_->flush(parts_->until(deadline)) : Result<void>();
  }
  std::string describe() const override { return background_ ? background_->describe() : std::string(); }
  void close() noexcept override {
    if (background_) {
      background_->close();
    }
  }

  std::chrono::milliseconds expect(std::uint32_t store, std::chrono::milliseconds lifetime) override;
  void forget(std::uint32_t store) override;
  void sweep() noexcept override {
    if (!parts_->options.expect_expiry) {
      of_front()->sweep();
    }
    of_back()->sweep();
  }

  MemoryUsage usage() const override { return parts_->front->usage(); }
  Path path_of_writes(Path in_memory) const noexcept override {
    return parts_->front->path_of_writes(in_memory);
  }
  /// Sessions ask for the number of each store before they use it.
  std::uint64_t store_number(std::string_view name, std::uint64_t generation) const override {
    const std::uint64_t number = parts_->front->store_number(registered(name), generation);
    if (number <= last_store) {
      parts_->stores.know(static_cast<std::uint32_t>(number), name);
    }
    return number;
  }

  Capability* find_capability(const std::type_info& type) noexcept override {
    if (type == typeid(Expiring)) {
      return of_front() != nullptr && of_back() != nullptr ? static_cast<Expiring*>(this) : nullptr;
    }
    Capability* const own = one_of<Batches, NameWaits, StoreNumbers>(type, &*batches_, this, this);
    return own != nullptr ? own : front().find_capability(type);
  }

 private:
  [[nodiscard]] Expiring* of_front() const noexcept { return front().capability<Expiring>(); }
  [[nodiscard]] Expiring* of_back() const noexcept { return parts_->back->capability<Expiring>(); }

  /// An address, with the name that a store has in the registry in front.
  class Registered {
   public:
    Registered(const TierParts& parts, const Address& address) : address_(address) {
      if (address.key.store == registry && !address.name.empty()) {
        name_ = std::string(address.name) + parts.options.suffix;
        address_.name = name_;
      }
    }
    Registered(const Registered&) = delete;
    Registered& operator=(const Registered&) = delete;
    [[nodiscard]] const Address& address() const noexcept { return address_; }

   private:
    std::string name_;
    Address address_;
  };

  [[nodiscard]] Connector& front() const noexcept { return *parts_->front; }
  [[nodiscard]] Result<Sealed> seal_named(const ObjectDraft& draft, const SealOptions& options,
                                          Clock::time_point until) {
    return write_back_ ? write_back_->seal(draft, options, until) : writer_->seal(draft, options, until);
  }
  [[nodiscard]] std::string registered(std::string_view name) const {
    return std::string(name) + parts_->options.suffix;
  }
  [[nodiscard, gnu::cold, gnu::noinline]] Result<ObjectView> otherwise(const Address& address,
                                                                       Result<ObjectView> found,
                                                                       Deadline deadline) {
    return TierReader::is_missing(address, found) ? reader_->load(address, parts_->until(deadline))
                                                  : std::move(found);
  }
  /// Facts alone bring nothing to memory.
  [[nodiscard]] Result<ObjectView> some_otherwise(const Address& address, const Selection& selection,
                                                  Result<ObjectView> found, Deadline deadline) {
    if (!TierReader::is_missing(address, found)) {
      return found;
    }
    return std::holds_alternative<Facts>(selection)
               ? reader_->facts(address, parts_->until(deadline))
               : selected(reader_->load(address, parts_->until(deadline)), selection);
  }
  [[nodiscard]] Result<ObjectView> find_some(const Address& address, const Selection& selection,
                                             Deadline deadline) {
    auto found = front().get_some(address, selection, deadline);
    return found ? std::move(found) : some_otherwise(address, selection, std::move(found), deadline);
  }

  template <class T>
  [[nodiscard]] NowOrTask<T> task(std::shared_ptr<ReadAhead> ahead, std::uint64_t bytes,
                                  std::function<Result<T>()> call) {
    return {T(), std::make_shared<PooledCall<T>>(pool_, std::move(call), std::move(ahead), bytes,
                                                 parts_->options.timeout)};
  }
  template <class T, class Call>
  [[nodiscard]] NowOrTask<T> now_or_task(const Address& address, CountsUntil counts, Deadline deadline,
                                         Call call, std::shared_ptr<ReadAhead> ahead = nullptr) {
    if (counts == CountsUntil::never) {
      return {call(*this, address, parts_->until(deadline))};
    }
    // Without a deadline of its own its time runs from its start: it may have to queue.
    return task<T>(std::move(ahead), address.size_bytes,
                   [self = shared_from_this(), call, deadline, key = address.key, hash = address.name_hash,
                    size = address.size_bytes, name = std::string(address.name)] {
                     Address at(key, hash, size);
                     at.name = name;
                     return call(*self, at, self->parts_->until(deadline));
                   });
  }

  [[nodiscard]] std::shared_ptr<Fetch> get_later(const Address& address, const Selection& selection,
                                                 CountsUntil counts, Deadline deadline) {
    return now_or_task<ObjectView>(
               address, counts, deadline,
               [selection](TierConnector& self, const Address& at, Clock::time_point until) {
                 return self.find_some(at, selection, until);
               },
               counts_for_use(counts) ? until_used_ : until_got_)
        .coming;
  }
  [[nodiscard]] std::shared_ptr<Look> look_for(const Address& address, CountsUntil counts, Deadline deadline,
                                               bool in_memory_too);

  const std::shared_ptr<TierParts> parts_;
  const std::shared_ptr<TierReader> reader_;
  const std::shared_ptr<TierWriter> writer_;
  const std::shared_ptr<CallPool> pool_;
  const std::shared_ptr<ReadAhead> until_used_;
  const std::shared_ptr<ReadAhead> until_got_;
  const std::shared_ptr<ReadAhead> until_seen_;  ///< looks of waits
  std::shared_ptr<WriteBackQueue> background_;   ///< null: nothing is written back
  std::shared_ptr<WriteBack> write_back_;        ///< null, too
  std::optional<TierBatches> batches_;
};

// In the backend the records are looked at less often than memory is swept.
std::chrono::milliseconds TierConnector::expect(std::uint32_t store, std::chrono::milliseconds lifetime) {
  (void)parts_->expect_expiry(store, static_cast<std::uint64_t>(lifetime.count()));
  const auto there = parts_->stores.in_back(store);
  const auto interval = there ? of_back()->expect(*there, lifetime) : sweep_interval_of(lifetime);
  return parts_->options.expect_expiry ? interval : std::min(interval, sweep_interval_of(lifetime));
}

void TierConnector::forget(std::uint32_t store) {
  of_front()->forget(store);
  if (const auto there = parts_->stores.in_back(store)) {
    of_back()->forget(*there);
  }
}

// What is in the memory of another node comes as ever only if it is asked for by key: the search for a name
// may have to go on in the backend, which a thread does.
NowOrTask<ObjectView> TierConnector::get_or_task(const Address& address, const Selection& selection,
                                                 CountsUntil counts, Deadline deadline) {
  if (!TierReader::may_be_in_back(address)) {
    return front().get_or_task(Registered(*parts_, address).address(), selection, counts, deadline);
  }
  if (counts == CountsUntil::never) {
    return {find_some(address, selection, deadline)};
  }
  auto made = front().get_or_task(address, selection, counts, deadline);
  const bool goes_on = !made.coming && TierReader::is_missing(address, made.found);
  if (waits_for_promise(counts) && made.coming) {
    // Somebody puts it later, unless the backend has it.
    return {ObjectView(),
            std::make_shared<TierWait>(std::move(made.coming), look_for(address, counts, deadline, false),
                                       parts_->until(deadline))};
  }
  if (waits_for_promise(counts) || (!made.coming && !goes_on)) {
    return made;
  }
  return {ObjectView(), get_later(address, selection, counts, deadline)};
}

std::shared_ptr<Look> TierConnector::look_for(const Address& address, CountsUntil counts, Deadline deadline,
                                              bool in_memory_too) {
  auto look = [self = shared_from_this(), counts, deadline, in_memory_too, store = address.key.store,
               name = std::string(address.name)]() -> Result<std::shared_ptr<Fetch>> {
    const Address at(store, name);
    const Clock::time_point soon = Clock::now() + one_look;
    auto is_there = in_memory_too ? self->front().exists(at, soon) : Result<bool>(false);
    if (is_there && !*is_there) {
      is_there = self->reader_->is_in_back(at, soon);
    }
    if (!is_there) {
      return is_there.error();
    }
    auto fetch = *is_there ? self->get_later(at, {}, counts, deadline) : nullptr;
    if (fetch) {
      fetch->begin();
    }
    return fetch;
  };
  return task<std::shared_ptr<Fetch>>(until_seen_, 0, std::move(look)).coming;
}

Result<ObjectView> TierConnector::wait(const Address& address, Deadline deadline, const Wanted& wanted) {
  if (!TierParts::is_tiered(address)) {
    return front().wait(address, deadline, wanted);
  }
  const Clock::time_point moment = parts_->until(deadline);
  const auto turn = [&](Clock::time_point until) {
    const auto began = Clock::now();
    auto found = get(address, moment > began ? moment : began + one_look);
    return found || found.error().code() != Errc::not_found ? std::move(found)
                                                            : front().wait(address, until, wanted);
  };
  return wait_in_turns(moment, BackOff(until_first_look, longest_between_looks), wanted, turn);
}

}  // namespace

std::shared_ptr<Tier> open_tier(std::shared_ptr<Connector> front, std::shared_ptr<Connector> back,
                                TierOptions options) {
  return std::make_shared<TierConnector>(std::move(front), std::move(back), std::move(options));
}

}  // namespace locum
