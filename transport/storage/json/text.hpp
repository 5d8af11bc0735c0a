#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/formats/json/json_options.hpp"

namespace locum::storage {

/// Reads JSON; `corrupt` names line and column.
[[nodiscard]] Result<Record> read_json(std::string_view text, const JsonOptions& options = {});
/// Writes JSON for people, or in one line. `type_mismatch` for what JSON does not hold.
[[nodiscard]] Result<std::string> json_text_of(const Record& value, bool is_in_one_line = false);
[[nodiscard]] Result<std::string> json_text_of(const Record& value, const JsonOptions& options);

/// Returns bytes as a text of base64, and inverts that; `corrupt` if it is none.
[[nodiscard]] std::string base64_of(std::span<const std::byte> bytes);
[[nodiscard]] Result<std::vector<std::byte>> bytes_of_base64(std::string_view text);

}  // namespace locum::storage
