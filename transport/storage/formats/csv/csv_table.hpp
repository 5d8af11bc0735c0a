#pragma once

#include <cstddef>
#include <functional>
#include <string_view>

#include <locum/format.hpp>

#include "transport/storage/formats/csv/csv_options.hpp"

namespace locum::storage {

/// How the pieces of a table are read.
struct CsvWorkers {
  using Act = std::function<void(std::size_t)>;

  std::size_t pieces = 1;  ///< the table is split into at most so many
  /// Calls `act` with the numbers from 0 to count - 1, in any order, also concurrently, and returns when all
  /// calls have returned. `act` throws nothing.
  std::function<void(std::size_t count, const Act& act)> for_each = [](std::size_t count, const Act& act) {
    for (std::size_t at = 0; at < count; ++at) {
      act(at);
    }
  };
};

/// Reads a table of UTF-8: members by the names of the columns. Throws std::bad_alloc.
[[nodiscard]] Result<Record> csv_load_table(std::string_view bytes, const CsvOptions& options,
                                            const MakeArray& make, const CsvWorkers& workers);

/// Writes a table. Throws std::bad_alloc.
[[nodiscard]] Result<void> csv_save_table(const Record& value, FileDraft& file, const CsvOptions& options);

}  // namespace locum::storage
