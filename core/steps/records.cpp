#include "core/steps/records.hpp"

#include <array>
#include <charconv>

namespace locum::detail {

void append_number(std::string& text, std::uint64_t number) {
  std::array<char, 20> digits;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr);
}

bool Records::has(std::string_view record) const {
  const auto there = store_.exists(record, {.deadline = moment_of_record()});
  return there && *there;
}

}  // namespace locum::detail
