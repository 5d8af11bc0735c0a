#include "tests/golden/golden.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "core/base/hash.hpp"

namespace locum::tests {
namespace {

constexpr std::size_t whole_bytes = 320;
constexpr std::size_t first_bytes = 64;
constexpr std::size_t last_bytes = 128;
constexpr std::size_t line_bytes = 32;

std::string lines_of(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    if (at % line_bytes == 0) {
      text += at == 0 ? "  " : "\n  ";
    } else if (at % 8 == 0) {
      text += ' ';
    }
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", std::to_integer<unsigned>(bytes[at]));
    text += digits;
  }
  return text + (bytes.empty() ? "" : "\n");
}

}  // namespace

std::string hex_lines(std::span<const std::byte> bytes) {
  if (bytes.size() <= whole_bytes) {
    return lines_of(bytes);
  }
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  char hash[32];
  std::snprintf(hash, sizeof hash, "  ... hash %016llx\n", static_cast<unsigned long long>(text_hash(all)));
  return lines_of(bytes.first(first_bytes)) + hash + lines_of(bytes.last(last_bytes));
}

void expect_golden(std::string_view file, const std::string& text) {
  if (const char* const folder = std::getenv("LOCUM_GOLDEN_TO")) {
    std::ofstream(std::filesystem::path(folder) / file) << text;
  }
  std::ifstream stored(std::filesystem::path(LOCUM_GOLDEN_FOLDER) / file);
  ASSERT_TRUE(stored) << "tests/golden/" << file << " cannot be read";
  const std::string expected{std::istreambuf_iterator<char>(stored), {}};
  if (text == expected) {
    return;
  }
  std::istringstream seen_lines(text);
  std::istringstream expected_lines(expected);
  std::string seen;
  std::string wanted;
  std::string section;
  for (int line = 1;; ++line) {
    const bool has_seen = static_cast<bool>(std::getline(seen_lines, seen));
    const bool has_wanted = static_cast<bool>(std::getline(expected_lines, wanted));
    if (seen != wanted || has_seen != has_wanted) {
      FAIL() << "tests/golden/" << file << ':' << line << ", in \"" << section
             << "\":\n  expected: " << wanted << "\n  seen:     " << seen
             << "\nBytes that other ranks read have changed. If that is intended, raise the version in the "
                "code, and\n"
                "run this test with LOCUM_GOLDEN_TO=tests/golden.";
    }
    if (wanted.starts_with("== ")) {
      section = wanted.substr(3);
    }
  }
}

}  // namespace locum::tests
