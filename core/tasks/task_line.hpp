#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/value/errors.hpp"
#include "core/value/result.hpp"

namespace locum::detail {

/// How far a queue of tasks has come: the one record of a queue that is replaced. See TaskRecords.
struct TaskLine {
  static constexpr std::uint64_t none = ~std::uint64_t{0};

  std::uint64_t head = 0;      ///< all numbers below are over, except for the held ones
  std::uint64_t swept = 0;     ///< the records of all numbers below are evicted, except for those held
  std::uint64_t filled = 0;    ///< all numbers below have, or had, a slot; may be too low
  std::uint64_t end = none;    ///< the first number that is no task; none: the queue is not closed
  std::uint64_t returned = 0;  ///< how many tasks were given back
  /// Numbers below the head that are not over, ascending: long tasks, on which the head does not wait.
  std::vector<std::uint64_t> held;

  [[nodiscard]] bool is_closed() const noexcept { return end != none; }
  /// Whether the queue is closed, and all its tasks are over.
  [[nodiscard]] bool is_drained() const noexcept { return head >= end && held.empty(); }
  /// Whether the records of that number have not been evicted, nor may be.
  [[nodiscard]] bool is_open(std::uint64_t number) const noexcept {
    return number >= head || std::ranges::binary_search(held, number);
  }

  [[nodiscard]] static Result<TaskLine> from(std::span<const std::uint64_t> words) {
    if (words.size() < 5 || !std::ranges::is_sorted(words.subspan(5))) {
      return memory_damaged("the record of a queue of tasks is damaged");
    }
    TaskLine line{words[0], words[1], words[2], words[3], words[4], {}};
    line.held.assign(words.begin() + 5, words.end());
    return line;
  }
  [[nodiscard]] std::vector<std::uint64_t> words() const {
    std::vector<std::uint64_t> words{head, swept, filled, end, returned};
    words.insert(words.end(), held.begin(), held.end());
    return words;
  }
};

}  // namespace locum::detail
