#include "core/base/intrusive_list.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <deque>
#include <random>
#include <utility>
#include <vector>

namespace locum::tests::intrusive_list_test {
namespace {

struct Element : ListLink<Element> {
  int number = 0;
};
using List = IntrusiveList<Element>;

std::vector<int> numbers_of(const List& list) {
  std::vector<int> numbers;
  for (const Element& each : list) {
    numbers.push_back(each.number);
  }
  return numbers;
}

TEST(IntrusiveList, AgreesWithADequeThroughRandomCalls) {
  std::array<Element, 8> elements;
  for (std::size_t at = 0; at < elements.size(); ++at) {
    elements[at].number = static_cast<int>(at);
  }
  std::mt19937 random(1);
  List list;
  std::deque<int> model;
  for (int call = 0; call < 20'000; ++call) {
    Element& one = elements[random() % elements.size()];
    const auto place = std::ranges::find(model, one.number);
    if (place != model.end()) {
      list.remove(one);
      model.erase(place);
    } else if (random() % 3 == 0) {
      list.push_front(one);
      model.push_front(one.number);
    } else {
      list.push(one);
      model.push_back(one.number);
    }
    if (random() % 4 == 0) {
      Element* const popped = list.pop();
      ASSERT_EQ(popped != nullptr, !model.empty());
      if (popped != nullptr) {
        EXPECT_EQ(popped->number, model.front());
        model.pop_front();
      }
    }
    ASSERT_EQ(numbers_of(list), std::vector<int>(model.begin(), model.end())) << "call " << call;
    ASSERT_EQ(list.empty(), model.empty());
    ASSERT_EQ(list.first() == nullptr, model.empty());
    ASSERT_EQ(list.last() == nullptr ? -1 : list.last()->number, model.empty() ? -1 : model.back());
  }
}

TEST(IntrusiveList, LeavesNothingBehindWhereItWasMovedFrom) {
  Element one;
  Element other;
  List list;
  list.push(one);
  list.push(other);
  List moved = std::move(list);
  EXPECT_EQ(moved.first(), &one);
  EXPECT_EQ(moved.pop(), &one);
  list = List();
  EXPECT_TRUE(list.empty());
  list.push(one);
  list = std::move(moved);
  EXPECT_EQ(list.pop(), &other);
  EXPECT_EQ(list.pop(), nullptr);
}

}  // namespace
}  // namespace locum::tests::intrusive_list_test
