#include "core/copies/flights.hpp"

#include <algorithm>
#include <string>

#include "core/base/back_off.hpp"
#include "core/copies/alone.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

using namespace std::chrono_literals;

// An operation that does not wait for room checks again after this time, which doubles each time: many
// polling operations must not slow down those that are to make room.
constexpr auto first_room_pause = 5ms;
// Extra time for an operation with about as much time as its flight, to be told of its end.
constexpr auto about_as_long = 100ms;

Error late(int node, const Key& key) {
  return deadline_passed("node " + std::to_string(node) + " did not send this object",
                         "check whether its ranks hang")
      .about(to_string(key));
}

Error no_room() {
  return deadline_passed("no memory became free for this object", "give the runtime more memory_bytes");
}

}  // namespace

Flights::Flights(std::shared_ptr<NodeCopies> copies, std::shared_ptr<RpcChannel> channel,
                 const NodeClient& client, std::shared_ptr<OneSidedReads> reads, int own_rank,
                 Clock::duration lease)
    : copies_(std::move(copies)),
      channel_(std::move(channel)),
      client_(client),
      nodes_(client.nodes()),
      reads_(std::move(reads)),
      own_rank_(static_cast<std::uint32_t>(own_rank)),
      leases_(nodes_.count(), lease) {}

bool Flights::may_show(const Entry& copy, int owner, Clock::time_point now) const {
  const bool stated = now < copy.good_until && copy.good_until <= now + leases_.length();
  return stated || now < leases_.until(owner);
}

Result<Flights::Entry> Flights::at_hand(const Key& key, std::uint64_t generation,
                                        const WaitBudget& budget) const {
  auto here = copies_->look(key, generation, Path::shm_view, budget);
  if (here && here->view && !may_show(*here, nodes_.of_creator(key.creator), client_.now())) {
    here->view = ObjectView();
  }
  return here;
}

// Pins first, then checks: a copy of an object evicted before this began, by a node that could not notify
// this one, is refused.
Task<Result<Flights::Entry>> Flights::look(Key key, std::uint64_t generation, Clock::time_point until,
                                           Path path) {
  const WaitBudget budget = co_await Operation::Budget();
  auto here = copies_->look(key, generation, path, budget);
  if (!here || !here->view) {
    co_return std::move(here);
  }
  const int node = nodes_.of_creator(key.creator);
  const auto now = client_.now();
  if (may_show(*here, node, now)) {
    co_return std::move(here);
  }
  const auto reply = co_await client_.request(node, Kind::renew, {}, {}, until);
  if (reply && read_words<std::uint8_t>(reply->body).value_or(0) != 0) {
    leases_.grant(node, now);
    co_return std::move(here);
  }
  const WaitBudget lent = co_await Operation::ToThread();  // may wait for locks
  if (reply || reply.error().code() == Errc::peer_lost || nodes_.has_closed(node)) {
    copies_->invalidate_all_of(nodes_.ranks(node), lent);
  }
  co_return reply ? Result<Entry>(Entry()) : reply.error().about(to_string(key));
}

Task<Result<ObjectView>> Flights::get(Key key, std::uint64_t generation, Clock::time_point until,
                                      Entry here) {
  Path path = Path::shm_view;
  bool is_stale = false;
  do {
    if (!co_await Operation::IsWanted()) {
      break;
    }
    if (is_stale) {
      auto looked = co_await look(key, generation, until, path);
      if (!looked || looked->view) {
        co_return looked ? Result<ObjectView>(std::move(looked->view)) : looked.error();
      }
      here = std::move(*looked);
    }
    co_await Operation::ToDriver();
    auto outcome = co_await bring(key, generation, until, here);
    if (outcome.found) {
      co_return std::move(*outcome.found);
    }
    co_await Operation::ToThread();  // the object's checksum may take long
    if (outcome.ending == Ending::alone) {
      auto reply = co_await ask_alone(client_, key, any_bytes, until);
      co_await Operation::ToThread();  // as above
      co_return had_alone(key, generation, any_bytes, std::move(reply));
    }
    path = outcome.path;
    is_stale = true;
  } while (client_.now() < until);
  co_return late(nodes_.of_creator(key.creator), key);
}

// By a flight of this node, which is started if there is none. What is here may have changed since it was
// looked up: then no flight has the mark, and none can replace it.
Task<Flight::Outcome> Flights::bring(Key key, std::uint64_t generation, Clock::time_point until,
                                     const Entry& here) {
  if (here.is == Entry::Is::unreadable) {
    co_return Flight::Outcome{.ending = Ending::alone};
  }
  const bool is_marked = here.is == Entry::Is::mark;
  const auto stands = is_marked ? here.mark : NodeCopies::Mark{.entry = {}, .rank = own_rank_};
  // A nonexistent rank, or one of another node, has no flight here: a stray store has hit the mark.
  if (stands.rank != own_rank_ && nodes_.of_creator(stands.rank) == nodes_.own()) {
    const JoinWords asked{.key = key, .generation = stands.generation};
    const int node_peer = static_cast<int>(stands.rank);
    const auto reply = co_await client_.request_of_rank(node_peer, Kind::join, words(asked), until);
    if (auto said = said_by_node_peer(node_peer, reply, until)) {
      co_return std::move(*said);
    }
  }
  const auto wish = std::make_shared<Flight::Wish>(key, generation, until);
  if (const auto flight = flights_.find({key, stands.generation}); flight != flights_.end()) {
    flight->second.joined.push_back(wish);
    limit(wish, flight->second);
  } else if (closed_) {
    co_return Flight::Outcome{.found = *closed_};
  } else {
    const auto mark = copies_->mark(key, stands.generation);
    if (!mark) {
      co_return Flight::Outcome{.ending = is_overtaken(mark.error()) ? Ending::look : Ending::alone};
    }
    begin(wish, *mark);
  }
  while (!wish->is_over()) {
    if (!wish->is_to_lend()) {
      auto& change = wish->change();
      (void)co_await change;
      continue;
    }
    const bool wanted = co_await Operation::IsWanted();
    const WaitBudget lent = co_await Operation::ToThread();
    wish->lend(lent, wanted);
    co_await Operation::ToDriver();
  }
  co_return std::move(wish->outcome());
}

// No outcome: the flight's rank is gone. \param until when the node peer was given up
std::optional<Flight::Outcome> Flights::said_by_node_peer(int node_peer, const Result<NodeReply>& reply,
                                                          Clock::time_point until) const {
  if (reply) {
    const auto ending = read_words<std::uint8_t>(reply->body).value_or(0);
    return Flight::Outcome{.ending = ending == 0 ? Ending::look : Ending::alone};
  }
  if (channel_->is_lost(node_peer) || channel_->has_closed(node_peer)) {
    return std::nullopt;
  }
  const Errc code = reply.error().code();
  if (code == Errc::closed || (code == Errc::timeout && client_.now() >= until)) {
    return Flight::Outcome{.found = reply.error()};
  }
  return Flight::Outcome{.ending = Ending::alone};  // it is alive, and so may be the flight
}

Task<Flights::Ending> Flights::join(Key key, std::uint64_t mark) {
  const auto flight = flights_.find({key, mark});
  if (flight == flights_.end()) {
    co_return Ending::look;
  }
  const auto wish = std::make_shared<Flight::Wish>(key, 0, Clock::time_point::max());
  flight->second.joined.push_back(wish);
  auto& change = wish->change();
  (void)co_await change;
  co_return wish->outcome().ending;
}

// A waiter with less time than its flight may not be told otherwise when that is over.
void Flights::limit(const Wanted& wish, const Flight& flight) {
  if (wish->deadline < flight.deadline - about_as_long) {
    channel_->call_at(wish->deadline, [wish, node = nodes_.of_creator(wish->key.creator)] {
      wish->grant({.found = late(node, wish->key)});
    });
  }
}

void Flights::begin(const Wanted& wish, const NodeCopies::Mark& mark) {
  // Joiners may have more time than the one that begins it.
  const auto deadline = std::max(wish->deadline, client_.moment({}));
  const Number number{wish->key, mark.generation};
  Flight& flight =
      flights_.try_emplace(number, Flight{.mark = mark, .deadline = deadline, .began = wish}).first->second;
  limit(wish, flight);
  const auto task = client_.operation(fly(wish, mark, deadline));
  flight.task = task;
  task->be_scheduled_by(wish);
  task->begin_by_driver();
}

Task<std::monostate> Flights::fly(Wanted began, NodeCopies::Mark mark, Clock::time_point deadline) {
  const auto self = shared_from_this();
  const Key key = began->key;
  const Number number{key, mark.generation};
  const int owner = nodes_.of_creator(key.creator);
  const KeyWords body{key};
  CopyPlace place(*copies_, key);
  Kind kind = reads_->reads(nodes_.ranks(owner)) ? Kind::lease_read : Kind::copy;
  while (flights_.contains(number)) {
    const auto asked = client_.now();
    auto reply = co_await client_.request(owner, kind, words(body), deadline, place);
    if (auto lease = lease_in(reply, key, asked)) {
      lease->until = std::min(lease->until, deadline);
      const bool is_read = co_await read(*lease, *reply, place);
      if (!is_read && !place.lacks_room()) {
        kind = Kind::copy;  // let the owner send it
        continue;
      }
    }
    if (place.lacks_room()) {
      (void)co_await make_room(number, place, std::min(began->deadline, client_.moment({})));
    } else {
      land(number, settle(*began, mark, reply, place, asked));
    }
  }
  co_return std::monostate();
}

// A lease for the requested object; one for any other is declined.
std::optional<LeaseHeld> Flights::lease_in(const Result<NodeReply>& reply, const Key& key,
                                           Clock::time_point asked) {
  auto lease = reply ? LeaseHeld::of(*reply, asked) : std::nullopt;
  if (lease && !copy_in(reply->body, key)) {
    reads_->decline(*lease);
    lease.reset();
  }
  return lease;
}

// Under a lease, into the final place of the copy: the reply must not choose how much private memory to take,
// a block that is sent announces its own size. Whether the reply has its block then.
Task<bool> Flights::read(const LeaseHeld& lease, NodeReply& reply, CopyPlace& place) {
  const ObjectWire object = read_words<CopyWords>(reply.body)->object;
  const std::uint64_t block_bytes = object.record.block_bytes();
  auto room = place.room(reply.body, block_bytes);
  if (!room) {
    reads_->decline(lease);
    co_return false;
  }
  const bool good = co_await reads_->read(lease, room);
  if (!good || !ReceivedBlock::check(room->memory(), object)) {
    place.begin_again();
    co_return false;
  }
  reply.block = std::move(room);
  reply.block_bytes = block_bytes;
  reply.path = Path::rma;
  co_return true;
}

// On a thread of the operation that began the flight; over if that has no time left, or its result is not
// wanted.
Task<std::monostate> Flights::make_room(const Number& number, CopyPlace& place, Clock::time_point until) {
  channel_->call_at(until, [weak = weak_from_this(), number] {
    if (const auto self = weak.lock()) {
      self->miss_room(number);
    }
  });
  auto flight = flights_.find(number);
  BackOff back_off(first_room_pause, client_.timeout());
  while (flight != flights_.end() && client_.now() < until) {
    flight->second.lacks_room = true;
    const WaitBudget budget = co_await Operation::ToThread();  // may commit memory, and wait for some
    const bool wanted = co_await Operation::IsWanted();
    const bool sought = wanted && place.make_room(budget);
    co_await Operation::ToDriver();
    flight = flights_.find(number);
    if (!wanted || flight == flights_.end()) {
      break;
    }
    if (sought) {
      flight->second.lacks_room = false;
      co_return std::monostate();
    }
    co_await client_.paused(back_off.next());
    flight = flights_.find(number);
  }
  give_up(number, no_room());
  co_return std::monostate();
}

// Room made later is not used.
void Flights::miss_room(const Number& number) noexcept {
  const auto flight = flights_.find(number);
  if (flight != flights_.end() && flight->second.lacks_room) {
    give_up(number, no_room());
  }
}

// A copy for the node, if allowed; otherwise nothing is left here before the waiters are told.
Flight::Outcome Flights::settle(const Flight::Wish& began, const NodeCopies::Mark& mark,
                                const Result<NodeReply>& reply, const CopyPlace& place,
                                Clock::time_point asked) {
  const Key& key = began.key;
  auto words = reply && reply->block ? copy_in(reply->body, key) : std::nullopt;
  if (!words) {
    return failed(key, mark,
                  reply ? call_error::invalid_reply_of_owner().about(to_string(key)) : reply.error());
  }
  if (words->object.generation == 0) {
    words->object.generation = began.generation;
  }
  NodeCopies::Room* const room = place.room_of(reply->block);
  if (room == nullptr) {
    copies_->unmark(key, mark);
    return {.ending = Ending::alone, .found = ReceivedBlock::view(reply->block, words->object, reply->path)};
  }
  if (const auto right = ReceivedBlock::check(reply->block->memory(), words->object); !right) {
    return failed(key, mark, right.error());
  }
  const auto good_until = asked + leases_.length();
  leases_.grant(nodes_.of_creator(key.creator), asked);
  const auto published = copies_->publish(*room, words->object, mark, good_until);
  if (published) {
    Flight::Outcome outcome{.ending = Ending::look, .path = reply->path};
    auto shown = copies_->show(*published, key, reply->path);
    if (shown &&
        client_.now() < std::min(good_until, began.deadline)) {  // otherwise it looks again, if at all
      outcome.found = std::move(shown);
    }
    return outcome;
  }
  if (is_overtaken(published.error())) {
    return {.ending = Ending::look};
  }
  copies_->unmark(key, mark);
  return {.ending = Ending::alone};
}

// A joiner that has time left begins anew if this one's time was too short.
Flight::Outcome Flights::failed(const Key& key, const NodeCopies::Mark& mark, const Error& error) {
  copies_->unmark(key, mark);
  return {.ending = error.code() == Errc::timeout ? Ending::look : Ending::alone, .found = error};
}

void Flights::give_up(const Number& number, const Error& error) noexcept {
  if (const auto flight = flights_.find(number); flight != flights_.end()) {
    land(number, failed(number.first, flight->second.mark, error));
  }
}

// No error if it has.
void Flights::land(const Number& number, Flight::Outcome outcome) noexcept {
  const auto landed = flights_.extract(number);
  if (landed.empty()) {
    return;
  }
  const Flight& flight = landed.mapped();
  flight.task->forget();
  const Ending ending = outcome.ending;
  flight.began->grant(std::move(outcome));
  for (const Wanted& each : flight.joined) {
    each->grant({.ending = ending});
  }
}

void Flights::close(const Error& error) noexcept {
  closed_ = error;
  while (!flights_.empty()) {
    give_up(Number(flights_.begin()->first), error);
  }
  reads_->close();
}

}  // namespace locum
