#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <locum/record.hpp>
#include <locum/result.hpp>

namespace locum::storage {

/// Reads the options of a format from a record. Its errors are `invalid_argument` and name the option.
class FormatOptions {
 public:
  explicit FormatOptions(const Record& options) : options_(options) {}

  [[nodiscard]] bool has(std::string_view name) const noexcept { return !options_[name].is_null(); }
  [[nodiscard]] const Record& operator[](std::string_view name) const noexcept { return options_[name]; }
  [[nodiscard]] Result<bool> flag(std::string_view name, bool otherwise) const;
  [[nodiscard]] Result<std::uint64_t> count(std::string_view name, std::uint64_t otherwise) const;
  [[nodiscard]] Result<std::string> text(std::string_view name, std::string_view otherwise) const;
  /// Returns one of a few words.
  [[nodiscard]] Result<std::string> word(std::string_view name, const std::vector<std::string_view>& words,
                                         std::string_view otherwise) const;
  /// Returns a list of texts.
  [[nodiscard]] Result<std::vector<std::string>> texts(std::string_view name,
                                                       std::vector<std::string> otherwise) const;
  /// Returns whether the option `encoding` is `latin-1` instead of `utf-8`.
  [[nodiscard]] Result<bool> is_latin1() const;

 private:
  const Record& options_;
};

/// Returns the error of an option whose value does not suit. \param need "a text of one character"
[[nodiscard]] Error wrong_option(std::string_view name, std::string_view need);

}  // namespace locum::storage
