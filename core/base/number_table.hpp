#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

namespace locum {

/// Things that are under way, by number. Nothing is allocated once as many have been under way at once
/// before, and nothing at all between reserve() and put(): what is going to be under way can be given room
/// first, and begun then. One thread at a time.
///
/// Numbers are given in turn, and a thing stands at its number modulo the size of the table; a number whose
/// place is taken is left out. So finding one is a single look, and a number comes again only after 2^32
/// others.
template <class T>
class NumberTable {
  static_assert(std::is_nothrow_move_assignable_v<T> && std::is_nothrow_move_constructible_v<T>);

 public:
  /// Makes room for one more, and says which number it will have, never 0.
  [[nodiscard]] std::uint32_t reserve() {
    if (2 * (size_ + 1) > places_.size()) {
      grow();
    }
    while (next_ == 0 || place(next_).number != 0) {
      ++next_;
    }
    return next_;
  }
  /// Puts it there. REQUIRES: reserve() was called, and no put() since.
  void put(T thing) noexcept {
    place(next_) = {next_, std::move(thing)};
    ++next_;
    ++size_;
  }
  /// Null if there is none. Lives until the next reserve() or take().
  [[nodiscard]] const T* find(std::uint32_t number) const noexcept {
    const Place& found = places_[place_of(number)];
    return number != 0 && found.number == number ? &found.thing : nullptr;
  }
  [[nodiscard]] T* find(std::uint32_t number) noexcept {
    return const_cast<T*>(std::as_const(*this).find(number));
  }
  /// Takes it out. REQUIRES: it is there.
  [[nodiscard]] T take(std::uint32_t number) noexcept {
    Place& taken = place(number);
    taken.number = 0;
    --size_;
    return std::move(taken.thing);
  }
  /// One that `is` as looked for, of those at `from` or behind it, which is moved there; 0: there is none.
  /// Looking on from there finds all the others, even if things came and went meanwhile.
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
  // Numbers that differ modulo the old size differ modulo the new one, and none gets to a lower place.
  void grow() {
    std::vector<Place> larger(2 * places_.size());
    for (Place& each : places_) {
      if (each.number != 0) {
        larger[each.number & (larger.size() - 1)] = std::move(each);
      }
    }
    places_ = std::move(larger);
  }

  std::vector<Place> places_ = std::vector<Place>(16);  ///< a power of two; at most half of them taken
  std::size_t size_ = 0;
  std::uint32_t next_ = 1;
};

}  // namespace locum
