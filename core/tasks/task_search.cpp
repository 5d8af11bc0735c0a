#include "core/tasks/task_search.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace locum::detail {

namespace {

/// Numbers that one request looks at: the reply then takes one round trip, and not the three of a bulk.
constexpr std::uint64_t numbers_a_request = 12;
/// The first request looks at the next numbers, and then at fourfold distances.
constexpr std::uint64_t next_numbers = 4;
constexpr std::uint64_t farthest = std::uint64_t{1} << 16U;

class PlaceSearch {
 public:
  PlaceSearch(const TaskRecords& records, std::uint64_t from, std::uint64_t end)
      : records_(records), from_(from), end_(end), low_(from) {}

  [[nodiscard]] Result<FreePlace> search() {
    for (std::vector<std::uint64_t> numbers = first(); !numbers.empty(); numbers = next()) {
      if (const auto looked = look_at(numbers); !looked) {
        return looked.error();
      }
    }
    return *free_;
  }

 private:
  [[nodiscard]] std::vector<std::uint64_t> first() const {
    std::vector<std::uint64_t> numbers{from_};
    if (!records_.is_home()) {
      for (std::uint64_t distance = 1; distance <= farthest;
           distance += distance < next_numbers ? 1 : 3 * distance) {
        numbers.push_back(from_ + distance);
      }
    }
    return numbers;
  }
  /// None: it is found.
  [[nodiscard]] std::vector<std::uint64_t> next() const {
    if (!free_) {
      return {from_ + 2 * (low_ - from_) - 1};
    }
    const std::uint64_t gap = free_->number - low_;
    const std::uint64_t count = std::min(gap, records_.is_home() ? 1 : numbers_a_request);
    std::vector<std::uint64_t> numbers;
    for (std::uint64_t at = 1; at <= count; ++at) {
      numbers.push_back(low_ + (count == gap ? at - 1 : gap * at / (count + 1)));
    }
    return numbers;
  }
  [[nodiscard]] Result<void> look_at(const std::vector<std::uint64_t>& numbers) {
    std::vector<bool> there;
    if (!records_.is_home()) {
      std::vector<std::string> names;
      for (const std::uint64_t number : numbers) {
        names.push_back(records_.claim_name(number));
        names.push_back(records_.slot_name(number));
      }
      auto read = records_.have(names);
      if (!read) {
        return read.error();
      }
      there = std::move(*read);
    }
    for (std::size_t at = 0; at < numbers.size(); ++at) {
      const std::uint64_t number = numbers[at];
      if (number != end_ && !(there.empty() ? records_.has(records_.claim_name(number)) : there[2 * at])) {
        free_ = {number, there.empty() ? records_.has(records_.slot_name(number)) : there[2 * at + 1]};
        return {};
      }
      low_ = number + 1;
    }
    return {};
  }

  const TaskRecords& records_;
  const std::uint64_t from_;
  const std::uint64_t end_;
  std::uint64_t low_;  ///< all between `from_` and this are claimed, as far as known
  std::optional<FreePlace> free_;
};

}  // namespace

Result<FreePlace> find_free_place(const TaskRecords& records, std::uint64_t from, std::uint64_t end) {
  return PlaceSearch(records, from, end).search();
}

}  // namespace locum::detail
