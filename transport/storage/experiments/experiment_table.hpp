#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/experiments/experiment.hpp"
#include "transport/storage/experiments/experiments.hpp"

namespace locum::storage {

/// The table of the experiments of a folder, `experiments.sqlite`, which many processes use at a time. It can
/// be made again from the folder. It opens the file in each call. Any thread.
class ExperimentTable {
 public:
  ExperimentTable() = default;
  ExperimentTable(const ExperimentTable&) = delete;
  ExperimentTable& operator=(const ExperimentTable&) = delete;
  virtual ~ExperimentTable() = default;

  /// Adds a row, or changes it, unless the table has a later one. The table is made if there is none.
  [[nodiscard]] virtual Result<void> update(const ExperimentInfo& info) const = 0;
  [[nodiscard]] virtual Result<void> remove(std::string_view id) const = 0;
  /// Returns the rows that may be asked for, by ID, and maybe others. `not_found`: there is no table.
  [[nodiscard]] virtual Result<std::vector<ExperimentInfo>> list(const ExperimentQuery& query) const = 0;
  /// Makes the rows those of `all`, but for experiments that were persisted since. A damaged table is
  /// replaced. \param since time at which `all` was begun to be read
  [[nodiscard]] virtual Result<void> rebuild(const std::vector<ExperimentInfo>& all,
                                             std::uint64_t since_ns) const = 0;
};

/// Returns the table of a folder; null if this build has none.
/// \param wait for other processes, at most
[[nodiscard]] std::shared_ptr<const ExperimentTable> open_experiment_table(const std::string& folder,
                                                                           std::chrono::milliseconds wait);

/// Returns the values of parameters that can be asked for, truth values, integers, reals and texts, with
/// their names: of members in members `solver.steps`.
[[nodiscard]] std::vector<std::pair<std::string, Record>> flat_parameters(const Record& parameters);
/// Returns whether an experiment is asked for.
[[nodiscard]] bool matches(const ExperimentQuery& query, const ExperimentInfo& info);
/// `invalid_argument` if a filter asks for what no parameter can be.
[[nodiscard]] Result<void> check_query(const ExperimentQuery& query);

}  // namespace locum::storage
