#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace locum::tests {

/// Bytes as text, 32 a line, each line after two spaces. Of more than 320 bytes: the first 64, the last 128
/// and a hash of all.
[[nodiscard]] std::string hex_lines(std::span<const std::byte> bytes);

/// Fails if `text` differs from tests/golden/`file`, and names the first line that differs. With
/// LOCUM_GOLDEN_TO=folder it also writes the text to a file of that name there.
void expect_golden(std::string_view file, const std::string& text);

}  // namespace locum::tests
