#include "core/base/quantity.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <system_error>

namespace locum {

std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (text.starts_with(' ')) {
    text.remove_prefix(1);
  }
  const auto unit = std::ranges::find(units, text, &Unit::name);
  if (unit == units.end() || number > std::numeric_limits<std::uint64_t>::max() / unit->size) {
    return std::nullopt;
  }
  return number * unit->size;
}

std::string print_quantity(std::uint64_t quantity, std::span<const Unit> units) {
  const auto fits = [&](const Unit& unit) {
    return quantity % unit.size == 0 && quantity / unit.size >= unit.least;
  };
  const auto unit = std::ranges::find_if(units, fits);
  return unit == units.end() ? std::to_string(quantity)
                             : std::to_string(quantity / unit->size).append(" ").append(unit->name);
}

}  // namespace locum
