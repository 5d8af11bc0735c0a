#include "core/call_table.hpp"

#include <algorithm>
#include <functional>

namespace locum {

std::uint32_t CallTable::add(Asked asked) {
  if (2 * (size_ + 1) > places_.size()) {
    grow();
  }
  do {
    ++last_;
  } while (last_ == 0 || places_[place_of(last_)].number != 0);
  dues_.emplace_back(asked.deadline, last_);  // all that can fail is done then
  std::ranges::push_heap(dues_, std::greater());
  places_[place_of(last_)] = {last_, std::move(asked)};
  ++size_;
  return last_;
}

const CallTable::Asked* CallTable::find(std::uint32_t number) const noexcept {
  const Place& place = places_[place_of(number)];
  return number != 0 && place.number == number ? &place.asked : nullptr;
}

CallTable::Asked CallTable::take(std::uint32_t number) noexcept {
  Place& place = places_[place_of(number)];
  place.number = 0;
  --size_;
  Asked asked = std::move(place.asked);
  drop_ended_dues();
  return asked;
}

std::vector<std::uint32_t> CallTable::of_rank(int rank) const {
  std::vector<std::uint32_t> numbers;
  for (const Place& place : places_) {
    if (place.number != 0 && place.asked.rank == rank) {
      numbers.push_back(place.number);
    }
  }
  return numbers;
}

// Numbers that differ modulo the old size differ modulo the new one.
void CallTable::grow() {
  std::vector<Place> larger(2 * places_.size());
  for (Place& place : places_) {
    if (place.number != 0) {
      larger[place.number & (larger.size() - 1)] = std::move(place);
    }
  }
  places_ = std::move(larger);
}

// The earliest ones first; and all of them once they are most of the heap, for where one with an early
// deadline stays while others come and go.
void CallTable::drop_ended_dues() noexcept {
  if (dues_.size() > 2 * (size_ + places_.size())) {
    std::erase_if(dues_, [this](const Due& due) { return find(due.second) == nullptr; });
    std::ranges::make_heap(dues_, std::greater());
  }
  while (!dues_.empty() && find(dues_.front().second) == nullptr) {
    std::ranges::pop_heap(dues_, std::greater());
    dues_.pop_back();
  }
}

}  // namespace locum
