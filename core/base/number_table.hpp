#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace locum {

/// Open items by number. Allocates only when more are open than ever before, and never between reserve() and
/// put(): a caller can reserve room first and start the item afterwards. One thread at a time.
///
/// Numbers ascend, and an item's position is its number modulo the size of the table; numbers with an
/// occupied position are skipped. A look-up is therefore one access, and a number is reused only after 2^32
/// others.
template <class T>
class NumberTable {
  static_assert(std::is_nothrow_move_assignable_v<T> && std::is_nothrow_move_constructible_v<T>);

 public:
  /// Makes room for one more, and returns the number it will have, never 0.
  [[nodiscard]] std::uint32_t reserve() {
    if (2 * (size_ + 1) > places_.size()) {
      grow();
    }
    while (next_ == 0 || place(next_).number != 0) {
      ++next_;
    }
    return next_;
  }
  /// Inserts it. REQUIRES: reserve() was called, and no put() since.
  void put(T thing) noexcept {
    place(next_) = {next_, std::move(thing)};
    ++next_;
    ++size_;
  }
  /// Null if there is none. Valid until the next reserve() or take().
  [[nodiscard]] const T* find(std::uint32_t number) const noexcept {
    const Place& found = places_[place_of(number)];
    return number != 0 && found.number == number ? &found.thing : nullptr;
  }
  [[nodiscard]] T* find(std::uint32_t number) noexcept {
    return const_cast<T*>(std::as_const(*this).find(number));
  }
  /// Removes it. REQUIRES: it is in the table.
  [[nodiscard]] T take(std::uint32_t number) noexcept {
    Place& taken = place(number);
    taken.number = 0;
    --size_;
    return std::move(taken.thing);
  }
  /// The first item from `from` on that satisfies `is`; `from` moves there. 0 if there is none. Searching on
  /// from there finds all others, even if items come and go meanwhile.
  template <class Is>
  [[nodiscard]] std::uint32_t find_if(std::size_t& from, Is is) const noexcept {
    for (; from < places_.size(); ++from) {
      if (places_[from].number != 0 && is(places_[from].thing)) {
        return places_[from].number;
      }
    }
    return 0;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t places() const noexcept { return places_.size(); }

 private:
  struct Place {
    std::uint32_t number = 0;  ///< 0: free
    T thing;
  };

  [[nodiscard]] std::size_t place_of(std::uint32_t number) const noexcept {
    return number & (places_.size() - 1);
  }
  [[nodiscard]] Place& place(std::uint32_t number) noexcept { return places_[place_of(number)]; }
  // Numbers that differ modulo the old size differ modulo the new one, and no position decreases.
  void grow() {
    std::vector<Place> larger(2 * places_.size());
    for (Place& each : places_) {
      if (each.number != 0) {
        larger[each.number & (larger.size() - 1)] = std::move(each);
      }
    }
    places_ = std::move(larger);
  }

  std::vector<Place> places_ = std::vector<Place>(16);  ///< a power of two; at most half of them occupied
  std::size_t size_ = 0;
  std::uint32_t next_ = 1;
};

}  // namespace locum
