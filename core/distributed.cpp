#include "core/distributed.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "core/cluster.hpp"
#include "core/held_part.hpp"
#include "core/homed_directory.hpp"

namespace locum {

namespace {

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text));
}

Error senseless(int node, const Address& address) {
  return Error(Errc::corrupt, "node " + std::to_string(node) + " answered what makes no sense")
      .about(address.name.empty() ? to_string(address.key) : address.name);
}

// Another node's word on what a name stands for is believed of objects only that bear the name themselves.
Result<ObjectView> bearing(const Address& address, Result<ObjectView> found) {
  if (found && (found->key().store != address.key.store || found->facts().name != address.name)) {
    return Error(Errc::corrupt, "another node answered with an object of another name").about(address.name);
  }
  return found;
}

// How an object is looked for.
struct How {
  const Wanted* wait =
      nullptr;  // for a name that stands for nothing, as long as this is wanted; else not at all
  // Of what comes from another node only this, or this; what is here is shown whole.
  const ByteRange* part = nullptr;
  const Hyperslab* slab = nullptr;
  std::uint64_t element_bytes = 0;  // of the hyperslab's
  bool only_facts = false;          // or nothing at all

  [[nodiscard]] bool wants_all() const noexcept { return part == nullptr && slab == nullptr && !only_facts; }
};

// What `call` returns; where it finds that this process has no memory left, that.
template <class Call>
auto guarded(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return no_memory_left();
  }
}

class Distributed final : public Connector {
 public:
  Distributed(NodeMemory memory, std::shared_ptr<Links> links)
      : memory_(std::move(memory)),
        links_(std::move(links)),
        client_(links_->client()),
        copies_(links_->copies()),
        nodes_(client_->nodes()),
        local_(
            open_cluster({.arena = memory_.arena,
                          .table = memory_.table,
                          .directory = std::make_shared<HomedDirectory>(
                              memory_, client_, copies_.sets, links_->settlement(), links_->inline_bytes()),
                          .timeout = links_->timeout()})) {}

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

  Result<ObjectView> get(const Address& address, Deadline deadline) override {
    return guarded([&] { return do_get(address, deadline); });
  }
  Result<ObjectView> get_part(const Address& address, const ByteRange& range, Deadline deadline) override {
    return guarded([&] { return do_get_part(address, range, deadline); });
  }
  Result<ObjectView> get_hyperslab(const Address& address, const Hyperslab& slab, std::uint64_t element_bytes,
                                   Deadline deadline) override {
    return guarded([&] { return do_get_hyperslab(address, slab, element_bytes, deadline); });
  }
  Result<ObjectView> describe(const Address& address, Deadline deadline) override {
    return guarded([&] { return get_some(address, {.only_facts = true}, deadline); });
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
  [[nodiscard]] Result<ObjectView> do_get(const Address& address, Deadline deadline);
  [[nodiscard]] int owner(const Key& key) const noexcept { return nodes_.of_creator(key.creator); }
  [[nodiscard]] int home(const Address& address) const noexcept {
    return nodes_.home(address.key.store, name_hash(address.key.store, address.name));
  }
  [[nodiscard]] Result<ObjectView> get_some(const Address& address, const How& how, Deadline deadline);
  [[nodiscard]] Result<ObjectView> fetch_some(const Key& key, std::string_view name, const How& how,
                                              std::uint64_t generation, Deadline deadline);
  [[nodiscard]] Result<ObjectView> get_by_key(const Address& address, Deadline deadline);
  [[nodiscard]] Result<ObjectView> get_by_name(const Address& address, const How& how, Deadline deadline);
  [[nodiscard]] Result<ObjectView> look(const Address& address, const How& how, Deadline deadline,
                                        Key& stands_for);
  [[nodiscard]] Result<NodeAnswer> ask_home(const Address& address, const How& how, Deadline deadline) const;
  [[nodiscard]] Result<ObjectView> resolve(const Address& address, ObjectView found, const How& how,
                                           Deadline deadline, Key& stands_for);
  [[nodiscard]] Result<ObjectView> fetch(const Key& key, std::uint64_t bytes, std::uint64_t generation,
                                         Deadline deadline);
  [[nodiscard]] Result<ObjectView> object_behind(const Address& address, const ObjectWire& wire,
                                                 const How& how, Deadline deadline);
  [[nodiscard]] Error absent(const Address& address, const Error& error, Deadline deadline);
  void forget(const Address& address, const Key& gone);

  const NodeMemory memory_;
  const std::shared_ptr<Links> links_;
  const std::shared_ptr<const NodeClient> client_;
  const Copies copies_;
  const Nodes& nodes_;
  const std::shared_ptr<Connector>
      local_;  ///< this node's own, but that its directory knows the homes of names
};

Result<ObjectView> Distributed::do_get(const Address& address, Deadline deadline) {
  return address.name.empty() ? get_by_key(address, deadline) : get_by_name(address, {}, deadline);
}

Result<ObjectView> Distributed::do_get_part(const Address& address, const ByteRange& range,
                                            Deadline deadline) {
  auto found = get_some(address, {.part = &range}, deadline);
  return found ? part_of(*std::move(found), range) : std::move(found);
}

Result<ObjectView> Distributed::do_get_hyperslab(const Address& address, const Hyperslab& slab,
                                                 std::uint64_t element_bytes, Deadline deadline) {
  auto found = get_some(address, {.slab = &slab, .element_bytes = element_bytes}, deadline);
  return found ? hyperslab_of(*std::move(found), slab, element_bytes) : std::move(found);
}

// All of what is here; so is what the home of a name answers with, because it is small, and what has a
// checksum.
Result<ObjectView> Distributed::get_some(const Address& address, const How& how, Deadline deadline) {
  const int node = owner(address.key);
  const bool elsewhere = address.name.empty() && node >= 0 && node != nodes_.own();
  auto found = elsewhere              ? fetch_some(address.key, {}, how, 0, deadline)
               : address.name.empty() ? get_by_key(address, deadline)
                                      : get_by_name(address, how, deadline);
  if (!found && found.error().code() == Errc::unsupported) {
    return do_get(address, deadline);
  }
  return found || !elsewhere ? std::move(found) : absent(address, found.error(), deadline);
}

Result<ObjectView> Distributed::get_by_key(const Address& address, Deadline deadline) {
  const int node = owner(address.key);
  auto found = node == nodes_.own() || node < 0
                   ? local_->get(Address(address.key), deadline)  // nothing, for a rank that there is not
                   : fetch(address.key, address.size_bytes, 0, deadline);
  return found ? std::move(found) : absent(address, found.error(), deadline);
}

// What the home says of an object is newer than what its owner may know: that it is bound at all, when its
// maker has not had the home's answer yet.
Result<ObjectView> Distributed::object_behind(const Address& address, const ObjectWire& wire, const How& how,
                                              Deadline deadline) {
  const int node = owner(wire.key);
  if (node == nodes_.own() || node < 0) {
    auto found = bearing(address, local_->get(Address(wire.key), deadline));
    if (found) {
      memory_.table->set_generation(wire.key, wire.generation);
    }
    return found;
  }
  return bearing(address, how.wants_all()
                              ? fetch(wire.key, wire.record.block_bytes(), wire.generation, deadline)
                              : fetch_some(wire.key, address.name, how, wire.generation, deadline));
}

// An object of another node. A small one comes with its owner's answer, to this rank alone; a large one once
// for the node. `bytes` are its size, `generation` that of its name, where they are known; else 0.
Result<ObjectView> Distributed::fetch(const Key& key, std::uint64_t bytes, std::uint64_t generation,
                                      Deadline deadline) {
  const std::uint64_t small = links_->inline_bytes();
  if (bytes <= small && !copies_.here->has(key)) {
    auto found = fetch_alone(*client_, key, generation, small, deadline);
    if (!found || *found) {
      return found;
    }
  }
  return copies_.flights->get(key, generation, *client_, deadline);
}

// At least what is wanted of it: out of the node's copy, if there is one.
Result<ObjectView> Distributed::fetch_some(const Key& key, std::string_view name, const How& how,
                                           std::uint64_t generation, Deadline deadline) {
  auto copy = copies_.flights->look(key, generation, *client_, deadline);
  if (copy && *copy) {
    return copy;
  }
  if (how.only_facts) {
    return fetch_facts(*client_, key, generation, deadline);
  }
  return how.part != nullptr
             ? fetch_part(*client_, key, name, *how.part, generation, deadline)
             : fetch_hyperslab(*client_, key, name, *how.slab, how.element_bytes, generation, deadline);
}

// A key that is gone: replaced by a newer generation of its name, or evicted. Only the home can say which.
Error Distributed::absent(const Address& address, const Error& error, Deadline deadline) {
  if (error.code() == Errc::not_found && address.name_hash != 0) {
    const int home = nodes_.home(address.key.store, address.name_hash);
    std::uint64_t live = 0;
    if (home == nodes_.own()) {
      const auto here = memory_.directory->generation(address.name_hash);
      if (!here) {
        return here.error().about(to_string(address.key));
      }
      live = *here;
    } else {
      const auto answer = client_->ask(home, Kind::generation, words(address.name_hash), {}, deadline);
      if (!answer) {
        return answer.error().about(to_string(address.key));
      }
      live = read_words<std::uint64_t>(answer->body).value_or(0);
    }
    if (live != 0) {
      return Error(Errc::stale, "this object was replaced by a newer generation of its name; get it by name")
          .about(to_string(address.key));
    }
  }
  return error.about(to_string(address.key));
}

// What a name stands for may be replaced between the home's word and the owner's: then the home is asked
// again. If both stay with theirs, the owner is right: its rank died, or gave up, between making and binding
// the object.
Result<ObjectView> Distributed::get_by_name(const Address& address, const How& how, Deadline deadline) {
  const auto until = client_->moment(deadline);
  Key before;
  for (;;) {
    Key stands_for;
    auto found = look(address, how, until, stands_for);
    const bool gone = !found && stands_for.valid() &&
                      (found.error().code() == Errc::not_found || found.error().code() == Errc::stale);
    if (!gone) {
      return found;
    }
    if (stands_for == before) {
      forget(address, stands_for);
    }
    before = stands_for;
    if (client_->now() >= until) {
      return Error(Errc::timeout, "this name is replaced faster than it can be read").about(address.name);
    }
  }
}

// One look at the name's home, and at the object's owner if that is another node: `stands_for` says which
// object it was.
Result<ObjectView> Distributed::look(const Address& address, const How& how, Deadline deadline,
                                     Key& stands_for) {
  const int node = home(address);
  if (node == nodes_.own()) {
    auto found =
        how.wait == nullptr ? local_->get(address, deadline) : local_->wait(address, deadline, *how.wait);
    return found ? resolve(address, std::move(*found), how, deadline, stands_for) : std::move(found);
  }
  auto answer = ask_home(address, how, deadline);
  if (!answer) {
    return answer.error().about(address.name);
  }
  const auto wire = read_words<ObjectWire>(answer->body);
  if (!wire || !plausible(*wire)) {
    return senseless(node, address);
  }
  if (answer->block && owner(wire->key) != nodes_.own()) {
    return bearing(address, HeldObject::view(std::move(answer->block), *wire, answer->path));
  }
  stands_for = wire->key;
  return object_behind(address, *wire, how, deadline);
}

// One question, answered at once or as soon as the name is put.
Result<NodeAnswer> Distributed::ask_home(const Address& address, const How& how, Deadline deadline) const {
  const int node = home(address);
  const Bulk name{bytes_of(address.name), nullptr};
  if (how.wait == nullptr) {
    const NameWords asked{.store = address.key.store, .value_wanted = 1};
    return client_->ask(node, Kind::look_up, words(asked), name, deadline);
  }
  const auto until = client_->moment(deadline);
  const auto now = client_->now();
  const auto left = until > now ? until - now : Deadline::Clock::duration::zero();
  const AwaitWords asked{.store = address.key.store, .patience_ns = static_cast<std::uint64_t>(left.count())};
  auto answer = client_->ask(node, Kind::await, words(asked), name, deadline, *how.wait);
  if (!answer && answer.error().code() == Errc::timeout) {
    return Error(Errc::timeout, "nobody put this name before the deadline");
  }
  return answer;
}

// A name at home here stands for an object of this node, or says where the object is.
Result<ObjectView> Distributed::resolve(const Address& address, ObjectView found, const How& how,
                                        Deadline deadline, Key& stands_for) {
  if (found.type_hash() != reference_type_hash) {
    return found;
  }
  auto reference = read_reference(found.bytes());
  if (!reference) {
    return Error(Errc::corrupt, "what stands for an object of another node is damaged")
        .about(to_string(found.key()));
  }
  reference->object.generation = found.facts().generation;
  if (!reference->block.empty() && owner(reference->object.key) != nodes_.own()) {
    const auto block = reference->block;
    return HeldObject::view(std::make_shared<HeldObject>(std::move(found), block), reference->object,
                            Path::shm_view);
  }
  stands_for = reference->object.key;
  return object_behind(address, reference->object, how, deadline);
}

// The name stands for an object that is not there any more.
void Distributed::forget(const Address& address, const Key& gone) {
  const UnbindWords asked{.only = gone, .store = address.key.store};
  (void)client_->ask(home(address), Kind::unbind, words(asked), {bytes_of(address.name), nullptr}, {});
}

Result<bool> Distributed::do_exists(const Address& address, Deadline deadline) {
  const int node = address.name.empty() ? owner(address.key) : home(address);
  if (node == nodes_.own() || node < 0) {
    return local_->exists(address, deadline);
  }
  const KeyWords key{address.key};
  const NameWords name{.store = address.key.store, .value_wanted = 0};
  const auto answer = address.name.empty() ? client_->ask(node, Kind::exists, words(key), {}, deadline)
                                           : client_->ask(node, Kind::look_up, words(name),
                                                          {bytes_of(address.name), nullptr}, deadline);
  if (answer) {
    return true;
  }
  return answer.error().code() == Errc::not_found || answer.error().code() == Errc::stale
             ? Result<bool>(false)
             : Result<bool>(answer.error());
}

Result<ObjectView> Distributed::do_wait(const Address& address, Deadline deadline, const Wanted& wanted) {
  return address.name.empty() ? get_by_key(address, deadline)
                              : get_by_name(address, {.wait = &wanted}, deadline);
}

Result<bool> Distributed::do_evict(const Address& address, Deadline deadline) {
  const int node = address.name.empty() ? owner(address.key) : nodes_.own();
  if (node == nodes_.own() || node < 0) {
    auto gone = local_->evict(address, deadline);
    if (!address.name.empty()) {
      return gone;
    }
    // Also where the home of its name could not be asked.
    const auto alone = copies_.sets->dissolve(address.key, *client_, deadline);
    return alone || !gone ? std::move(gone) : Result<bool>(alone.error());
  }
  const KeyWords asked{address.key};
  const auto answer = client_->ask(node, Kind::evict, words(asked), {}, deadline);
  if (!answer) {
    return answer.error().about(to_string(address.key));
  }
  const auto evicted = read_words<std::uint8_t>(answer->body);
  return evicted ? Result<bool>(*evicted != 0) : Result<bool>(senseless(node, address));
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
