#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace locum {

/// Those of a batch that are at these places.
template <class T>
[[nodiscard]] std::vector<T> picked(std::span<const T> batch, std::span<const std::size_t> places) {
  std::vector<T> some;
  some.reserve(places.size());
  for (const std::size_t place : places) {
    some.push_back(batch[place]);
  }
  return some;
}

/// Moves what was made of picked() to their places in the batch.
template <class T>
void put_back(std::vector<T>&& some, std::span<const std::size_t> places, std::span<T> batch) {
  for (std::size_t one = 0; one < places.size(); ++one) {
    batch[places[one]] = std::move(some[one]);
  }
}

}  // namespace locum
