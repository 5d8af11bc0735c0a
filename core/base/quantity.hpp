#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace locum {

/// A unit in which people write numbers: "4 GiB", "3 days".
struct Unit {
  std::string_view name;
  std::uint64_t size = 1;
  std::uint64_t least = 1;  ///< fewer are printed in another unit
};

/// Each from the largest unit on.
inline constexpr std::array<Unit, 5> units_of_bytes{{{"TiB", std::uint64_t{1} << 40U},
                                                     {"GiB", std::uint64_t{1} << 30U},
                                                     {"MiB", std::uint64_t{1} << 20U},
                                                     {"KiB", std::uint64_t{1} << 10U},
                                                     {"B"}}};
inline constexpr std::array<Unit, 6> units_of_milliseconds{
    {{"days", 86'400'000, 2}, {"day", 86'400'000}, {"h", 3'600'000}, {"min", 60'000}, {"s", 1'000}, {"ms"}}};

/// A whole number and one of the units, with one space between them or none. None if the text is no such
/// thing, or the quantity does not fit.
[[nodiscard]] std::optional<std::uint64_t> parse_quantity(std::string_view text, std::span<const Unit> units);
/// The quantity in the largest unit of which it is a whole number.
[[nodiscard]] std::string print_quantity(std::uint64_t quantity, std::span<const Unit> units);

}  // namespace locum
