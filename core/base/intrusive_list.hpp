#pragma once

#include <utility>

namespace locum {

template <class T>
class IntrusiveList;

/// Base class of the elements of an IntrusiveList<T>; an element is in one list at a time.
template <class T>
class ListLink {
 private:
  friend class IntrusiveList<T>;
  T* next_in_list_ = nullptr;
  T* before_in_list_ = nullptr;
};

/// Elements linked through themselves: the list allocates nothing and owns nothing. An element must be
/// removed before it is destroyed. All calls take constant time. T derives from ListLink<T>. The owner of the
/// list locks.
template <class T>
class IntrusiveList {
 public:
  /// Iterates from the first to the last; the list must not change meanwhile.
  class Iterator {
   public:
    explicit Iterator(T* at) noexcept : at_(at) {}

    [[nodiscard]] T& operator*() const noexcept { return *at_; }
    Iterator& operator++() noexcept {
      at_ = link(*at_).next_in_list_;
      return *this;
    }
    friend bool operator==(Iterator, Iterator) = default;

   private:
    T* at_;
  };

  IntrusiveList() = default;
  IntrusiveList(IntrusiveList&& other) noexcept
      : first_(std::exchange(other.first_, nullptr)), last_(std::exchange(other.last_, nullptr)) {}
  IntrusiveList& operator=(IntrusiveList&& other) noexcept {
    first_ = std::exchange(other.first_, nullptr);
    last_ = std::exchange(other.last_, nullptr);
    return *this;
  }
  ~IntrusiveList() = default;

  /// Appends an element.
  void push(T& one) noexcept {
    link(one) = {};
    if (last_ != nullptr) {
      link(one).before_in_list_ = last_;
      link(*last_).next_in_list_ = &one;
    } else {
      first_ = &one;
    }
    last_ = &one;
  }
  void push_front(T& one) noexcept {
    link(one) = {};
    if (first_ != nullptr) {
      link(one).next_in_list_ = first_;
      link(*first_).before_in_list_ = &one;
    } else {
      last_ = &one;
    }
    first_ = &one;
  }
  /// Removes and returns the first element; null if there is none.
  [[nodiscard]] T* pop() noexcept {
    T* const one = first_;
    if (one != nullptr) {
      remove(*one);
    }
    return one;
  }
  /// Removes an element. REQUIRES: it is in this list.
  void remove(T& one) noexcept {
    ListLink<T>& self = link(one);
    (self.before_in_list_ != nullptr ? link(*self.before_in_list_).next_in_list_ : first_) =
        self.next_in_list_;
    (self.next_in_list_ != nullptr ? link(*self.next_in_list_).before_in_list_ : last_) =
        self.before_in_list_;
    self = {};
  }
  /// Returns the first element; null if there is none.
  [[nodiscard]] T* first() const noexcept { return first_; }
  [[nodiscard]] T* last() const noexcept { return last_; }
  [[nodiscard]] bool empty() const noexcept { return first_ == nullptr; }
  [[nodiscard]] Iterator begin() const noexcept { return Iterator(first_); }
  [[nodiscard]] Iterator end() const noexcept { return Iterator(nullptr); }

 private:
  [[nodiscard]] static ListLink<T>& link(T& one) noexcept { return one; }

  T* first_ = nullptr;
  T* last_ = nullptr;
};

}  // namespace locum
