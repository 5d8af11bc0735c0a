#pragma once

#include <string>

#include "core/value/result.hpp"

namespace locum::storage {

/// Checks the logs of a RocksDB database that is closed, those of its records (`000004.log`) and of its files
/// (`MANIFEST-000005`), for damage at which RocksDB drops records in silence: its checksums cover neither the
/// lengths nor, in effect, the types of records. A last record whose damaged length leads behind the end of
/// the file it takes for one that a killed process was writing; one with the type of a recycled log for the
/// end. Here both are `corrupt`; so is a folder with records whose file `CURRENT` is missing, in which
/// RocksDB would make a new database. A folder that does not exist is right.
[[nodiscard]] Result<void> check_logs(const std::string& folder);

}  // namespace locum::storage
