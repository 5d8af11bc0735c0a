#include "core/distributed.hpp"

#include <algorithm>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "core/cluster.hpp"
#include "core/finder.hpp"
#include "core/homed_directory.hpp"

namespace locum {

namespace {

// What `call` returns; where it finds that this process has no memory left, that.
template <class Call>
auto guarded(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return no_memory_left();
  }
}

/// An object that an operation finds.
class FoundByOperation final : public Fetch {
 public:
  FoundByOperation(const std::shared_ptr<const NodeClient>& client, std::shared_ptr<Window> window,
                   Held<OperationOf<Ahead>> operation)
      : client_(client), window_(std::move(window)), operation_(std::move(operation)) {}

  ~FoundByOperation() override {
    operation_->forget();
    window_->withdraw(*operation_);
  }

  [[nodiscard]] bool ended() const noexcept override { return operation_->ended(); }
  [[nodiscard]] Result<ObjectView> get(Deadline deadline) override {
    return guarded([&] { return do_get(deadline); });
  }

 private:
  [[nodiscard]] Result<ObjectView> do_get(Deadline deadline) {
    if (const auto client = client_.lock(); !ended()) {
      if (!client) {
        return Error(Errc::closed, "the runtime has ended before this object came");
      }
      const auto until = client->moment(deadline);
      if (until > client->now()) {
        window_->hurry(*operation_);
      }
      if (!operation_->wait(until)) {
        return Error(Errc::timeout, "the object is on its way, and has not come before the deadline");
      }
    }
    const MutexLock lock(mutex_);
    if (!found_) {
      found_ = guarded([&] { return operation_->take().found; });
    }
    return *found_;
  }

  const std::weak_ptr<const NodeClient> client_;  ///< what the operation goes on by
  const std::shared_ptr<Window> window_;          ///< that it enters
  const Held<OperationOf<Ahead>> operation_;
  Mutex mutex_;
  std::optional<Result<ObjectView>> found_ LOCUM_GUARDED_BY(mutex_);
};

class Distributed final : public Connector {
 public:
  Distributed(NodeMemory memory, std::shared_ptr<Links> links)
      : memory_(std::move(memory)),
        links_(std::move(links)),
        client_(links_->client()),
        copies_(links_->copies()),
        local_(
            open_cluster({.arena = memory_.arena,
                          .table = memory_.table,
                          .directory = std::make_shared<HomedDirectory>(
                              memory_, client_, copies_.sets, links_->settlement(), links_->inline_bytes()),
                          .timeout = links_->timeout()})),
        finder_(std::make_shared<Finder>(memory_, local_, *links_)) {
    links_->keep(finder_);
  }

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, Deadline deadline) override {
    return guarded([&] { return copies_.here->create(*local_, size_bytes, meta, deadline); });
  }
  Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, Deadline deadline) override {
    return guarded([&] { return local_->seal(draft, options, deadline); });
  }
  void discard(const ObjectDraft& draft) noexcept override { local_->discard(draft); }
  Result<std::vector<std::string>> list(std::uint32_t store, std::string_view prefix,
                                        Deadline deadline) override {
    return guarded([&] { return local_->list(store, prefix, deadline); });
  }
  MemoryUsage usage() const override {
    MemoryUsage usage = local_->usage();
    copies_.here->count(usage);
    return usage;
  }

  void disown() noexcept override { finder_->window()->disown(); }

  Result<ObjectView> get(const Address& address, Deadline deadline) override {
    return guarded([&] { return find(address, deadline); });
  }
  Begun begin(const Address& address, CountsUntil counts_until) override;
  Result<ObjectView> get_part(const Address& address, const ByteRange& range, Deadline deadline) override {
    return guarded([&] { return do_get_part(address, range, deadline); });
  }
  Result<ObjectView> get_hyperslab(const Address& address, const Hyperslab& slab, std::uint64_t element_bytes,
                                   Deadline deadline) override {
    return guarded([&] { return do_get_hyperslab(address, slab, element_bytes, deadline); });
  }
  Result<ObjectView> describe(const Address& address, Deadline deadline) override {
    return guarded([&] { return find(address, deadline, Lookup::Facts()); });
  }
  Result<bool> exists(const Address& address, Deadline deadline) override {
    return guarded([&] { return do_exists(address, deadline); });
  }
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override {
    return guarded([&] { return do_wait(address, deadline, wanted); });
  }
  Result<bool> evict(const Address& address, Deadline deadline) override {
    return guarded([&] { return do_evict(address, deadline); });
  }
  Result<std::uint64_t> drop(std::uint32_t store) override {
    return guarded([&] { return do_drop(store); });
  }

 private:
  [[nodiscard]] Result<ObjectView> do_get_part(const Address& address, const ByteRange& range,
                                               Deadline deadline);
  [[nodiscard]] Result<bool> do_exists(const Address& address, Deadline deadline);
  [[nodiscard]] Result<ObjectView> do_wait(const Address& address, Deadline deadline, const Wanted& wanted);
  [[nodiscard]] Result<bool> do_evict(const Address& address, Deadline deadline);
  [[nodiscard]] Result<std::uint64_t> do_drop(std::uint32_t store);
  [[nodiscard]] Result<ObjectView> do_get_hyperslab(const Address& address, const Hyperslab& slab,
                                                    std::uint64_t element_bytes, Deadline deadline);
  [[nodiscard]] Result<ObjectView> find(const Address& address, Deadline deadline, Lookup::Part part = {});
  template <class T>
  [[nodiscard]] T run(Deadline::Clock::time_point until, Task<T> first, const Wanted& still_wanted = {});

  const NodeMemory memory_;
  const std::shared_ptr<Links> links_;
  const std::shared_ptr<const NodeClient> client_;
  const Copies copies_;
  const std::shared_ptr<Connector>
      local_;  ///< this node's own, but that its directory knows the homes of names
  const std::shared_ptr<Finder> finder_;
};

Result<ObjectView> Distributed::do_get_part(const Address& address, const ByteRange& range,
                                            Deadline deadline) {
  auto found = find(address, deadline, range);
  return found ? part_of(*std::move(found), range) : std::move(found);
}

Result<ObjectView> Distributed::do_get_hyperslab(const Address& address, const Hyperslab& slab,
                                                 std::uint64_t element_bytes, Deadline deadline) {
  auto found = find(address, deadline, Lookup::Elements{slab, element_bytes});
  return found ? hyperslab_of(*std::move(found), slab, element_bytes) : std::move(found);
}

// At least a part of it. All of what is here; so is what the home of a name answers with, because it is
// small, and what has a checksum.
Result<ObjectView> Distributed::find(const Address& address, Deadline deadline, Lookup::Part part) {
  auto found = finder_->at_hand(address, deadline);
  if (!found || *found) {
    return found;
  }
  const auto until = client_->moment(deadline);
  return run(until, finder_->find(Lookup(address, until, std::move(part))));
}

// Where there is no memory for that, nothing is begun.
Begun Distributed::begin(const Address& address, CountsUntil counts_until) {
  const Haste brief = client_->haste();
  auto found = guarded([&] { return finder_->at_hand(address, {}); });
  if (!found || *found || finder_->window()->has_long_queue()) {
    return {std::move(found)};
  }
  try {
    const auto operation = client_->operation(
        Finder::find_ahead(finder_, Lookup(address, Deadline::Clock::time_point::max()), counts_until));
    auto coming = std::make_shared<FoundByOperation>(client_, finder_->window(), operation);
    operation->begin();
    return {ObjectView(), std::move(coming)};
  } catch (const std::bad_alloc&) {
    return {ObjectView()};
  }
}

template <class T>
T Distributed::run(Deadline::Clock::time_point until, Task<T> first, const Wanted& still_wanted) {
  const auto operation = client_->operation(std::move(first));
  if (!client_->run(*operation, until, still_wanted)) {
    return Error(Errc::timeout,
                 "who has this object, or knows its name, did not answer before the deadline; give the call "
                 "more time, or find out what their ranks do");
  }
  return operation->take();
}

Result<bool> Distributed::do_exists(const Address& address, Deadline deadline) {
  if (finder_->begins_here(address)) {
    return local_->exists(address, deadline);
  }
  const auto until = client_->moment(deadline);
  return run(until, finder_->exists(Lookup(address, until)));
}

// A name at home here is waited for by this thread. What it stands for may be gone before it has been read:
// then the next one is waited for.
Result<ObjectView> Distributed::do_wait(const Address& address, Deadline deadline, const Wanted& wanted) {
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

Result<bool> Distributed::do_evict(const Address& address, Deadline deadline) {
  if (!address.name.empty() || finder_->begins_here(address)) {
    auto gone = local_->evict(address, deadline);
    if (!address.name.empty()) {
      return gone;
    }
    // Also where the home of its name could not be asked.
    const auto alone = copies_.sets->dissolve(address.key, *client_, deadline);
    return alone || !gone ? std::move(gone) : Result<bool>(alone.error());
  }
  const KeyWords asked{address.key};
  const int node = client_->nodes().of_creator(address.key.creator);
  const auto answer = client_->ask(node, Kind::evict, words(asked), {}, deadline);
  if (!answer) {
    return answer.error().about(to_string(address.key));
  }
  const auto evicted = read_words<std::uint8_t>(answer->body);
  return evicted ? Result<bool>(*evicted != 0)
                 : Result<bool>(
                       Error(Errc::corrupt, "node " + std::to_string(node) + " answered what makes no sense")
                           .about(to_string(address.key)));
}

// What stands here for objects of other nodes goes too, and so do copies, without a word to other nodes, who
// drop the store themselves.
Result<std::uint64_t> Distributed::do_drop(std::uint32_t store) {
  Result<std::uint64_t> dropped = 0;
  copies_.here->drop(store);
  for (const Key& key : memory_.table->owned(store)) {
    const auto pin = memory_.table->pin(key);
    if (!pin) {
      continue;
    }
    const PinnedObject object(memory_.table, *pin);
    const bool refers = pin->record->type_hash == reference_type_hash && memory_.holds(*pin->record);
    const auto gone =
        refers ? memory_.directory->unbind(store, memory_.name(*pin), key) : local_->evict(Address(key), {});
    if (!gone && dropped) {
      dropped = gone.error();  // what else there is goes all the same
    } else if (gone && *gone && dropped && !refers) {
      ++*dropped;
    }
  }
  copies_.sets->forget_gone(store);
  return dropped;
}

}  // namespace

std::shared_ptr<Connector> open_distributed(NodeMemory memory, std::shared_ptr<Links> links) {
  return std::make_shared<Distributed>(std::move(memory), std::move(links));
}

}  // namespace locum
