#include "tests/fuzz/wire_input.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "core/node/reference.hpp"
#include "core/object/name_list.hpp"
#include "core/object/object_wire.hpp"
#include "core/object/received_block.hpp"
#include "core/ports/wanting.hpp"
#include "core/rpc/packed_error.hpp"
#include "tests/core/connector_samples.hpp"
#include "tests/core/hyperslab_samples.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t store = 7;
constexpr int honest = 0;
constexpr int liar = 1;
constexpr std::size_t front_bytes = 5;
constexpr std::uint64_t incarnation = 42;  // of the simulated world
constexpr std::size_t sizes[] = {0, 64, 5000};

void demand(bool right, const char* what) {
  if (!right) {
    std::fprintf(stderr, "what another rank sent has done harm: %s\n", what);
    std::abort();
  }
}

/// Two nodes of one rank each; messages of the second one can be changed.
class World {
 public:
  World()
      : world_({.nodes = {.memory_bytes = std::uint64_t{256} << 10U, .timeout = 50ms, .patience = 40ms},
                .wrap = liars_.wrap()}) {
    for (const std::size_t size : sizes) {
      const std::string number = std::to_string(size) + ".";
      own_.push_back(tests::put(here(), store, {}, tests::pattern(size, size)).value().key);
      names_.push_back(world_.name_at(honest, store, "here " + number));
      (void)tests::put(here(), store, names_.back(), tests::pattern(1, size));
      names_.push_back(world_.name_at(liar, store, "there " + number));
      foreign_.push_back(tests::put(there(), store, names_.back(), tests::pattern(2, size)).value().key);
    }
    for (Connector* const maker : {&here(), &there()}) {
      arrays_.push_back(tests::put(*maker, store, {},
                                   {.extents = {6, 10}, .element_bytes = 2, .bytes = tests::pattern(3, 120)})
                            .value()
                            .key);
    }
    world_.network().run_until_idle();
  }

  [[nodiscard]] Connector& here() { return world_.connector(honest); }
  [[nodiscard]] Connector& there() { return world_.connector(liar); }
  [[nodiscard]] BentTransport& bent() { return liars_[liar]; }
  void run() { world_.network().run_for(200ms); }

  // Makes every call that needs the other node; any result is accepted.
  void ask(Connector& connector) {
    for (const std::string& name : names_) {
      (void)connector.get(Address(store, name), {});
      (void)connector.exists(Address(store, name), {});
    }
    for (const auto* keys : {&own_, &foreign_}) {
      for (const Key& key : *keys) {
        (void)connector.get(Address(key, name_hash(store, names_[0])), {});
        (void)connector.get(Address(key, 0, sizes[2]), {});  // as if it is known to be large
        (void)connector.get_some(Address(key), ByteRange{1, 10}, {});
        (void)connector.get_some(Address(key), Facts(), {});
        (void)connector.exists(Address(key), {});
      }
      for (const Wanting wanting : {Wanting::all, Wanting::facts}) {
        const std::vector<Address> all(keys->begin(), keys->end());
        std::vector<Result<ObjectView>> found(all.size(), no_memory_left());
        connector.find_batch(all, wanting, found, {});
      }
    }
    world_.network().run_for(10ms);  // until the lease of the copy has expired
    for (const auto* keys : {&own_, &foreign_}) {
      (void)connector.get(Address(keys->back()), {});
    }
    for (const Key& key : arrays_) {
      (void)connector.get_some(Address(key),
                               Elements{{.start = {1, 2}, .count = {3, 4}, .stride = {2, 1}}, 2}, {});
    }
    ask_batches(connector);
    (void)connector.list(store, "there", {});
    const int other =
        &connector == &here() ? liar : honest;  // a wait at its own home would use the real clock
    (void)connector.wait(Address(store, world_.name_at(other, store, "awaited ")),
                         world_.network().now() + 10ms, {});
    (void)tests::put(connector, store, names_[1] + "new", tests::pattern(3, 30));
    const auto given = tests::begin_put_at_home(connector, store, world_.name_at(other, store, "given "),
                                                tests::pattern(3, 30));
    if (const auto got = connector.get_or_task(Address(foreign_[1]), {}, CountsUntil::it_is_got, {}).coming) {
      got->begin();
    }
    (void)tests::put(connector, store, names_[0], tests::pattern(3, 30), {SealMode::replace, 0});
    (void)tests::put(connector, store, names_[1], tests::pattern(3, 30), {SealMode::replace, 0});
    for (const std::size_t at : {0, 1}) {
      (void)connector.get(Address(store, names_[at] + "absent"), {});
      (void)connector.evict(Address(store, names_[at]), {});
    }
    (void)connector.evict(Address(own_[0]), {});
    (void)connector.evict(Address(foreign_[2]), {});
  }

  // By name, and with changes.
  void ask_batches(Connector& connector) {
    const int other = &connector == &here() ? liar : honest;
    std::vector<Address> all(names_.size(), Address(store, names_[0]));
    for (std::size_t at = 0; at < all.size(); ++at) {
      all[at] = Address(store, names_[at]);
    }
    for (const Wanting wanting : {Wanting::all, Wanting::facts}) {
      std::vector<Result<ObjectView>> found(all.size(), no_memory_left());
      connector.find_batch(all, wanting, found, {});
    }
    std::vector<ObjectDraft> drafts;
    std::vector<std::string> names;
    for (const std::size_t size : {10U, 5000U, 10U}) {
      names.push_back(world_.name_at(other, store, "batch " + std::to_string(size) + "."));
      if (const auto draft = connector.create(size, tests::plain_meta(store, names.back()), {})) {
        std::ranges::fill(draft->bytes, std::byte{7});
        drafts.push_back(*draft);
      }
    }
    std::vector<Result<Sealed>> sealed(drafts.size(), no_memory_left());
    connector.seal_batch(drafts, sealed, {});
    std::vector<Address> made;
    std::vector<Address> keys;
    for (std::size_t at = 0; at < names.size(); ++at) {
      made.emplace_back(store, names[at]);
      keys.emplace_back(tests::put(connector, store, {}, tests::pattern(at, 20)).value_or(Sealed{}).key);
    }
    std::vector<Result<bool>> gone(made.size(), no_memory_left());
    connector.evict_batch(made, gone, {});
    (&connector == &here() ? there() : here()).evict_batch(keys, gone, {});
  }

  void demand_nothing_open() {
    demand(world_.rank(honest).links->requests_of(liar) == 0, "requests count that are over");
  }
  // No other rank can know the keys of the honest rank's unnamed objects, except by guessing.
  void demand_whole() {
    for (std::size_t at = 0; at < own_.size(); ++at) {
      const auto found = here().get(Address(own_[at]), {});
      if (found) {
        demand(tests::holds(*found, tests::pattern(sizes[at], sizes[at])), "an object has other bytes");
      } else {
        demand(found.error().code() == Errc::not_found, "an object cannot be read");
      }
    }
    const std::string name = names_[0] + "afterwards";
    demand(!here().exists(Address(own_[0].store + 1, name), {}).value_or(false), "a name that nobody put");
    const auto sealed = tests::put(here(), store, {}, tests::pattern(9, 100));
    demand(sealed.has_value(), "no object can be put any more");
    demand(here().evict(Address(sealed->key), {}).value_or(false), "no object can be evicted any more");
  }

 private:
  Liars liars_{liar};
  SimulatedNodes world_;
  std::vector<Key> own_;
  std::vector<Key> foreign_;
  std::vector<Key> arrays_;  // one of each rank
  std::vector<std::string> names_;
};

struct Parts {
  WireInput what;
  Envelope envelope;
  std::span<const std::byte> body;
  std::span<const std::byte> bulk;
};

Parts parts_of(std::span<const std::byte> input) {
  const auto byte = [&](std::size_t at) { return std::to_integer<unsigned>(input[at]); };
  Parts parts{static_cast<WireInput>(byte(0) % wire_inputs), {}, {}, {}};
  parts.envelope = {.kind = static_cast<Kind>(byte(1)),
                    .status = static_cast<std::uint8_t>(byte(2)),
                    .call = 1,
                    .incarnation = incarnation};
  const auto rest = input.subspan(front_bytes);
  const std::size_t body_bytes =
      std::min<std::size_t>({byte(3) | byte(4) << 8U, rest.size(), max_header_bytes - sizeof(Envelope)});
  parts.body = rest.first(body_bytes);
  parts.bulk = rest.subspan(body_bytes);
  return parts;
}

Message message_of(const Parts& parts, Envelope envelope) {
  Message message{honest, std::vector<std::byte>(sizeof envelope), {parts.bulk.begin(), parts.bulk.end()}};
  message.set_envelope(envelope);
  message.set_body(parts.body);
  return message;
}

// As it is, twice with the same number, and without a number; and a probe of the other rank, with the number
// of a request that may have no reply yet.
void read_question(const Parts& parts) {
  World world;
  for (const std::uint32_t call : {1, 1, 0}) {
    Envelope envelope = parts.envelope;
    envelope.call = call;
    (void)world.bent().say(message_of(parts, envelope));
  }
  (void)world.bent().say(message_of({}, {.kind = Kind::ping, .call = 1, .incarnation = incarnation}));
  world.run();
  world.demand_whole();
  world.demand_nothing_open();
}

// The other rank replies with this to every request of the honest one.
void read_answer(const Parts& parts) {
  World world;
  world.bent().bend = [&](Message& message) {
    Envelope envelope = message.envelope();
    if (envelope.kind == Kind::reply) {
      envelope.status = parts.envelope.status;
      message = message_of(parts, envelope);
    }
  };
  world.ask(world.here());
  world.bent().bend = nullptr;
  world.run();
  world.demand_whole();
}

void read_object(const Parts& parts) {
  const auto wire = read_words<ObjectWire>(parts.body);
  if (!wire) {
    return;
  }
  const auto held = ReceivedBlock::make(parts.bulk.size(), wire->record.size_bytes);
  std::ranges::copy(parts.bulk, held->memory().begin());
  if (const auto view = ReceivedBlock::view(held, *wire, Path::rendezvous)) {
    const ObjectFacts facts = view->facts();
    demand(view->bytes().size() == wire->record.size_bytes && facts.name.size() <= parts.bulk.size() &&
               facts.type_name.size() <= parts.bulk.size(),
           "a view beyond the received bytes");
  }
}

std::vector<std::byte> input_of(WireInput what, const Envelope& envelope, std::span<const std::byte> body,
                                std::span<const std::byte> bulk) {
  std::vector<std::byte> input(front_bytes + body.size() + bulk.size());
  input[0] = static_cast<std::byte>(what);
  input[1] = static_cast<std::byte>(envelope.kind);
  input[2] = static_cast<std::byte>(envelope.status);
  input[3] = static_cast<std::byte>(body.size() & 0xFFU);
  input[4] = static_cast<std::byte>(body.size() >> 8U);
  const auto behind = std::ranges::copy(body, input.begin() + front_bytes).out;
  std::ranges::copy(bulk, behind);
  return input;
}

}  // namespace

void read_wire(std::span<const std::byte> input) {
  if (input.size() < front_bytes) {
    return;
  }
  const Parts parts = parts_of(input);
  switch (parts.what) {
    case WireInput::request:
      return read_question(parts);
    case WireInput::reply:
      return read_answer(parts);
    case WireInput::error: {
      const Error error = unpack(parts.bulk, liar);
      return demand(error.text().size() <= parts.bulk.size() + 1000, "an error longer than what came");
    }
    case WireInput::names: {
      std::vector<std::string> names;
      (void)unpack_names(parts.bulk, names);
      return;
    }
    case WireInput::object:
      return read_object(parts);
    case WireInput::reference:
      if (const auto reference = read_reference(parts.bulk)) {
        demand(reference->block.size() < parts.bulk.size(), "a reference longer than its bytes");
      }
      return;
  }
}

std::vector<std::byte> wire_input_of(const Message& message) {
  const Envelope envelope = message.envelope();
  const WireInput what = envelope.kind == Kind::reply ? WireInput::reply : WireInput::request;
  return input_of(what, envelope, message.body(), message.bulk);
}

std::vector<std::vector<std::byte>> honest_wire_inputs() {
  std::vector<std::vector<std::byte>> inputs;
  World world;
  world.bent().record = [&](const Message& message) { inputs.push_back(wire_input_of(message)); };
  world.ask(world.here());
  world.ask(world.there());
  world.run();
  world.bent().record = nullptr;
  const std::size_t messages = inputs.size();
  for (std::size_t at = 0; at < messages; ++at) {
    const Parts parts = parts_of(inputs[at]);
    if (parts.body.size() == sizeof(ObjectWire)) {
      std::vector<std::byte> reference(parts.bulk.begin(), parts.bulk.end());
      reference.insert(reference.end(), parts.body.begin(), parts.body.end());
      inputs.push_back(input_of(WireInput::object, {}, parts.body, parts.bulk));
      inputs.push_back(input_of(WireInput::reference, {}, {}, reference));
    } else if (parts.envelope.kind == Kind::reply && parts.envelope.status != 0) {
      inputs.push_back(input_of(WireInput::error, {}, {}, parts.body));
    }
  }
  const std::vector<std::string> names{"a", "name", std::string(300, 'n')};
  inputs.push_back(input_of(WireInput::names, {}, {}, pack_names(names)));
  std::ranges::sort(inputs, [](const auto& one, const auto& other) {
    return std::ranges::lexicographical_compare(one, other);
  });
  const auto same = std::ranges::unique(inputs);
  inputs.erase(same.begin(), same.end());
  return inputs;
}

}  // namespace locum::tests
