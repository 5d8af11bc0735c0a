#pragma once

#include <utility>

namespace locum {

template <class T>
class IntrusiveList;

/// A base of what stands in an IntrusiveList<T>; in one at a time.
template <class T>
class ListLink {
 private:
  friend class IntrusiveList<T>;
  T* next_in_list_ = nullptr;
  T* before_in_list_ = nullptr;
};

/// Elements linked through themselves: nothing is allocated for them, and nothing is owned. An element is
/// taken out before its life ends. Each call takes a few instructions, whatever the length. T derives from
/// ListLink<T>. Its owner locks.
template <class T>
class IntrusiveList {
 public:
  /// Goes from the first to the last; the list must not change meanwhile.
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

  /// At the end.
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
  /// The first one, taken out; null: there is none.
  [[nodiscard]] T* pop() noexcept {
    T* const one = first_;
    if (one != nullptr) {
      remove(*one);
    }
    return one;
  }
  /// REQUIRES: it is in this list.
  void remove(T& one) noexcept {
    ListLink<T>& self = link(one);
    (self.before_in_list_ != nullptr ? link(*self.before_in_list_).next_in_list_ : first_) =
        self.next_in_list_;
    (self.next_in_list_ != nullptr ? link(*self.next_in_list_).before_in_list_ : last_) =
        self.before_in_list_;
    self = {};
  }
  /// Null: there is none.
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
