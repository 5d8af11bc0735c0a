// Flights whose object finds no room on this node at once.
#include <algorithm>
#include <utility>

#include "core/copies/flights.hpp"

namespace locum {

// None for a flight that has been closed; whoever looks hears of that.
NodeCopies::Made Flights::room_for(const Key& key, const Flight::Lack& lack, const WaitBudget& budget) {
  return closed_.load(std::memory_order_relaxed) ? NodeCopies::Made()
                                                 : copies_->make_room(key, lack.record, budget);
}

void Flights::wait_for_room(Entry& entry) {
  auto& [number, flight] = entry;
  const auto until = std::min(flight.wish->deadline, Deadline().moment(timeout_, exchange_->now()));
  exchange_->call_at(until, [weak = weak_from_this(), number = number] {
    if (const auto self = weak.lock()) {
      self->miss_room(number);
    }
  });
  flight.sought = true;
  std::exchange(flight.wish, nullptr)->grant({.lack = Flight::Lack{number.second, *flight.lacking}});
}

void Flights::miss_room(const Number& number) noexcept {
  const auto at = flights_.find(number);
  if (at != flights_.end() && at->second.is_without_room()) {
    land(at->first, Error(Errc::timeout, "no room was made for this object before the deadline"));
  }
}

// With room, or with none where none could be had. Who comes too late looks again what there is.
void Flights::go_on(const Wanted& wish, std::uint64_t mark,
                    const std::shared_ptr<NodeCopies::Room>& room) noexcept {
  const auto at = flights_.find({wish->key, mark});
  if (at == flights_.end() || at->second.wish) {
    return wish->grant({});
  }
  Flight& flight = at->second;
  flight.wish = wish;
  flight.room = room;
  flight.asked = exchange_->now();
  limit(wish, flight);
  ask_owner(*at);
}

// Others are making room, and nobody waits for this.
void Flights::put_off(const Wanted& wish, std::uint64_t mark, Clock::duration pause) noexcept {
  const auto at = flights_.find({wish->key, mark});
  if (at == flights_.end() || at->second.wish) {
    return wish->grant({});
  }
  Flight& flight = at->second;
  flight.wish = wish;
  flight.pauses = true;
  exchange_->call_at(exchange_->now() + pause, [weak = weak_from_this(), number = at->first] {
    if (const auto self = weak.lock()) {
      self->look_for_room_again(number);
    }
  });
}

void Flights::look_for_room_again(const Number& number) noexcept {
  const auto at = flights_.find(number);
  if (at != flights_.end() && std::exchange(at->second.pauses, false)) {
    std::exchange(at->second.wish, nullptr)
        ->grant({.lack = Flight::Lack{number.second, *at->second.lacking}});
  }
}

}  // namespace locum
