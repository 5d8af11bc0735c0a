#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "core/value/result.hpp"
#include "transport/storage/file_calls.hpp"

namespace locum::storage {

/// A file to which lines are appended, each by one write, so that several processes can share it. A pipe that
/// is full, or that nobody reads any more, is an error, at once. Any thread may write.
class LineFile {
 public:
  /// Of a file that is made if need be, readable for its user alone; of standard error for an empty path.
  [[nodiscard]] static Result<LineFile> open(const std::string& path);

  /// `line`: without its end. `system`, with the system's text, if it is not in the file.
  [[nodiscard]] Result<void> append(std::string line) const;

 private:
  explicit LineFile(Descriptor file) noexcept : file_(std::move(file)) {}

  Descriptor file_;
};

/// A name for a line: bytes that would end a word or a line, or are not printed, are written as `%` and two
/// hexadecimal digits; long ones are cut. `-` if it is empty.
[[nodiscard]] std::string one_word(std::string_view name);

}  // namespace locum::storage
