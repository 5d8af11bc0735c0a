#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/c/locum.h"
#include "core/c/objects.hpp"
#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/experiments/experiment.hpp"
#include "transport/storage/files/files.hpp"

namespace locum::c {

/// \file
/// What the calls for one experiment, for all of them and for RecordIO share.

[[nodiscard]] inline std::string_view text_or_empty(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

/// Calls `body` with the files of the handle.
template <class Body>
[[nodiscard]] locum_status with_files(locum_files handle, Body body) noexcept {
  return on(files(), handle, "handle of files",
            [&](const std::shared_ptr<const Files>& open) { return body(*open); });
}

/// Gives a text to the caller, as the only name of a list.
[[nodiscard]] locum_status give_text(Result<std::string>&& text, locum_names& names);
/// Gives a value as a stored Record, whatever it is.
[[nodiscard]] locum_status give_record(const Result<Record>& value, locum_view& view);

/// Returns the members that locum_experiment_info() gives.
[[nodiscard]] Record record_of_info(const ExperimentInfo& info);
[[nodiscard]] Result<ExperimentStatus> status_named(std::string_view name);
/// Returns a time to wait for the table; 0: the default. Throws Error `invalid_argument`.
[[nodiscard]] std::chrono::milliseconds wait_of(double seconds);

}  // namespace locum::c
