#include "core/client/remote_reader.hpp"

#include <algorithm>
#include <utility>

#include "core/async/until_unlocked.hpp"
#include "core/base/unless_out_of_memory.hpp"
#include "core/client/part_fetch.hpp"
#include "core/copies/alone.hpp"
#include "core/node/promised.hpp"
#include "core/node/reference.hpp"
#include "core/object/name_list.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

// Upper bound of the selected payload bytes, if known; else 0.
std::uint64_t bytes_of(const Selection& part) {
  if (const auto* const range = std::get_if<ByteRange>(&part)) {
    return range->bytes;
  }
  const auto* const of_array = std::get_if<Elements>(&part);
  return of_array != nullptr ? packed_bytes(of_array->slab, of_array->element_bytes).value_or(0) : 0;
}

bool is_gone(const Error& error) {
  return error.code() == Errc::not_found || error.code() == Errc::stale;
}

}  // namespace

RemoteReader::RemoteReader(NodeMemory memory, std::shared_ptr<Connector> local, const Links& links)
    : memory_(std::move(memory)),
      local_(std::move(local)),
      client_(links.client().get()),
      flights_(links.copies().flights),
      inline_bytes_(links.inline_bytes()),
      windows_(links.windows()),
      nodes_(client_->nodes()),
      waits_(links.waits()) {}

int RemoteReader::home_of(const Address& address) const noexcept {
  return nodes_.home(address.key.store, name_hash(address.key.store, address.name));
}

bool RemoteReader::begins_here(const Address& address) const noexcept {
  return address.name.empty() ? is_here(address.key) : home_of(address) == nodes_.own();
}

RemoteReader::AtHand RemoteReader::at_hand(const Address& address, const WaitBudget& budget) {
  if (begins_here(address)) {
    // Without a name: only another node may know whether its name was replaced.
    auto found = local_->get(address.name.empty() ? Address(address.key) : address, budget);
    if (found) {
      return {address.name.empty() ? std::move(found) : at_hand(std::move(*found))};
    }
    const bool asks_on = address.name.empty() && address.name_hash != 0;
    return {asks_on && found.error().code() == Errc::not_found ? Result<ObjectView>(ObjectView())
                                                               : std::move(found)};
  }
  if (!address.name.empty()) {
    return {ObjectView()};
  }
  auto here = flights_->at_hand(address.key, 0, budget);
  if (!here) {
    return {here.error()};
  }
  return {std::move(here->view), !here->exists()};
}

// A name at home here refers to an object of this node, or to one of another node.
Result<ObjectView> RemoteReader::at_hand(ObjectView entry) {
  if (entry.type_hash() != reference_type_hash) {
    return entry;
  }
  auto reference = read_reference(entry.bytes());
  if (!reference) {
    return memory_damaged("the reference to an object of another node is damaged")
        .about(to_string(entry.key()));
  }
  if (reference->block.empty() || owner(reference->object.key) == nodes_.own()) {
    return ObjectView();
  }
  reference->object.generation = entry.facts().generation;
  const auto block = reference->block;
  return ReceivedBlock::view(std::make_shared<ReceivedBlock>(std::move(entry), block), reference->object,
                             Path::shm_view);
}

Task<Result<ObjectView>> RemoteReader::find(Lookup wanted) {
  for (;;) {
    auto found = co_await anywhere(wanted);
    if (found) {
      co_return std::move(found);
    }
    if (found.error().code() == Errc::unsupported && !wanted.of_all()) {
      wanted.part = {};  // an object with a checksum is read whole, or not at all
      continue;
    }
    if (wanted.by_name()) {
      co_return std::move(found);
    }
    co_return co_await absent(wanted, found.error());
  }
}

// If that is gone, the name may be bound to another object now.
Task<Result<ObjectView>> RemoteReader::find_behind(Lookup name, ObjectWire said) {
  auto found = co_await behind(name, said);
  if (found || (!is_gone(found.error()) && found.error().code() != Errc::unsupported)) {
    co_return std::move(found);
  }
  co_return co_await find(std::move(name));
}

// The object of a fetch ahead of use that has its share of a window.
Ahead RemoteReader::arrived(Turn& turn, Result<ObjectView> found) {
  if (!found) {
    return {.way = {}, .found = std::move(found)};
  }
  auto way = turn.arrive(found->bytes().size());
  return {.way = std::move(way), .found = std::move(found)};
}

// An object that has not arrived takes no memory. If its size is not known, it counts as the largest that the
// first reply may include, until its owner has told.
Task<Ahead> RemoteReader::find_ahead(std::shared_ptr<RemoteReader> reader, Lookup wanted, CountsUntil until) {
  Turn turn(*reader->client_, reader->windows_.of(until), wanted.until);
  const std::uint64_t said = wanted.of_all() ? wanted.size_bytes : bytes_of(wanted.part);
  const bool is_said = said != 0 || counts_for_use(until);
  if (auto entered = co_await turn.enter(is_said ? said : reader->inline_bytes_); !entered) {
    co_return Ahead{.way = {}, .found = entered.error().about(wanted.text())};
  }
  wanted.turn = &turn;
  auto found = co_await reader->find(std::move(wanted));
  co_return arrived(turn, std::move(found));
}

Task<Result<ObjectView>> RemoteReader::anywhere(const Lookup& wanted) {
  if (wanted.by_name()) {
    return by_name(wanted);
  }
  if (is_here(wanted.key)) {
    return here(wanted);
  }
  return elsewhere(wanted, {.key = wanted.key, .record = {}});
}

// None, for a nonexistent rank.
Task<Result<ObjectView>> RemoteReader::here(const Lookup& wanted) {
  const auto get = [&](const WaitBudget& budget) { return local_->get(Address(wanted.key), budget); };
  co_return co_await until_unlocked(*client_, wanted.latest(), get);
}

// GCC 12 destroys the result of a conditional expression in a coroutine before it is awaited: hence a
// function.
ReplyAwaiter RemoteReader::ask_whether(const Lookup& wanted) const {
  const KeyWords key{wanted.key};
  const NameWords name{.store = wanted.key.store, .value_wanted = 0};
  return wanted.by_name() ? client_->request(home_of(wanted), Kind::look_up, words(name),
                                             {bytes_of_text(wanted.name), nullptr}, wanted.until)
                          : client_->request(owner(wanted.key), Kind::exists, words(key), {}, wanted.until);
}

// By key only: does not check whether its name is bound to another object now.
Result<bool> RemoteReader::exists_here(const Address& address, const WaitBudget& budget) {
  return local_->exists(address.name.empty() ? Address(address.key) : address, budget);
}

Task<Result<bool>> RemoteReader::exists(Lookup wanted) {
  if (begins_here(wanted.address())) {
    const auto look = [&](const WaitBudget& budget) { return exists_here(wanted.address(), budget); };
    co_return co_await until_unlocked(*client_, wanted.until, look);
  }
  const auto reply = co_await ask_whether(wanted);
  if (reply || is_gone(reply.error())) {
    co_return reply.has_value();
  }
  co_return reply.error();
}

// An object of another node: the node's copy, if there is one. A small one comes in its owner's reply, for
// this rank alone; a large one once for the node, unless it is to be received in memory of the caller.
// `said`: its record, from the home of its name; its key alone if it is wanted by key.
Task<Result<ObjectView>> RemoteReader::elsewhere(const Lookup& wanted, ObjectWire said) {
  const Key key = said.key;
  Flights::Entry here;
  if (!wanted.has_no_copy) {
    auto looked = co_await flights_->look(key, said.generation, wanted.latest());
    if (looked ? static_cast<bool>(looked->view) : wanted.of_all()) {
      co_return looked ? Result<ObjectView>(std::move(looked->view)) : looked.error();
    }
    if (looked) {
      here = std::move(*looked);
    }
  }
  if (!wanted.of_all()) {
    co_return co_await fetch_some(wanted, key, said.generation);
  }
  if (here.exists()) {  // being fetched for others: takes no more room
    co_return co_await flights_->get(key, said.generation, wanted.latest(), std::move(here));
  }
  std::uint64_t bytes = wanted.by_name() ? said.record.block_bytes() : wanted.size_bytes;
  const bool asks_size = !wanted.by_name() && !wanted.memory.empty();
  const std::uint64_t most_alone = std::max<std::uint64_t>(inline_bytes_, wanted.most_along);
  if (asks_size || (bytes <= most_alone && !wanted.fits_memory(said.record))) {
    auto reply = co_await ask_alone(*client_, key, most_alone, wanted.latest(), wanted.urgency());
    const auto told = reply ? read_words<ObjectWire>(reply->body) : std::nullopt;
    auto found = had_alone(key, said.generation, most_alone, std::move(reply));
    if (!found || *found) {
      co_return std::move(found);
    }
    said.record = told->record;
    bytes = said.record.block_bytes();
  }
  if (wanted.fits_memory(said.record)) {
    const ByteRange all{0, said.record.size_bytes};
    auto found = co_await fetch_part(*client_, key, wanted.name, all, said.generation, wanted.latest(),
                                     wanted.memory, wanted.urgency());
    if (found && found->facts().size_bytes != all.bytes) {
      co_return Error(Errc::corrupt, "two nodes report different sizes of this object; get it again")
          .about(wanted.text());
    }
    co_return std::move(found);
  }
  if (wanted.turn != nullptr) {
    if (auto entered = co_await wanted.turn->enter(bytes); !entered) {
      co_return entered.error().about(wanted.text());
    }
  }
  co_return co_await flights_->get(key, said.generation, wanted.latest(), {});
}

// At least the wanted part, of an object that has no copy here.
Task<Result<ObjectView>> RemoteReader::fetch_some(const Lookup& wanted, Key key,
                                                  std::uint64_t generation) const {
  if (const auto* const range = std::get_if<ByteRange>(&wanted.part)) {
    return fetch_part(*client_, key, wanted.name, *range, generation, wanted.latest(), wanted.memory,
                      wanted.urgency());
  }
  if (const auto* const of_array = std::get_if<Elements>(&wanted.part)) {
    return fetch_hyperslab(*client_, key, wanted.name, of_array->slab, of_array->element_bytes, generation,
                           wanted.latest(), wanted.memory, wanted.urgency());
  }
  return fetch_facts(*client_, key, generation, wanted.latest());
}

// The home's record of an object is newer than the owner's: the object may be bound, while its maker has not
// received the home's reply yet.
Task<Result<ObjectView>> RemoteReader::behind(const Lookup& wanted, ObjectWire wire) {
  if (is_here(wire.key)) {
    const auto get = [&](const WaitBudget& budget) { return local_->get(Address(wire.key), budget); };
    auto gotten = co_await until_unlocked(*client_, wanted.latest(), get);
    auto found = bearing(wanted.key.store, wanted.name, std::move(gotten));
    if (found) {
      memory_.table->set_generation(wire.key, wire.generation);
    }
    co_return std::move(found);
  }
  auto found = co_await elsewhere(wanted, wire);
  co_return bearing(wanted.key.store, wanted.name, std::move(found));
}

// The error for a key that is gone: replaced by a newer generation of its name, or evicted. Only the home can
// tell which.
Task<Error> RemoteReader::absent(const Lookup& wanted, Error error) {
  if (error.code() != Errc::not_found || wanted.name_hash == 0) {
    co_return error.about(wanted.text());
  }
  const int home = nodes_.home(wanted.key.store, wanted.name_hash);
  std::uint64_t live = 0;
  if (home == nodes_.own()) {
    const auto look = [&](const WaitBudget& budget) {
      return memory_.directory->generation(wanted.name_hash, budget);
    };
    const auto here = co_await until_unlocked(*client_, wanted.latest(), look);
    if (!here) {
      co_return here.error().about(wanted.text());
    }
    live = *here;
  } else {
    const auto reply =
        co_await client_->request(home, Kind::generation, words(wanted.name_hash), {}, wanted.latest());
    if (!reply) {
      co_return reply.error().about(wanted.text());
    }
    live = read_words<std::uint64_t>(reply->body).value_or(0);
  }
  co_return (live == 0 ? error : object_replaced()).about(wanted.text());
}

// A name may be replaced between the home's reply and the owner's: then the home is asked again. If both
// repeat their replies, the owner is right: its rank died, or gave up, between making and binding the object.
Task<Result<ObjectView>> RemoteReader::by_name(const Lookup& wanted) {
  const int home = home_of(wanted);
  for (Key before;;) {
    ObjectWire said;
    if (home == nodes_.own()) {
      const auto look = [&](const WaitBudget& budget) { return look_here(wanted, budget, said); };
      auto found = co_await until_unlocked(*client_, wanted.latest(), look);
      if (!found || *found) {
        co_return std::move(found);
      }
    } else {
      std::optional<Result<NameAnswer>> named;
      const auto promised = wanted.waits ? promise_named(wanted.key.store, wanted.name) : std::nullopt;
      if (promised) {
        named.emplace(co_await await(wanted, *promised, AwaitedPromise::For::thread));
      } else {
        auto reply = co_await request(wanted, home, wanted.urgency());
        named.emplace(
            read_name_answer(nodes_, wanted.key.store, wanted.name, home, wanted.waits, std::move(reply)));
      }
      if (!*named) {
        co_return named->error();
      }
      if ((*named)->found) {
        co_return std::move((*named)->found);
      }
      said = (*named)->said;
    }
    if (!co_await Operation::IsWanted()) {
      co_return result_unwanted(Errc::timeout).about(wanted.name);
    }
    auto found = co_await behind(wanted, said);
    if (found || !is_gone(found.error())) {
      co_return std::move(found);
    }
    if (said.key == before) {  // the name is bound to an object that no longer exists
      const UnbindWords asked{.only = said.key, .store = wanted.key.store};
      (void)co_await client_->request(home, Kind::unbind, words(asked), {bytes_of_text(wanted.name), nullptr},
                                      wanted.latest());
    }
    before = said.key;
    if (client_->now() >= wanted.latest()) {
      co_return deadline_passed("this name was replaced in each attempt to read its object",
                                "replace it less often")
          .about(wanted.name);
    }
  }
}

// The object of the name; an empty view if another node has to send the object that `said` describes.
Result<ObjectView> RemoteReader::look_here(const Lookup& wanted, const WaitBudget& budget, ObjectWire& said) {
  auto entry = local_->get(wanted.address(), budget);
  if (!entry) {
    return entry;
  }
  auto found = at_hand(*entry);
  if (found && !*found) {
    said = read_reference(entry->bytes())->object;
    said.generation = entry->facts().generation;
  }
  return found;
}

// One request, answered at once or as soon as the name is bound.
ReplyAwaiter RemoteReader::request(const Lookup& wanted, int home, Urgency urgency) const {
  const Bulk name{bytes_of_text(wanted.name), nullptr};
  if (!wanted.waits) {
    const NameWords asked{.store = wanted.key.store, .value_wanted = 1};
    return client_->request(home, Kind::look_up, words(asked), name, wanted.latest(), urgency);
  }
  const auto now = client_->now();
  const auto left = wanted.latest() > now ? wanted.latest() - now : Deadline::Clock::duration::zero();
  const AwaitWords asked{.store = wanted.key.store,
                         .most_bytes = wanted.most_along,
                         .patience_ns = static_cast<std::uint64_t>(left.count())};
  return client_->request(home, Kind::await, words(asked), name, wanted.latest(), urgency);
}

Task<Result<std::vector<std::string>>> RemoteReader::names(std::uint32_t store, std::string prefix,
                                                           Deadline::Clock::time_point until) {
  const auto list = [&](const WaitBudget& budget) {
    return guarded([&] { return memory_.directory->names(store, prefix, budget); });
  };
  auto all = co_await until_unlocked(*client_, until, list);
  for (int node = 0; all && node < nodes_.count(); ++node) {
    if (node == nodes_.own()) {
      continue;
    }
    const auto reply = co_await client_->request(node, Kind::list, words(NameWords{.store = store}),
                                                 {bytes_of_text(prefix), nullptr}, until);
    if (!reply) {
      co_return reply.error();
    }
    if (!co_await Operation::IsWanted()) {
      co_return result_unwanted(Errc::timeout);
    }
    (void)co_await Operation::ToThread();  // there may be very many names
    const auto known = static_cast<std::ptrdiff_t>(all->size());
    if (reply->block) {
      if (auto right = guarded([&] { return unpack_names(reply->block->memory(), *all); }); !right) {
        co_return right.error();
      }
    }
    const auto belongs = [&](const std::string& name) {
      return name.starts_with(prefix) && nodes_.home(store, name_hash(store, name)) == node;
    };
    if (!std::all_of(all->begin() + known, all->end(), belongs)) {
      co_return call_error::invalid_reply(node);
    }
  }
  if (all) {
    std::sort(all->begin(), all->end());
  }
  co_return std::move(all);
}

}  // namespace locum
