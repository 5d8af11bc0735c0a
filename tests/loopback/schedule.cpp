#include "tests/loopback/schedule.hpp"

#include <algorithm>
#include <utility>

namespace locum::loopback {

void Schedule::add(Moment moment, Action action) {
  heap_.push_back({moment, sequence_++, std::move(action)});
  std::push_heap(heap_.begin(), heap_.end(), later);
}

Schedule::Action Schedule::take() {
  std::pop_heap(heap_.begin(), heap_.end(), later);
  Action action = std::move(heap_.back().action);
  heap_.pop_back();
  return action;
}

}  // namespace locum::loopback
