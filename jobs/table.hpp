#pragma once

#include <string>
#include <vector>

namespace jobs {

/// A table for the terminal: first column to the left, the others to the right, as wide as their contents.
class Table {
 public:
  explicit Table(std::vector<std::string> header);

  /// REQUIRES: as many cells as the header has.
  void add(std::vector<std::string> row);
  /// A line across, before the next row.
  void add_rule();
  /// The whole table, each line ended.
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  ///< an empty row is a rule
};

/// Numbers as people read them: three digits and the fitting unit.
std::string format_seconds(double seconds);
std::string format_bytes(double bytes);

}  // namespace jobs
