#include "core/copies/flights.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/back_off.hpp"

namespace locum {

namespace {

using namespace std::chrono_literals;

// Who does not wait for room looks so long after the first time whether there is some, and each time after
// twice as long as before: as many as look do not keep those busy who are to make it.
constexpr auto first_room_pause = 5ms;
// Who has about as much time as its flight hears of the end of that.
constexpr auto about_as_long = 100ms;

Error late(const Key& key) {
  return Error(
             Errc::timeout,
             "the node of this object did not send it before the deadline; give the call more time, or find "
             "out what its ranks do")
      .about(to_string(key));
}

}  // namespace

Asked ask_alone(const NodeClient& client, const Key& key, std::uint64_t most_bytes,
                Deadline::Clock::time_point until) {
  const int node = client.nodes().of_creator(key.creator);
  const FetchWords asked{.key = key, .most_bytes = most_bytes};
  return client.asked(node, Kind::fetch, words(asked), {}, until);
}

Result<ObjectView> had_alone(const Key& key, std::uint64_t generation, std::uint64_t most_bytes,
                             Result<NodeAnswer> answer) {
  if (!answer) {
    return answer.error();
  }
  auto wire = read_words<ObjectWire>(answer->body);
  const bool left_out = wire && !answer->block && wire->record.block_bytes() > most_bytes;
  if (!wire || wire->key != key || !plausible(*wire) || (!answer->block && !left_out)) {
    return senseless_answer(key);
  }
  if (left_out) {
    return ObjectView();
  }
  if (wire->generation == 0) {
    wire->generation = generation;
  }
  return HeldObject::view(std::move(answer->block), *wire, answer->path);
}

/// A question to the rank of this node that has a flight: when will it have ended?
class Flights::Joining final : public Call {
 public:
  Joining(Flights& flights, Wanted wish, std::uint64_t mark)
      : flights_(flights), wish_(std::move(wish)), mark_(mark) {}

  std::span<std::byte> landing(std::span<const std::byte> /*body*/,
                               std::uint64_t /*bytes*/) noexcept override {
    return {};
  }
  void ended(const Result<Answer>& outcome, const std::shared_ptr<Call>& /*self*/) noexcept override {
    if (!outcome && outcome.error().code() == Errc::peer_lost) {  // whoever had the flight is gone
      return flights_.start(wish_, mark_);
    }
    if (!outcome && outcome.error().code() == Errc::out_of_memory) {
      return wish_->grant({.ending = Ending::alone});
    }
    if (!outcome) {
      return wish_->grant({.found = outcome.error()});
    }
    const auto ending = read_words<std::uint8_t>(outcome->body).value_or(0);
    wish_->grant({.ending = ending == 0 ? Ending::look : Ending::alone});
  }
  // Whoever has the flight lives, and so may the flight, unless that rank has closed.
  void refused(const Error& error, const std::shared_ptr<Call>& /*self*/) noexcept override {
    if (error.code() == Errc::closed) {
      return flights_.start(wish_, mark_);
    }
    wish_->grant({.ending = Ending::alone});
  }

 private:
  Flights& flights_;
  const Wanted wish_;
  const std::uint64_t mark_;
};

Flights::Flights(std::shared_ptr<NodeCopies> copies, std::shared_ptr<Exchange> exchange,
                 std::shared_ptr<Nodes> nodes, std::shared_ptr<OneSidedReads> reads, int own_rank,
                 std::chrono::milliseconds timeout, Clock::duration lease)
    : copies_(std::move(copies)),
      exchange_(std::move(exchange)),
      nodes_(std::move(nodes)),
      reads_(std::move(reads)),
      own_rank_(static_cast<std::uint32_t>(own_rank)),
      timeout_(timeout),
      leases_(nodes_->count(), lease) {}

bool Flights::may_show(const NodeCopies::Copy& copy, int owner, Clock::time_point now) const {
  const bool stated = now < copy.good_until && copy.good_until <= now + leases_.length();
  return stated || now < leases_.until(owner);
}

Result<ObjectView> Flights::at_hand(const Key& key, std::uint64_t generation, const NodeClient& client,
                                    const WaitBudget& budget) const {
  auto copy = copies_->look(key, generation, Path::shm_view, budget);
  if (!copy) {
    return copy.error();
  }
  const bool shown = copy->view && may_show(*copy, nodes_->of_creator(key.creator), client.now());
  return shown ? std::move(copy->view) : ObjectView();
}

// Pinned first, then asked about: what was taken out of sight before this look began, by somebody who could
// not tell this node, is refused.
Task<Result<ObjectView>> Flights::look(Key key, std::uint64_t generation, const NodeClient& client,
                                       Clock::time_point until, Path path) {
  const WaitBudget here = co_await Operation::Budget();
  auto copy = copies_->look(key, generation, path, here);
  if (!copy || !copy->view) {
    co_return copy ? Result<ObjectView>(ObjectView()) : copy.error();
  }
  const int node = nodes_->of_creator(key.creator);
  const auto now = client.now();
  if (may_show(*copy, node, now)) {
    co_return std::move(copy->view);
  }
  const auto answer = co_await client.asked(node, Kind::renew, {}, {}, until);
  if (answer && read_words<std::uint8_t>(answer->body).value_or(0) != 0) {
    leases_.grant(node, now);
    co_return std::move(copy->view);
  }
  const WaitBudget budget = co_await Operation::ToThread();  // where it may wait for locks
  if (answer || answer.error().code() == Errc::peer_lost || nodes_->has_closed(node)) {
    copies_->invalidate_all_of(nodes_->ranks(node), budget);
  }
  co_return answer ? Result<ObjectView>(ObjectView()) : answer.error().about(to_string(key));
}

Task<Result<ObjectView>> Flights::get(Key key, std::uint64_t generation, const NodeClient& client,
                                      Clock::time_point until) {
  Path path = Path::shm_view;
  std::optional<Flight::Lack> lack;
  BackOff back_off(first_room_pause, timeout_);
  do {
    const auto wish = std::make_shared<Flight::Wish>(key, generation, until);
    if (!co_await Operation::IsWanted()) {
      break;
    }
    if (lack) {
      const WaitBudget budget = co_await Operation::ToThread();  // it may commit memory, and wait for some
      if (client.now() >= until) {
        break;
      }
      const auto made = room_for(key, *lack, budget);
      co_await Operation::ToDriver();
      if (made.later) {
        put_off(wish, lack->mark, back_off.next());
      } else {
        go_on(wish, lack->mark, made.room);
      }
    } else {
      auto copy = co_await look(key, generation, client, until, path);
      if (!copy || *copy) {
        co_return std::move(copy);
      }
      co_await Operation::ToDriver();
      want(wish);
    }
    auto outcome = co_await wish->outcome;
    if (outcome.found) {
      co_return *std::move(outcome.found);
    }
    co_await Operation::ToThread();  // where it may take as long as the object's checksum does
    lack = outcome.lack;
    if (!lack && outcome.ending == Ending::alone) {
      auto answer = co_await ask_alone(client, key, any_bytes, until);
      co_await Operation::ToThread();  // as above
      co_return had_alone(key, generation, any_bytes, std::move(answer));
    }
    path = outcome.path;
  } while (client.now() < until);
  if (lack) {
    co_await Operation::ToDriver();
    miss_room({key, lack->mark});  // nobody makes it any more
  }
  co_return late(key);
}

void Flights::want(const Wanted& wish) noexcept {
  const WaitBudget budget = exchange_->budget();
  if (!copies_->has(wish->key, budget)) {
    return start(wish, 0);
  }
  const auto found = copies_->find(wish->key, budget);
  if (!found) {
    return found.error().code() == Errc::not_found ? start(wish, 0) : wish->grant({.ending = Ending::alone});
  }
  if (!found->mark) {
    return wish->grant({});
  }
  const NodeCopies::Mark& mark = *found->mark;
  if (mark.rank != own_rank_) {
    return ask_mate(wish, mark);
  }
  const auto flight = flights_.find({wish->key, mark.generation});
  if (flight == flights_.end()) {
    return start(wish, mark.generation);
  }
  limit(wish, flight->second);
  flight->second.joined.push_back([wish](Ending ending) { wish->grant({.ending = ending}); });
}

// Nobody else may tell who has less time than its flight when that is over.
void Flights::limit(const Wanted& wish, const Flight& flight) {
  if (wish->deadline < flight.deadline - about_as_long) {
    exchange_->call_at(wish->deadline, [wish] { wish->grant({.found = late(wish->key)}); });
  }
}

// A rank that there is not, or of another node, has no flight here: a stray store has hit the mark.
void Flights::ask_mate(const Wanted& wish, const NodeCopies::Mark& mark) {
  if (nodes_->of_creator(mark.rank) != nodes_->own()) {
    return start(wish, mark.generation);
  }
  const JoinWords asked{.key = wish->key, .generation = mark.generation};
  exchange_->ask(static_cast<int>(mark.rank), Kind::join, words(asked), {}, wish->deadline,
                 std::make_shared<Joining>(*this, wish, mark.generation));
}

void Flights::join(const Key& key, std::uint64_t generation, std::function<void(Ending)> then) {
  const auto flight = flights_.find({key, generation});
  if (flight == flights_.end()) {
    return then(Ending::look);
  }
  flight->second.joined.push_back(std::move(then));
}

void Flights::start(const Wanted& wish, std::uint64_t in_place_of) noexcept {
  const auto mark = copies_->mark(wish->key, in_place_of);
  if (!mark) {
    return wish->grant({.ending = is_overtaken(mark.error()) ? Ending::look : Ending::alone});
  }
  take_off(wish, *mark);
}

void Flights::ask_owner(Entry& entry) {
  const Key& key = entry.first.first;
  const KeyWords asked{key};
  const auto body = words(asked);
  nodes_->ask(
      nodes_->of_creator(key.creator), entry.second.kind, body, {}, entry.second.deadline,
      [this, begun = &entry](const Result<NodeAnswer>& answer) { answered(*begun, answer); },
      [this, begun = &entry](std::span<const std::byte> words, std::uint64_t bytes) -> Inquiry::Room {
        auto room = begun->second.make_room(begun->first.first, words, bytes, *copies_);
        if (!room && begun->second.is_to_wait()) {
          return std::nullopt;  // it is not to be sent yet
        }
        return room;
      });
}

void Flights::take_off(const Wanted& wish, const NodeCopies::Mark& mark) {
  const int owner = nodes_->of_creator(wish->key.creator);
  Flight begun{.wish = wish,
               .generation = wish->generation,
               .kind = reads_->reads(nodes_->ranks(owner)) ? Kind::lease_read : Kind::copy,
               .asked = exchange_->now(),
               .mark = mark};
  // Those who join may have more time than who began.
  begun.deadline = std::max(wish->deadline, Deadline().moment(timeout_, begun.asked));
  const auto flight = flights_.try_emplace({wish->key, mark.generation}, std::move(begun)).first;
  limit(wish, flight->second);
  ask_owner(*flight);
}

void Flights::answered(Entry& entry, const Result<NodeAnswer>& answer) noexcept {
  if (answer && !answer->block && read(entry, *answer)) {
    return;
  }
  if (!answer && answer.error().code() == Errc::out_of_memory && entry.second.is_to_wait()) {
    return wait_for_room(entry);
  }
  land(entry.first, answer);
}

// Whether the answer is a lease, under which the block is read now, or asked for if there is no room for a
// copy.
bool Flights::read(Entry& entry, const NodeAnswer& answer) {
  auto& [number, flight] = entry;
  const auto words = read_words<CopyWords>(answer.body);
  auto lease = LeaseHeld::of(answer, flight.asked);
  if (!words || !lease) {
    return false;
  }
  lease->until = std::min(lease->until, flight.deadline);
  if (words->object.key != number.first || !plausible(words->object)) {
    reads_->decline(*lease);
    return false;
  }
  NodeAnswer brought = answer;
  const ObjectRecord& record = words->object.record;
  brought.block = flight.make_room(number.first, answer.body, record.block_bytes(), *copies_);
  if (!brought.block) {
    reads_->decline(*lease);
    if (flight.is_to_wait()) {
      wait_for_room(entry);
    } else {
      // How much private memory to take is not for the answer to say: a block that is sent announces itself.
      flight.kind = Kind::copy;
      ask_owner(entry);
    }
    return true;
  }
  brought.block_bytes = record.block_bytes();
  brought.path = Path::rma;
  const std::uint64_t reading = ++last_reading_;
  flight.reading = reading;
  reads_->read(*lease, brought.block,
               [weak = weak_from_this(), number = number, reading, brought](bool good) {
                 if (const auto self = weak.lock()) {
                   self->read_ended(number, reading, good, brought);
                 }
               });
  return true;
}

// What is not whole after all is asked for again: the owner sends it.
void Flights::read_ended(const Number& number, std::uint64_t reading, bool good,
                         const NodeAnswer& answer) noexcept {
  const auto at = flights_.find(number);
  if (at == flights_.end() || at->second.reading != reading) {
    return;
  }
  Flight& flight = at->second;
  flight.reading = 0;
  if (good && HeldObject::check(answer.block->memory(), read_words<CopyWords>(answer.body)->object)) {
    return land(at->first, answer);
  }
  flight.begin_again();
  ask_owner(*at);
}

void Flights::close(const Error& error) noexcept {
  closed_.store(true, std::memory_order_relaxed);
  const auto waits = [](const Entry& each) { return each.second.is_held_up(); };
  for (auto at = flights_.begin(); (at = std::ranges::find_if(flights_, waits)) != flights_.end();) {
    land(at->first, error);
  }
}

void Flights::land(const Number& number, const Result<NodeAnswer>& answer) noexcept {
  auto flight = flights_.extract(number);
  const Key& key = flight.key().first;
  flight.mapped().end(
      flight.mapped().settle(key, answer, *copies_, leases_, nodes_->of_creator(key.creator)));
}

}  // namespace locum
