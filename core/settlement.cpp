#include "core/settlement.hpp"

#include <utility>

#include "core/deadline.hpp"
#include "core/object_wire.hpp"

namespace locum {

namespace {

// How often it is asked again who could not say, in the time in which a silent rank is lost.
constexpr int asks_in_patience = 5;

}  // namespace

// What is to be found out: whether the home has bound this object to this name.
struct Settlement::Bind {
  Key key;
  int home = 0;
  std::string name;
  std::size_t ignorant = 0;  // ranks of the home that have not said yet that they know of the maker's death
};

Settlement::Settlement(NodeMemory local, std::shared_ptr<Exchange> exchange, std::shared_ptr<Nodes> nodes,
                       std::chrono::milliseconds timeout)
    : local_(std::move(local)), exchange_(std::move(exchange)), nodes_(std::move(nodes)), timeout_(timeout) {}

void Settlement::settle(const Key& key) {
  if (const auto bind = find(key)) {
    look(bind);
  }
}

void Settlement::settle_estate() {
  if (!local_.table) {
    return;
  }
  for (const Key& key : local_.table->unsettled()) {
    const auto bind = find(key);
    if (!bind) {
      continue;
    }
    const std::vector<int>& ranks = nodes_->ranks(bind->home);
    bind->ignorant = ranks.size();
    for (const int rank : ranks) {
      tell_of_death(bind, rank);
    }
  }
}

// Nothing for what is no object any more, or damaged.
std::shared_ptr<Settlement::Bind> Settlement::find(const Key& key) const {
  const auto pin = local_.table ? local_.table->pin(key) : Result<Pin>(no_such_object());
  if (!pin) {
    return nullptr;
  }
  const PinnedObject object(local_.table, *pin);
  const ObjectRecord& record = *pin->record;
  const int home = nodes_->home(record.store, record.name_hash);
  if (record.name_bytes == 0 || home == nodes_->own() || !local_.holds(record)) {
    return nullptr;
  }
  return std::make_shared<Bind>(Bind{key, home, std::string(local_.name(*pin))});
}

void Settlement::tell_of_death(const std::shared_ptr<Bind>& bind, int rank) {
  const RankWords dead{bind->key.creator};
  const auto body = words(dead);
  nodes_->ask_rank(rank, Kind::obituary, body, soon(),
                   [self = shared_from_this(), bind, rank](const Result<NodeAnswer>& known) {
                     if (!known && known.error().code() == Errc::timeout) {
                       self->tell_of_death(bind, rank);
                     } else if (--bind->ignorant == 0) {  // who is dead itself, or has closed, binds nothing
                       self->look(bind);
                     }
                   });
}

void Settlement::look(const std::shared_ptr<Bind>& bind) {
  const NameWords asked{.store = bind->key.store, .value_wanted = 1};
  const auto body = words(asked);
  nodes_->ask(bind->home, Kind::look_up, body, {std::as_bytes(std::span(bind->name)), bind}, soon(),
              [self = shared_from_this(), bind](const Result<NodeAnswer>& answer) {
                if (!self->local_.table) {
                  return;
                }
                if (!answer && answer.error().code() == Errc::timeout) {
                  return self->look_again(bind);
                }
                const auto wire = answer ? read_words<ObjectWire>(answer->body) : std::nullopt;
                if (wire && wire->key == bind->key) {
                  self->local_.table->set_generation(bind->key, wire->generation);
                } else if (answer || answer.error().code() == Errc::not_found) {
                  (void)self->local_.table->tombstone(bind->key);
                }
              });
}

// Not at once: the home may say at once that a stopped process keeps it from looking.
void Settlement::look_again(const std::shared_ptr<Bind>& bind) {
  exchange_->call_at(exchange_->now() + exchange_->options().patience / asks_in_patience,
                     [self = shared_from_this(), bind] { self->look(bind); });
}

Exchange::Clock::time_point Settlement::soon() const {
  return Deadline().moment(timeout_, exchange_->now());
}

}  // namespace locum
