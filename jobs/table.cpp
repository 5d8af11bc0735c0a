#include "jobs/table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <span>
#include <stdexcept>

namespace jobs {
namespace {

struct Unit {
  double size;
  const char* name;
};

/// The largest unit of which there is at least one; units come largest first.
std::string in_units(double value, std::span<const Unit> units) {
  const auto fitting = std::find_if(units.begin(), units.end() - 1, [value](const Unit& unit) {
    return std::abs(value) >= 0.9995 * unit.size;
  });
  const double number = value / fitting->size;
  const double magnitude = std::abs(number);
  const int digits = number == std::floor(number) && fitting == units.end() - 1 ? 0
                     : magnitude < 9.995                                        ? 2
                     : magnitude < 99.95                                        ? 1
                                                                                : 0;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %s", digits, number, fitting->name);
  return text;
}

}  // namespace

Table::Table(std::vector<std::string> header) : rows_{std::move(header)} {
  add_rule();
}

void Table::add(std::vector<std::string> row) {
  if (row.size() != rows_.front().size()) {
    throw std::invalid_argument("a row of " + std::to_string(row.size()) + " cells in a table of " +
                                std::to_string(rows_.front().size()) + " columns");
  }
  rows_.push_back(std::move(row));
}

void Table::add_rule() {
  rows_.emplace_back();
}

std::string Table::text() const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line = "  ";
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const std::string cell = row.empty() ? std::string(widths[i], '-') : row[i];
      const std::string padding(widths[i] - cell.size(), ' ');
      line += i == 0 ? cell + padding : "  " + padding + cell;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string format_seconds(double seconds) {
  static constexpr std::array<Unit, 4> units{{{1.0, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}}};
  return seconds == 0.0 ? "0 s" : in_units(seconds, units);
}

std::string format_bytes(double bytes) {
  static constexpr std::array<Unit, 5> units{
      {{0x1p40, "TiB"}, {0x1p30, "GiB"}, {0x1p20, "MiB"}, {0x1p10, "KiB"}, {1.0, "B"}}};
  return in_units(bytes, units);
}

}  // namespace jobs
