#pragma once

#include <string>
#include <string_view>

#include "core/value/result.hpp"

namespace locum::storage {

/// A file to which lines are appended, each by one write, so that several processes can share it. A pipe that
/// is full, or that nobody reads any more, is an error, at once. Any thread may write.
class LineFile {
 public:
  /// Of a file that is made if need be, readable for its user alone; of standard error for an empty path.
  [[nodiscard]] static Result<LineFile> open(const std::string& path);
  LineFile(LineFile&& other) noexcept;
  LineFile& operator=(LineFile&& other) noexcept;
  LineFile(const LineFile&) = delete;
  LineFile& operator=(const LineFile&) = delete;
  ~LineFile();

  /// `line`: without its end. `system`, with the system's text, if it is not in the file.
  [[nodiscard]] Result<void> append(std::string line) const;

 private:
  explicit LineFile(int descriptor) noexcept : descriptor_(descriptor) {}

  int descriptor_ = -1;
};

/// A name for a line: bytes that would end a word or a line, or are not printed, are written as `%` and two
/// hexadecimal digits; long ones are cut. `-` if it is empty.
[[nodiscard]] std::string one_word(std::string_view name);

}  // namespace locum::storage
