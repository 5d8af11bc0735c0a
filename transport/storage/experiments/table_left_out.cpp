// In place of sqlite_table.cpp where the build has no SQLite: experiments are listed from their folders.

#include "transport/storage/experiments/experiment_table.hpp"

namespace locum::storage {

std::shared_ptr<const ExperimentTable> open_experiment_table(const std::string& /*folder*/,
                                                             std::chrono::milliseconds /*wait*/) {
  return nullptr;
}

}  // namespace locum::storage
