#pragma once

#include <utility>

namespace locum {

template <class T>
class IntrusiveQueue;

/// A base of what stands in an IntrusiveQueue<T>; in one at a time.
template <class T>
class QueueLink {
 private:
  friend class IntrusiveQueue<T>;
  T* next_in_queue_ = nullptr;
};

/// Elements in the order in which they came, linked through themselves: nothing is allocated for them, and
/// nothing is owned. T derives from QueueLink<T>.
template <class T>
class IntrusiveQueue {
 public:
  void push(T& one) noexcept {
    link_of(one) = nullptr;
    (last_ != nullptr ? link_of(*last_) : first_) = &one;
    last_ = &one;
  }
  /// Null: there is none.
  [[nodiscard]] T* pop() noexcept {
    T* const first = first_;
    if (first != nullptr) {
      first_ = std::exchange(link_of(*first), nullptr);
      last_ = first_ != nullptr ? last_ : nullptr;
    }
    return first;
  }
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  /// Calls visit(const T&) for each of them.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const T* each = first_; each != nullptr;
         each = static_cast<const QueueLink<T>*>(each)->next_in_queue_) {
      visit(*each);
    }
  }

 private:
  [[nodiscard]] static T*& link_of(T& one) noexcept { return static_cast<QueueLink<T>&>(one).next_in_queue_; }

  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace locum
