#include "core/rpc/call_table.hpp"

#include <algorithm>
#include <functional>

namespace locum {

std::uint32_t CallTable::add(OpenCall asked) {
  const std::uint32_t number = asked_.reserve();
  dues_.emplace_back(asked.deadline, number);  // nothing after this can fail
  std::ranges::push_heap(dues_, std::greater());
  asked_.put(std::move(asked));
  return number;
}

CallTable::OpenCall CallTable::take(std::uint32_t number) noexcept {
  OpenCall asked = asked_.take(number);
  drop_ended_dues();
  return asked;
}

// Drops the earliest ended ones; and all ended ones once they are most of the heap, in case a live one with
// an early deadline stays while others come and go.
void CallTable::drop_ended_dues() noexcept {
  if (dues_.size() > 2 * (asked_.size() + asked_.places())) {
    std::erase_if(dues_, [this](const Due& due) { return find(due.second) == nullptr; });
    std::ranges::make_heap(dues_, std::greater());
  }
  while (!dues_.empty() && find(dues_.front().second) == nullptr) {
    std::ranges::pop_heap(dues_, std::greater());
    dues_.pop_back();
  }
}

}  // namespace locum
